// SPDX-License-Identifier: BSD-3-Clause
// Neighbours as the workers see them: one table, written by the control thread, read by all
// workers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/net/address.h"
#include "lib/net/flow_key.h"

namespace sluice::snapshot {

/// Names a neighbour in a NextHopTable; stays valid until the neighbour is forgotten.
using NextHopIndex = uint16_t;
inline constexpr NextHopIndex kNoNextHop = UINT16_MAX;

/// A neighbour's link address and the port that leads to it, packed into one atomic word.
struct NextHop {
  net::Mac mac;
  uint8_t port = 0;          // index into the director's ports
  bool is_resolved = false;  // mac is known
};

/// Slots of neighbours, and an open-addressing index (port, address) -> slot. A session keeps the
/// slot's number, so a changed MAC costs one atomic store and reaches every session with its next
/// packet.
///
/// This is the one structure that threads share outside the rings. It is safe without them because
/// nothing in it tears: a slot is one word, an entry of the index is one word, written once and
/// released after its slot and key. Neighbours are forgotten by building the other of two indexes
/// without them and switching over; their slots rest until no worker can have kept one of their
/// numbers. Example: 10.0.0.1 on port 1 has slot 77; sessions carry 77; `ip neigh` changes the MAC;
/// the control thread stores the new word into slot 77. Writer: the control thread.  Readers: all
/// workers.
class NextHopTable {
 public:
  /// Room for `capacity` neighbours (at most 16 384). Hosts choose their IPv6 addresses, so where
  /// there are strangers on the link `secret` is random: else theirs could all share one place.
  explicit NextHopTable(uint32_t capacity, const std::array<uint64_t, 4>& secret = kPublicSecret);

  /// For tests, which choose their addresses themselves.
  static constexpr std::array<uint64_t, 4> kPublicSecret = {0x452821E638D01377, 0xBE5466CF34E90C6C,
                                                            0xC0AC29B7C97C50DD, 0x3F84D5B5B5470917};

  /// The slot of a neighbour, or kNoNextHop. Cost: O(1) expected.  Thread: any.
  [[nodiscard]] NextHopIndex find(uint8_t port, const net::Address& address) const;

  /// The next hop in slot `index`.  Thread: any.
  [[nodiscard]] NextHop get(NextHopIndex index) const {
    return unpack(slots_[index].load(std::memory_order_relaxed));
  }

  /// The raw word of a slot: MAC in the low 48 bits (memory order), port in 48..55, bit 56
  /// resolved.
  [[nodiscard]] uint64_t word(NextHopIndex index) const {
    return slots_[index].load(std::memory_order_relaxed);
  }
  static constexpr uint64_t kResolvedBit = 1ULL << 56;
  static constexpr int kPortShift = 48;

  /// The slot of a neighbour, added unresolved if it is new; kNoNextHop when no slot is free.
  /// Thread: control.
  NextHopIndex find_or_add(uint8_t port, const net::Address& address);

  /// Sets or clears what is known about a neighbour.  Thread: control.
  void set_resolved(NextHopIndex index, const net::Mac& mac);
  void set_unresolved(NextHopIndex index);

  /// Forgets the unresolved neighbours but those in slots `except`; returns how many. Sessions must
  /// look their next hops up again (new route epoch), and once all workers have that epoch the
  /// slots can be reused.  Precondition: !has_retired().  Thread: control.
  uint32_t retire_unresolved(std::span<const NextHopIndex> except);
  [[nodiscard]] bool has_retired() const { return !retired_.empty(); }
  void reuse_retired();

  struct Entry {
    NextHopIndex index;
    net::Address address;
    NextHop next_hop;
  };
  /// All entries, for listing and refreshing.  Thread: control.
  [[nodiscard]] std::vector<Entry> entries() const;

  [[nodiscard]] uint32_t size() const { return capacity() - resting(); }
  [[nodiscard]] uint32_t capacity() const { return static_cast<uint32_t>(slots_.size()); }

 private:
  // An entry: a mark of the key in the high 48 bits, slot in the low 16; 0 is empty.
  using Index = std::vector<std::atomic<uint64_t>>;

  struct Key {
    net::Address address;
    uint8_t port = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };

  [[nodiscard]] uint64_t mark_of(const Key& key) const;
  static NextHop unpack(uint64_t word);
  static void insert(Index& index, uint64_t entry, std::memory_order order);
  [[nodiscard]] const Index& index() const {
    return indexes_[active_.load(std::memory_order_acquire)];
  }
  [[nodiscard]] uint32_t resting() const {
    return static_cast<uint32_t>(free_.size() + retired_.size());
  }

  net::FlowHasher hasher_;
  std::vector<std::atomic<uint64_t>> slots_;  // control writes, workers read
  std::vector<Key> keys_;                     // by slot; written before the index names the slot
  std::array<Index, 2> indexes_;              // control writes, workers read
  std::atomic<uint32_t> active_{0};           // control writes, workers read
  std::vector<NextHopIndex> free_;            // the next one last
  std::vector<NextHopIndex> retired_;         // forgotten, but workers may know them
};

}  // namespace sluice::snapshot

// SPDX-License-Identifier: BSD-3-Clause
// Neighbours as the workers see them: one table, written by the control thread, read by all
// workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "lib/net/address.h"

namespace sluice::snapshot {

/// Names a neighbour in a NextHopTable; stays valid until the table's entry is evicted.
using NextHopIndex = uint16_t;
inline constexpr NextHopIndex kNoNextHop = UINT16_MAX;

/// A neighbour's link address and the port that leads to it, packed into one atomic word.
struct NextHop {
  net::Mac mac;
  uint8_t port = 0;          // index into the director's ports
  bool is_resolved = false;  // mac is known
};

/// Open-addressing table (port, address) -> MAC. A session keeps the slot's index, so a changed MAC
/// costs one atomic store and reaches every session with its next packet.
///
/// This is the one structure that threads share outside the rings. It is safe without them because
/// a slot is two words that never tear: the key (written once, released) and the next hop.
/// Example: 10.0.0.1 on port 1 hashes to slot 77; sessions carry 77; `ip neigh` changes the MAC;
/// the control thread stores the new word into slot 77. Writer: the control thread.  Readers: all
/// workers.
class NextHopTable {
 public:
  /// Room for `capacity` neighbours (at most 16 384).
  explicit NextHopTable(uint32_t capacity);

  /// The slot of a neighbour, or kNoNextHop. Cost: O(1) expected.  Thread: any.
  [[nodiscard]] NextHopIndex find(uint8_t port, net::Ipv4 address) const;

  /// The next hop in slot `index`.  Thread: any.
  [[nodiscard]] NextHop get(NextHopIndex index) const {
    return unpack(slots_[index].hop.load(std::memory_order_relaxed));
  }

  /// The raw word of a slot: MAC in the low 48 bits (memory order), port in 48..55, bit 56
  /// resolved.
  [[nodiscard]] uint64_t word(NextHopIndex index) const {
    return slots_[index].hop.load(std::memory_order_relaxed);
  }
  static constexpr uint64_t kResolvedBit = 1ULL << 56;
  static constexpr int kPortShift = 48;

  /// The slot of a neighbour, added unresolved if it is new; kNoNextHop when the table is full.
  /// Thread: control.
  NextHopIndex find_or_add(uint8_t port, net::Ipv4 address);

  /// Sets or clears what is known about a neighbour.  Thread: control.
  void set_resolved(NextHopIndex index, const net::Mac& mac);
  void set_unresolved(NextHopIndex index);

  /// Empties the table. Sessions must be made to look their next hops up again (new route epoch)
  /// in the same step.  Thread: control.
  void clear();

  struct Entry {
    NextHopIndex index;
    net::Ipv4 address;
    NextHop next_hop;
  };
  /// All entries, for listing and refreshing.  Thread: control.
  [[nodiscard]] std::vector<Entry> entries() const;

  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] uint32_t capacity() const { return capacity_; }

 private:
  struct Slot {
    std::atomic<uint64_t> key{0};  // control writes once, workers read; 0 is empty
    std::atomic<uint64_t> hop{0};  // control writes, workers read
  };

  static uint64_t pack_key(uint8_t port, net::Ipv4 address);
  static NextHop unpack(uint64_t word);
  [[nodiscard]] uint32_t first_slot(uint64_t key) const;

  uint32_t capacity_;
  uint32_t mask_;
  uint32_t size_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace sluice::snapshot

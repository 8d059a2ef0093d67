// SPDX-License-Identifier: BSD-3-Clause
// Keeps the workers' next hops in step with the kernel's neighbours, and the kernel's neighbours
// fresh. Control thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "control/kernel/rtnetlink.h"
#include "lib/net/address.h"
#include "lib/snapshot/next_hop_table.h"

namespace sluice::control {

/// The kernel resolves addresses and learns from every ARP packet, but it does not see our traffic:
/// left alone its entries go stale and a real server that comes back with another MAC is noticed
/// late. So we follow its entries into the next-hop table and ask it to confirm each of them once
/// a round.
///
/// Example: 10.0.0.2 is REACHABLE at MAC A. Its card is replaced without a gratuitous ARP. At most
/// one round (600 ms) later we set the entry to PROBE; the kernel asks A alone, hears nothing for
/// 250 ms, asks everybody, learns B and tells us; the slot's word is stored and all sessions use B.
///
/// The kernel may forget an entry (garbage collection): the slot keeps its MAC and we give the
/// entry back to the kernel for confirmation. Only FAILED, or INCOMPLETE, takes a MAC away. Time is
/// an argument; nothing here sleeps or reads a clock.
class Neighbours {
 public:
  using Clock = std::chrono::steady_clock;
  using Send = std::function<void(std::span<const NeighbourRequest>)>;

  static constexpr std::chrono::milliseconds kTick{50};    // refresh() is due this often
  static constexpr std::chrono::milliseconds kRound{600};  // every next hop is confirmed once in it
  static constexpr uint32_t kMaxAsksPerTick = 100;  // 2 000/s; more neighbours: longer rounds
  static constexpr std::chrono::seconds kMinAskInterval{1};   // resolve() of one neighbour
  static constexpr std::chrono::seconds kMaxAskInterval{64};  // our own asking of a silent one

  Neighbours(snapshot::NextHopTable& table, Send send);

  /// Declares `interface` the tap of port number `port`.
  void add_port(int interface, uint8_t port);

  /// One notification of the kernel.
  void on_event(const NeighbourEvent& event, Clock::time_point now);
  /// All entries the kernel has; what it does not list any more counts as removed.
  void resync(std::span<const NeighbourEvent> events, Clock::time_point now);

  /// Asks for an address now, but not oftener than once a second.
  void resolve(uint8_t port, const net::Address& address, Clock::time_point now);
  /// Asks for the share of next hops that is due. Call every kTick.
  void refresh(Clock::time_point now);

  [[nodiscard]] uint64_t asked_count() const { return asked_; }
  [[nodiscard]] uint64_t not_asked_count() const { return not_asked_; }
  [[nodiscard]] uint64_t table_full_count() const { return table_full_; }

 private:
  struct Key {
    uint8_t port = 0;
    net::Address address;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return net::AddressHash()(key.address) * 31 + key.port;
    }
  };
  struct Known {
    uint16_t state = 0;
    net::Mac mac;
  };
  struct Asked {
    Clock::time_point at;
    Clock::duration wait;  // until we ask again on our own
  };

  void learn(const Key& key, const NeighbourEvent& event);
  void forget(const Key& key, Clock::time_point now);
  void publish(const Key& key, const net::Mac& mac);
  void start_round(Clock::time_point now);
  void refresh_one(const Key& key, Clock::time_point now);
  void ask_silent(const Key& key, Clock::time_point now);
  bool may_ask(const Key& key, Clock::time_point now);
  void queue(NeighbourRequest::Kind kind, const Key& key, const net::Mac& mac);
  void flush();
  [[nodiscard]] int interface_of(uint8_t port) const;

  snapshot::NextHopTable& table_;
  Send send_;
  std::map<int, uint8_t> port_of_;                    // by interface
  std::unordered_map<Key, Known, KeyHash> known_;     // what the kernel has
  std::unordered_map<Key, Asked, KeyHash> asked_at_;  // those without an answer so far
  std::vector<Key> round_;
  size_t round_done_ = 0;
  Clock::time_point round_start_;
  uint32_t budget_ = kMaxAsksPerTick;
  std::vector<NeighbourRequest> queued_;
  uint64_t asked_ = 0;
  uint64_t not_asked_ = 0;
  uint64_t table_full_ = 0;
};

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Everything one worker reads and writes. The stages are functions over it and a burst.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "dataplane/counters.h"
#include "dataplane/mailbox.h"
#include "dataplane/rate_limit.h"
#include "dataplane/rss.h"
#include "dataplane/worker_memory.h"
#include "lib/base/ticks.h"
#include "lib/net/address.h"
#include "lib/snapshot/next_hop_table.h"
#include "lib/snapshot/route_table.h"
#include "lib/snapshot/snapshot.h"
#include "lib/table/session.h"

namespace sluice::dataplane {

/// Packets waiting for the transmit call at the end of a poll.
struct TxBuffer {
  static constexpr uint32_t kSize = 64;
  uint32_t count = 0;
  std::array<rte_mbuf*, kSize> packets;
};

/// A port as one worker uses it: its queue pair, its address, its transmit buffer. A VLAN of
/// another port shares that one's queue pair and has all else for itself.
struct PortView {
  static constexpr uint8_t kNone = UINT8_MAX;
  uint16_t dpdk_port = 0;
  uint16_t queue = 0;
  uint8_t index = 0;  // in the configuration and among Context::ports; in mbuf->port of a packet
                      // that waits for somebody
  uint16_t mtu = 1500;
  uint16_t vlan = 0;  // what its frames are tagged with; 0: not at all
  net::Mac mac;
  TxBuffer tx;
  std::vector<uint8_t> port_of_vlan;  // by VLAN id, 0 is its own; empty: has no VLANs
};

/// Keeps the control thread from being asked for the same neighbour again and again.
class ResolveMemory {
 public:
  /// Whether nobody asked for `address` in this tick yet; remembers that somebody did.
  bool first_in_tick(const net::Address& address, Tick now) {
    Slot& slot = slots_[address.v6().bytes.back() % slots_.size()];
    const bool is_first = slot.address != address || slot.tick != now + 1;
    slot = {address, now + 1};
    return is_first;
  }

 private:
  struct Slot {
    net::Address address;
    Tick tick = 0;
  };
  std::array<Slot, 64> slots_;
};

/// Identifications for IPv4 headers: each worker has a range of its own, so that none is used again
/// before the range is used up, whichever workers' packets have the same addresses (RFC 6864 4.3).
class PacketIds {
 public:
  PacketIds(uint32_t worker, uint32_t workers)
      : first_(worker * (kAll / workers)), count_(kAll / workers) {}

  uint16_t take() {
    const uint32_t id = first_ + next_;
    next_ = next_ + 1 < count_ ? next_ + 1 : 0;
    return static_cast<uint16_t>(id);
  }

 private:
  static constexpr uint32_t kAll = UINT16_MAX + 1;
  uint32_t first_;
  uint32_t count_;
  uint32_t next_ = 0;
};

/// A worker's memory and the small change around it.
struct Context : WorkerMemory {
  Context(WorkerMemory memory, const WorkerConfig& config, const snapshot::NextHopTable& neighbours)
      : WorkerMemory(std::move(memory)),
        id(static_cast<uint8_t>(config.id)),
        steering(config.steering),
        packet_ids(config.id, config.workers),
        sequence_secret(config.sequence_secret),
        microseconds(config.tsc_per_second),
        next_hops(&neighbours),
        arp_limit(config.punt.control_pps),
        control_limit(config.punt.control_pps),
        icmp_limit(config.punt.icmp_pps),
        own_icmp_limit(config.punt.icmp_pps),
        too_big_limit(config.punt.icmp_pps),
        ask_limit(config.punt.icmp_pps),
        vip_limit(config.punt.other_pps),
        other_limit(config.punt.other_pps) {}

  uint8_t id;
  Steering steering;
  Rss rss;  // how the devices spread flows, with Steering::kByDevice
  PacketIds packet_ids;
  net::SipKey sequence_secret;
  MicrosecondClock microseconds;
  uint64_t now_tsc = 0;  // of this turn
  Tick now = 0;
  bool has_extended4 = false;  // some extended session had packets of IPv4: prefetch for them
  const snapshot::Snapshot* snapshot = nullptr;  // null until the first is installed
  const snapshot::RouteTable* routes = nullptr;  // null until the first is installed
  const snapshot::NextHopTable* next_hops;
  Counters counters;  // worker writes, control reads

  std::vector<PortView> ports;
  std::vector<rte_ring*> peers;  // hand-off rings by worker

  RateLimit arp_limit;
  RateLimit control_limit;
  RateLimit icmp_limit;
  RateLimit own_icmp_limit;
  RateLimit too_big_limit;
  RateLimit ask_limit;  // of questions to all other workers
  RateLimit vip_limit;
  RateLimit other_limit;
  RateLimit table_full_events{1};
  RateLimit no_port_events{1};
  ResolveMemory resolve_memory;

  void count(CounterId counter, uint64_t n = 1) { counters[counter].add(n); }
};

/// Lets go of a packet for a counted reason.
inline void drop(Context& context, rte_mbuf* packet, CounterId reason) {
  context.count(reason);
  rte_pktmbuf_free(packet);
}

/// Tells the control thread something; when its ring is full the event is lost, a later one
/// follows.
inline void send_event(Context& context, Event event) {
  event.worker = context.id;
  rte_ring_sp_enqueue_elem(context.rings.events.get(), &event, sizeof(event));
}

}  // namespace sluice::dataplane

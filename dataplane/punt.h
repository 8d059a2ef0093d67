// SPDX-License-Identifier: BSD-3-Clause
// Ways out of the data plane other than forwarding: to the kernel or to the owning worker.
#pragma once

#include "dataplane/context.h"

namespace sluice::dataplane {

/// Hands a packet to the kernel through the control thread. Control traffic has a ring and a rate
/// of its own, so that a flood to a VIP cannot starve VRRP, BGP or ARP.
inline void punt(Context& context, const PortView& port, rte_mbuf* packet, CounterId punt_class) {
  const bool is_control = punt_class == CounterId::kPuntControl;
  RateLimit& limit = is_control                           ? context.control_limit
                     : punt_class == CounterId::kPuntIcmp ? context.icmp_limit
                                                          : context.other_limit;
  if (!limit.allow(context.now)) {
    drop(context, packet, CounterId::kDropPuntLimited);
    return;
  }
  packet->port = port.dpdk_port;
  rte_ring* ring = is_control ? context.rings.punt_control.get() : context.rings.punt_other.get();
  if (rte_ring_sp_enqueue(ring, packet) != 0) {
    drop(context, packet, CounterId::kDropPuntFull);
    return;
  }
  context.count(punt_class);
}

/// Gives a packet to the worker that owns its session; it starts there from parse.
inline void hand_off(Context& context, const PortView& port, rte_mbuf* packet, uint8_t owner) {
  packet->port = port.dpdk_port;
  if (rte_ring_mp_enqueue(context.peers[owner], packet) != 0) {
    drop(context, packet, CounterId::kDropHandOffFull);
    return;
  }
  context.count(CounterId::kHandOffSent);
}

}  // namespace sluice::dataplane

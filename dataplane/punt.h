// SPDX-License-Identifier: BSD-3-Clause
// Ways out of the data plane other than forwarding: to the kernel or to the owning worker.
#pragma once

#include "dataplane/context.h"

namespace sluice::dataplane {

inline RateLimit& punt_limit(Context& context, CounterId punt_class) {
  switch (punt_class) {
    case CounterId::kPuntArp:
      return context.arp_limit;
    case CounterId::kPuntControl:
      return context.control_limit;
    case CounterId::kPuntIcmp:
      return context.icmp_limit;
    case CounterId::kPuntVip:
      return context.vip_limit;
    default:
      return context.other_limit;
  }
}

/// The class of a packet to `destination` that would be of `punt_class` were it the director's own.
/// Anybody may send anything to a VIP: that must not starve what keeps the director in the network.
inline CounterId punt_class_toward(const Context& context, const net::Address& destination,
                                   CounterId punt_class) {
  return context.snapshot->is_vip(destination) || context.snapshot->is_local_address(destination)
             ? CounterId::kPuntVip
             : punt_class;
}

/// Hands a packet to the kernel through the control thread. Each class has a rate of its own, ARP
/// and control traffic also a ring, so that a flood to a VIP can starve neither them nor SSH.
inline void punt(Context& context, const PortView& port, rte_mbuf* packet, CounterId punt_class) {
  if (!punt_limit(context, punt_class).allow(context.now)) {
    drop(context, packet, CounterId::kDropPuntLimited);
    return;
  }
  packet->port = port.index;
  const bool is_control =
      punt_class == CounterId::kPuntArp || punt_class == CounterId::kPuntControl;
  rte_ring* ring = is_control ? context.rings.punt_control.get() : context.rings.punt_other.get();
  if (rte_ring_sp_enqueue(ring, packet) != 0) {
    drop(context, packet, CounterId::kDropPuntFull);
    return;
  }
  context.count(punt_class);
}

/// Gives a packet to the worker that owns its session; it starts there from parse.
/// Returns false when that worker's ring was full and the packet was dropped.
inline bool hand_off(Context& context, const PortView& port, rte_mbuf* packet, uint8_t owner) {
  packet->port = port.index;
  if (rte_ring_mp_enqueue(context.peers[owner], packet) != 0) {
    drop(context, packet, CounterId::kDropHandOffFull);
    return false;
  }
  context.count(CounterId::kHandOffSent);
  return true;
}

}  // namespace sluice::dataplane

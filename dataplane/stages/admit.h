// SPDX-License-Identifier: BSD-3-Clause
// Stage 3, misses only: packets without a session open one, go to the worker that has it, to the
// kernel, or nowhere.
#pragma once

#include <netinet/in.h>

#include <bit>

#include "dataplane/burst.h"
#include "dataplane/context.h"
#include "dataplane/punt.h"
#include "dataplane/sessions.h"

namespace sluice::dataplane {

/// BGP and BFD keep the router's trust in us: they share the control class with ARP and VRRP.
inline CounterId punt_class_of(const net::FlowKey4& key) {
  constexpr uint16_t kBgp = 179, kBfd = 3784, kBfdEcho = 3785, kBfdMultihop = 4784;
  const uint16_t to = key.destination_port.host();
  const bool is_bgp = key.protocol == IPPROTO_TCP && (to == kBgp || key.source_port.host() == kBgp);
  const bool is_bfd =
      key.protocol == IPPROTO_UDP && (to == kBfd || to == kBfdEcho || to == kBfdMultihop);
  return is_bgp || is_bfd ? CounterId::kPuntControl : CounterId::kPuntOther;
}

/// Whether a packet may open a session: any datagram, or a SYN and nothing else.
inline bool may_open_session(const net::FlowKey4& key, const net::PacketFields& fields) {
  constexpr uint8_t kDeciding = table::kTcpSyn | table::kTcpAck | table::kTcpRst | table::kTcpFin;
  return key.protocol == IPPROTO_UDP || (fields.tcp_flags & kDeciding) == table::kTcpSyn;
}

/// An answer to a local address: its session is with the worker that owns the port.
inline void admit_answer(Context& context, const PortView& port, Origin origin, rte_mbuf* packet,
                         const net::FlowKey4& key) {
  const uint8_t owner = context.snapshot->owner_of_port(key.destination_port);
  if (origin == Origin::kHandOff || owner == context.id) {
    drop(context, packet, CounterId::kDropNoSession);
    return;
  }
  hand_off(context, port, packet, owner);
}

/// Decides about packet `i`, which no session knew when the burst was looked up.
inline void admit_one(Context& context, const PortView& port, Origin origin, Burst& burst,
                      uint32_t i) {
  const net::FlowKey4& key = burst.keys[i];
  rte_mbuf* packet = burst.packets[i];
  const snapshot::Service* service = context.snapshot->find_service(
      static_cast<net::Protocol>(key.protocol), {key.destination, key.destination_port});
  if (service == nullptr) {
    if (context.snapshot->is_local_address(key.destination)) {
      return admit_answer(context, port, origin, packet, key);
    }
    return punt(context, port, packet, punt_class_of(key));
  }
  if (!may_open_session(key, burst.fields[i])) {
    // The kernel holds the VIP and nothing listens there: it answers RST, as with IPVS.
    return punt(context, port, packet, CounterId::kPuntOther);
  }
  if (burst.fields[i].ttl <= 1) {
    return drop(context, packet, CounterId::kDropTtlExceeded);
  }
  const Admission admission = create_session(context, *service, key);
  if (admission.session == table::kNoSession) {
    return drop(context, packet, admission.refusal);
  }
  burst.found[i] = table::SessionRef{admission.session, table::Direction::kToServer}.to_data();
  burst.live |= 1ULL << i;
}

/// Gives each miss of the burst a session or lets go of it.
inline void admit_stage(Context& context, const PortView& port, Origin origin, Burst& burst) {
  const uint64_t all = burst.count == 64 ? ~0ULL : (1ULL << burst.count) - 1;
  bool created_any = false;
  for (uint64_t misses = all & ~burst.live; misses != 0; misses &= misses - 1) {
    const auto i = static_cast<uint32_t>(std::countr_zero(misses));
    if (created_any) {
      // An earlier packet of this burst may have opened the session of this one.
      const table::SessionRef found = context.sessions.find(burst.keys[i], burst.hashes[i]);
      if (found.index != table::kNoSession) {
        burst.found[i] = found.to_data();
        burst.live |= 1ULL << i;
        continue;
      }
    }
    admit_one(context, port, origin, burst, i);
    created_any = created_any || (burst.live >> i & 1) != 0;
  }
}

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// Stage 3, misses only: packets without a session open one, go to the worker that has it, to the
// kernel, or nowhere.
#pragma once

#include <netinet/in.h>

#include <bit>

#include "dataplane/burst.h"
#include "dataplane/context.h"
#include "dataplane/own_icmp.h"
#include "dataplane/punt.h"
#include "dataplane/sessions.h"
#include "dataplane/stages/admit_snat.h"
#include "dataplane/stages/newcomer.h"
#include "dataplane/steering.h"

namespace sluice::dataplane {

/// BGP and BFD keep the router's trust in us: they share the control class with VRRP and OSPF.
inline CounterId punt_class_of(const Context& context, const net::Flow& flow) {
  constexpr uint16_t kBgp = 179, kBfd = 3784, kBfdEcho = 3785, kBfdMultihop = 4784;
  const uint16_t to = flow.destination.port.host();
  const bool is_bgp =
      flow.protocol == IPPROTO_TCP && (to == kBgp || flow.source.port.host() == kBgp);
  const bool is_bfd =
      flow.protocol == IPPROTO_UDP && (to == kBfd || to == kBfdEcho || to == kBfdMultihop);
  return punt_class_toward(context, flow.destination.address,
                           is_bgp || is_bfd ? CounterId::kPuntControl : CounterId::kPuntOther);
}

/// A datagram in fragments is more than one packet: all must find its session. It lives on and
/// takes the client's next datagrams, too.
inline Lifetime lifetime_of(const snapshot::Service& service, const Newcomer& newcomer) {
  return service.is_one_packet && !newcomer.is_fragment ? Lifetime::kOnePacket : Lifetime::kTimeout;
}

/// An answer to a local address: its session is with the worker that owns the port.
inline Admitted admit_answer(Context& context, const PortView& port, Origin origin,
                             const Newcomer& newcomer) {
  const uint8_t owner = context.snapshot->owner_of_port(newcomer.flow.destination.port);
  if (origin == Origin::kHandOff || owner == context.id) {
    return admit_from_outside(context, newcomer);
  }
  hand_off(context, port, newcomer.packet, owner);
  return {};
}

/// A packet to nobody we know: perhaps a NAT server's answer, whose session is with the worker its
/// client names; else the kernel's.
inline Admitted admit_stranger(Context& context, const PortView& port, Origin origin,
                               const Newcomer& newcomer) {
  const net::Flow& flow = newcomer.flow;
  if (context.snapshot->is_nat_server(static_cast<net::Protocol>(flow.protocol), flow.source)) {
    const uint8_t owner = worker_of_client(context, flow.protocol, flow.destination);
    if (owner != context.id && origin == Origin::kPort) {
      hand_off(context, port, newcomer.packet, owner);
      return {};
    }
  }
  punt(context, port, newcomer.packet, punt_class_of(context, flow));
  return {};
}

/// Opens the session of a request to `service`, or lets go of the packet.
inline table::SessionIndex admit_request(Context& context, const PortView& port,
                                         const snapshot::Service& service,
                                         const Newcomer& newcomer) {
  if (!newcomer.may_open_session) {
    // The kernel holds the VIP and nothing listens there: it answers RST, as with IPVS.
    punt(context, port, newcomer.packet, CounterId::kPuntVip);
    return table::kNoSession;
  }
  if (newcomer.ttl <= 1) {
    refuse(context, port, newcomer.packet, CounterId::kDropTtlExceeded,
           net::IcmpErrorKind::kTimeExceeded);
    return table::kNoSession;
  }
  if (!is_client(context, newcomer.flow.source.address)) {
    drop(context, newcomer.packet, CounterId::kDropBadAddress);
    return table::kNoSession;
  }
  const Admission admission =
      create_session(context, service, newcomer.flow, lifetime_of(service, newcomer));
  if (admission.session != table::kNoSession) {
    return admission.session;
  }
  if (admission.refusal == CounterId::kDropNoServer && service.rejects_without_server) {
    refuse(context, port, newcomer.packet, admission.refusal, net::IcmpErrorKind::kPortUnreachable);
  } else {
    drop(context, newcomer.packet, admission.refusal);
  }
  return table::kNoSession;
}

/// Decides about a packet that no session knew when it was looked up.
inline Admitted admit(Context& context, const PortView& port, Origin origin,
                      const Newcomer& newcomer) {
  const net::Flow& flow = newcomer.flow;
  const snapshot::Service* service =
      context.snapshot->find_service(static_cast<net::Protocol>(flow.protocol), flow.destination);
  if (service == nullptr) {
    if (const snapshot::SnatRule* rule = snat_rule_for(context, flow)) {
      return admit_inside(context, port, origin, *rule, newcomer);
    }
    const bool is_answer = flow.protocol != IPPROTO_SCTP &&
                           context.snapshot->is_local_address(flow.destination.address);
    return (is_answer ? admit_answer : admit_stranger)(context, port, origin, newcomer);
  }
  const uint8_t owner = owner_of_request(context, *service, flow);
  if (owner != context.id && origin == Origin::kPort) {
    hand_off(context, port, newcomer.packet, owner);
    return {};
  }
  return {admit_request(context, port, *service, newcomer), lifetime_of(*service, newcomer)};
}

/// Decides about packet `i` of the burst.
[[gnu::noinline]] inline void admit_one(Context& context, const PortView& port, Origin origin,
                                        Burst& burst, uint32_t i) {
  const net::Flow flow = burst.flow(i);
  const bool may_open_session = flow.protocol == IPPROTO_UDP || (burst.syns >> i & 1) != 0;
  const Admitted admitted = admit(context, port, origin,
                                  {.packet = burst.packets[i],
                                   .flow = flow,
                                   .ttl = burst.fields[i].ttl,
                                   .may_open_session = may_open_session});
  if (admitted.session == table::kNoSession) {
    return;
  }
  burst.found[i] = table::SessionRef{admitted.session, admitted.direction}.to_data();
  burst.live |= 1ULL << i;
  burst.one_packet |= uint64_t{admitted.lifetime == Lifetime::kOnePacket} << i;
}

/// Takes the records of one-packet sessions back, once their packets are forwarded.
inline void end_one_packet_sessions(Context& context, const Burst& burst) {
  for (uint64_t ended = burst.one_packet; ended != 0; ended &= ended - 1) {
    context.sessions.discard(burst.session(static_cast<uint32_t>(std::countr_zero(ended))).index);
  }
}

/// Whether a client that opens a connection anew may leave this session behind (LVS:
/// conn_reuse_mode 1). Its old server is then not asked again.
inline bool is_over(table::SessionState state) {
  return state == table::SessionState::kTimeWait || state == table::SessionState::kClose ||
         state == table::SessionState::kSctpClosed;
}

/// The packets of the burst, as bits, that were found to belong to a session.
inline uint64_t packets_of(const Burst& burst, table::SessionIndex session) {
  uint64_t packets = 0;
  for (uint64_t live = burst.live; live != 0; live &= live - 1) {
    const auto i = static_cast<uint32_t>(std::countr_zero(live));
    packets |= uint64_t{burst.session(i).index == session} << i;
  }
  return packets;
}

/// Ends sessions that are over when their client opens a connection from the same port; what the
/// burst holds of them becomes misses.
inline void end_reused(Context& context, Burst& burst) {
  uint64_t syns = burst.live & burst.syns;
  while (syns != 0) {
    const table::SessionRef ref = burst.session(static_cast<uint32_t>(std::countr_zero(syns)));
    syns &= syns - 1;
    if (ref.direction != table::Direction::kToServer ||
        !is_over(context.sessions[ref.index].state)) {
      continue;
    }
    burst.live &= ~packets_of(burst, ref.index);
    syns &= burst.live;
    context.wheel.cancel(ref.index);
    end_session(context, ref.index);
    context.count(CounterId::kSessionsReused);
  }
}

/// Gives each miss of the burst a session or lets go of it.
inline void admit_stage(Context& context, const PortView& port, Origin origin, Burst& burst) {
  burst.one_packet = 0;
  end_reused(context, burst);
  const uint64_t all = burst.count == 64 ? ~0ULL : (1ULL << burst.count) - 1;
  bool created_any = false;
  for (uint64_t misses = all & ~burst.live; misses != 0; misses &= misses - 1) {
    const auto i = static_cast<uint32_t>(std::countr_zero(misses));
    if (created_any) {
      // An earlier packet of this burst may have opened the session of this one.
      const table::SessionRef found = context.sessions.find(burst.flow(i));
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

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

/// BGP and BFD keep the router's trust in us: they share the control class with VRRP and OSPF.
inline CounterId punt_class_of(const Context& context, const net::FlowKey4& key) {
  constexpr uint16_t kBgp = 179, kBfd = 3784, kBfdEcho = 3785, kBfdMultihop = 4784;
  const uint16_t to = key.destination_port.host();
  const bool is_bgp = key.protocol == IPPROTO_TCP && (to == kBgp || key.source_port.host() == kBgp);
  const bool is_bfd =
      key.protocol == IPPROTO_UDP && (to == kBfd || to == kBfdEcho || to == kBfdMultihop);
  return punt_class_toward(context, key.destination,
                           is_bgp || is_bfd ? CounterId::kPuntControl : CounterId::kPuntOther);
}

/// The worker that a client's endpoint names: packets of both directions lead to it.
inline uint8_t worker_of_client(const Context& context, uint32_t protocol, net::Endpoint client) {
  const uint32_t hash =
      context.sessions.hash({client.address, net::Ipv4{}, client.port, net::Be16{}, protocol});
  return static_cast<uint8_t>(uint64_t{hash} * context.peers.size() >> 32);
}

/// The worker that has, or would open, the session of a packet to `service`.
inline uint8_t owner_of_request(const Context& context, const snapshot::Service& service,
                                const net::FlowKey4& key) {
  const bool is_steered = context.steering == Steering::kByHash || service.is_steered_by_client;
  return is_steered ? worker_of_client(context, key.protocol, {key.source, key.source_port})
                    : context.id;
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

/// A packet to nobody we know: perhaps a NAT server's answer, whose session is with the worker its
/// client names; else the kernel's.
inline void admit_stranger(Context& context, const PortView& port, Origin origin, rte_mbuf* packet,
                           const net::FlowKey4& key) {
  if (context.snapshot->is_nat_server(static_cast<net::Protocol>(key.protocol),
                                      {key.source, key.source_port})) {
    const uint8_t owner =
        worker_of_client(context, key.protocol, {key.destination, key.destination_port});
    if (owner != context.id && origin == Origin::kPort) {
      return hand_off(context, port, packet, owner);
    }
  }
  punt(context, port, packet, punt_class_of(context, key));
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
    return admit_stranger(context, port, origin, packet, key);
  }
  const uint8_t owner = owner_of_request(context, *service, key);
  if (owner != context.id && origin == Origin::kPort) {
    return hand_off(context, port, packet, owner);
  }
  const bool may_open_session = key.protocol == IPPROTO_UDP || (burst.syns >> i & 1) != 0;
  if (!may_open_session) {
    // The kernel holds the VIP and nothing listens there: it answers RST, as with IPVS.
    return punt(context, port, packet, CounterId::kPuntVip);
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

/// Whether a client that opens a connection anew may leave this session behind (LVS:
/// conn_reuse_mode 1). Its old server is then not asked again.
inline bool is_over(table::SessionState state) {
  return state == table::SessionState::kTimeWait || state == table::SessionState::kClose;
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
  end_reused(context, burst);
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

// SPDX-License-Identifier: BSD-3-Clause
// Stage 5: translate the packet and give it to its next hop.
#pragma once

#include <rte_ether.h>

#include <cstring>
#include <optional>

#include "dataplane/burst.h"
#include "dataplane/context.h"
#include "dataplane/forward/encapsulate.h"
#include "dataplane/next_hop.h"
#include "dataplane/stages/track.h"
#include "dataplane/stages/transmit.h"
#include "lib/net/rewrite.h"

namespace sluice::dataplane {

/// Looks the next hops of a session up again: routes changed, or one was not known yet.
/// Errors: the reason why `direction` has none.
inline std::optional<CounterId> refresh_next_hops(Context& context, table::Session& session,
                                                  table::Direction direction) {
  find_next_hops(context, session);
  return session.next_hop(direction) == snapshot::kNoNextHop
             ? find_next_hop(context, session, direction)
             : std::nullopt;
}

/// Writes the Ethernet addresses: the neighbour's from its table word, ours from the port.
inline void write_ethernet(uint8_t* frame, uint64_t next_hop_word, const net::Mac& source) {
  std::memcpy(frame, &next_hop_word, RTE_ETHER_ADDR_LEN);
  std::memcpy(frame + RTE_ETHER_ADDR_LEN, source.bytes.data(), RTE_ETHER_ADDR_LEN);
}

/// Cuts off what lies behind the IP packet of a frame larger than a port's MTU.
/// Errors: the IP packet itself is too big; whole segments behind it, which no device makes here.
[[nodiscard]] inline std::optional<CounterId> fit_to_mtu(rte_mbuf* packet, uint32_t ip_bytes,
                                                         uint32_t mtu) {
  if (ip_bytes > mtu) {
    return CounterId::kDropTooBig;
  }
  const uint32_t garbage_bytes = packet->pkt_len - (net::kEthernetBytes + ip_bytes);
  if (rte_pktmbuf_trim(packet, static_cast<uint16_t>(garbage_bytes)) != 0) {
    return CounterId::kDropBadIpHeader;
  }
  return std::nullopt;
}

/// Forwards one packet of session `ref`, or drops it for a counted reason.
inline void forward_one(Context& context, rte_mbuf* packet, table::SessionRef ref,
                        const net::PacketFields& fields) {
  table::Session& session = context.sessions[ref.index];
  if (!context.snapshot->is_configured(session.server_id)) {
    return drop(context, packet, CounterId::kDropServerRemoved);
  }
  if (fields.ttl <= 1) {
    return drop(context, packet, CounterId::kDropTtlExceeded);
  }
  track(context, ref, fields);
  if (session.route_epoch != context.routes->epoch() ||
      session.next_hop(ref.direction) == snapshot::kNoNextHop) {
    if (const auto reason = refresh_next_hops(context, session, ref.direction)) {
      return drop(context, packet, *reason);
    }
  }
  const uint64_t next_hop = context.next_hops->word(session.next_hop(ref.direction));
  const auto port = static_cast<uint8_t>(next_hop >> snapshot::NextHopTable::kPortShift);
  PortView& out = context.ports[port];
  if ((next_hop & snapshot::NextHopTable::kResolvedBit) == 0) {
    request_unresolved(context, session.destination(ref.direction));
    return drop(context, packet, CounterId::kDropNoNeighbour);
  }
  const bool is_tunnel = session.mode == table::ForwardingMode::kTunnel;
  const uint32_t room =
      is_tunnel ? out.mtu - context.snapshot->tunnel_of(session.server_id).overhead() : out.mtu;
  if (packet->pkt_len > net::kEthernetBytes + room) {
    if (const auto reason = fit_to_mtu(packet, fields.ip_bytes, room)) {
      return drop(context, packet, *reason);
    }
  }
  auto* frame = rte_pktmbuf_mtod(packet, uint8_t*);
  net::apply_rewrite(session.rewrite(ref.direction), frame + net::kEthernetBytes,
                     frame + fields.l4_offset, session.protocol);
  if (is_tunnel) {
    frame = encapsulate(context, packet, session, port);
  }
  write_ethernet(frame, next_hop, out.mac);
  transmit(context, out, packet);
}

/// Forwards all packets of the burst that have a session.
inline void forward_stage(Context& context, Burst& burst) {
  for (uint64_t live = burst.live; live != 0; live &= live - 1) {
    const auto i = static_cast<uint32_t>(std::countr_zero(live));
    forward_one(context, burst.packets[i], burst.session(i), burst.fields[i]);
  }
}

}  // namespace sluice::dataplane

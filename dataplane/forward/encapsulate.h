// SPDX-License-Identifier: BSD-3-Clause
// The outer header of a tunnel: IPIP (RFC 2003), GRE (RFC 2784) or GUE variant 0
// (draft-ietf-intarea-gue), as Linux's ipip, gre and fou/gue devices take it. Worker thread.
#pragma once

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include <cstring>

#include "dataplane/context.h"
#include "lib/net/checksum.h"

namespace sluice::dataplane {

namespace internal {

inline constexpr uint16_t kDontFragment = 0x4000;

inline uint8_t outer_protocol(snapshot::TunnelType type) {
  switch (type) {
    case snapshot::TunnelType::kGre:
      return IPPROTO_GRE;
    case snapshot::TunnelType::kGue:
      return IPPROTO_UDP;
    case snapshot::TunnelType::kIpip:
      break;
  }
  return IPPROTO_IPIP;
}

/// RFC 6040 normal mode: the outer header gets the inner one's DSCP and ECN. DF is copied, and
/// without it the identification must be unique (RFC 6864).
inline void write_outer_ip(Context& context, const rte_ipv4_hdr& inner, net::Ipv4 source,
                           net::Ipv4 destination, uint8_t protocol, uint32_t overhead,
                           rte_ipv4_hdr& outer) {
  const uint16_t inner_bytes = net::Be16{inner.total_length}.host();
  outer.version_ihl = RTE_IPV4_VHL_DEF;
  outer.type_of_service = inner.type_of_service;
  outer.total_length = net::Be16::from_host(static_cast<uint16_t>(inner_bytes + overhead)).raw;
  outer.packet_id = net::Be16::from_host(context.tunnel_packet_id++).raw;
  outer.fragment_offset = inner.fragment_offset & net::Be16::from_host(kDontFragment).raw;
  outer.time_to_live = inner.time_to_live;
  outer.next_proto_id = protocol;
  outer.hdr_checksum = 0;
  outer.src_addr = source.value.raw;
  outer.dst_addr = destination.value.raw;
  const uint16_t sum =
      net::sum_ip_header(reinterpret_cast<const uint8_t*>(&outer), sizeof(rte_ipv4_hdr));
  outer.hdr_checksum = static_cast<uint16_t>(~sum);
}

/// What stands between the outer and the inner IP header.
inline void write_shim(const snapshot::Tunnel& tunnel, uint16_t flow_port, uint32_t udp_bytes,
                       uint8_t* shim) {
  if (tunnel.type == snapshot::TunnelType::kGre) {
    const std::array<uint16_t, 2> gre = {0, net::Be16::from_host(RTE_ETHER_TYPE_IPV4).raw};
    std::memcpy(shim, gre.data(), sizeof(gre));
  } else if (tunnel.type == snapshot::TunnelType::kGue) {
    // UDP without checksum, as IPv4 allows; the source port spreads flows over paths and queues.
    const rte_udp_hdr udp{.src_port = net::Be16::from_host(flow_port).raw,
                          .dst_port = tunnel.gue_port.raw,
                          .dgram_len = net::Be16::from_host(static_cast<uint16_t>(udp_bytes)).raw,
                          .dgram_cksum = 0};
    const std::array<uint8_t, 4> gue = {0, IPPROTO_IPIP, 0, 0};
    std::memcpy(shim, &udp, sizeof(udp));
    std::memcpy(shim + sizeof(udp), gue.data(), sizeof(gue));
  }
}

/// A source port of the ephemeral range that stays with the client's flow.
inline uint16_t flow_port(net::Endpoint client) {
  constexpr uint16_t kFirstEphemeral = 0xC000;
  const uint32_t mixed = (client.address.value.raw ^ client.port.raw) * 0x9E3779B1U;
  return kFirstEphemeral | static_cast<uint16_t>(mixed >> 18);
}

static_assert(RTE_PKTMBUF_HEADROOM >= 64, "outer headers need room in front of the frame");

}  // namespace internal

/// Puts the outer header of the session's tunnel between the Ethernet and the IP header of
/// `packet`, whose TTL is decremented already. `port` is the one it leaves by. Returns the new
/// start of the frame, or null without headroom.
inline uint8_t* encapsulate(Context& context, rte_mbuf* packet, const table::Session& session,
                            uint8_t port) {
  const snapshot::Tunnel& tunnel = context.snapshot->tunnel_of(session.server_id);
  const uint32_t overhead = tunnel.overhead();
  auto* frame =
      reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(packet, static_cast<uint16_t>(overhead)));
  std::memmove(frame, frame + overhead, RTE_ETHER_HDR_LEN);
  uint8_t* outer = frame + RTE_ETHER_HDR_LEN;
  const auto& inner = *reinterpret_cast<const rte_ipv4_hdr*>(outer + overhead);
  internal::write_outer_ip(context, inner, context.snapshot->port_address(port),
                           session.server_address, internal::outer_protocol(tunnel.type), overhead,
                           *reinterpret_cast<rte_ipv4_hdr*>(outer));
  internal::write_shim(tunnel, internal::flow_port(session.client()),
                       net::Be16{inner.total_length}.host() + overhead - sizeof(rte_ipv4_hdr),
                       outer + sizeof(rte_ipv4_hdr));
  return frame;
}

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// The outer header of a tunnel: IPIP (RFC 2003, 2473), GRE (RFC 2784) or GUE variant 0
// (draft-ietf-intarea-gue), as Linux's ipip, ip6tnl, gre and fou/gue devices take it. Worker
// thread.
#pragma once

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include <cstring>

#include "dataplane/context.h"
#include "lib/net/checksum.h"
#include "lib/net/translate.h"

namespace sluice::dataplane {

namespace internal {

/// What the outer header takes from the inner one. RFC 6040 normal mode: DSCP and ECN are copied;
/// DF is copied, and without it the identification must be unique (RFC 6864).
struct InnerPacket {
  uint32_t bytes;
  uint8_t traffic_class;
  uint8_t ttl;
  bool is_v4;
  bool keeps_whole;

  static InnerPacket read(const uint8_t* ip) {
    if (*ip >> 4 == 4) {
      const auto& header = *reinterpret_cast<const rte_ipv4_hdr*>(ip);
      return {net::Be16{header.total_length}.host(), header.type_of_service, header.time_to_live,
              true, (header.fragment_offset & net::Be16::from_host(RTE_IPV4_HDR_DF_FLAG).raw) != 0};
    }
    const auto& header = *reinterpret_cast<const rte_ipv6_hdr*>(ip);
    return {static_cast<uint32_t>(sizeof(rte_ipv6_hdr) + net::Be16{header.payload_len}.host()),
            net::traffic_class(header), header.hop_limits, false, true};
  }
  [[nodiscard]] uint8_t protocol() const { return is_v4 ? IPPROTO_IPIP : IPPROTO_IPV6; }
};

inline uint8_t outer_protocol(snapshot::TunnelType type, const InnerPacket& inner) {
  switch (type) {
    case snapshot::TunnelType::kGre:
      return IPPROTO_GRE;
    case snapshot::TunnelType::kGue:
      return IPPROTO_UDP;
    case snapshot::TunnelType::kIpip:
      break;
  }
  return inner.protocol();
}

/// What stands between the outer and the inner IP header.
inline void write_shim(const snapshot::Tunnel& tunnel, const InnerPacket& inner, uint16_t flow_port,
                       uint8_t* shim) {
  if (tunnel.type == snapshot::TunnelType::kGre) {
    const uint16_t ether_type = inner.is_v4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6;
    const std::array<uint16_t, 2> gre = {0, net::Be16::from_host(ether_type).raw};
    std::memcpy(shim, gre.data(), sizeof(gre));
  } else if (tunnel.type == snapshot::TunnelType::kGue) {
    // UDP without checksum, as IPv4 and tunnels over IPv6 (RFC 6935) allow; the source port spreads
    // flows over paths and queues.
    const auto bytes = static_cast<uint16_t>(tunnel.shim_bytes() + inner.bytes);
    const rte_udp_hdr udp{.src_port = net::Be16::from_host(flow_port).raw,
                          .dst_port = tunnel.gue_port.raw,
                          .dgram_len = net::Be16::from_host(bytes).raw,
                          .dgram_cksum = 0};
    const std::array<uint8_t, 4> gue = {0, inner.protocol(), 0, 0};
    std::memcpy(shim, &udp, sizeof(udp));
    std::memcpy(shim + sizeof(udp), gue.data(), sizeof(gue));
  }
}

/// A source port of the ephemeral range that stays with the client's flow.
inline uint16_t flow_port(const Context& context, const net::Endpoint& client) {
  constexpr uint16_t kFirstEphemeral = 0xC000;
  const uint32_t mixed =
      context.sessions.hasher()(net::FlowKey6{client.address.v6(), {}, client.port, {}, 0});
  return kFirstEphemeral | static_cast<uint16_t>(mixed >> 18);
}

static_assert(RTE_PKTMBUF_HEADROOM >= 96, "outer headers need room in front of the frame");

}  // namespace internal

/// Puts the outer header of the session's tunnel between the Ethernet and the IP header of
/// `packet`, whose TTL is decremented already. `port` is the one it leaves by.
/// Errors: false when that has no address of the server's IP version.
[[nodiscard]] inline bool encapsulate(Context& context, rte_mbuf* packet,
                                      const table::Session& session, const snapshot::Tunnel& tunnel,
                                      uint8_t port) {
  using table::Direction;
  const net::Address server = context.sessions.next_address(session, Direction::kToServer);
  const net::Address& source = context.snapshot->port_addresses(port).of(server.is_v4());
  if (source.is_unspecified()) {
    return false;
  }
  const auto overhead = static_cast<uint16_t>(tunnel.overhead(server.is_v4()));
  auto* frame = reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(packet, overhead));
  std::memmove(frame, frame + overhead, RTE_ETHER_HDR_LEN);
  uint8_t* outer = frame + RTE_ETHER_HDR_LEN;
  const auto inner = internal::InnerPacket::read(outer + overhead);
  const uint8_t protocol = internal::outer_protocol(tunnel.type, inner);
  const net::Flow flow{{source, {}}, {server, {}}, protocol};
  const uint32_t payload_bytes = tunnel.shim_bytes() + inner.bytes;
  if (server.is_v4()) {
    net::write_ipv4_header(outer, flow, inner.traffic_class, inner.ttl, payload_bytes,
                           context.packet_ids.take(), inner.keeps_whole);
  } else {
    net::write_ipv6_header(outer, flow, inner.traffic_class, inner.ttl, payload_bytes);
  }
  const net::Endpoint client = context.sessions.sent(session, Direction::kToClient).destination;
  internal::write_shim(tunnel, inner, internal::flow_port(context, client),
                       outer + overhead - tunnel.shim_bytes());
  reinterpret_cast<rte_ether_hdr*>(frame)->ether_type =
      net::Be16::from_host(server.is_v4() ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6).raw;
  return true;
}

}  // namespace sluice::dataplane

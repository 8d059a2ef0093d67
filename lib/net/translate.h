// SPDX-License-Identifier: BSD-3-Clause
// Address translation of packets that are not IPv4 on both sides (see rewrite.h for those): IPv6,
// and from one version to the other by the rules of RFC 7915. Worker thread.
#pragma once

#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ip.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "lib/net/rewrite.h"
#include "lib/net/sctp_checksum.h"

namespace sluice::net {

inline constexpr uint32_t kTrafficClassShift = 20;

/// Writes an IPv4 header without options in front of `payload_bytes`. `id` is used when the packet
/// may be fragmented; when it must stay whole an identification means nothing (RFC 6864).
inline void write_ipv4_header(uint8_t* at, const Flow& flow, uint8_t tos, uint8_t ttl,
                              uint32_t payload_bytes, uint16_t id, bool keeps_whole) {
  rte_ipv4_hdr ip{};
  ip.version_ihl = RTE_IPV4_VHL_DEF;
  ip.type_of_service = tos;
  ip.total_length =
      Be16::from_host(static_cast<uint16_t>(sizeof(rte_ipv4_hdr) + payload_bytes)).raw;
  ip.packet_id = keeps_whole ? 0 : Be16::from_host(id).raw;
  ip.fragment_offset = keeps_whole ? Be16::from_host(RTE_IPV4_HDR_DF_FLAG).raw : 0;
  ip.time_to_live = ttl;
  ip.next_proto_id = flow.protocol;
  ip.src_addr = flow.source.address.v4().value.raw;
  ip.dst_addr = flow.destination.address.v4().value.raw;
  ip.hdr_checksum = static_cast<uint16_t>(
      ~sum_ip_header(reinterpret_cast<const uint8_t*>(&ip), sizeof(rte_ipv4_hdr)));
  std::memcpy(at, &ip, sizeof(ip));
}

/// Writes an IPv6 header in front of `payload_bytes`.
inline void write_ipv6_header(uint8_t* at, const Flow& flow, uint8_t traffic_class,
                              uint8_t hop_limit, uint32_t payload_bytes) {
  constexpr uint32_t kVersion = 6U << 28;
  rte_ipv6_hdr ip{};
  ip.vtc_flow =
      Be32::from_host(kVersion | static_cast<uint32_t>(traffic_class) << kTrafficClassShift).raw;
  ip.payload_len = Be16::from_host(static_cast<uint16_t>(payload_bytes)).raw;
  ip.proto = flow.protocol;
  ip.hop_limits = hop_limit;
  std::memcpy(ip.src_addr, &flow.source.address.v6(), sizeof(ip.src_addr));
  std::memcpy(ip.dst_addr, &flow.destination.address.v6(), sizeof(ip.dst_addr));
  std::memcpy(at, &ip, sizeof(ip));
}

inline uint8_t traffic_class(const rte_ipv6_hdr& ip) {
  return static_cast<uint8_t>(Be32{ip.vtc_flow}.host() >> kTrafficClassShift);
}

/// How a packet of one direction leaves, for any pair of IP versions.
struct Translation {
  const Flow& flow;        // the tuple it leaves with
  ChecksumDelta l4_delta;  // what that does to its transport checksum
};

/// Translates the packet whose IP header is at `ip` and whose transport header is at `l4`; its TTL
/// or hop limit falls by one. When the IP version changes, options and extension headers go and the
/// new header stands just in front of the transport header: from IPv4 that takes 20 bytes of
/// headroom. `id` is the identification of a new IPv4 header. Returns the IP header.
/// Precondition: parse() accepted the packet, its TTL is above 1, and from IPv4 to IPv6 UDP has a
/// checksum (IPv6 asks for one).
inline uint8_t* translate(const Translation& translation, uint8_t* ip, uint8_t* l4,
                          uint32_t l4_bytes, uint16_t id) {
  const Flow& to = translation.flow;
  const bool is_v4 = *ip >> 4 == 4;
  if (is_v4 && to.is_v4()) {
    auto& header = *reinterpret_cast<rte_ipv4_hdr*>(ip);
    ChecksumDelta delta;
    delta.change32(header.src_addr, to.source.address.v4().value.raw)
        .change32(header.dst_addr, to.destination.address.v4().value.raw)
        .decrement_ttl();
    header.src_addr = to.source.address.v4().value.raw;
    header.dst_addr = to.destination.address.v4().value.raw;
    --header.time_to_live;
    header.hdr_checksum = delta.apply(header.hdr_checksum);
  } else if (is_v4) {
    const auto header = *reinterpret_cast<const rte_ipv4_hdr*>(ip);
    ip = l4 - sizeof(rte_ipv6_hdr);
    write_ipv6_header(ip, to, header.type_of_service, static_cast<uint8_t>(header.time_to_live - 1),
                      l4_bytes);
  } else if (to.is_v4()) {
    const auto header = *reinterpret_cast<const rte_ipv6_hdr*>(ip);
    ip = l4 - sizeof(rte_ipv4_hdr);
    // RFC 7915 5.1: what fits IPv6's least MTU, less what the headers differ, may be fragmented.
    constexpr uint32_t kMayBeFragmented = 1260;
    write_ipv4_header(ip, to, traffic_class(header), static_cast<uint8_t>(header.hop_limits - 1),
                      l4_bytes, id, sizeof(rte_ipv4_hdr) + l4_bytes > kMayBeFragmented);
  } else {
    auto& header = *reinterpret_cast<rte_ipv6_hdr*>(ip);
    std::memcpy(header.src_addr, &to.source.address.v6(), sizeof(header.src_addr));
    std::memcpy(header.dst_addr, &to.destination.address.v6(), sizeof(header.dst_addr));
    --header.hop_limits;
  }
  const std::array<Be16, 2> ports = {to.source.port, to.destination.port};
  if (to.protocol == IPPROTO_SCTP) {
    rewrite_sctp(l4, l4_bytes, ports);
    return ip;
  }
  rewrite_l4(l4, static_cast<Protocol>(to.protocol), ports.data(), translation.l4_delta);
  return ip;
}

}  // namespace sluice::net

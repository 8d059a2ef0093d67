// SPDX-License-Identifier: BSD-3-Clause
// IP headers from one version to the other (RFC 7915); the addresses come from a session. Workers.
#pragma once

#include <rte_ip.h>

#include <cstdint>
#include <span>

#include "lib/net/ip_header.h"

namespace sluice::net {

/// What a converted header does not take from the old one.
struct ConvertedHeader {
  AddressPair addresses;  // of the other version
  uint8_t hop_limit = 0;
  uint16_t identification = 0;  // of an IPv4 header whose IPv6 packet had no fragment header
};

inline constexpr uint32_t kMaxConvertedHeaderBytes =
    sizeof(rte_ipv6_hdr) + sizeof(rte_ipv6_fragment_ext);

/// ICMP is the only protocol with a number of its own in each version; its messages differ too.
[[nodiscard]] constexpr uint8_t converted_protocol(const IpHeader& from) {
  if (!from.is_icmp()) {
    return from.protocol;
  }
  return from.is_v4() ? uint8_t{IPPROTO_ICMPV6} : uint8_t{IPPROTO_ICMP};
}

/// The IPv6 header for an IPv4 packet: 40 bytes, of a fragment 48. IPv4 options are left out.
/// A packet with DF or not goes as it is when it fits; one too large without DF is the caller's to
/// fragment first.  Cost: no checksum.  Source: RFC 7915 4.1.
inline uint32_t write_ipv6_header(const IpHeader& from, const ConvertedHeader& to, uint8_t* out) {
  const uint32_t fragment_bytes = from.is_fragment() ? sizeof(rte_ipv6_fragment_ext) : 0;
  constexpr uint32_t kVersionBits = 6U << 28;
  rte_ipv6_hdr ip{};
  ip.vtc_flow =
      Be32::from_host(kVersionBits | uint32_t{from.traffic_class} << RTE_IPV6_HDR_TC_SHIFT).raw;
  ip.payload_len = Be16::from_host(static_cast<uint16_t>(from.l4_bytes() + fragment_bytes)).raw;
  ip.proto = from.is_fragment() ? uint8_t{IPPROTO_FRAGMENT} : converted_protocol(from);
  ip.hop_limits = to.hop_limit;
  std::memcpy(ip.src_addr, to.addresses.source.v6().bytes.data(), sizeof(ip.src_addr));
  std::memcpy(ip.dst_addr, to.addresses.destination.v6().bytes.data(), sizeof(ip.dst_addr));
  std::memcpy(out, &ip, sizeof(ip));
  if (from.is_fragment()) {
    rte_ipv6_fragment_ext fragment{};
    fragment.next_header = converted_protocol(from);
    fragment.frag_data =
        Be16::from_host(static_cast<uint16_t>(from.fragment_offset | (from.more_fragments ? 1 : 0)))
            .raw;
    fragment.id = Be32::from_host(from.identification).raw;
    std::memcpy(out + sizeof(ip), &fragment, sizeof(fragment));
  }
  return sizeof(ip) + fragment_bytes;
}

/// The 20-byte IPv4 header for an IPv6 packet; extension headers are left out. Up to 1260 bytes
/// routers may fragment it, larger ones have DF set unless they have a fragment header.
/// Errors: 0, the packet is larger than IPv4 allows.  Source: RFC 7915 5.1, 5.1.1.
inline uint32_t write_ipv4_header(const IpHeader& from, const ConvertedHeader& to, uint8_t* out) {
  constexpr uint32_t kLargestWithoutDf = 1260;
  const uint32_t total_bytes = from.l4_bytes() + static_cast<uint32_t>(sizeof(rte_ipv4_hdr));
  if (total_bytes > UINT16_MAX) {
    return 0;
  }
  uint32_t fragment = from.fragment_offset / RTE_IPV4_HDR_OFFSET_UNITS;
  if (from.more_fragments) {
    fragment |= RTE_IPV4_HDR_MF_FLAG;
  }
  if (!from.has_fragment_header && total_bytes > kLargestWithoutDf) {
    fragment |= RTE_IPV4_HDR_DF_FLAG;
  }
  const auto identification =
      from.has_fragment_header ? static_cast<uint16_t>(from.identification) : to.identification;
  rte_ipv4_hdr ip{};
  ip.version_ihl = RTE_IPV4_VHL_DEF;
  ip.type_of_service = from.traffic_class;
  ip.total_length = Be16::from_host(static_cast<uint16_t>(total_bytes)).raw;
  ip.packet_id = Be16::from_host(identification).raw;
  ip.fragment_offset = Be16::from_host(static_cast<uint16_t>(fragment)).raw;
  ip.time_to_live = to.hop_limit;
  ip.next_proto_id = converted_protocol(from);
  ip.src_addr = to.addresses.source.v4().value.raw;
  ip.dst_addr = to.addresses.destination.v4().value.raw;
  ip.hdr_checksum = rte_ipv4_cksum(&ip);
  std::memcpy(out, &ip, sizeof(ip));
  return sizeof(ip);
}

/// Writes the header for a packet of the other IP version: 20, 40 or 48 bytes in front of the L4
/// bytes, which stay where and as they are but for ports and checksum (pseudo_header_delta(); an
/// IPv4 UDP checksum of 0 must be computed in full, RFC 7915 4.5).
/// Errors: 0, the packet is larger than the other version allows.
[[nodiscard]] inline uint32_t convert_ip_header(const IpHeader& from, const ConvertedHeader& to,
                                                std::span<uint8_t, kMaxConvertedHeaderBytes> out) {
  return from.is_v4() ? write_ipv6_header(from, to, out.data())
                      : write_ipv4_header(from, to, out.data());
}

}  // namespace sluice::net

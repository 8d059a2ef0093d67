// SPDX-License-Identifier: BSD-3-Clause
// Address translation of fragments, each by itself (see translate.h for whole packets). Worker
// thread.
#pragma once

#include <rte_ip.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "lib/net/fragment.h"
#include "lib/net/icmp_echo.h"
#include "lib/net/ip_conversion.h"
#include "lib/net/translate.h"

namespace sluice::net {

/// How the fragments of one datagram leave.
struct FragmentTranslation {
  const Flow& flow;         // the tuple the datagram leaves with
  ChecksumDelta l4_delta;   // what that does to its transport checksum, which the first one has
  uint32_t identification;  // where the source address changes, see FragmentDecision
  uint8_t protocol;         // of L4, as the first fragment named it
};

namespace internal {

inline void translate_fragment4(const FragmentTranslation& translation, rte_ipv4_hdr& ip) {
  const uint32_t source = translation.flow.source.address.v4().value.raw;
  const uint32_t destination = translation.flow.destination.address.v4().value.raw;
  ChecksumDelta delta;
  delta.change32(ip.src_addr, source).change32(ip.dst_addr, destination).decrement_ttl();
  if (ip.src_addr != source) {
    const auto id = Be16::from_host(static_cast<uint16_t>(translation.identification)).raw;
    delta.change16(ip.packet_id, id);
    ip.packet_id = id;
  }
  ip.src_addr = source;
  ip.dst_addr = destination;
  --ip.time_to_live;
  ip.hdr_checksum = delta.apply(ip.hdr_checksum);
}

inline void translate_fragment6(const FragmentTranslation& translation, const Fragment& fragment,
                                uint8_t* packet) {
  auto& ip = *reinterpret_cast<rte_ipv6_hdr*>(packet);
  const Ipv6& source = translation.flow.source.address.v6();
  if (std::memcmp(ip.src_addr, &source, sizeof(source)) != 0) {
    auto& header = *reinterpret_cast<rte_ipv6_fragment_ext*>(packet + fragment.fragment_header_at);
    header.id = Be32::from_host(translation.identification).raw;
  }
  std::memcpy(ip.src_addr, &source, sizeof(source));
  std::memcpy(ip.dst_addr, &translation.flow.destination.address.v6(), sizeof(ip.dst_addr));
  --ip.hop_limits;
}

// Returns the new IP header, which ends where the old one did; null when the old one cannot be
// read.
inline uint8_t* convert_fragment(const FragmentTranslation& translation, const Fragment& fragment,
                                 uint8_t* ip) {
  IpHeader header;
  if (read_ip_header({ip, fragment.l4_at}, header) != IpHeaderVerdict::kOk ||
      header.header_bytes != fragment.l4_at) {
    return nullptr;
  }
  header.identification = translation.identification;
  header.protocol = translation.protocol;
  const ConvertedHeader to{
      .addresses = {translation.flow.source.address, translation.flow.destination.address},
      .hop_limit = static_cast<uint8_t>(header.hop_limit - 1)};
  std::array<uint8_t, kMaxConvertedHeaderBytes> converted;
  const uint32_t bytes = convert_ip_header(header, to, converted);
  if (bytes == 0) {
    return nullptr;
  }
  uint8_t* moved = ip + fragment.l4_at - bytes;
  std::memcpy(moved, converted.data(), bytes);
  return moved;
}

}  // namespace internal

/// The size of the IP header a fragment leaves with, extension headers included.
[[nodiscard]] inline uint32_t translated_header_bytes(const Fragment& fragment, bool is_v4,
                                                      bool to_v4) {
  return is_v4 == to_v4 ? fragment.l4_at
         : to_v4        ? sizeof(rte_ipv4_hdr)
                        : sizeof(rte_ipv6_hdr) + sizeof(rte_ipv6_fragment_ext);
}

/// Translates the fragment whose IP header is at `ip`; its TTL or hop limit falls by one. The first
/// one gets ports and transport checksum, too, but for SCTP: what a port does to its checksum
/// depends on the length of the whole packet. When the IP version changes, options and extension
/// headers go and the new header stands just in front of what followed the old one: toward IPv6
/// that takes 28 bytes of headroom. Returns the IP header.
/// Precondition: read_fragment4() or read_fragment6() accepted it, its TTL is above 1; where the
/// version changes, a first IPv6 fragment has no extension headers behind its fragment header, and
/// the UDP checksum of IPv4 is not 0.
/// Errors: null, nothing was changed: its header cannot be converted.  Source: RFC 7915 4.1, 5.1.1.
[[nodiscard]] inline uint8_t* translate_fragment(const FragmentTranslation& translation,
                                                 const Fragment& fragment, uint8_t* ip) {
  const Flow& to = translation.flow;
  uint8_t* l4 = ip + fragment.l4_at;
  const bool is_v4 = *ip >> 4 == 4;
  if (is_v4 != to.is_v4()) {
    ip = internal::convert_fragment(translation, fragment, ip);
    if (ip == nullptr) {
      return nullptr;
    }
  } else if (is_v4) {
    internal::translate_fragment4(translation, *reinterpret_cast<rte_ipv4_hdr*>(ip));
  } else {
    internal::translate_fragment6(translation, fragment, ip);
  }
  const bool is_icmp =
      translation.protocol == IPPROTO_ICMP || translation.protocol == IPPROTO_ICMPV6;
  if (fragment.is_first() && is_icmp) {
    rewrite_echo(l4, to, translation.l4_delta);
  } else if (fragment.is_first() && translation.protocol != IPPROTO_SCTP) {
    const std::array<Be16, 2> ports = {to.source.port, to.destination.port};
    rewrite_l4(l4, static_cast<Protocol>(translation.protocol), ports.data(), translation.l4_delta);
  }
  return ip;
}

}  // namespace sluice::net

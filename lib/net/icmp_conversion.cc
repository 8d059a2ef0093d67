// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors from one IP version to the other (RFC 7915 4.2 and 5.2). Workers, for rare packets.
#include "lib/net/icmp_conversion.h"

#include <algorithm>

namespace sluice::net {
namespace {

std::optional<IcmpFields> unreachable_v4_to_v6(uint8_t code) {
  constexpr uint32_t kNextHeaderAt = offsetof(rte_ipv6_hdr, proto);
  switch (code) {
    case ICMP_NET_UNREACH:
    case ICMP_HOST_UNREACH:
    case ICMP_SR_FAILED:
    case ICMP_NET_UNKNOWN:
    case ICMP_HOST_UNKNOWN:
    case ICMP_HOST_ISOLATED:
    case ICMP_NET_UNR_TOS:
    case ICMP_HOST_UNR_TOS:
      return IcmpFields{ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE, 0};
    case ICMP_PROT_UNREACH:
      return IcmpFields{ICMP6_PARAM_PROB, ICMP6_PARAMPROB_NEXTHEADER, kNextHeaderAt};
    case ICMP_PORT_UNREACH:
      return IcmpFields{ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, 0};
    case ICMP_NET_ANO:
    case ICMP_HOST_ANO:
    case ICMP_PKT_FILTERED:
    case ICMP_PREC_CUTOFF:
      return IcmpFields{ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN, 0};
    default:
      return std::nullopt;
  }
}

// RFC 7915 figure 3: where a field of the IPv4 header is in the IPv6 header.
std::optional<IcmpFields> parameter_problem_v4_to_v6(uint8_t code, uint32_t pointer) {
  constexpr uint8_t kNone = 0xFF, kBadLength = 2;
  constexpr std::array<uint8_t, 20> kPointers = {
      0, 1, 4, 4, kNone, kNone, kNone, kNone, 7, 6, kNone, kNone, 8, 8, 8, 8, 24, 24, 24, 24};
  if ((code != 0 && code != kBadLength) || pointer >= kPointers.size() ||
      kPointers[pointer] == kNone) {
    return std::nullopt;
  }
  return IcmpFields{ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, kPointers[pointer]};
}

std::optional<IcmpFields> too_big_v4_to_v6(uint32_t mtu, const ConversionPath& path) {
  constexpr uint32_t kGrowth = sizeof(rte_ipv6_hdr) - sizeof(rte_ipv4_hdr);
  const uint32_t least = std::min({mtu + kGrowth, path.ipv6_mtu, path.ipv4_mtu + kGrowth});
  return IcmpFields{ICMP6_PACKET_TOO_BIG, 0, std::max<uint32_t>(least, RTE_IPV6_MIN_MTU)};
}

std::optional<IcmpFields> fields_v4_to_v6(const IcmpMessage& message,
                                          const EmbeddedPacket& embedded,
                                          const ConversionPath& path) {
  if (message.is_packet_too_big()) {
    return too_big_v4_to_v6(reported_mtu(message, embedded), path);
  }
  switch (message.type) {
    case ICMP_DEST_UNREACH:
      return unreachable_v4_to_v6(message.code);
    case ICMP_TIME_EXCEEDED:
      return IcmpFields{ICMP6_TIME_EXCEEDED, message.code, 0};
    case ICMP_PARAMETERPROB:
      return parameter_problem_v4_to_v6(message.code, message.parameter.host() >> 24);
    default:
      return std::nullopt;
  }
}

std::optional<IcmpFields> unreachable_v6_to_v4(uint8_t code) {
  switch (code) {
    case ICMP6_DST_UNREACH_NOROUTE:
    case ICMP6_DST_UNREACH_BEYONDSCOPE:
    case ICMP6_DST_UNREACH_ADDR:
      return IcmpFields{ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0};
    case ICMP6_DST_UNREACH_ADMIN:
      return IcmpFields{ICMP_DEST_UNREACH, ICMP_HOST_ANO, 0};
    case ICMP6_DST_UNREACH_NOPORT:
      return IcmpFields{ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0};
    default:
      return std::nullopt;
  }
}

// RFC 7915 figure 6: where a field of the IPv6 header is in the IPv4 header.
std::optional<uint32_t> pointer_v6_to_v4(uint32_t pointer) {
  constexpr uint8_t kNone = 0xFF;
  constexpr std::array<uint8_t, 8> kPointers = {0, 1, kNone, kNone, 2, 2, 9, 8};
  if (pointer < kPointers.size()) {
    return kPointers[pointer] == kNone ? std::nullopt : std::optional<uint32_t>(kPointers[pointer]);
  }
  if (pointer >= sizeof(rte_ipv6_hdr)) {
    return std::nullopt;
  }
  return pointer < offsetof(rte_ipv6_hdr, dst_addr) ? offsetof(rte_ipv4_hdr, src_addr)
                                                    : offsetof(rte_ipv4_hdr, dst_addr);
}

std::optional<IcmpFields> parameter_problem_v6_to_v4(uint8_t code, uint32_t pointer) {
  if (code == ICMP6_PARAMPROB_NEXTHEADER) {
    return IcmpFields{ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0};
  }
  const auto converted = pointer_v6_to_v4(pointer);
  if (code != ICMP6_PARAMPROB_HEADER || !converted) {
    return std::nullopt;
  }
  return IcmpFields{ICMP_PARAMETERPROB, 0, *converted << 24};
}

// An MTU below IPv6's least is no MTU of an IPv6 link; believing it would only help who lies.
std::optional<IcmpFields> too_big_v6_to_v4(uint32_t mtu, const EmbeddedPacket& embedded,
                                           const ConversionPath& path) {
  // 20 bytes, or 28 when the packet in error has a fragment header.
  const uint32_t shrinkage =
      static_cast<uint32_t>(sizeof(rte_ipv6_hdr) - sizeof(rte_ipv4_hdr)) +
      (embedded.ip.has_fragment_header ? static_cast<uint32_t>(sizeof(rte_ipv6_fragment_ext)) : 0U);
  const uint32_t on_ipv6 = std::max<uint32_t>(std::min(mtu, path.ipv6_mtu), RTE_IPV6_MIN_MTU);
  const uint32_t least = std::min(on_ipv6 - shrinkage, path.ipv4_mtu);
  return IcmpFields{ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, std::min<uint32_t>(least, UINT16_MAX)};
}

std::optional<IcmpFields> fields_v6_to_v4(const IcmpMessage& message,
                                          const EmbeddedPacket& embedded,
                                          const ConversionPath& path) {
  switch (message.type) {
    case ICMP6_DST_UNREACH:
      return unreachable_v6_to_v4(message.code);
    case ICMP6_PACKET_TOO_BIG:
      return too_big_v6_to_v4(reported_mtu(message, embedded), embedded, path);
    case ICMP6_TIME_EXCEEDED:
      return IcmpFields{ICMP_TIME_EXCEEDED, message.code, 0};
    case ICMP6_PARAM_PROB:
      return parameter_problem_v6_to_v4(message.code, message.parameter.host());
    default:
      return std::nullopt;
  }
}

bool has_tcp_or_udp(const IpHeader& ip) {
  return ip.protocol == IPPROTO_TCP || ip.protocol == IPPROTO_UDP;
}

// Writes the quoted packet with its new header into `room`: its bytes, or 0 when there is none.
uint32_t convert_quote(std::span<const uint8_t> packet, const EmbeddedPacket& embedded,
                       const EmbeddedFlow& flow, std::span<uint8_t> room) {
  const ConvertedHeader to{flow.addresses, embedded.ip.hop_limit, 0};
  const uint32_t header_bytes =
      convert_ip_header(embedded.ip, to, room.first<kMaxConvertedHeaderBytes>());
  if (header_bytes == 0) {
    return 0;
  }
  const auto l4 = room.subspan(header_bytes)
                      .first(std::min<size_t>(embedded.l4_bytes(), room.size() - header_bytes));
  std::copy_n(packet.data() + embedded.l4_offset(), l4.size(), l4.data());
  rewrite_embedded_l4(embedded, flow, pseudo_header_delta(embedded.ip.addresses, flow.addresses),
                      l4);
  return header_bytes + static_cast<uint32_t>(l4.size());
}

}  // namespace

std::optional<IcmpFields> convert_icmp_fields(const IcmpMessage& message,
                                              const EmbeddedPacket& embedded,
                                              const ConversionPath& path) {
  return message.ip.is_v4() ? fields_v4_to_v6(message, embedded, path)
                            : fields_v6_to_v4(message, embedded, path);
}

uint32_t convert_icmp_error(std::span<const uint8_t> packet, const IcmpMessage& message,
                            const EmbeddedPacket& embedded, const IcmpErrorTarget& target,
                            const ConversionPath& path,
                            std::span<uint8_t, kMaxIcmpv6ErrorBytes> out) {
  const auto fields = convert_icmp_fields(message, embedded, path);
  if (!fields || !has_tcp_or_udp(embedded.ip)) {
    return 0;
  }
  const bool becomes_v4 = !message.ip.is_v4();
  const uint32_t ip_bytes = becomes_v4 ? sizeof(rte_ipv4_hdr) : sizeof(rte_ipv6_hdr);
  const uint32_t limit = becomes_v4 ? kMaxIcmpv4ErrorBytes : kMaxIcmpv6ErrorBytes;
  const auto icmp = std::span(out).first(limit).subspan(ip_bytes);
  const uint32_t quote_bytes =
      convert_quote(packet, embedded, target.flow, icmp.subspan(sizeof(rte_icmp_hdr)));
  if (quote_bytes == 0) {
    return 0;
  }
  IpHeader outer = message.ip;
  outer.header_bytes = 0;
  outer.total_bytes = static_cast<uint32_t>(sizeof(rte_icmp_hdr)) + quote_bytes;
  const ConvertedHeader to{target.addresses, static_cast<uint8_t>(message.ip.hop_limit - 1),
                           path.identification};
  becomes_v4 ? write_ipv4_header(outer, to, out.data()) : write_ipv6_header(outer, to, out.data());
  write_icmp_fields(*fields, icmp);
  write_icmp_checksum(becomes_v4 ? IpVersion::kV4 : IpVersion::kV6, target.addresses,
                      icmp.first(outer.total_bytes));
  return ip_bytes + outer.total_bytes;
}

}  // namespace sluice::net

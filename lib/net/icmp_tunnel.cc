// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors about our own tunnel packets, made errors about the packets inside. Workers.
#include "lib/net/icmp_tunnel.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <algorithm>

namespace sluice::net {
namespace {

uint16_t be16_at(std::span<const uint8_t> bytes, size_t offset) {
  Be16 value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value.host();
}

// The bytes between GRE's start and its payload, or nothing when it carries no IP.
std::optional<uint32_t> gre_bytes(std::span<const uint8_t> l4) {
  constexpr uint16_t kChecksum = 0x8000, kKey = 0x2000, kSequence = 0x1000, kNotPlain = 0x4FFF;
  if (l4.size() < 4) {
    return std::nullopt;
  }
  const uint16_t flags = be16_at(l4, 0);
  const uint16_t type = be16_at(l4, 2);
  if ((flags & kNotPlain) != 0 || (type != RTE_ETHER_TYPE_IPV4 && type != RTE_ETHER_TYPE_IPV6)) {
    return std::nullopt;
  }
  return 4U * (1U + ((flags & kChecksum) != 0 ? 1U : 0U) + ((flags & kKey) != 0 ? 1U : 0U) +
               ((flags & kSequence) != 0 ? 1U : 0U));
}

// As gre_bytes(), for UDP with GUE: variant 0 with a header, variant 1 and FOU with bare IP.
std::optional<uint32_t> gue_bytes(std::span<const uint8_t> l4) {
  constexpr uint32_t kUdpBytes = sizeof(rte_udp_hdr), kGueBytes = 4;
  if (l4.size() < kUdpBytes + kGueBytes) {
    return std::nullopt;
  }
  const uint8_t* gue = l4.data() + kUdpBytes;
  if (gue[0] >> 6 == 1) {
    return kUdpBytes;
  }
  const bool is_control = (gue[0] & 0x20) != 0;
  if (gue[0] >> 6 != 0 || is_control || (gue[1] != IPPROTO_IPIP && gue[1] != IPPROTO_IPV6)) {
    return std::nullopt;
  }
  return kUdpBytes + kGueBytes + (gue[0] & 0x1FU) * 4;
}

std::optional<uint32_t> tunnel_header_bytes(std::span<const uint8_t> l4,
                                            const EmbeddedPacket& outer, Be16 gue_port) {
  switch (outer.ip.protocol) {
    case IPPROTO_IPIP:
    case IPPROTO_IPV6:
      return 0;
    case IPPROTO_GRE:
      return gre_bytes(l4);
    case IPPROTO_UDP:
      return outer.destination_port == gue_port ? gue_bytes(l4) : std::nullopt;
    default:
      return std::nullopt;
  }
}

bool is_prohibited(const IcmpMessage& message) {
  if (!message.ip.is_v4()) {
    return message.type == ICMP6_DST_UNREACH && message.code == ICMP6_DST_UNREACH_ADMIN;
  }
  return message.type == ICMP_DEST_UNREACH &&
         (message.code == ICMP_NET_ANO || message.code == ICMP_HOST_ANO ||
          message.code == ICMP_PKT_FILTERED);
}

uint32_t inner_mtu(uint32_t outer_mtu, uint32_t overhead, const IpHeader& inner) {
  const uint32_t least = inner.is_v4() ? kLeastIpv4Mtu : RTE_IPV6_MIN_MTU;
  return std::max(outer_mtu > overhead ? outer_mtu - overhead : 0, least);
}

}  // namespace

EmbeddedVerdict find_tunnelled(std::span<const uint8_t> packet, const EmbeddedPacket& outer,
                               Be16 gue_port, EmbeddedPacket& inner) {
  const auto l4 = packet.subspan(outer.l4_offset(), outer.l4_bytes());
  const auto header_bytes = tunnel_header_bytes(l4, outer, gue_port);
  if (!header_bytes) {
    return EmbeddedVerdict::kNoPorts;
  }
  if (*header_bytes > l4.size()) {
    return EmbeddedVerdict::kTruncated;
  }
  return read_embedded(packet, outer.l4_offset() + *header_bytes, outer.offset + outer.bytes,
                       inner);
}

std::optional<TunnelError> relay_tunnel_error(const IcmpMessage& message,
                                              const EmbeddedPacket& outer,
                                              const EmbeddedPacket& inner) {
  if (message.is_packet_too_big()) {
    return TunnelError{
        IcmpErrorKind::kPacketTooBig,
        inner_mtu(reported_mtu(message, outer), inner.offset - outer.offset, inner.ip)};
  }
  if (is_prohibited(message)) {
    return TunnelError{IcmpErrorKind::kAdminProhibited};
  }
  if (message.ip.is_v4() && message.type == ICMP_PARAMETERPROB) {
    return std::nullopt;
  }
  return TunnelError{IcmpErrorKind::kHostUnreachable};
}

}  // namespace sluice::net

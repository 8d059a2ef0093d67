// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors about sessions, translated in place within an IP version. Workers, rare packets.
#include "lib/net/icmp_error.h"

#include <rte_ip.h>

#include <algorithm>

#include "lib/net/icmp_build.h"

namespace sluice::net {
namespace {

// Addresses of either version and what goes with them in the IP header itself.
void rewrite_addresses(uint8_t* header, IpVersion version, const AddressPair& before,
                       const AddressPair& after) {
  if (version == IpVersion::kV4) {
    auto& ip = *reinterpret_cast<rte_ipv4_hdr*>(header);
    ip.hdr_checksum = pseudo_header_delta(before, after).apply(ip.hdr_checksum);
    ip.src_addr = after.source.v4().value.raw;
    ip.dst_addr = after.destination.v4().value.raw;
  } else {
    auto& ip = *reinterpret_cast<rte_ipv6_hdr*>(header);
    std::memcpy(ip.src_addr, after.source.v6().bytes.data(), sizeof(ip.src_addr));
    std::memcpy(ip.dst_addr, after.destination.v6().bytes.data(), sizeof(ip.dst_addr));
  }
}

void decrement_hop_limit(uint8_t* header, IpVersion version) {
  if (version == IpVersion::kV4) {
    auto& ip = *reinterpret_cast<rte_ipv4_hdr*>(header);
    ip.hdr_checksum = ChecksumDelta().decrement_ttl().apply(ip.hdr_checksum);
    ip.time_to_live = static_cast<uint8_t>(ip.time_to_live - 1);
  } else {
    auto& ip = *reinterpret_cast<rte_ipv6_hdr*>(header);
    ip.hop_limits = static_cast<uint8_t>(ip.hop_limits - 1);
  }
}

}  // namespace

void translate_icmp_error(std::span<uint8_t> packet, const IcmpMessage& message,
                          const EmbeddedPacket& embedded, const IcmpErrorTarget& target) {
  const AddressPair& quoted = embedded.ip.addresses;
  rewrite_addresses(packet.data() + embedded.offset, embedded.ip.version, quoted,
                    target.flow.addresses);
  rewrite_embedded_l4(embedded, target.flow, pseudo_header_delta(quoted, target.flow.addresses),
                      packet.subspan(embedded.l4_offset(), embedded.l4_bytes()));
  rewrite_addresses(packet.data(), message.ip.version, message.ip.addresses, target.addresses);
  decrement_hop_limit(packet.data(), message.ip.version);
  write_icmp_checksum(message.ip.version, target.addresses,
                      packet.subspan(message.offset(), message.bytes()));
}

void lower_reported_mtu(std::span<uint8_t> packet, IcmpMessage& message,
                        const EmbeddedPacket& embedded, uint32_t bytes) {
  if (bytes == 0 || !message.is_packet_too_big()) {
    return;
  }
  const bool is_v4 = message.ip.is_v4();
  constexpr uint32_t kLeastIpv4Mtu = 68;  // RFC 791 3.2
  const uint32_t least = is_v4 ? kLeastIpv4Mtu : uint32_t{RTE_IPV6_MIN_MTU};
  const uint32_t mtu = std::max(reported_mtu(message, embedded), least + bytes) - bytes;
  constexpr uint32_t kMtu4Mask = 0xFFFF;  // in front of it: the length of RFC 4884
  message.parameter = Be32::from_host(
      is_v4 ? (message.parameter.host() & ~kMtu4Mask) | std::min(mtu, kMtu4Mask) : mtu);
  std::memcpy(packet.data() + message.offset() + offsetof(rte_icmp_hdr, icmp_ident),
              &message.parameter.raw, sizeof(message.parameter.raw));
}

}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// ICMP echo messages of sessions: their flow, and their translation. Workers, rare packets.
#include "lib/net/icmp_echo.h"

#include <rte_ip.h>

#include <cstring>

#include "lib/net/pseudo_header.h"

namespace sluice::net {
namespace {

void translate_ipv4(uint8_t* header, ChecksumDelta addresses, const Flow& to) {
  auto& ip = *reinterpret_cast<rte_ipv4_hdr*>(header);
  ip.src_addr = to.source.address.v4().value.raw;
  ip.dst_addr = to.destination.address.v4().value.raw;
  ip.time_to_live = static_cast<uint8_t>(ip.time_to_live - 1);
  ip.hdr_checksum = addresses.decrement_ttl().apply(ip.hdr_checksum);
}

void translate_ipv6(uint8_t* header, const Flow& to) {
  auto& ip = *reinterpret_cast<rte_ipv6_hdr*>(header);
  std::memcpy(ip.src_addr, to.source.address.v6().bytes.data(), sizeof(ip.src_addr));
  std::memcpy(ip.dst_addr, to.destination.address.v6().bytes.data(), sizeof(ip.dst_addr));
  ip.hop_limits = static_cast<uint8_t>(ip.hop_limits - 1);
}

}  // namespace

Flow echo_flow(const IcmpMessage& message, EchoKind kind) {
  const AddressPair& addresses = message.ip.addresses;
  return kind == EchoKind::kRequest ? Flow{{addresses.source, message.identifier()},
                                           {addresses.destination, {}},
                                           message.ip.protocol}
                                    : Flow{{addresses.source, {}},
                                           {addresses.destination, message.identifier()},
                                           message.ip.protocol};
}

void translate_echo(std::span<uint8_t> packet, const IcmpMessage& message, EchoKind kind,
                    const Flow& to) {
  const AddressPair after{to.source.address, to.destination.address};
  const ChecksumDelta addresses = pseudo_header_delta(message.ip.addresses, after);
  auto& icmp = *reinterpret_cast<rte_icmp_hdr*>(packet.data() + message.offset());
  const Be16 identifier = kind == EchoKind::kRequest ? to.source.port : to.destination.port;
  // ICMP has a pseudo header in IPv6 only.
  ChecksumDelta delta = message.ip.is_v4() ? ChecksumDelta() : addresses;
  const uint16_t checksum = delta.change16(icmp.icmp_ident, identifier.raw).apply(icmp.icmp_cksum);
  // An IPv4 reply can be zero all over; 0xFFFF is right for it and for every other sum.
  icmp.icmp_cksum = checksum == 0 ? uint16_t{0xFFFF} : checksum;
  icmp.icmp_ident = identifier.raw;
  if (message.ip.is_v4()) {
    translate_ipv4(packet.data(), addresses, to);
  } else {
    translate_ipv6(packet.data(), to);
  }
}

}  // namespace sluice::net

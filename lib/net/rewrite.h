// SPDX-License-Identifier: BSD-3-Clause
// Address translation of one direction of a session: prepared once, applied to every packet.
#pragma once

#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "lib/net/checksum.h"
#include "lib/net/flow_key.h"

namespace sluice::net {

/// The five-tuple a packet leaves with, and what that does to its checksums.
struct Rewrite {
  Ipv4 source;
  Ipv4 destination;
  Be16 source_port;
  Be16 destination_port;
  ChecksumDelta ip_delta;  // addresses and the TTL step
  ChecksumDelta l4_delta;  // addresses (pseudo header) and ports

  /// Turns packets of flow `before` into packets of `after`'s addresses and ports.
  static Rewrite between(const FlowKey4& before, const FlowKey4& after) {
    ChecksumDelta addresses;
    addresses.change32(before.source.value.raw, after.source.value.raw)
        .change32(before.destination.value.raw, after.destination.value.raw);
    Rewrite rewrite{after.source,           after.destination, after.source_port,
                    after.destination_port, addresses,         addresses};
    if (before.protocol == IPPROTO_ICMP) {
      rewrite.l4_delta = {};  // has no pseudo header
    }
    rewrite.ip_delta.decrement_ttl();
    rewrite.l4_delta.change16(before.source_port.raw, after.source_port.raw)
        .change16(before.destination_port.raw, after.destination_port.raw);
    return rewrite;
  }
};

/// Writes ports and checksum of a transport header.  Cost: no branch but UDP's zero.
inline void rewrite_l4(uint8_t* l4_header, Protocol protocol, const Be16* ports,
                       ChecksumDelta delta) {
  std::memcpy(l4_header, ports, 4);  // both ports
  uint16_t checksum;
  if (protocol == Protocol::kTcp) {
    constexpr size_t kTcpChecksumOffset = offsetof(rte_tcp_hdr, cksum);
    std::memcpy(&checksum, l4_header + kTcpChecksumOffset, sizeof(checksum));
    checksum = delta.apply(checksum);
    std::memcpy(l4_header + kTcpChecksumOffset, &checksum, sizeof(checksum));
  } else {
    constexpr size_t kUdpChecksumOffset = offsetof(rte_udp_hdr, dgram_cksum);
    std::memcpy(&checksum, l4_header + kUdpChecksumOffset, sizeof(checksum));
    checksum = delta.apply_udp(checksum);
    std::memcpy(l4_header + kUdpChecksumOffset, &checksum, sizeof(checksum));
  }
}

/// Rewrites a packet in place: addresses, ports, TTL - 1 and both checksums.
/// Precondition: parse() accepted the packet, its TTL is above 1.
inline void apply_rewrite(const Rewrite& rewrite, uint8_t* ip_header, uint8_t* l4_header,
                          Protocol protocol) {
  auto& ip = *reinterpret_cast<rte_ipv4_hdr*>(ip_header);
  ip.time_to_live = static_cast<uint8_t>(ip.time_to_live - 1);
  ip.hdr_checksum = rewrite.ip_delta.apply(ip.hdr_checksum);
  std::memcpy(&ip.src_addr, &rewrite.source, 8);  // both addresses
  rewrite_l4(l4_header, protocol, &rewrite.source_port, rewrite.l4_delta);
}

static_assert(sizeof(Rewrite) == 16 && offsetof(Rewrite, destination) == 4 &&
              offsetof(Rewrite, source_port) == 8 && offsetof(Rewrite, destination_port) == 10);

}  // namespace sluice::net

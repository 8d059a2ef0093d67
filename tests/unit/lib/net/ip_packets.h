// SPDX-License-Identifier: BSD-3-Clause
// IP packets of both versions for tests, every checksum summed in full by DPDK's functions. Tests.
#pragma once

#include <rte_ip.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "lib/net/icmp_embedded.h"
#include "lib/net/ip_header.h"

namespace sluice::test {

using Bytes = std::vector<uint8_t>;

inline net::Address address(const std::string& text) {
  return net::Address::parse(text).value();  // a misspelt constant ends the test
}

/// Addresses and ports of a packet.
struct Flow {
  net::AddressPair addresses;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;

  [[nodiscard]] bool is_v4() const { return addresses.source.is_v4(); }
  [[nodiscard]] net::EmbeddedFlow embedded() const {
    return {.addresses = addresses,
            .source_port = net::Be16::from_host(source_port),
            .destination_port = net::Be16::from_host(destination_port)};
  }
};

inline Flow flow(const std::string& source, uint16_t source_port, const std::string& destination,
                 uint16_t destination_port) {
  return {{address(source), address(destination)}, source_port, destination_port};
}

/// What is unusual about an IP header.
struct IpShape {
  uint8_t hop_limit = 64;
  uint8_t traffic_class = 0;
  uint16_t identification = 0;  // IPv4
  uint16_t fragment = 0;        // IPv4: flags and offset as in the header
  Bytes extra = {};             // IPv4 options or IPv6 extension headers, whole
  uint8_t first_extension = 0;  // IPv6: what the first of them is
};

inline void put16(Bytes& bytes, size_t at, uint16_t value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}

template <typename... Parts>
Bytes join(Bytes bytes, const Parts&... parts) {
  (bytes.insert(bytes.end(), parts.begin(), parts.end()), ...);
  return bytes;
}

inline Bytes ipv4_header(const net::AddressPair& addresses, uint8_t protocol, size_t l4_bytes,
                         const IpShape& shape) {
  rte_ipv4_hdr ip{};
  const size_t bytes = sizeof(ip) + shape.extra.size();
  ip.version_ihl = static_cast<uint8_t>(0x40 | bytes / 4);
  ip.type_of_service = shape.traffic_class;
  ip.total_length = rte_cpu_to_be_16(static_cast<uint16_t>(bytes + l4_bytes));
  ip.packet_id = rte_cpu_to_be_16(shape.identification);
  ip.fragment_offset = rte_cpu_to_be_16(shape.fragment);
  ip.time_to_live = shape.hop_limit;
  ip.next_proto_id = protocol;
  ip.src_addr = addresses.source.v4().value.raw;
  ip.dst_addr = addresses.destination.v4().value.raw;
  Bytes header(sizeof(ip));
  std::memcpy(header.data(), &ip, sizeof(ip));
  header = join(header, shape.extra);
  const uint16_t checksum = rte_ipv4_cksum(reinterpret_cast<rte_ipv4_hdr*>(header.data()));
  std::memcpy(header.data() + offsetof(rte_ipv4_hdr, hdr_checksum), &checksum, sizeof(checksum));
  return header;
}

inline Bytes ipv6_header(const net::AddressPair& addresses, uint8_t protocol, size_t l4_bytes,
                         const IpShape& shape) {
  rte_ipv6_hdr ip{};
  ip.vtc_flow = rte_cpu_to_be_32(6U << 28 | uint32_t{shape.traffic_class} << 20);
  ip.payload_len = rte_cpu_to_be_16(static_cast<uint16_t>(shape.extra.size() + l4_bytes));
  ip.proto = shape.extra.empty() ? protocol : shape.first_extension;
  ip.hop_limits = shape.hop_limit;
  std::memcpy(ip.src_addr, addresses.source.v6().bytes.data(), 16);
  std::memcpy(ip.dst_addr, addresses.destination.v6().bytes.data(), 16);
  Bytes header(sizeof(ip));
  std::memcpy(header.data(), &ip, sizeof(ip));
  return join(header, shape.extra);
}

inline Bytes ip_packet(const net::AddressPair& addresses, uint8_t protocol, const Bytes& l4,
                       const IpShape& shape = {}) {
  const auto header = addresses.source.is_v4() ? ipv4_header : ipv6_header;
  return join(header(addresses, protocol, l4.size(), shape), l4);
}

/// Sums L4 in full into the field at `at`; without a pseudo header for ICMP.
inline Bytes with_checksum(const net::AddressPair& addresses, uint8_t protocol, Bytes l4,
                           size_t at) {
  put16(l4, at, 0);
  const Bytes packet = ip_packet(addresses, protocol, l4);
  uint16_t checksum;
  if (protocol == IPPROTO_ICMP) {
    checksum = static_cast<uint16_t>(~rte_raw_cksum(l4.data(), l4.size()));
  } else if (addresses.source.is_v4()) {
    const auto* ip = reinterpret_cast<const rte_ipv4_hdr*>(packet.data());
    checksum = rte_ipv4_udptcp_cksum(ip, packet.data() + sizeof(*ip));
  } else {
    const auto* ip = reinterpret_cast<const rte_ipv6_hdr*>(packet.data());
    checksum = rte_ipv6_udptcp_cksum(ip, packet.data() + sizeof(*ip));
  }
  std::memcpy(l4.data() + at, &checksum, sizeof(checksum));
  return l4;
}

/// Bytes that are no pattern of 16-bit words.
inline Bytes payload(size_t count) {
  Bytes bytes(count);
  for (size_t i = 0; i < count; ++i) {
    bytes[i] = static_cast<uint8_t>(i * 7 + 1);
  }
  return bytes;
}

inline Bytes tcp_segment(const Flow& flow, const Bytes& data, uint32_t sequence = 0x01020304,
                         uint32_t acknowledgement = 0xFFFFFFF0, uint8_t flags = 0x10) {
  Bytes tcp(20);
  put16(tcp, 0, flow.source_port);
  put16(tcp, 2, flow.destination_port);
  put16(tcp, 4, static_cast<uint16_t>(sequence >> 16));
  put16(tcp, 6, static_cast<uint16_t>(sequence));
  put16(tcp, 8, static_cast<uint16_t>(acknowledgement >> 16));
  put16(tcp, 10, static_cast<uint16_t>(acknowledgement));
  tcp[12] = 0x50;
  tcp[13] = flags;
  put16(tcp, 14, 0xFFF0);
  return with_checksum(flow.addresses, IPPROTO_TCP, join(tcp, data), 16);
}

inline Bytes udp_datagram(const Flow& flow, const Bytes& data) {
  Bytes udp(8);
  put16(udp, 0, flow.source_port);
  put16(udp, 2, flow.destination_port);
  put16(udp, 4, static_cast<uint16_t>(8 + data.size()));
  return with_checksum(flow.addresses, IPPROTO_UDP, join(udp, data), 6);
}

/// A message of ICMP or ICMPv6, as `addresses` have it. `parameter` is its second word.
inline Bytes icmp_message(const net::AddressPair& addresses, uint8_t type, uint8_t code,
                          uint32_t parameter, const Bytes& data) {
  Bytes icmp = {type, code, 0, 0, 0, 0, 0, 0};
  put16(icmp, 4, static_cast<uint16_t>(parameter >> 16));
  put16(icmp, 6, static_cast<uint16_t>(parameter));
  const bool is_v4 = addresses.source.is_v4();
  return with_checksum(addresses, is_v4 ? uint8_t{IPPROTO_ICMP} : uint8_t{IPPROTO_ICMPV6},
                       join(icmp, data), 2);
}

inline Bytes icmp_packet(const net::AddressPair& addresses, uint8_t type, uint8_t code,
                         uint32_t parameter, const Bytes& data, const IpShape& shape = {}) {
  const bool is_v4 = addresses.source.is_v4();
  return ip_packet(addresses, is_v4 ? uint8_t{IPPROTO_ICMP} : uint8_t{IPPROTO_ICMPV6},
                   icmp_message(addresses, type, code, parameter, data), shape);
}

/// A packet of `flow`: TCP, UDP, or an echo request whose identifier is the source port.
inline Bytes packet_of(const Flow& flow, uint8_t protocol, size_t payload_bytes,
                       const IpShape& shape = {}) {
  switch (protocol) {
    case IPPROTO_TCP:
      return ip_packet(flow.addresses, protocol, tcp_segment(flow, payload(payload_bytes)), shape);
    case IPPROTO_UDP:
      return ip_packet(flow.addresses, protocol, udp_datagram(flow, payload(payload_bytes)), shape);
    default:
      return icmp_packet(flow.addresses, flow.is_v4() ? 8 : 128, 0,
                         uint32_t{flow.source_port} << 16 | 7, payload(payload_bytes), shape);
  }
}

inline Bytes first(const Bytes& bytes, size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(std::min(count, bytes.size()))};
}

}  // namespace sluice::test

// SPDX-License-Identifier: BSD-3-Clause
// From bytes to fields: the only place that checks lengths. Everything after it may trust them.
#pragma once

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <cstdint>
#include <cstring>

#include "lib/net/address.h"
#include "lib/net/checksum.h"
#include "lib/net/flow_key.h"

namespace sluice::net {

enum class ParseVerdict : uint8_t {
  kFlow,      // IPv4 TCP or UDP with a complete header: key and fields are set
  kArp,       // for the kernel
  kControl,   // for the kernel: IGMP, VRRP, OSPF, IPv6 neighbour discovery; see key.destination
  kIcmp,      // for the kernel
  kOther,     // for the kernel: protocols no service can have; see key.destination
  kFragment,  // IPv4 fragment: only key.destination is set
  kTruncated,
  kNotOurMac,
  kOwnFrame,
  kBadIpHeader,
  kBadIpChecksum,
  kBadL4Header,
  kBadAddress,
  kSourceRoute,
};

/// What later stages need besides the key.
struct PacketFields {
  uint16_t ip_bytes = 0;  // IP total length
  uint8_t l4_offset = 0;  // from the start of the frame
  uint8_t tcp_flags = 0;  // 0 for UDP
  uint8_t ttl = 0;
};

inline constexpr uint32_t kEthernetBytes = sizeof(rte_ether_hdr);
inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolIgmp = 2;
inline constexpr uint8_t kProtocolOspf = 89;
inline constexpr uint8_t kProtocolVrrp = 112;

namespace internal {

// IPv4 options: loose and strict source routing (RFC 791); such packets are refused (RFC 7126).
inline bool has_source_route(const uint8_t* options, uint32_t bytes) {
  constexpr uint8_t kEnd = 0, kNop = 1, kLsrr = 131, kSsrr = 137;
  for (uint32_t at = 0; at < bytes && options[at] != kEnd;) {
    if (options[at] == kLsrr || options[at] == kSsrr) {
      return true;
    }
    const uint32_t step = options[at] == kNop ? 1 : at + 1 < bytes ? options[at + 1] : 0;
    if (step == 0) {
      break;  // a length of 0 would never end; the rest is garbage nobody acts on
    }
    at += step;
  }
  return false;
}

// A TTL of 255 proves that VRRP comes from next door (RFC 5798 5.1.1.3); the kernel's side asks for
// it too.
inline ParseVerdict classify_protocol(uint32_t protocol, uint8_t ttl) {
  switch (protocol) {
    case kProtocolIcmp:
      return ParseVerdict::kIcmp;
    case kProtocolIgmp:
    case kProtocolOspf:
      return ParseVerdict::kControl;
    case kProtocolVrrp:
      return ttl == 255 ? ParseVerdict::kControl : ParseVerdict::kOther;
    default:
      return ParseVerdict::kOther;
  }
}

// Multicast and broadcast: what holds the network together is control traffic, the rest (mDNS,
// SSDP, broadcast storms) is not and must not crowd it out.
inline ParseVerdict classify_multicast(const uint8_t* frame, uint32_t contiguous) {
  uint16_t ether_type;
  std::memcpy(&ether_type, frame + 12, sizeof(ether_type));
  if (ether_type == Be16::from_host(RTE_ETHER_TYPE_ARP).raw) {
    return ParseVerdict::kArp;
  }
  constexpr uint32_t kIpv4TtlAt = kEthernetBytes + 8, kIpv4ProtocolAt = kEthernetBytes + 9;
  if (ether_type == Be16::from_host(RTE_ETHER_TYPE_IPV4).raw && contiguous > kIpv4ProtocolAt) {
    return classify_protocol(frame[kIpv4ProtocolAt], frame[kIpv4TtlAt]);
  }
  constexpr uint32_t kIpv6NextHeaderAt = kEthernetBytes + 6, kIpv6HopLimitAt = kEthernetBytes + 7;
  if (ether_type == Be16::from_host(RTE_ETHER_TYPE_IPV6).raw && contiguous > kIpv6HopLimitAt) {
    const uint8_t protocol = frame[kIpv6NextHeaderAt];
    return protocol == IPPROTO_ICMPV6 ? ParseVerdict::kControl
                                      : classify_protocol(protocol, frame[kIpv6HopLimitAt]);
  }
  return ParseVerdict::kOther;
}

inline ParseVerdict classify_foreign_mac(const uint8_t* frame, uint32_t contiguous,
                                         const Mac& port_mac) {
  if (std::memcmp(frame + RTE_ETHER_ADDR_LEN, port_mac.bytes.data(), port_mac.bytes.size()) == 0) {
    return ParseVerdict::kOwnFrame;
  }
  return (frame[0] & 1) != 0 ? classify_multicast(frame, contiguous) : ParseVerdict::kNotOurMac;
}

inline ParseVerdict parse_l4(const uint8_t* frame, uint32_t available, uint32_t l4_bytes,
                             FlowKey4& key, PacketFields& fields) {
  const uint8_t* l4 = frame + fields.l4_offset;
  if (key.protocol == IPPROTO_TCP) {
    if (l4_bytes < sizeof(rte_tcp_hdr) || available < sizeof(rte_tcp_hdr)) {
      return ParseVerdict::kBadL4Header;
    }
    const uint32_t header_bytes = (l4[12] >> 4) * 4U;
    if (header_bytes < sizeof(rte_tcp_hdr) || header_bytes > l4_bytes) {
      return ParseVerdict::kBadL4Header;
    }
    fields.tcp_flags = l4[13];
  } else {
    if (l4_bytes < sizeof(rte_udp_hdr) || available < sizeof(rte_udp_hdr)) {
      return ParseVerdict::kBadL4Header;
    }
    const uint32_t datagram_bytes = static_cast<uint32_t>(l4[4]) << 8 | l4[5];
    if (datagram_bytes < sizeof(rte_udp_hdr) || datagram_bytes > l4_bytes) {
      return ParseVerdict::kBadL4Header;
    }
    fields.tcp_flags = 0;
  }
  std::memcpy(&key.source_port, l4, 4);  // both ports
  return ParseVerdict::kFlow;
}

}  // namespace internal

/// Reads one frame. `contiguous` bytes lie at `frame`, `total` is the frame's whole length.
/// Sets `key` and `fields` for kFlow; for kControl and kOther key.destination, which is unspecified
/// when the frame is a multicast or not IPv4.  Cost: touches the first 54 bytes, no allocation.
/// Source: RFC 791, RFC 9293, RFC 768, RFC 1812 5.3.7 (martians).
inline ParseVerdict parse(const uint8_t* frame, uint32_t contiguous, uint32_t total,
                          const Mac& port_mac, FlowKey4& key, PacketFields& fields) {
  if (contiguous < kEthernetBytes) {
    return ParseVerdict::kTruncated;
  }
  const auto& ethernet = *reinterpret_cast<const rte_ether_hdr*>(frame);
  if (std::memcmp(&ethernet.dst_addr, port_mac.bytes.data(), port_mac.bytes.size()) != 0) {
    key.destination = {};
    return internal::classify_foreign_mac(frame, contiguous, port_mac);
  }
  if (ethernet.ether_type != Be16::from_host(RTE_ETHER_TYPE_IPV4).raw) {
    key.destination = {};
    return ethernet.ether_type == Be16::from_host(RTE_ETHER_TYPE_ARP).raw ? ParseVerdict::kArp
                                                                          : ParseVerdict::kOther;
  }
  if (contiguous < kEthernetBytes + sizeof(rte_ipv4_hdr)) {
    return ParseVerdict::kTruncated;
  }
  const auto& ip = *reinterpret_cast<const rte_ipv4_hdr*>(frame + kEthernetBytes);
  const uint32_t header_bytes = (ip.version_ihl & 0xF) * 4U;
  const uint32_t ip_bytes = Be16{ip.total_length}.host();
  if (ip.version_ihl >> 4 != 4 || header_bytes < sizeof(rte_ipv4_hdr) || ip_bytes < header_bytes) {
    return ParseVerdict::kBadIpHeader;
  }
  if (kEthernetBytes + ip_bytes > total || kEthernetBytes + header_bytes > contiguous) {
    return ParseVerdict::kTruncated;
  }
  if (sum_ip_header(frame + kEthernetBytes, header_bytes) != 0xFFFF) {
    return ParseVerdict::kBadIpChecksum;
  }
  key.source = Ipv4{Be32{ip.src_addr}};
  key.destination = Ipv4{Be32{ip.dst_addr}};
  key.protocol = ip.next_proto_id;
  if (!key.source.is_unicast() || key.source == key.destination) {
    return key.source.is_unspecified() ? ParseVerdict::kOther : ParseVerdict::kBadAddress;
  }
  if (header_bytes > sizeof(rte_ipv4_hdr) &&
      internal::has_source_route(frame + kEthernetBytes + sizeof(rte_ipv4_hdr),
                                 header_bytes - sizeof(rte_ipv4_hdr))) {
    return ParseVerdict::kSourceRoute;
  }
  constexpr uint16_t kMoreFragmentsOrOffset = 0x3FFF;
  if ((Be16{ip.fragment_offset}.host() & kMoreFragmentsOrOffset) != 0) {
    return ParseVerdict::kFragment;
  }
  if (key.protocol != IPPROTO_TCP && key.protocol != IPPROTO_UDP) {
    return internal::classify_protocol(key.protocol, ip.time_to_live);
  }
  fields.ip_bytes = static_cast<uint16_t>(ip_bytes);
  fields.l4_offset = static_cast<uint8_t>(kEthernetBytes + header_bytes);
  fields.ttl = ip.time_to_live;
  return internal::parse_l4(frame, contiguous - fields.l4_offset, ip_bytes - header_bytes, key,
                            fields);
}

}  // namespace sluice::net

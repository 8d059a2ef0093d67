// SPDX-License-Identifier: BSD-3-Clause
// From bytes to fields: the only place that checks lengths. Everything after it may trust them.
#pragma once

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "lib/net/address.h"
#include "lib/net/checksum.h"
#include "lib/net/flow_key.h"

namespace sluice::net {

enum class ParseVerdict : uint8_t {
  kFlow,      // TCP or UDP with a complete header: key and fields are set
  kArp,       // for the kernel: ARP, IPv6 neighbour discovery
  kControl,   // for the kernel: IGMP, MLD, VRRP, OSPF; see the destination
  kIcmp,      // for the kernel
  kOther,     // for the kernel: protocols no service can have; see the destination
  kFragment,  // only the addresses are set; see fragment.h
  kTruncated,
  kNotOurMac,
  kOwnFrame,
  kBadIpHeader,
  kBadIpChecksum,
  kBadL4Header,
  kBadAddress,
  kSourceRoute,
};

/// Whether a packet may have the same source and destination address. From a link none may (land);
/// what one inside host sends to another behind one public address does, between its two
/// translations.
enum class Land : uint8_t { kRefused, kAllowed };

/// What later stages need besides the key.
struct PacketFields {
  uint32_t ip_bytes = 0;  // the IP packet with its header
  uint8_t l4_offset = 0;  // from the start of the frame
  uint8_t tcp_flags = 0;  // 0 for UDP
  uint8_t ttl = 0;        // or hop limit
  bool is_v6 = false;     // which of the two keys is set
};

inline constexpr uint32_t kEthernetBytes = sizeof(rte_ether_hdr);
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
    case IPPROTO_ICMP:
      return ParseVerdict::kIcmp;
    case IPPROTO_IGMP:
    case kProtocolOspf:
      return ParseVerdict::kControl;
    case kProtocolVrrp:
      return ttl == 255 ? ParseVerdict::kControl : ParseVerdict::kOther;
    default:
      return ParseVerdict::kOther;
  }
}

// Neighbour discovery has a hop limit of 255, which no stranger can send (RFC 4861 7.1).
inline ParseVerdict classify_icmpv6(uint8_t type, uint8_t hop_limit) {
  constexpr uint8_t kListenerQuery = 130, kListenerDone = 132, kListenerReport = 143;
  constexpr uint8_t kRouterSolicitation = 133, kRedirect = 137;
  if (type >= kRouterSolicitation && type <= kRedirect) {
    return hop_limit == 255 ? ParseVerdict::kArp : ParseVerdict::kOther;
  }
  const bool is_multicast_listener =
      (type >= kListenerQuery && type <= kListenerDone) || type == kListenerReport;
  if (is_multicast_listener) {
    return hop_limit == 1 ? ParseVerdict::kControl : ParseVerdict::kOther;  // RFC 3810 5
  }
  return ParseVerdict::kIcmp;
}

inline ParseVerdict classify_ipv6_multicast(const uint8_t* ip, uint32_t available) {
  if (available < sizeof(rte_ipv6_hdr)) {
    return ParseVerdict::kOther;
  }
  const auto& header = *reinterpret_cast<const rte_ipv6_hdr*>(ip);
  switch (header.proto) {
    case IPPROTO_ICMPV6:
      return available > sizeof(rte_ipv6_hdr)
                 ? classify_icmpv6(ip[sizeof(rte_ipv6_hdr)], header.hop_limits)
                 : ParseVerdict::kOther;
    case IPPROTO_HOPOPTS:  // with the router alert of MLD (RFC 3810 5)
      return ParseVerdict::kControl;
    default:
      return classify_protocol(header.proto, header.hop_limits);
  }
}

// Multicast and broadcast: what holds the network together is control traffic, the rest (mDNS,
// SSDP, broadcast storms) is not and must not crowd it out.
inline ParseVerdict classify_multicast(const uint8_t* frame, uint32_t contiguous) {
  const uint16_t ether_type = reinterpret_cast<const rte_ether_hdr*>(frame)->ether_type;
  if (ether_type == Be16::from_host(RTE_ETHER_TYPE_ARP).raw) {
    return ParseVerdict::kArp;
  }
  const uint8_t* ip = frame + kEthernetBytes;
  if (ether_type == Be16::from_host(RTE_ETHER_TYPE_IPV4).raw &&
      contiguous >= kEthernetBytes + sizeof(rte_ipv4_hdr)) {
    const auto& header = *reinterpret_cast<const rte_ipv4_hdr*>(ip);
    return classify_protocol(header.next_proto_id, header.time_to_live);
  }
  return ether_type == Be16::from_host(RTE_ETHER_TYPE_IPV6).raw
             ? classify_ipv6_multicast(ip, contiguous - kEthernetBytes)
             : ParseVerdict::kOther;
}

inline ParseVerdict classify_foreign_mac(const uint8_t* frame, uint32_t contiguous,
                                         const Mac& port_mac) {
  if (std::memcmp(frame + RTE_ETHER_ADDR_LEN, port_mac.bytes.data(), port_mac.bytes.size()) == 0) {
    return ParseVerdict::kOwnFrame;
  }
  if ((frame[0] & 1) == 0) {
    return ParseVerdict::kNotOurMac;
  }
  // Nobody answers or forwards ICMP that came in a multicast frame but the kernel (RFC 1122 3.2.2).
  const ParseVerdict verdict = classify_multicast(frame, contiguous);
  return verdict == ParseVerdict::kIcmp ? ParseVerdict::kOther : verdict;
}

// Checks the transport header at fields.l4_offset and reads the ports.
template <typename Key>
ParseVerdict parse_l4(const uint8_t* frame, uint32_t available, uint32_t l4_bytes, Key& key,
                      PacketFields& fields) {
  const uint8_t* l4 = frame + fields.l4_offset;
  if (key.protocol == IPPROTO_TCP) {
    if (l4_bytes < sizeof(rte_tcp_hdr) || available < sizeof(rte_tcp_hdr)) {
      return ParseVerdict::kBadL4Header;
    }
    const uint32_t header_bytes = (l4[12] >> 4) * 4U;
    if (header_bytes < sizeof(rte_tcp_hdr) || header_bytes > std::min(l4_bytes, available)) {
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

// Reads the IPv4 packet of a frame. Source: RFC 791, RFC 1812 5.3.7 (martians).
template <Land kLand>
ParseVerdict parse_ipv4(const uint8_t* frame, uint32_t contiguous, uint32_t total, FlowKey4& key,
                        PacketFields& fields) {
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
  if (!key.source.is_unicast() || (kLand == Land::kRefused && key.source == key.destination)) {
    return key.source.is_unspecified() ? ParseVerdict::kOther : ParseVerdict::kBadAddress;
  }
  if (header_bytes > sizeof(rte_ipv4_hdr) &&
      has_source_route(frame + kEthernetBytes + sizeof(rte_ipv4_hdr),
                       header_bytes - sizeof(rte_ipv4_hdr))) {
    return ParseVerdict::kSourceRoute;
  }
  constexpr uint16_t kMoreFragmentsOrOffset = 0x3FFF;
  if ((Be16{ip.fragment_offset}.host() & kMoreFragmentsOrOffset) != 0) {
    return ParseVerdict::kFragment;
  }
  if (key.protocol != IPPROTO_TCP && key.protocol != IPPROTO_UDP) {
    return classify_protocol(key.protocol, ip.time_to_live);
  }
  fields.ip_bytes = ip_bytes;
  fields.l4_offset = static_cast<uint8_t>(kEthernetBytes + header_bytes);
  fields.ttl = ip.time_to_live;
  return parse_l4(frame, contiguous - fields.l4_offset, ip_bytes - header_bytes, key, fields);
}

/// Where the extension headers of an IPv6 packet end and what follows them.
struct Ipv6Payload {
  ParseVerdict verdict;  // kFlow, or why the packet goes no further
  uint8_t protocol;
  uint32_t offset;  // from the IP header
};

// Walks hop-by-hop, destination and routing headers (RFC 8200 4) and the fragment header of a
// packet that is whole all the same (RFC 6946). `available` bytes of the packet may be read. More
// headers than kMax no honest host sends (RFC 9098).
inline Ipv6Payload find_ipv6_payload(const uint8_t* ip, uint32_t available) {
  constexpr uint32_t kMaxHeaders = 8, kMaxOffset = 224, kExtensionUnitBytes = 8;
  uint8_t protocol = reinterpret_cast<const rte_ipv6_hdr*>(ip)->proto;
  uint32_t offset = sizeof(rte_ipv6_hdr);
  for (uint32_t headers = 0;; ++headers) {
    if (protocol != IPPROTO_HOPOPTS && protocol != IPPROTO_DSTOPTS && protocol != IPPROTO_ROUTING &&
        protocol != IPPROTO_FRAGMENT) {
      return {ParseVerdict::kFlow, protocol, offset};
    }
    if (headers == kMaxHeaders || offset + kExtensionUnitBytes > available) {
      return {ParseVerdict::kBadIpHeader, protocol, offset};
    }
    if (protocol == IPPROTO_FRAGMENT) {
      const uint16_t place = static_cast<uint16_t>(ip[offset + 2] << 8 | ip[offset + 3]);
      if (RTE_IPV6_GET_FO(place) != 0 || RTE_IPV6_GET_MF(place) != 0) {
        return {ParseVerdict::kFragment, protocol, offset};
      }
      protocol = ip[offset];
      offset += kExtensionUnitBytes;
      continue;
    }
    constexpr uint8_t kSourceRoute = 0;  // type 0, deprecated by RFC 5095
    const bool has_segments_left = ip[offset + 3] != 0;
    if (protocol == IPPROTO_ROUTING && (ip[offset + 2] == kSourceRoute || has_segments_left)) {
      return {ParseVerdict::kSourceRoute, protocol, offset};
    }
    protocol = ip[offset];
    offset += (ip[offset + 1] + 1U) * kExtensionUnitBytes;
    if (offset > kMaxOffset || offset > available) {
      return {ParseVerdict::kBadIpHeader, protocol, offset};
    }
  }
}

// Reads the IPv6 packet of a frame. Source: RFC 8200, RFC 4291 2.5 (addresses no host has).
template <Land kLand>
ParseVerdict parse_ipv6(const uint8_t* frame, uint32_t contiguous, uint32_t total, FlowKey6& key,
                        PacketFields& fields) {
  if (contiguous < kEthernetBytes + sizeof(rte_ipv6_hdr)) {
    return ParseVerdict::kTruncated;
  }
  const uint8_t* packet = frame + kEthernetBytes;
  const auto& ip = *reinterpret_cast<const rte_ipv6_hdr*>(packet);
  const uint32_t ip_bytes = sizeof(rte_ipv6_hdr) + Be16{ip.payload_len}.host();
  if (packet[0] >> 4 != 6) {
    return ParseVerdict::kBadIpHeader;
  }
  if (kEthernetBytes + ip_bytes > total) {
    return ParseVerdict::kTruncated;
  }
  std::memcpy(&key.source, ip.src_addr, 2 * sizeof(Ipv6));  // both addresses
  if (!key.source.is_unicast() || key.destination.is_v4_mapped() ||
      (kLand == Land::kRefused && key.source == key.destination)) {
    return key.source.is_unspecified() ? ParseVerdict::kOther : ParseVerdict::kBadAddress;
  }
  const uint32_t available = std::min(contiguous - kEthernetBytes, ip_bytes);
  const Ipv6Payload payload = find_ipv6_payload(packet, available);
  if (payload.verdict != ParseVerdict::kFlow) {
    return payload.verdict;
  }
  key.protocol = payload.protocol;
  if (key.protocol == IPPROTO_ICMPV6) {
    return payload.offset < available ? classify_icmpv6(packet[payload.offset], ip.hop_limits)
                                      : ParseVerdict::kTruncated;
  }
  if (key.protocol != IPPROTO_TCP && key.protocol != IPPROTO_UDP) {
    return classify_protocol(key.protocol, ip.hop_limits);
  }
  fields.ip_bytes = ip_bytes;
  fields.l4_offset = static_cast<uint8_t>(kEthernetBytes + payload.offset);
  fields.ttl = ip.hop_limits;
  return parse_l4(frame, available - payload.offset, ip_bytes - payload.offset, key, fields);
}

static_assert(offsetof(rte_ipv6_hdr, dst_addr) == offsetof(rte_ipv6_hdr, src_addr) + 16 &&
              offsetof(FlowKey6, destination) == 16);

}  // namespace internal

/// Reads one frame. `contiguous` bytes lie at `frame`, `total` is the frame's whole length. Sets
/// fields.is_v6 and, of the key it names, everything for kFlow and the destination for other
/// verdicts; it is unspecified when the frame is a multicast or not IP.
/// Cost: touches the headers once, no allocation.  Source: RFC 791, 8200, 9293, 768.
template <Land kLand = Land::kRefused>
ParseVerdict parse(const uint8_t* frame, uint32_t contiguous, uint32_t total, const Mac& port_mac,
                   FlowKey4& key4, FlowKey6& key6, PacketFields& fields) {
  if (contiguous < kEthernetBytes) {
    return ParseVerdict::kTruncated;
  }
  fields.is_v6 = false;
  const auto& ethernet = *reinterpret_cast<const rte_ether_hdr*>(frame);
  if (std::memcmp(&ethernet.dst_addr, port_mac.bytes.data(), port_mac.bytes.size()) != 0) {
    key4.destination = {};
    return internal::classify_foreign_mac(frame, contiguous, port_mac);
  }
  if (ethernet.ether_type == Be16::from_host(RTE_ETHER_TYPE_IPV4).raw) {
    return internal::parse_ipv4<kLand>(frame, contiguous, total, key4, fields);
  }
  if (ethernet.ether_type == Be16::from_host(RTE_ETHER_TYPE_IPV6).raw) {
    fields.is_v6 = true;
    return internal::parse_ipv6<kLand>(frame, contiguous, total, key6, fields);
  }
  key4.destination = {};
  return ethernet.ether_type == Be16::from_host(RTE_ETHER_TYPE_ARP).raw ? ParseVerdict::kArp
                                                                        : ParseVerdict::kOther;
}

}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// Bounds and RFC checks of fragments of both IP versions. Worker thread.
#include "lib/net/fragment.h"

#include <netinet/in.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_sctp.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <algorithm>
#include <cstring>

namespace sluice::net {
namespace {

constexpr uint32_t kMaxDatagramBytes = 65'535;
constexpr uint32_t kFragmentUnitBytes = 8;

// The part of an L4 header that never changes its size, 0 for protocols without ports.
uint32_t fixed_header_bytes(uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_TCP:
      return sizeof(rte_tcp_hdr);
    case IPPROTO_UDP:
      return sizeof(rte_udp_hdr);
    case IPPROTO_SCTP:
      return sizeof(rte_sctp_hdr);
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return sizeof(rte_icmp_hdr);
    default:
      return 0;
  }
}

bool has_ports(uint8_t protocol) {
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

// The L4 header of a first fragment: `bytes` of it are in the packet, `contiguous` in one piece.
FragmentVerdict read_l4(std::span<const uint8_t> contiguous, uint32_t bytes, Fragment& fragment) {
  const uint32_t fixed_bytes = fixed_header_bytes(fragment.protocol);
  if (bytes < fixed_bytes) {
    return FragmentVerdict::kTinyFragment;
  }
  if (contiguous.size() < fixed_bytes) {
    return FragmentVerdict::kTruncated;
  }
  if (fragment.protocol == IPPROTO_TCP) {
    const uint32_t header_bytes = (contiguous[12] >> 4) * 4U;
    if (header_bytes < sizeof(rte_tcp_hdr)) {
      return FragmentVerdict::kBadHeader;
    }
    if (bytes < header_bytes) {
      return FragmentVerdict::kTinyFragment;
    }
    if (contiguous.size() < header_bytes) {
      return FragmentVerdict::kTruncated;
    }
  }
  if (has_ports(fragment.protocol)) {
    std::memcpy(&fragment.ports, contiguous.data(), sizeof(fragment.ports));
  }
  return FragmentVerdict::kFragment;
}

// `header_bytes` stay in front of the reassembled payload and count toward its limit.
FragmentVerdict check_place(const Fragment& fragment, uint32_t payload_bytes,
                            uint32_t header_bytes) {
  if (payload_bytes == 0) {
    return FragmentVerdict::kEmpty;
  }
  if (!fragment.is_last && payload_bytes % kFragmentUnitBytes != 0) {
    return FragmentVerdict::kBadLength;
  }
  if (header_bytes + fragment.offset_bytes + payload_bytes > kMaxDatagramBytes) {
    return FragmentVerdict::kTooLong;
  }
  if (fragment.protocol == IPPROTO_TCP && fragment.offset_bytes == kFragmentUnitBytes) {
    return FragmentVerdict::kTinyFragment;
  }
  return FragmentVerdict::kFragment;
}

struct ExtensionChain {
  uint32_t at = sizeof(rte_ipv6_hdr);  // of the first header that is none of the chain
  uint8_t next = 0;                    // that header's kind
  uint32_t fragment_at = 0;            // of the fragment header, 0 for none
};

bool is_extension(uint8_t kind) {
  return kind == IPPROTO_HOPOPTS || kind == IPPROTO_ROUTING || kind == IPPROTO_DSTOPTS ||
         kind == IPPROTO_AH || kind == IPPROTO_FRAGMENT;
}

uint32_t extension_bytes(uint8_t kind, uint8_t length_field) {
  switch (kind) {
    case IPPROTO_FRAGMENT:
      return sizeof(rte_ipv6_fragment_ext);
    case IPPROTO_AH:
      return (length_field + 2U) * 4;
    default:
      return (length_field + 1U) * 8;
  }
}

uint16_t fragment_field(std::span<const uint8_t> packet, uint32_t fragment_at) {
  return static_cast<uint16_t>(packet[fragment_at + 2] << 8 | packet[fragment_at + 3]);
}

// A packet whose headers go on behind its end: a first fragment must have all of them (RFC 7112).
FragmentVerdict cut_short(const ExtensionChain& chain, size_t contiguous, uint32_t packet_bytes) {
  return contiguous < packet_bytes ? FragmentVerdict::kTruncated
         : chain.fragment_at != 0  ? FragmentVerdict::kTinyFragment
                                   : FragmentVerdict::kBadHeader;
}

// Ends at the L4 header, or behind the fragment header of a later fragment. kWhole: all is well.
FragmentVerdict walk(std::span<const uint8_t> packet, uint32_t packet_bytes,
                     ExtensionChain& chain) {
  for (uint32_t headers = 0; is_extension(chain.next); ++headers) {
    if (headers == kMaxExtensionHeaders) {
      return FragmentVerdict::kBadHeader;
    }
    if (chain.at + kFragmentUnitBytes > packet.size()) {
      return cut_short(chain, packet.size(), packet_bytes);
    }
    const uint32_t bytes = extension_bytes(chain.next, packet[chain.at + 1]);
    if (chain.at + bytes > packet.size()) {
      return cut_short(chain, packet.size(), packet_bytes);
    }
    if (chain.next == IPPROTO_ROUTING && packet[chain.at + 3] != 0) {
      return FragmentVerdict::kSourceRoute;
    }
    const bool is_fragment_header = chain.next == IPPROTO_FRAGMENT;
    if (is_fragment_header && chain.fragment_at != 0) {
      return FragmentVerdict::kBadHeader;
    }
    chain.next = packet[chain.at];
    if (is_fragment_header) {
      chain.fragment_at = chain.at;
      if (RTE_IPV6_GET_FO(fragment_field(packet, chain.at)) != 0) {
        chain.at += bytes;
        break;
      }
    }
    chain.at += bytes;
  }
  return FragmentVerdict::kWhole;
}

}  // namespace

FragmentVerdict read_fragment4(std::span<const uint8_t> contiguous, uint32_t total,
                               Fragment& fragment) {
  if (contiguous.size() < sizeof(rte_ipv4_hdr)) {
    return FragmentVerdict::kTruncated;
  }
  const auto& ip = *reinterpret_cast<const rte_ipv4_hdr*>(contiguous.data());
  const uint32_t header_bytes = (ip.version_ihl & RTE_IPV4_HDR_IHL_MASK) * 4U;
  const uint32_t ip_bytes = Be16{ip.total_length}.host();
  if (ip.version_ihl >> 4 != 4 || header_bytes < sizeof(rte_ipv4_hdr) || ip_bytes < header_bytes) {
    return FragmentVerdict::kBadHeader;
  }
  if (ip_bytes > total || header_bytes > contiguous.size()) {
    return FragmentVerdict::kTruncated;
  }
  const uint16_t field = Be16{ip.fragment_offset}.host();
  const bool more_follow = (field & RTE_IPV4_HDR_MF_FLAG) != 0;
  fragment = {.key = {Address(Ipv4{Be32{ip.src_addr}}).v6(), Address(Ipv4{Be32{ip.dst_addr}}).v6(),
                      Be16{ip.packet_id}.host(), ip.next_proto_id},
              .offset_bytes =
                  static_cast<uint16_t>((field & RTE_IPV4_HDR_OFFSET_MASK) * kFragmentUnitBytes),
              .l4_at = static_cast<uint16_t>(header_bytes),
              .protocol = ip.next_proto_id,
              .is_last = !more_follow};
  if (fragment.is_first() && fragment.is_last) {
    return FragmentVerdict::kWhole;
  }
  const uint32_t payload_bytes = ip_bytes - header_bytes;
  fragment.payload_bytes = static_cast<uint16_t>(payload_bytes);
  const FragmentVerdict place = check_place(fragment, payload_bytes, header_bytes);
  return place == FragmentVerdict::kFragment && fragment.is_first()
             ? read_l4(contiguous.subspan(header_bytes), payload_bytes, fragment)
             : place;
}

FragmentVerdict read_fragment6(std::span<const uint8_t> contiguous, uint32_t total,
                               Fragment& fragment) {
  if (contiguous.size() < sizeof(rte_ipv6_hdr)) {
    return FragmentVerdict::kTruncated;
  }
  const auto& ip = *reinterpret_cast<const rte_ipv6_hdr*>(contiguous.data());
  if (contiguous[0] >> 4 != 6) {
    return FragmentVerdict::kBadHeader;
  }
  const uint32_t packet_bytes = sizeof(rte_ipv6_hdr) + Be16{ip.payload_len}.host();
  if (packet_bytes > total) {
    return FragmentVerdict::kTruncated;
  }
  // What lies behind the packet is padding of the link.
  const auto packet = contiguous.first(std::min<size_t>(contiguous.size(), packet_bytes));
  ExtensionChain chain{.next = ip.proto};
  if (const auto verdict = walk(packet, packet_bytes, chain); verdict != FragmentVerdict::kWhole) {
    return verdict;
  }
  fragment = {.key = {.protocol = IPPROTO_FRAGMENT},
              .l4_at = static_cast<uint16_t>(chain.at),
              .fragment_header_at = static_cast<uint16_t>(chain.fragment_at),
              .protocol = chain.next,
              .is_last = true};
  std::memcpy(fragment.key.source.bytes.data(), ip.src_addr, sizeof(Ipv6));
  std::memcpy(fragment.key.destination.bytes.data(), ip.dst_addr, sizeof(Ipv6));
  if (chain.fragment_at == 0) {
    return FragmentVerdict::kWhole;
  }
  const uint16_t field = fragment_field(packet, chain.fragment_at);
  Be32 identification;
  std::memcpy(&identification, packet.data() + chain.fragment_at + 4, sizeof(identification));
  fragment.key.identification = identification.host();
  fragment.offset_bytes = static_cast<uint16_t>(RTE_IPV6_GET_FO(field) * kFragmentUnitBytes);
  fragment.is_last = RTE_IPV6_GET_MF(field) == 0;
  if (fragment.is_first() && fragment.is_last) {
    return FragmentVerdict::kWhole;
  }
  const uint32_t payload_at = chain.fragment_at + sizeof(rte_ipv6_fragment_ext);
  fragment.payload_bytes = static_cast<uint16_t>(packet_bytes - payload_at);
  const auto place =
      check_place(fragment, packet_bytes - payload_at, chain.fragment_at - sizeof(rte_ipv6_hdr));
  return place == FragmentVerdict::kFragment && fragment.is_first()
             ? read_l4(packet.subspan(chain.at), packet_bytes - chain.at, fragment)
             : place;
}

}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// Reads an IP header of either version from bytes that may end early. Workers, for rare packets.
#include "lib/net/ip_header.h"

#include <rte_ip.h>

namespace sluice::net {
namespace {

constexpr uint32_t kMaxExtensionHeaders = 8;

IpHeaderVerdict read_ipv4(std::span<const uint8_t> bytes, IpHeader& header) {
  if (bytes.size() < sizeof(rte_ipv4_hdr)) {
    return IpHeaderVerdict::kTruncated;
  }
  const auto& ip = *reinterpret_cast<const rte_ipv4_hdr*>(bytes.data());
  header.version = IpVersion::kV4;
  header.header_bytes = (ip.version_ihl & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER;
  header.total_bytes = Be16{ip.total_length}.host();
  if (header.header_bytes < sizeof(rte_ipv4_hdr) || header.total_bytes < header.header_bytes) {
    return IpHeaderVerdict::kBadHeader;
  }
  if (bytes.size() < header.header_bytes) {
    return IpHeaderVerdict::kTruncated;
  }
  if (sum_ip_header(bytes.data(), header.header_bytes) != 0xFFFF) {
    return IpHeaderVerdict::kBadChecksum;
  }
  const uint16_t fragment = Be16{ip.fragment_offset}.host();
  header.addresses = {Ipv4{Be32{ip.src_addr}}, Ipv4{Be32{ip.dst_addr}}};
  header.identification = Be16{ip.packet_id}.host();
  header.fragment_offset =
      static_cast<uint16_t>((fragment & RTE_IPV4_HDR_OFFSET_MASK) * RTE_IPV4_HDR_OFFSET_UNITS);
  header.more_fragments = (fragment & RTE_IPV4_HDR_MF_FLAG) != 0;
  header.dont_fragment = (fragment & RTE_IPV4_HDR_DF_FLAG) != 0;
  header.has_fragment_header = false;
  header.is_source_routed = false;
  header.protocol = ip.next_proto_id;
  header.hop_limit = ip.time_to_live;
  header.traffic_class = ip.type_of_service;
  return IpHeaderVerdict::kOk;
}

void read_fragment_header(const uint8_t* extension, IpHeader& header) {
  const auto& fragment = *reinterpret_cast<const rte_ipv6_fragment_ext*>(extension);
  const uint16_t data = Be16{fragment.frag_data}.host();
  header.fragment_offset = static_cast<uint16_t>(data & RTE_IPV6_EHDR_FO_MASK);
  header.more_fragments = (data & RTE_IPV6_EHDR_MF_MASK) != 0;
  header.identification = Be32{fragment.id}.host();
  header.has_fragment_header = true;
}

bool is_extension_header(uint8_t protocol) {
  return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
         protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_DSTOPTS;
}

// Takes the extension header at the end of what `header` covers.
IpHeaderVerdict skip_extension_header(std::span<const uint8_t> bytes, IpHeader& header) {
  constexpr uint32_t kUnitBytes = 8;  // also the least: type, length and six bytes
  if (header.header_bytes + kUnitBytes > bytes.size()) {
    return IpHeaderVerdict::kTruncated;
  }
  const uint8_t* extension = bytes.data() + header.header_bytes;
  const bool is_fragment_header = header.protocol == IPPROTO_FRAGMENT;
  const uint32_t extension_bytes =
      is_fragment_header ? kUnitBytes : (extension[1] + 1) * kUnitBytes;
  header.header_bytes += extension_bytes;
  if (header.header_bytes > header.total_bytes) {
    return IpHeaderVerdict::kBadHeader;
  }
  if (header.header_bytes > bytes.size()) {
    return IpHeaderVerdict::kTruncated;
  }
  constexpr uint32_t kSegmentsLeftAt = 3;
  if (header.protocol == IPPROTO_ROUTING && extension[kSegmentsLeftAt] != 0) {
    header.is_source_routed = true;
  }
  if (is_fragment_header) {
    read_fragment_header(extension, header);
  }
  header.protocol = extension[0];
  return IpHeaderVerdict::kOk;
}

// Leaves protocol and header_bytes at L4, or behind the fragment header of a later fragment.
IpHeaderVerdict skip_extension_headers(std::span<const uint8_t> bytes, IpHeader& header) {
  for (uint32_t i = 0; is_extension_header(header.protocol); ++i) {
    const bool is_second = header.protocol == IPPROTO_FRAGMENT && header.has_fragment_header;
    if (i == kMaxExtensionHeaders || is_second) {
      return IpHeaderVerdict::kBadHeader;
    }
    const IpHeaderVerdict verdict = skip_extension_header(bytes, header);
    if (verdict != IpHeaderVerdict::kOk || header.is_later_fragment()) {
      return verdict;
    }
  }
  return IpHeaderVerdict::kOk;
}

IpHeaderVerdict read_ipv6(std::span<const uint8_t> bytes, IpHeader& header) {
  if (bytes.size() < sizeof(rte_ipv6_hdr)) {
    return IpHeaderVerdict::kTruncated;
  }
  const auto& ip = *reinterpret_cast<const rte_ipv6_hdr*>(bytes.data());
  Ipv6 source, destination;
  std::memcpy(source.bytes.data(), ip.src_addr, sizeof(ip.src_addr));
  std::memcpy(destination.bytes.data(), ip.dst_addr, sizeof(ip.dst_addr));
  if (source.is_v4_mapped() || destination.is_v4_mapped()) {
    return IpHeaderVerdict::kBadAddress;
  }
  header = {
      .addresses = {source, destination},
      .header_bytes = sizeof(rte_ipv6_hdr),
      .total_bytes = static_cast<uint32_t>(sizeof(rte_ipv6_hdr)) + Be16{ip.payload_len}.host(),
      .version = IpVersion::kV6,
      .protocol = ip.proto,
      .hop_limit = ip.hop_limits,
      .traffic_class = static_cast<uint8_t>(Be32{ip.vtc_flow}.host() >> RTE_IPV6_HDR_TC_SHIFT)};
  return skip_extension_headers(bytes, header);
}

}  // namespace

IpHeaderVerdict read_ip_header(std::span<const uint8_t> bytes, IpHeader& header) {
  if (bytes.empty()) {
    return IpHeaderVerdict::kTruncated;
  }
  switch (bytes[0] >> 4) {
    case 4:
      return read_ipv4(bytes, header);
    case 6:
      return read_ipv6(bytes, header);
    default:
      return IpHeaderVerdict::kBadHeader;
  }
}

}  // namespace sluice::net

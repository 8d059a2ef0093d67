// SPDX-License-Identifier: BSD-3-Clause
// Reads an IP header of either version from bytes that may end early. Workers, for rare packets.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <span>

#include "lib/net/pseudo_header.h"

namespace sluice::net {

enum class IpVersion : uint8_t { kV4 = 4, kV6 = 6 };

/// What an IP header says, IPv6 extension headers included.
struct IpHeader {
  AddressPair addresses;
  uint32_t header_bytes = 0;     // with options or extension headers: where L4 starts
  uint32_t total_bytes = 0;      // as the header claims; at least header_bytes
  uint32_t identification = 0;   // 0 in IPv6 without a fragment header
  uint16_t fragment_offset = 0;  // bytes
  IpVersion version = IpVersion::kV4;
  uint8_t protocol = 0;  // of L4; in a later IPv6 fragment what its fragment header names
  uint8_t hop_limit = 0;
  uint8_t traffic_class = 0;
  bool more_fragments = false;
  bool dont_fragment = false;        // IPv4 only
  bool has_fragment_header = false;  // IPv6 only, also of a packet that is whole
  bool is_source_routed = false;     // IPv6 routing header with segments left

  [[nodiscard]] constexpr bool is_v4() const { return version == IpVersion::kV4; }
  [[nodiscard]] constexpr bool is_icmp() const {
    return is_v4() ? protocol == IPPROTO_ICMP : protocol == IPPROTO_ICMPV6;
  }
  [[nodiscard]] constexpr bool is_fragment() const {
    return more_fragments || fragment_offset != 0;
  }
  [[nodiscard]] constexpr bool is_later_fragment() const { return fragment_offset != 0; }
  [[nodiscard]] constexpr uint32_t l4_bytes() const { return total_bytes - header_bytes; }
};

enum class IpHeaderVerdict : uint8_t {
  kOk,
  kTruncated,    // the bytes end before the header does
  kBadHeader,    // lengths that contradict each other, a chain of too many extension headers
  kBadChecksum,  // IPv4
  kBadAddress,   // IPv6 with an IPv4-mapped address, which Address would take for IPv4
};

/// Reads the header at the start of `bytes`. Only the header must be there, L4 need not.
/// Shape: `header` is whole only for kOk.  Cost: at most 8 extension headers.
/// Source: RFC 791, RFC 8200 4.
[[nodiscard]] IpHeaderVerdict read_ip_header(std::span<const uint8_t> bytes, IpHeader& header);

}  // namespace sluice::net

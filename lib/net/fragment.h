// SPDX-License-Identifier: BSD-3-Clause
// Reads where a fragment belongs: its datagram's key and its place in it. Worker thread.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "lib/net/address.h"
#include "lib/net/flow_key.h"

namespace sluice::net {

/// What the fragments of one datagram have in common, in either IP version.
struct FragmentKey {
  Ipv6 source = {};  // an IPv4 address as its mapped one, see Address
  Ipv6 destination = {};
  uint32_t identification = 0;  // host order
  // IPv6: always IPPROTO_FRAGMENT. Its fragments may name different next headers and still be of
  // one datagram (RFC 8200 4.5).
  uint32_t protocol = 0;

  [[nodiscard]] uint32_t hash(const FlowHasher& hasher) const {
    return hasher(std::bit_cast<FlowKey6>(*this));
  }
  friend constexpr bool operator==(const FragmentKey&, const FragmentKey&) = default;
};
static_assert(sizeof(FragmentKey) == sizeof(FlowKey6));

/// The worker, of `workers`, that handles all fragments of the datagram with this key hash. Takes
/// the top of the hash: FragmentTable finds its chains by the bottom.
[[nodiscard]] constexpr uint32_t fragment_owner(uint32_t key_hash, uint32_t workers) {
  return static_cast<uint32_t>(uint64_t{key_hash} * workers >> 32);
}

/// The ports of the flow, which only a first fragment carries: both 0 without TCP, UDP or SCTP. An
/// ICMP echo's identifier is the request's source port and the reply's destination port.
struct FragmentPorts {
  Be16 source;
  Be16 destination;

  friend constexpr bool operator==(const FragmentPorts&, const FragmentPorts&) = default;
};

/// One fragment.
struct Fragment {
  FragmentKey key = {};
  FragmentPorts ports = {};    // of a first fragment
  uint16_t offset_bytes = 0;   // where its payload begins in the datagram's
  uint16_t payload_bytes = 0;  // never 0; offset_bytes + payload_bytes <= 65 535
  // From the start of the IP header: the L4 header of a first fragment, the payload of a later one.
  uint16_t l4_at = 0;
  uint16_t fragment_header_at = 0;  // IPv6: of the header that names it, from the IP header on
  uint8_t protocol = 0;             // of L4; not reliable in later IPv6 fragments
  bool is_last = false;

  [[nodiscard]] bool is_first() const { return offset_bytes == 0; }
  [[nodiscard]] uint16_t end_bytes() const {
    return static_cast<uint16_t>(offset_bytes + payload_bytes);
  }
};

enum class FragmentVerdict : uint8_t {
  kFragment,
  kWhole,        // no fragment, or an atomic one (RFC 6946): only key, l4_at and protocol are set
  kTruncated,    // the frame or its first segment ends too early
  kBadHeader,    // lengths, versions or chains of headers no sender writes
  kSourceRoute,  // IPv6: segments left in a routing header (RFC 5095)
  kEmpty,        // no payload
  kBadLength,    // more follow, but the payload is no multiple of 8 bytes
  kTooLong,      // the datagram would exceed 65 535 bytes
  // A first fragment without its whole L4 header, or a TCP fragment at offset 8, which could
  // overwrite the flags of the first (RFC 1858, RFC 3128; RFC 7112 for IPv6).
  kTinyFragment,
};

/// Reads an IPv4 packet. `contiguous` is what lies in one piece from the IP header on, `total` how
/// much the frame has. Options and checksum are not looked at.  Cost: O(1), no allocation.
/// Source: RFC 791 3.2.
[[nodiscard]] FragmentVerdict read_fragment4(std::span<const uint8_t> contiguous, uint32_t total,
                                             Fragment& fragment);

/// Reads an IPv6 packet, through at most kMaxExtensionHeaders extension headers.
/// Cost: O(1), no allocation.  Source: RFC 8200 4.1, 4.5.
[[nodiscard]] FragmentVerdict read_fragment6(std::span<const uint8_t> contiguous, uint32_t total,
                                             Fragment& fragment);

// A sane packet has each of the five kinds once, and destination options twice (RFC 8200 4.1).
inline constexpr uint32_t kMaxExtensionHeaders = 8;

}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// What addresses do to TCP's, UDP's and ICMPv6's checksums, within and across IP versions. Workers.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "lib/net/address.h"
#include "lib/net/checksum.h"

namespace sluice::net {

/// Two addresses of one IP version, as a header carries them.
struct AddressPair {
  Address source;
  Address destination;

  friend constexpr bool operator==(const AddressPair&, const AddressPair&) = default;
};

/// One's complement sum of the pseudo header, to start sum_words() with. An IPv4 address counts as
/// its mapped one, whose prefix ::ffff sums to 0xFFFF, the other zero.
/// Source: RFC 9293 3.1, RFC 8200 8.1.
[[nodiscard]] inline uint16_t sum_pseudo_header(const AddressPair& addresses, uint8_t protocol,
                                                uint32_t l4_bytes) {
  const uint32_t length = uint32_t{Be16::from_host(static_cast<uint16_t>(l4_bytes)).raw} +
                          Be16::from_host(static_cast<uint16_t>(l4_bytes >> 16)).raw;
  const uint16_t source =
      sum_words(addresses.source.v6().bytes, length + uint32_t{Be16::from_host(protocol).raw});
  return sum_words(addresses.destination.v6().bytes, source);
}

/// The checksum field of a segment or an ICMPv6 message whose field is zero, before UDP's rule.
[[nodiscard]] inline uint16_t full_l4_checksum(const AddressPair& addresses, uint8_t protocol,
                                               std::span<const uint8_t> l4) {
  return static_cast<uint16_t>(
      ~sum_words(l4, sum_pseudo_header(addresses, protocol, static_cast<uint32_t>(l4.size()))));
}

/// What a change of addresses does to a checksum with a pseudo header, also from one IP version to
/// the other: length and protocol count the same in both. Not for ICMP, which has none in IPv4.
[[nodiscard]] inline ChecksumDelta pseudo_header_delta(const AddressPair& before,
                                                       const AddressPair& after) {
  ChecksumDelta delta;
  delta.change16(sum_words(before.source.v6().bytes), sum_words(after.source.v6().bytes));
  delta.change16(sum_words(before.destination.v6().bytes), sum_words(after.destination.v6().bytes));
  return delta;
}

}  // namespace sluice::net

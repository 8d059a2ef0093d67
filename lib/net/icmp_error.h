// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors about sessions: translated in place, or rewritten for the other IP version. Workers.
//
// An error about a packet we translated goes back the way the packet came: its outer addresses are
// those of the other side, and the packet it quotes must look as its sender sent it. Within an IP
// version no size changes, so that is done in place. Between versions every header changes its
// size, so the error is built anew in a buffer; errors are too rare for anything cleverer.
//
// The ICMP checksum is summed anew, not changed incrementally: read_icmp() has proved the old one
// right, the message is short, and a sum cannot inherit a mistake. The quoted checksums are
// changed incrementally, because the quote is seldom whole.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "lib/net/icmp_build.h"
#include "lib/net/icmp_embedded.h"
#include "lib/net/ip_conversion.h"

namespace sluice::net {

/// Where an error goes on, and what it shall quote.
struct IcmpErrorTarget {
  AddressPair addresses;  // of the error itself
  EmbeddedFlow flow;      // of the packet it quotes
};

/// Translates an error in place: addresses, quoted addresses, ports, TCP numbers and all checksums,
/// TTL - 1. Of a quoted later fragment only the addresses. Type, code and extensions stay.
/// Precondition: `message` and `embedded` were read from `packet` (find_embedded() said kFlow or
/// kLaterFragment), `target` has their IP version, the TTL is above 1.
/// Source: RFC 5508 REQ-4, REQ-5.
void translate_icmp_error(std::span<uint8_t> packet, const IcmpMessage& message,
                          const EmbeddedPacket& embedded, const IcmpErrorTarget& target);

/// What the other IP version's error needs to know of the way.
struct ConversionPath {
  uint32_t ipv4_mtu = 0;        // of the link towards the IPv4 side
  uint32_t ipv6_mtu = 0;        // of the link towards the IPv6 side
  uint16_t identification = 0;  // of an IPv4 error, unique for some minutes
};

/// Type, code, pointer and MTU of the error in the other IP version. Extensions do not go along.
/// Errors: nullopt, no counterpart: the error is to be dropped.  Source: RFC 7915 4.2, 5.2.
[[nodiscard]] std::optional<IcmpFields> convert_icmp_fields(const IcmpMessage& message,
                                                            const EmbeddedPacket& embedded,
                                                            const ConversionPath& path);

/// Builds the error for the other IP version as an IP packet at `out`, TTL - 1. At most 576 bytes
/// of IPv4 or 1280 of IPv6; the quote is cut to fit.
/// Precondition: as translate_icmp_error(), but `target` has the other IP version.
/// Errors: 0, the error has no counterpart, or quotes neither TCP nor UDP.
[[nodiscard]] uint32_t convert_icmp_error(std::span<const uint8_t> packet,
                                          const IcmpMessage& message,
                                          const EmbeddedPacket& embedded,
                                          const IcmpErrorTarget& target, const ConversionPath& path,
                                          std::span<uint8_t, kMaxIcmpv6ErrorBytes> out);

}  // namespace sluice::net

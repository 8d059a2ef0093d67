// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors from one IP version to the other (RFC 7915 4.2 and 5.2). Workers, for rare packets.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "lib/net/icmp_build.h"
#include "lib/net/icmp_error.h"
#include "lib/net/ip_conversion.h"

namespace sluice::net {

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

// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors of our own: when one may be sent, and the packet. Workers, rate limited by them.
#pragma once

#include <cstdint>
#include <span>

#include "lib/net/icmp_message.h"

namespace sluice::net {

inline constexpr uint32_t kMaxIcmpv4ErrorBytes = 576;   // RFC 1812 4.3.2.3
inline constexpr uint32_t kMaxIcmpv6ErrorBytes = 1280;  // RFC 4443 2.4 c
inline constexpr uint32_t kLeastIpv4Mtu = 68;           // RFC 791

/// The fields of an error's first eight bytes, host order, without the checksum.
struct IcmpFields {
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t parameter = 0;

  friend constexpr bool operator==(const IcmpFields&, const IcmpFields&) = default;
};

/// Writes them to the start of `icmp`, checksum 0.
void write_icmp_fields(const IcmpFields& fields, std::span<uint8_t> icmp);

/// Sums the whole message `icmp` anew; its addresses count in ICMPv6 only.
void write_icmp_checksum(IpVersion version, const AddressPair& addresses, std::span<uint8_t> icmp);

/// The errors we send, in words of both IP versions.
enum class IcmpErrorKind : uint8_t {
  kTimeExceeded,     // TTL or hop limit used up in transit
  kPacketTooBig,     // IPv4: fragmentation needed and DF set
  kPortUnreachable,  // no server takes it
  kHostUnreachable,  // IPv6: address unreachable
  kAdminProhibited,  // refused by policy or for lack of resources (RFC 5508 REQ-8)
};

struct OwnIcmpError {
  IcmpErrorKind kind;
  Address source;    // of the offending packet's IP version
  uint32_t mtu = 0;  // of kPacketTooBig
};

/// How the frame of a packet was addressed.
enum class LinkDestination : uint8_t { kUnicast, kGroup };

/// Whether an error may be sent about the packet: not about errors, redirects and unknown ICMP,
/// later fragments, frames or packets to a group (but "too big" for IPv6, which multicast needs),
/// and senders that are no single host.
/// Precondition: `ip` was read from `packet`. A directed broadcast is the caller's to know.
/// Source: RFC 1122 3.2.2, RFC 1812 4.3.2.7, RFC 4443 2.4 e.
[[nodiscard]] bool may_send_error_about(std::span<const uint8_t> packet, const IpHeader& ip,
                                        IcmpErrorKind kind, LinkDestination link);

/// Builds the error to the sender of `packet` as an IP packet at `out`: with as much of the packet
/// as fits 576 bytes of IPv4 or 1280 of IPv6, TTL 64, precedence 6 (RFC 1812 4.3.2.5). IPv4 has DF
/// and identification 0: nobody fragments it, so it needs none (RFC 6864).
/// Precondition: `ip` was read from `packet`, which may be a part of it, as quoted by an error.
/// Shape: the number of bytes written.
[[nodiscard]] uint32_t build_icmp_error(const OwnIcmpError& error, std::span<const uint8_t> packet,
                                        const IpHeader& ip,
                                        std::span<uint8_t, kMaxIcmpv6ErrorBytes> out);

}  // namespace sluice::net

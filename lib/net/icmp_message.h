// SPDX-License-Identifier: BSD-3-Clause
// What an ICMP or ICMPv6 message is, and the answer to an echo request. Workers, for rare packets.
#pragma once

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <rte_icmp.h>

#include <cstdint>
#include <span>

#include "lib/net/ip_header.h"

namespace sluice::net {

enum class IcmpVerdict : uint8_t {
  kEchoRequest,
  kEchoReply,
  kError,         // about a packet of a flow; its checksum is right
  kOther,         // queries, redirects, neighbour discovery
  kFragment,      // of a message: no error is one, an echo may be
  kBadIpHeader,   // or no ICMP at all
  kTruncated,     // shorter than its header, or than IP says
  kBadChecksum,   // of an error
  kObsoleteError  // source quench, which nobody may act on (RFC 6633)
};

/// An ICMP message of either version.
struct IcmpMessage {
  IpHeader ip;
  uint8_t type = 0;
  uint8_t code = 0;
  Be32 parameter;  // the second word: identifier and sequence number, MTU, pointer

  [[nodiscard]] uint32_t offset() const { return ip.header_bytes; }
  [[nodiscard]] uint32_t bytes() const { return ip.l4_bytes(); }
  /// Of an echo request or reply.
  [[nodiscard]] Be16 identifier() const { return {static_cast<uint16_t>(parameter.raw)}; }
  /// "Fragmentation needed" or "packet too big".
  [[nodiscard]] bool is_packet_too_big() const {
    return ip.is_v4() ? type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED
                      : type == ICMP6_PACKET_TOO_BIG;
  }
};

/// Reads the IP packet at `packet`, which may be longer than IP says (Ethernet padding). The whole
/// message must lie there. Sets `message` for the echo kinds, kError and kOther.
/// Cost: an error's whole length is summed.  Source: RFC 792, RFC 4443 2.1, RFC 5508 REQ-3.
[[nodiscard]] IcmpVerdict read_icmp(std::span<const uint8_t> packet, IcmpMessage& message);

/// Turns an echo request into its reply in place: addresses, type, checksums, TTL 64. A wrong
/// ICMP checksum stays wrong. IPv4 options go back as they came.
/// Precondition: read_icmp() said kEchoRequest.
/// Errors: false, nothing changed: IPv6 extension headers, which are no part of a reply.
/// Source: RFC 1122 3.2.2.6, RFC 4443 4.2.
[[nodiscard]] bool answer_echo(std::span<uint8_t> packet, const IcmpMessage& message);

}  // namespace sluice::net

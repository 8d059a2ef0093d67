// SPDX-License-Identifier: BSD-3-Clause
// The packet an ICMP error is about: found, read and given new addresses. Workers, rare packets.
#pragma once

#include <cstdint>
#include <span>

#include "lib/net/flow_key.h"
#include "lib/net/icmp_message.h"

namespace sluice::net {

/// A packet quoted by an error, as it was sent: from its sender to its receiver. Truncated, often
/// to 8 bytes of L4 (RFC 792).
///
/// The ports of an ICMP echo are its identifier: a request has it as source port and 0 as
/// destination port, a reply the other way round. So a reply's key is the request's turned around,
/// as with TCP and UDP.
struct EmbeddedPacket {
  IpHeader ip;
  uint32_t offset = 0;  // of its IP header, from the start of the packet that quotes it
  uint32_t bytes = 0;   // that are there, neither padding nor extensions (RFC 4884)
  Be16 source_port;
  Be16 destination_port;
  bool has_ports = false;  // not in a later fragment

  [[nodiscard]] uint32_t l4_offset() const { return offset + ip.header_bytes; }
  [[nodiscard]] uint32_t l4_bytes() const { return bytes - ip.header_bytes; }

  /// Precondition: IPv4.
  [[nodiscard]] FlowKey4 key4() const {
    return {ip.addresses.source.v4(), ip.addresses.destination.v4(), source_port, destination_port,
            ip.protocol};
  }
  /// Precondition: IPv6.
  [[nodiscard]] FlowKey6 key6() const {
    return {ip.addresses.source.v6(), ip.addresses.destination.v6(), source_port, destination_port,
            ip.protocol};
  }
};

enum class EmbeddedVerdict : uint8_t {
  kFlow,           // TCP, UDP, SCTP or ICMP echo with its ports
  kLaterFragment,  // of any protocol: addresses, protocol and identification, no ports
  kNoPorts,        // another protocol; find_tunnelled() may see further
  kTruncated,      // the error ends before the ports do
  kBadHeader,      // of the other IP version, malformed, or its IP checksum is wrong
};

/// Finds the packet that the error `message` at `packet` quotes. Options and extension headers are
/// skipped, L4's checksum is not looked at.
/// Precondition: read_icmp() said kError.  Shape: `embedded` is whole for kFlow, kLaterFragment and
/// kNoPorts.  Source: RFC 5508 REQ-3, RFC 4884 5.
[[nodiscard]] EmbeddedVerdict find_embedded(std::span<const uint8_t> packet,
                                            const IcmpMessage& message, EmbeddedPacket& embedded);

/// As find_embedded(), about the bytes from `offset` to `end` of `packet`.
[[nodiscard]] EmbeddedVerdict read_embedded(std::span<const uint8_t> packet, uint32_t offset,
                                            uint32_t end, EmbeddedPacket& embedded);

/// The MTU of the link that could not take the embedded packet; from a router that does not tell
/// it the next plateau below the packet's length.
/// Precondition: message.is_packet_too_big().  Source: RFC 1191 7.1, RFC 4443 3.2.
[[nodiscard]] uint32_t reported_mtu(const IcmpMessage& message, const EmbeddedPacket& embedded);

/// The flow an embedded packet shall belong to, as its sender sees it.
struct EmbeddedFlow {
  AddressPair addresses;
  Be16 source_port = {};  // an ICMP echo's identifier stands where EmbeddedPacket says
  Be16 destination_port = {};
  int32_t sequence_shift = 0;         // added to a TCP sequence number
  int32_t acknowledgement_shift = 0;  // and to its acknowledgement, when it carries one
};

/// Gives the L4 bytes at `l4` (as many as are there) the ports and TCP numbers of `flow` and brings
/// the checksum along where both its bytes are there. SCTP's checksum is left as it is: it cannot
/// be computed from a part. TCP's SACK blocks are left, no sender reads them in an error.
/// `addresses_delta` is pseudo_header_delta() of the change of addresses.
void rewrite_embedded_l4(const EmbeddedPacket& embedded, const EmbeddedFlow& flow,
                         ChecksumDelta addresses_delta, std::span<uint8_t> l4);

}  // namespace sluice::net

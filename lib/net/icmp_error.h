// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors about sessions, translated in place within an IP version. Workers, rare packets.
//
// An error about a packet we translated goes back the way the packet came: its outer addresses are
// those of the other side, and the packet it quotes must look as its sender sent it. Within an IP
// version no size changes, so that is done in place. Between versions every header changes its
// size, so icmp_conversion.h builds the error anew in a buffer; errors are too rare for anything
// cleverer.
//
// The ICMP checksum is summed anew, not changed incrementally: read_icmp() has proved the old one
// right, the message is short, and a sum cannot inherit a mistake. The quoted checksums are
// changed incrementally, because the quote is seldom whole.
#pragma once

#include <cstdint>
#include <span>

#include "lib/net/icmp_embedded.h"

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

/// Takes `bytes`, which we added to the quoted packet on its way, off the MTU that a too-big error
/// tells, in `packet` and `message`; its checksum is for translate_icmp_error(). Other errors stay.
/// Precondition: as translate_icmp_error().
void lower_reported_mtu(std::span<uint8_t> packet, IcmpMessage& message,
                        const EmbeddedPacket& embedded, uint32_t bytes);

}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// ICMP echo messages of sessions: their flow, and their translation. Workers, rare packets.
#pragma once

#include <cstdint>
#include <span>

#include "lib/net/flow_key.h"
#include "lib/net/icmp_message.h"

namespace sluice::net {

enum class EchoKind : uint8_t { kRequest, kReply };

/// The flow of an echo message: its identifier is the request's source port and the reply's
/// destination port, the other one is 0. So a reply's flow is the request's turned around.
[[nodiscard]] Flow echo_flow(const IcmpMessage& message, EchoKind kind);

/// Gives an echo message the addresses and the identifier of `to`, whose IP version is its own, and
/// brings both checksums along; its TTL or hop limit falls by one. A wrong ICMP checksum stays
/// wrong.
/// Precondition: read_icmp() said that `packet` is a message of that kind, its TTL is above 1.
/// Source: RFC 5508 3.2, RFC 1624 eqn. 3.
void translate_echo(std::span<uint8_t> packet, const IcmpMessage& message, EchoKind kind,
                    const Flow& to);

}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors about our own tunnel packets, made errors about the packets inside. Workers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "lib/net/icmp_build.h"
#include "lib/net/icmp_embedded.h"

namespace sluice::net {

/// Looks one level further: the packet inside a tunnel packet of ours that an error is about.
/// IPIP and IPv6 in either version, GRE (RFC 2784, 2890), and in UDP to `gue_port` GUE without
/// optional fields of its own or bare IP.
/// Precondition: find_embedded() said kFlow or kNoPorts.  Errors: kNoPorts when `outer` is no such
/// tunnel packet; else as find_embedded() about the inner packet. A router that quotes only 8
/// bytes behind the outer header leaves kTruncated; the tunnel's MTU is known all the same.
[[nodiscard]] EmbeddedVerdict find_tunnelled(std::span<const uint8_t> packet,
                                             const EmbeddedPacket& outer, Be16 gue_port,
                                             EmbeddedPacket& inner);

struct TunnelError {
  IcmpErrorKind kind = IcmpErrorKind::kHostUnreachable;
  uint32_t mtu = 0;  // of kPacketTooBig, for the inner packet
};

/// What the sender of `inner` is to be told about `message`, an error about the tunnel packet
/// `outer` around it: "too big" less the tunnel's headers, but no less than inner's IP version
/// promises; "prohibited" the same; anything else that ends a packet "host unreachable", as for
/// the sender the tunnel is one link.  build_icmp_error() makes the packet, from
/// packet.subspan(inner.offset, inner.bytes).
/// Errors: nullopt, a parameter problem is ours alone (an IPv6 tunnel's is not).
/// Source: RFC 2003 4, RFC 2473 8.
[[nodiscard]] std::optional<TunnelError> relay_tunnel_error(const IcmpMessage& message,
                                                            const EmbeddedPacket& outer,
                                                            const EmbeddedPacket& inner);

}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// The PROXY protocol's header, versions 1 (text) and 2 (binary). Any thread; no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "lib/net/address.h"

namespace sluice::net {

enum class ProxyVersion : uint8_t { kNone, kV1, kV2 };

/// The header's bytes. Made anew when needed: a session keeps only its version.
struct ProxyHeader {
  std::array<uint8_t, 108> storage{};  // the longest line of version 1 has 107
  uint8_t size = 0;

  [[nodiscard]] std::span<const uint8_t> bytes() const { return {storage.data(), size}; }
};

/// The header that tells a server its client. The same arguments always give the same bytes.
///
///   version 1: "PROXY TCP4 198.51.100.7 192.0.2.10 51234 80\r\n", TCP only (else 0 bytes)
///   version 2: 28 bytes for IPv4, 52 for IPv6: signature, 0x21, family and protocol, length,
///              client address, VIP address, client port, VIP port
///
/// Client and VIP come from one packet, so they are of one family. If they were not, there is no
/// form for them: "PROXY UNKNOWN\r\n", or version 2's unspecified family (16 bytes), and the
/// server keeps to the connection's own addresses.
/// Source: the PROXY protocol specification 2.1, 2.2.
ProxyHeader make_proxy_header(ProxyVersion version, Protocol protocol, const Endpoint& client,
                              const Endpoint& vip);

// TCP: in front of the client's first byte, see proxy_insert.h. UDP: version 2 in front of the
// payload of every datagram (insert_before_payload), not of the first only: datagrams get lost and
// overtake each other, and servers (BIND, PowerDNS, Unbound, dnsdist) read each one for itself.

}  // namespace sluice::net

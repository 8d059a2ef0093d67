// SPDX-License-Identifier: BSD-3-Clause
// A session as both its sides see it, and errors about its packets. Tests.
#pragma once

#include "tests/unit/lib/net/ip_packets.h"

namespace sluice::test {

// One session of each version: what the client's side sees, what the server's side sees.
inline const Flow kClient4 = flow("198.51.100.7", 40'000, "192.0.2.10", 80);
inline const Flow kServer4 = flow("10.0.0.100", 1'024, "10.0.0.1", 8'080);
inline const Flow kClient6 = flow("2001:db8::7", 40'000, "2001:db8:1::10", 80);
inline const Flow kServer6 = flow("fd00::64", 1'024, "fd00::1", 8'080);

// A router on the server's side tells the local address; the VIP tells the client.
inline net::AddressPair outer_before(bool is_v4) {
  return is_v4 ? net::AddressPair{address("10.0.0.254"), kServer4.addresses.source}
               : net::AddressPair{address("fd00::254"), kServer6.addresses.source};
}
inline net::AddressPair outer_after(bool is_v4) {
  return is_v4 ? net::AddressPair{kClient4.addresses.destination, kClient4.addresses.source}
               : net::AddressPair{kClient6.addresses.destination, kClient6.addresses.source};
}

struct Error {
  uint8_t type = 3;
  uint8_t code = 1;
  uint32_t parameter = 0;
  uint8_t hop_limit = 64;
};

inline Bytes error_about(const Bytes& quote, const net::AddressPair& outer, const Error& error) {
  return icmp_packet(outer, error.type, error.code, error.parameter, quote,
                     {.hop_limit = error.hop_limit});
}

// Half a checksum cannot be known and is left.
inline bool ends_within_checksum(uint8_t protocol, size_t l4_bytes) {
  const size_t checksum_at = protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 2;
  return l4_bytes == checksum_at + 1;
}

}  // namespace sluice::test

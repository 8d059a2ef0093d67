// SPDX-License-Identifier: BSD-3-Clause
// The frame that tells neighbours who has an address now, so that they forget its former owner.
// Control thread.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/net/address.h"

namespace sluice::control {

/// A gratuitous ARP request (RFC 5227 3), or for IPv6 an unsolicited neighbour advertisement to all
/// nodes (RFC 4861 7.2.6). Best effort: who misses it asks when its entry grows old.
[[nodiscard]] std::vector<uint8_t> announcement(const net::Mac& mac, const net::Address& address);

/// The link-local address of an interface with that MAC (RFC 4291, appendix A).
[[nodiscard]] net::Ipv6 link_local_address(const net::Mac& mac);

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// The client's address inside packets to the server: TOA in TCP, UOA in UDP. Worker thread.
#pragma once

#include <cstdint>

#include "lib/net/address.h"
#include "lib/net/packet_room.h"
#include "lib/net/tcp_options.h"

namespace sluice::net {

inline constexpr uint32_t kUoaHeaderBytes = 4;  // in front of the option

/// Bytes that TOA takes in a TCP header, by which the server's MSS is lowered: 8 or 20.
constexpr uint8_t toa_bytes(const Address& client) {
  return client.is_v4() ? kClientAddress4Bytes : kClientAddress6Bytes;
}

/// Bytes of a UOA header of protocol 248: 12 or 24.
constexpr uint8_t uoa_bytes(const Address& client) {
  return static_cast<uint8_t>(kUoaHeaderBytes + toa_bytes(client));
}

/// Inserts TOA behind the fixed TCP header: kind 254, length, port, address. The layout is that of
/// the client's address: an IPv6 client's stands in an IPv4 packet just so (NAT64).
///   IPv4: FE 08 port(2) address(4)      IPv6: FE 14 port(2) address(16)
/// The client's own such options must be gone already (strip_client_address).
/// Errors: kHeaderFull above 60 bytes of header, kOverMtu, kNoHeadroom; the packet then goes
/// without, counted.
Insertion insert_toa(PacketRoom& packet, const Endpoint& client);

/// UOA as an IPv4 option of kind 31 (not copied to fragments) behind the fixed IP header:
///   1F 08 port(2) address(4)
/// Moves `l4_offset`. Errors: as insert_toa; kWrongFamily unless packet and client are IPv4.
Insertion insert_uoa_option(PacketRoom& packet, const Endpoint& client);

/// UOA in a header of IP protocol 248 between IP and UDP, for either version; the UDP checksum
/// stays, as the server takes the header out before it looks:
///   family(1 or 2) << 4 | next protocol | length of it all(2) | the option as above, 8 or 20 bytes
/// Moves `l4_offset`. With IPv6 the packet must have no extension header (kWrongFamily).
/// Routers and firewalls on the way must let protocol 248 pass, where the option is often dropped.
Insertion insert_uoa_protocol(PacketRoom& packet, const Endpoint& client);

/// Turns a client's own UOA options into NOPs: only we may tell an address. Returns whether there
/// was one. Nothing moves; the IPv4 checksum follows.
bool strip_uoa_option(const PacketRoom& packet);

/// Servers learn the client of a UDP flow from its first datagrams; some may be lost.
inline constexpr uint32_t kUoaDatagrams = 3;

}  // namespace sluice::net

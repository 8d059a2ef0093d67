// SPDX-License-Identifier: BSD-3-Clause
// The small network the packet tests play in: who lives where, and what their packets look like.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/director.h"
#include "tests/support/frame.h"

namespace sluice::test {

// Two arms: clients behind a gateway on port 0 (wan), servers on-link on port 1 (lan).
// One arm: everything on port 0.
inline constexpr uint8_t kWan = 0;
inline constexpr uint8_t kLan = 1;

inline const net::Mac kWanMac = mac("02:00:00:00:00:01");
inline const net::Mac kLanMac = mac("02:00:00:00:00:02");
inline const net::Mac kGatewayMac = mac("02:00:00:00:01:01");
inline const net::Address kGateway = address("192.0.2.1");

inline const net::Endpoint kClient = endpoint("198.51.100.7:40000");
inline const net::Endpoint kTcpVip = endpoint("192.0.2.10:80");
inline const net::Endpoint kUdpVip = endpoint("192.0.2.10:53");
inline const net::Address kLocalAddress = address("10.0.0.100");

// The same world in IPv6.
inline const net::Address kGateway6 = address("fe80::1");
inline const net::Endpoint kClient6 = endpoint("[2001:db8:f::7]:40000");
inline const net::Endpoint kTcpVip6 = endpoint("[2001:db8::10]:80");
inline const net::Endpoint kUdpVip6 = endpoint("[2001:db8::10]:53");
inline const net::Address kLocalAddress6 = address("2001:db8:a::100");

inline constexpr snapshot::ServerId kServerIds[] = {11, 12, 13};

/// Server 0..2: 10.0.0.1..3, MAC 02:00:00:00:02:01..03.
net::Endpoint server_endpoint(uint32_t index, uint16_t port = 8080);
net::Mac server_mac(uint32_t index);
/// The endpoint L:port that the director speaks from.
net::Endpoint local(uint16_t port);
/// Server 0..2 in IPv6: 2001:db8:a::1..3, with the same MACs.
net::Endpoint server_endpoint6(uint32_t index, uint16_t port = 8080);
/// A client of its own for each `index`.
net::Endpoint client(uint32_t index);

/// A TCP service on kTcpVip with one server by default.
snapshot::ServiceSpec tcp_service(uint32_t servers = 1, const std::string& scheduler = "rr");
/// A UDP service on kUdpVip with one server.
snapshot::ServiceSpec udp_service(uint32_t servers = 1);

std::vector<snapshot::Route> two_arm_routes();
std::vector<Neighbour> two_arm_neighbours();

/// TCP and UDP service with one server each, routes and neighbours all known.
DirectorConfig two_arms();
DirectorConfig one_arm();

/// Addresses a frame as it arrives from the client's side or leaves to it, and the server's.
FrameBuilder from_wan(FrameBuilder frame);
FrameBuilder to_wan(FrameBuilder frame);
FrameBuilder from_server(FrameBuilder frame, uint32_t server = 0);
FrameBuilder to_server(FrameBuilder frame, uint32_t server = 0);

/// What the director tells the sender of `offending`, in either IP version.
Frame time_exceeded(const Frame& offending);
Frame port_unreachable(const Frame& offending);
Frame too_big(const Frame& offending, uint32_t mtu);

}  // namespace sluice::test

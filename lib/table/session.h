// SPDX-License-Identifier: BSD-3-Clause
// The record of one session: all that forwarding a packet of either direction needs, in one line.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "lib/base/ticks.h"
#include "lib/net/flow_key.h"
#include "lib/net/rewrite.h"
#include "lib/table/tcp_state.h"

namespace sluice::table {

using SessionIndex = uint32_t;
inline constexpr SessionIndex kNoSession = UINT32_MAX;
inline constexpr uint32_t kUnused = UINT32_MAX;

/// How packets reach the real server. With the last two its answers do not pass the director.
enum class ForwardingMode : uint8_t { kFullNat, kNat, kDirectRouting, kTunnel };

[[nodiscard]] constexpr bool answers_pass(ForwardingMode mode) {
  return mode == ForwardingMode::kFullNat || mode == ForwardingMode::kNat;
}

/// A session, one cache line: client C:cport -> V:vport, and what leaves toward the server
///
///   FULL-NAT        L:lport -> R:rport     NAT                   C:cport -> R:rport
///   direct routing  C:cport -> V:vport     tunnel  (outer -> R)  C:cport -> V:vport
///
/// It copies what it needs and points into no snapshot: a reload cannot dangle. The keys are not
/// stored, they follow from the two rewrites: what goes to the client came from the server's flow
/// turned around.
struct alignas(64) Session {
  std::array<net::Rewrite, 2> rewrites;                       // by Direction
  std::array<uint16_t, 2> next_hops{UINT16_MAX, UINT16_MAX};  // by Direction, NextHopIndex
  net::Ipv4 server_address;      // R, where packets to the server go by route
  Tick last_seen = 0;            // of the last packet in either direction
  uint32_t server_id = kUnused;  // snapshot::ServerId, or kUnused for a free record
  uint32_t wheel_next = 0;       // owned by ExpiryWheel; the free list while unused
  uint32_t wheel_previous = 0;   // owned by ExpiryWheel
  uint16_t port_pool = 0;        // FULL-NAT: the pool that lent the local port
  uint16_t route_epoch = 0;      // the routes the next hops were looked up with
  SessionState state = SessionState::kNone;
  net::Protocol protocol = net::Protocol::kTcp;
  ForwardingMode mode = ForwardingMode::kFullNat;
  uint8_t unused = 0;

  [[nodiscard]] bool is_used() const { return server_id != kUnused; }

  net::Rewrite& rewrite(Direction direction) { return rewrites[static_cast<size_t>(direction)]; }
  [[nodiscard]] const net::Rewrite& rewrite(Direction direction) const {
    return rewrites[static_cast<size_t>(direction)];
  }
  uint16_t& next_hop(Direction direction) { return next_hops[static_cast<size_t>(direction)]; }

  [[nodiscard]] net::Endpoint client() const {
    const net::Rewrite& back = rewrite(Direction::kToClient);
    return {back.destination, back.destination_port};
  }
  [[nodiscard]] net::Endpoint vip() const {
    const net::Rewrite& back = rewrite(Direction::kToClient);
    return {back.source, back.source_port};
  }
  /// Where the server sees packets come from: FULL-NAT's local endpoint, else the client.
  [[nodiscard]] net::Endpoint local() const {
    const net::Rewrite& forth = rewrite(Direction::kToServer);
    return {forth.source, forth.source_port};
  }
  [[nodiscard]] net::Endpoint server() const {
    return {server_address, rewrite(Direction::kToServer).destination_port};
  }

  /// The next router or neighbour is looked up for this address.
  [[nodiscard]] net::Ipv4 destination(Direction direction) const {
    return direction == Direction::kToServer ? server_address
                                             : rewrite(Direction::kToClient).destination;
  }

  /// The part of the TCP state table that a packet of `direction` is looked up in.
  [[nodiscard]] SegmentOrigin segment_origin(Direction direction) const {
    return !answers_pass(mode)                 ? SegmentOrigin::kClientAlone
           : direction == Direction::kToServer ? SegmentOrigin::kClient
                                               : SegmentOrigin::kServer;
  }

  /// The key of packets from the client (C -> V), or from the server, when answers pass.
  [[nodiscard]] net::FlowKey4 key(Direction direction) const {
    const bool from_client = direction == Direction::kToServer;
    const net::Endpoint source = from_client ? client() : server();
    const net::Endpoint destination = from_client ? vip() : local();
    return {source.address, destination.address, source.port, destination.port,
            static_cast<uint32_t>(protocol)};
  }
};

static_assert(sizeof(Session) == 64 && std::is_trivially_copyable_v<Session>);

}  // namespace sluice::table

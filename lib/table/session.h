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

/// One direction's way out: the translation and the neighbour that gets the packet.
struct Path {
  net::Rewrite rewrite;
  uint16_t next_hop = UINT16_MAX;  // snapshot::NextHopIndex
  uint16_t unused = 0;
};

/// A FULL-NAT session, client C:cport -> V:vport and L:lport -> R:rport, one cache line.
///
/// It copies what it needs and points into no snapshot: a reload cannot dangle. The keys are not
/// stored, they follow from the two rewrites: what goes to the client came from the server's flow
/// turned around.
struct alignas(64) Session {
  std::array<Path, 2> paths;     // by Direction
  Tick last_seen = 0;            // of the last packet in either direction
  uint32_t server_id = kUnused;  // snapshot::ServerId, or kUnused for a free record
  uint32_t wheel_next = 0;       // owned by ExpiryWheel; the free list while unused
  uint32_t wheel_previous = 0;   // owned by ExpiryWheel
  uint16_t port_pool = 0;        // the pool that lent the local port
  uint16_t route_epoch = 0;      // the routes the next hops were looked up with
  SessionState state = SessionState::kNone;
  net::Protocol protocol = net::Protocol::kTcp;

  [[nodiscard]] bool is_used() const { return server_id != kUnused; }

  Path& path(Direction direction) { return paths[static_cast<size_t>(direction)]; }
  [[nodiscard]] const Path& path(Direction direction) const {
    return paths[static_cast<size_t>(direction)];
  }

  [[nodiscard]] net::Endpoint client() const {
    const net::Rewrite& back = path(Direction::kToClient).rewrite;
    return {back.destination, back.destination_port};
  }
  [[nodiscard]] net::Endpoint vip() const {
    const net::Rewrite& back = path(Direction::kToClient).rewrite;
    return {back.source, back.source_port};
  }
  [[nodiscard]] net::Endpoint local() const {
    const net::Rewrite& forth = path(Direction::kToServer).rewrite;
    return {forth.source, forth.source_port};
  }
  [[nodiscard]] net::Endpoint server() const {
    const net::Rewrite& forth = path(Direction::kToServer).rewrite;
    return {forth.destination, forth.destination_port};
  }

  /// The key of packets from the client (C -> V) or from the server (R -> L).
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

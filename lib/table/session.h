// SPDX-License-Identifier: BSD-3-Clause
// The record of one session: all that forwarding a packet of either direction needs, in one line
// for IPv4, in two more for the rest.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "lib/base/ticks.h"
#include "lib/net/flow_key.h"
#include "lib/net/rewrite.h"
#include "lib/net/sequence_shift.h"
#include "lib/table/tcp_state.h"

namespace sluice::table {

using SessionIndex = uint32_t;
inline constexpr SessionIndex kNoSession = UINT32_MAX;
inline constexpr uint32_t kUnused = UINT32_MAX;

/// How packets reach the real server. With direct routing and tunnels its answers do not pass the
/// director. Source NAT has no server of ours: the session's is the remote host.
enum class ForwardingMode : uint8_t { kFullNat, kNat, kDirectRouting, kTunnel, kSnat };

inline constexpr std::array kForwardingModes = {ForwardingMode::kFullNat, ForwardingMode::kNat,
                                                ForwardingMode::kDirectRouting,
                                                ForwardingMode::kTunnel, ForwardingMode::kSnat};

[[nodiscard]] constexpr bool answers_pass(ForwardingMode mode) {
  return mode == ForwardingMode::kFullNat || mode == ForwardingMode::kNat ||
         mode == ForwardingMode::kSnat;
}

/// How a FULL-NAT service's servers learn who their client is; kNone: they see the local address.
enum class ClientAddress : uint8_t {
  kNone,
  kToa,      // TCP option 254
  kProxyV1,  // PROXY protocol, text: TCP
  kProxyV2,  // PROXY protocol, binary: TCP and UDP
  kUoa,      // UDP: a header of IP protocol 248
};

inline constexpr std::array kClientAddresses = {ClientAddress::kNone, ClientAddress::kToa,
                                                ClientAddress::kProxyV1, ClientAddress::kProxyV2,
                                                ClientAddress::kUoa};

/// What a server learns of its client, and of the client's numbers, besides the plain translation.
struct Disclosure {
  ClientAddress client_address = ClientAddress::kNone;
  bool renews_sequence_numbers = false;

  /// Whether packets of the session need more than new addresses.
  [[nodiscard]] constexpr bool is_any() const {
    return client_address != ClientAddress::kNone || renews_sequence_numbers;
  }
};

/// A session, one cache line: client C:cport -> V:vport, and what leaves toward the server
///
///   FULL-NAT        L:lport -> R:rport     NAT                   C:cport -> R:rport
///   direct routing  C:cport -> V:vport     tunnel  (outer -> R)  C:cport -> V:vport
///   source NAT      L:lport -> V:vport, where V is the remote host and R the same
///
/// It copies what it needs and points into no snapshot: a reload cannot dangle. SessionTable knows
/// its flows, which stand in the rewrites or in the extension.
struct alignas(64) Session {
  std::array<net::Rewrite, 2> rewrites;                       // by Direction; plain sessions only
  std::array<uint16_t, 2> next_hops{UINT16_MAX, UINT16_MAX};  // by Direction, NextHopIndex
  uint32_t extension_or_server = 0;  // plain: address of R, else index of the extension
  Tick last_seen = 0;                // of the last packet in either direction
  uint32_t server_id = kUnused;      // snapshot::ServerId, or kUnused for a free record
  uint32_t wheel_next = 0;           // owned by ExpiryWheel; the free list while unused
  uint32_t wheel_previous = 0;       // owned by ExpiryWheel
  uint16_t port_pool = 0;            // FULL-NAT: the pool that lent the local port
  uint16_t route_epoch = 0;          // the routes the next hops were looked up with
  SessionState state = SessionState::kNone;
  net::Protocol protocol = net::Protocol::kTcp;
  ForwardingMode mode = ForwardingMode::kFullNat;
  bool is_extended = false;

  [[nodiscard]] bool is_used() const { return server_id != kUnused; }

  [[nodiscard]] const net::Rewrite& rewrite(Direction direction) const {
    return rewrites[static_cast<size_t>(direction)];
  }
  uint16_t& next_hop(Direction direction) { return next_hops[static_cast<size_t>(direction)]; }

  /// The part of the TCP state table that a packet of `direction` is looked up in.
  [[nodiscard]] SegmentOrigin segment_origin(Direction direction) const {
    return !answers_pass(mode)                 ? SegmentOrigin::kClientAlone
           : direction == Direction::kToServer ? SegmentOrigin::kClient
                                               : SegmentOrigin::kServer;
  }
};

static_assert(sizeof(Session) == 64 && std::is_trivially_copyable_v<Session>);

/// What a session needs besides its record when an address of it is not IPv4, or when its server
/// is told of the client.
struct alignas(64) SessionExtension {
  std::array<net::Flow, 2> flows;               // by Direction, as packets leave
  std::array<net::ChecksumDelta, 2> l4_deltas;  // by Direction, addresses and ports
  net::Address server_address;                  // R, where packets to the server go by route
  uint32_t free_next = kUnused;                 // the free list while unused
  net::SequenceShift shift;                     // TCP with a disclosure
  Disclosure disclosure;
  uint8_t told_datagrams = 0;  // UOA: those that carried it

  [[nodiscard]] const net::Flow& flow(Direction direction) const {
    return flows[static_cast<size_t>(direction)];
  }
};

static_assert(sizeof(SessionExtension) == 128 && std::is_trivially_copyable_v<SessionExtension>);

/// The four endpoints of a session. Direct routing and tunnel: local is the client, and the
/// server's packets carry the VIP.
struct SessionEndpoints {
  net::Endpoint client;
  net::Endpoint vip;
  net::Endpoint local;
  net::Endpoint server;
};

}  // namespace sluice::table

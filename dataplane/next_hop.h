// SPDX-License-Identifier: BSD-3-Clause
// From a destination address to the neighbour that gets the packet. Rare: once a session and route
// change. Worker thread.
#pragma once

#include <rte_ether.h>

#include <cstring>

#include "dataplane/context.h"
#include "dataplane/hairpin.h"
#include "lib/base/result.h"

namespace sluice::dataplane {

/// Asks the control thread to have the neighbour on a route resolved, at most once a tick.
inline void request_next_hop(Context& context, const snapshot::RouteResult& route,
                             const net::Address& destination) {
  const net::Address neighbour = route.is_on_link ? destination : route.gateway_address;
  if (context.resolve_memory.first_in_tick(neighbour, context.now)) {
    context.count(CounterId::kNextHopRequests);
    send_event(context,
               {.kind = Event::Kind::kResolveNextHop, .port = route.port, .address = neighbour});
  }
}

/// Looks the next hop of one direction up anew and stores it in the session. A server of direct
/// routing must be on the link: a gateway would route the VIP back to us, round and round.
/// Errors: the drop reason; a neighbour that is not in the table yet is asked for.
inline std::optional<CounterId> find_next_hop(Context& context, table::Session& session,
                                              table::Direction direction) {
  const net::Address destination = context.sessions.next_address(session, direction);
  uint16_t& next_hop = session.next_hop(direction);
  next_hop = snapshot::kNoNextHop;
  if (turns_back(context, session, direction)) {
    return CounterId::kDropNoRoute;  // it leaves by a ring, not by a port
  }
  const auto route = context.routes->find(destination);
  const bool must_be_on_link = session.mode == table::ForwardingMode::kDirectRouting &&
                               direction == table::Direction::kToServer;
  if (!route || (must_be_on_link && !route->is_on_link)) {
    return CounterId::kDropNoRoute;
  }
  next_hop = route->is_on_link ? context.next_hops->find(route->port, destination) : route->gateway;
  if (next_hop == snapshot::kNoNextHop) {
    request_next_hop(context, *route, destination);
    return CounterId::kDropNoNeighbour;
  }
  return std::nullopt;
}

/// The port of a next hop's word.
inline PortView& port_of(Context& context, uint64_t next_hop) {
  return context.ports[static_cast<uint8_t>(next_hop >> snapshot::NextHopTable::kPortShift)];
}

/// Writes the Ethernet addresses: the neighbour's from its table word, ours from the port.
inline void write_ethernet(uint8_t* frame, uint64_t next_hop_word, const net::Mac& source) {
  std::memcpy(frame, &next_hop_word, RTE_ETHER_ADDR_LEN);
  std::memcpy(frame + RTE_ETHER_ADDR_LEN, source.bytes.data(), RTE_ETHER_ADDR_LEN);
}

/// Asks for the neighbour toward `destination`, which is in the table but not resolved.
inline void request_unresolved(Context& context, const net::Address& destination) {
  if (const auto route = context.routes->find(destination)) {
    request_next_hop(context, *route, destination);
  }
}

/// The table word of the next hop toward `destination`, for packets without a session.
/// Errors: the drop reason; a neighbour that is not known is asked for.
inline tl::expected<uint64_t, CounterId> find_resolved(Context& context,
                                                       const net::Address& destination) {
  const auto route = context.routes->find(destination);
  if (!route) {
    return tl::unexpected(CounterId::kDropNoRoute);
  }
  const snapshot::NextHopIndex index =
      route->is_on_link ? context.next_hops->find(route->port, destination) : route->gateway;
  const uint64_t word = index == snapshot::kNoNextHop ? 0 : context.next_hops->word(index);
  if ((word & snapshot::NextHopTable::kResolvedBit) == 0) {
    request_next_hop(context, *route, destination);
    return tl::unexpected(CounterId::kDropNoNeighbour);
  }
  return word;
}

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// From a destination address to the neighbour that gets the packet. Rare: once a session and route
// change. Worker thread.
#pragma once

#include "dataplane/context.h"

namespace sluice::dataplane {

/// Asks the control thread to have the neighbour on a route resolved, at most once a tick.
inline void request_next_hop(Context& context, const snapshot::RouteResult& route,
                             net::Ipv4 destination) {
  const net::Ipv4 neighbour = route.is_on_link ? destination : route.gateway_address;
  if (context.resolve_memory.first_in_tick(neighbour, context.now)) {
    context.count(CounterId::kNextHopRequests);
    send_event(context,
               {.kind = Event::Kind::kResolveNextHop, .port = route.port, .address = neighbour});
  }
}

/// Looks the next hop of one direction up anew and stores it in the session.
/// Errors: the drop reason; a neighbour that is not in the table yet is asked for.
inline std::optional<CounterId> find_next_hop(Context& context, table::Session& session,
                                              table::Direction direction) {
  const net::Ipv4 destination = session.destination(direction);
  uint16_t& next_hop = session.next_hop(direction);
  next_hop = snapshot::kNoNextHop;
  const auto route = context.routes->find(destination);
  if (!route) {
    return CounterId::kDropNoRoute;
  }
  next_hop = route->is_on_link ? context.next_hops->find(route->port, destination) : route->gateway;
  if (next_hop == snapshot::kNoNextHop) {
    request_next_hop(context, *route, destination);
    return CounterId::kDropNoNeighbour;
  }
  return std::nullopt;
}

/// Asks for the neighbour toward `destination`, which is in the table but not resolved.
inline void request_unresolved(Context& context, net::Ipv4 destination) {
  if (const auto route = context.routes->find(destination)) {
    request_next_hop(context, *route, destination);
  }
}

}  // namespace sluice::dataplane

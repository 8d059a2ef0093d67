// SPDX-License-Identifier: BSD-3-Clause
// From a destination address to the neighbour that gets the packet. Rare: once a session and route
// change. Worker thread.
#pragma once

#include "dataplane/context.h"

namespace sluice::dataplane {

/// Asks the control thread to have `address` resolved, at most once a tick.
inline void request_next_hop(Context& context, uint8_t port, net::Ipv4 address) {
  if (context.resolve_memory.first_in_tick(address, context.now)) {
    context.count(CounterId::kNextHopRequests);
    send_event(context, {.kind = Event::Kind::kResolveNextHop, .port = port, .address = address});
  }
}

/// Looks up the way to `destination` anew and stores it in `path`.
/// Errors: the drop reason; a neighbour that is not in the table yet is asked for.
inline std::optional<CounterId> find_next_hop(Context& context, table::Path& path) {
  const net::Ipv4 destination = path.rewrite.destination;
  path.next_hop = snapshot::kNoNextHop;
  const auto route = context.routes->find(destination);
  if (!route) {
    return CounterId::kDropNoRoute;
  }
  path.next_hop =
      route->is_on_link ? context.next_hops->find(route->port, destination) : route->gateway;
  if (path.next_hop == snapshot::kNoNextHop) {
    if (route->is_on_link) {
      request_next_hop(context, route->port, destination);
    }
    return CounterId::kDropNoNeighbour;
  }
  return std::nullopt;
}

/// Asks for the neighbour a path leads to, which is in the table but not resolved.
inline void request_unresolved(Context& context, const table::Path& path) {
  if (const auto route = context.routes->find(path.rewrite.destination)) {
    request_next_hop(context, route->port,
                     route->is_on_link ? path.rewrite.destination : route->gateway_address);
  }
}

}  // namespace sluice::dataplane

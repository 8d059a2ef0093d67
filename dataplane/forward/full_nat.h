// SPDX-License-Identifier: BSD-3-Clause
// FULL-NAT: client C:cport -> V:vport leaves as L:lport -> R:rport, and the answer the same way
// back.
#pragma once

#include <optional>

#include "dataplane/context.h"
#include "lib/net/rewrite.h"

namespace sluice::dataplane {

/// Makes FULL-NAT sessions. The server needs no set-up: its answers come to L by routing.
struct FullNat {
  struct LocalEndpoint {
    net::Endpoint endpoint;
    uint32_t pool = 0;
  };

  /// Takes a local port toward `server`, from the service's local addresses in turn.
  /// Cost: at most kMaxTries pools.  Errors: nothing, when those have no free port.
  static std::optional<LocalEndpoint> take_local_endpoint(Context& context,
                                                          const snapshot::Service& service,
                                                          const snapshot::Server& server) {
    constexpr uint32_t kMaxTries = 16;
    const auto addresses = context.snapshot->local_addresses_of(service);
    uint32_t& next = context.services[service.id].next_local_address;
    const auto tries = std::min(static_cast<uint32_t>(addresses.size()), kMaxTries);
    for (uint32_t tried = 0; tried < tries; ++tried) {
      next = next + 1 < addresses.size() ? next + 1 : 0;
      const uint32_t pool = addresses[next].id * snapshot::kPortPoolsPerAddress + server.port_pool;
      if (const auto port = context.local_ports.take(pool)) {
        return LocalEndpoint{{addresses[next].address, *port}, pool};
      }
    }
    return std::nullopt;
  }

  /// Prepares both directions of a session from the client's key.
  static void prepare(table::Session& session, const net::FlowKey4& from_client,
                      const LocalEndpoint& local, const net::Endpoint& server) {
    const net::FlowKey4 to_server{local.endpoint.address, server.address, local.endpoint.port,
                                  server.port, from_client.protocol};
    const auto turned_around = [](const net::FlowKey4& key) {
      return net::FlowKey4{key.destination, key.source, key.destination_port, key.source_port,
                           key.protocol};
    };
    session.path(table::Direction::kToServer).rewrite =
        net::Rewrite::between(from_client, to_server);
    session.path(table::Direction::kToClient).rewrite =
        net::Rewrite::between(turned_around(to_server), turned_around(from_client));
    session.port_pool = static_cast<uint16_t>(local.pool);
  }
};

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// FULL-NAT: client C:cport -> V:vport leaves as L:lport -> R:rport, and the answer the same way
// back. The server needs no set-up: its answers come to L by routing.
#pragma once

#include <optional>

#include "dataplane/forward/mode.h"

namespace sluice::dataplane {

struct FullNat {
  static constexpr table::ForwardingMode kMode = table::ForwardingMode::kFullNat;

  /// Errors: no local port is free toward `server`.
  static Opened open(Context& context, const snapshot::Service& service,
                     const snapshot::Server& server, const net::Flow& from_client,
                     table::Session& session) {
    const auto local = take_local_endpoint(context, service, server, session);
    if (local) {
      return net::Flow{*local, server.endpoint, from_client.protocol};
    }
    if (context.no_port_events.allow(context.now)) {
      send_event(context, {.kind = Event::Kind::kNoLocalPort, .address = server.endpoint.address});
    }
    return tl::unexpected(CounterId::kDropNoLocalPort);
  }

  static void close(Context& context, const table::Session& session, const net::Flow& to_server) {
    context.local_ports.release(session.port_pool, to_server.source.port);
  }

 private:
  /// Takes a local port toward `server`, from the service's local addresses in turn.
  /// Cost: at most kMaxTries pools.  Errors: nothing, when those have no free port.
  static std::optional<net::Endpoint> take_local_endpoint(Context& context,
                                                          const snapshot::Service& service,
                                                          const snapshot::Server& server,
                                                          table::Session& session) {
    constexpr uint32_t kMaxTries = 16;
    const auto addresses =
        context.snapshot->local_addresses_of(service, server.endpoint.address.is_v4());
    uint32_t& next = context.services[service.id].next_local_address;
    const auto tries = std::min(static_cast<uint32_t>(addresses.size()), kMaxTries);
    for (uint32_t tried = 0; tried < tries; ++tried) {
      next = next + 1 < addresses.size() ? next + 1 : 0;
      const uint32_t pool = addresses[next].id * snapshot::kPortPoolsPerAddress + server.port_pool;
      if (const auto port = context.local_ports.take(pool)) {
        session.port_pool = static_cast<uint16_t>(pool);
        return net::Endpoint{addresses[next].address, *port};
      }
    }
    return std::nullopt;
  }
};

static_assert(ForwardMode<FullNat>);

}  // namespace sluice::dataplane

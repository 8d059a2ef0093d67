// SPDX-License-Identifier: BSD-3-Clause
// NAT: client C:cport -> V:vport leaves as C:cport -> R:rport. The director is the servers' way to
// the clients, so answers pass it and leave as V:vport.
#pragma once

#include "dataplane/forward/mode.h"

namespace sluice::dataplane {

struct Nat {
  static constexpr table::ForwardingMode kMode = table::ForwardingMode::kNat;

  static std::optional<CounterId> open(Context& /*context*/, const snapshot::Service& /*service*/,
                                       const snapshot::Server& server,
                                       const net::FlowKey4& from_client, table::Session& session) {
    translate(session, from_client,
              {from_client.source, server.endpoint.address, from_client.source_port,
               server.endpoint.port, from_client.protocol});
    return std::nullopt;
  }

  static void close(Context& /*context*/, const table::Session& /*session*/) {}
};

static_assert(ForwardMode<Nat>);

}  // namespace sluice::dataplane

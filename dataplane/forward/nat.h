// SPDX-License-Identifier: BSD-3-Clause
// NAT: client C:cport -> V:vport leaves as C:cport -> R:rport. The director is the servers' way to
// the clients, so answers pass it and leave as V:vport.
#pragma once

#include "dataplane/forward/mode.h"

namespace sluice::dataplane {

struct Nat {
  static constexpr table::ForwardingMode kMode = table::ForwardingMode::kNat;

  static Opened open(Context& /*context*/, const snapshot::Service& /*service*/,
                     const snapshot::Server& server, const net::Flow& from_client,
                     table::Session& /*session*/) {
    return net::Flow{from_client.source, server.endpoint, from_client.protocol};
  }

  static void close(Context& /*context*/, const table::Session& /*session*/,
                    const net::Flow& /*to_server*/) {}
};

static_assert(ForwardMode<Nat>);

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// Direct routing and tunnel: the packet stays C:cport -> V:vport but for its TTL, the server holds
// V and answers the client itself. Direct routing names the server by MAC only, a tunnel by an
// outer header (see encapsulate.h).
#pragma once

#include "dataplane/forward/mode.h"

namespace sluice::dataplane {

template <table::ForwardingMode Mode>
struct Untranslated {
  static constexpr table::ForwardingMode kMode = Mode;

  static Opened open(Context& /*context*/, const snapshot::Service& /*service*/,
                     const snapshot::Server& /*server*/, const net::Flow& from_client,
                     table::Session& /*session*/) {
    return from_client;
  }

  static void close(Context& /*context*/, const table::Session& /*session*/,
                    const net::Flow& /*to_server*/) {}
};

using DirectRouting = Untranslated<table::ForwardingMode::kDirectRouting>;
using Tunnel = Untranslated<table::ForwardingMode::kTunnel>;

static_assert(ForwardMode<DirectRouting> && ForwardMode<Tunnel>);

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// What a forwarding mode is: how a session of it begins and ends. Its packets then need nothing of
// the mode: what happens to them is in the session. Worker thread.
#pragma once

#include <concepts>

#include "dataplane/context.h"
#include "lib/base/result.h"
#include "lib/net/flow_key.h"

namespace sluice::dataplane {

/// What a client's packets leave as, or the reason to drop them.
using Opened = tl::expected<net::Flow, CounterId>;

/// open() tells what a client's packets leave as and takes what that needs, or tells why it cannot;
/// close() gives it back, told the same.
template <typename Mode>
concept ForwardMode = requires(Context& context, const snapshot::Service& service,
                               const snapshot::Server& server, const net::Flow& from_client,
                               table::Session& session) {
  { Mode::kMode } -> std::convertible_to<table::ForwardingMode>;
  { Mode::open(context, service, server, from_client, session) } -> std::same_as<Opened>;
  { Mode::close(context, session, from_client) } -> std::same_as<void>;
};

}  // namespace sluice::dataplane

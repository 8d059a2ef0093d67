// SPDX-License-Identifier: BSD-3-Clause
// What a forwarding mode is: how a session of it begins and ends. Its packets then need nothing of
// the mode: what happens to them is in the session. Worker thread.
#pragma once

#include <concepts>
#include <optional>

#include "dataplane/context.h"
#include "lib/net/rewrite.h"

namespace sluice::dataplane {

/// open() prepares a session's rewrites from the client's key and takes what it needs, or tells why
/// it cannot; close() gives that back.
template <typename Mode>
concept ForwardMode = requires(Context& context, const snapshot::Service& service,
                               const snapshot::Server& server, const net::FlowKey4& key,
                               table::Session& session) {
  { Mode::kMode } -> std::convertible_to<table::ForwardingMode>;
  { Mode::open(context, service, server, key, session) } -> std::same_as<std::optional<CounterId>>;
  { Mode::close(context, session) } -> std::same_as<void>;
};

[[nodiscard]] inline net::FlowKey4 turned_around(const net::FlowKey4& key) {
  return {key.destination, key.source, key.destination_port, key.source_port, key.protocol};
}

/// Sets both rewrites: `from_client` leaves as `to_server`, answers to that leave as answers to the
/// client.
inline void translate(table::Session& session, const net::FlowKey4& from_client,
                      const net::FlowKey4& to_server) {
  session.rewrite(table::Direction::kToServer) = net::Rewrite::between(from_client, to_server);
  session.rewrite(table::Direction::kToClient) =
      net::Rewrite::between(turned_around(to_server), turned_around(from_client));
}

}  // namespace sluice::dataplane

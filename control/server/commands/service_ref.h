// SPDX-License-Identifier: BSD-3-Clause
// Finds services and servers in a model by what operators call them. Control thread.
#pragma once

#include <cstddef>
#include <string>

#include "control/config/model.h"
#include "control/server/commands/command.h"

namespace sluice::control {

/// The index of the service called `text`: its name, or "tcp:192.0.2.10:80".
/// Errors: no such service, with the nearest name.
[[nodiscard]] tl::expected<size_t, CommandError> find_service(const config::Model& model,
                                                              const std::string& text);

/// The index of the server of `service` at `endpoint`.
/// Errors: no such server, with those there are.
[[nodiscard]] tl::expected<size_t, CommandError> find_server(const config::Service& service,
                                                             const net::Endpoint& endpoint);

/// "tcp:192.0.2.10:80"
[[nodiscard]] std::string address_of(const config::Service& service);

}  // namespace sluice::control

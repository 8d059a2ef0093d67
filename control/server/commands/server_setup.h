// SPDX-License-Identifier: BSD-3-Clause
// What real servers need for the forwarding modes they are in, as commands of iproute2 and sysctl.
// Control thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "control/config/model.h"

namespace sluice::control {

/// One real server as a machine, whatever services it serves.
struct ServerSetup {
  net::Address address;
  std::vector<const config::Service*> services;  // parallel to modes
  std::vector<snapshot::ForwardingMode> modes;
  std::vector<std::string> commands;  // for a root shell, to run in this order
  std::vector<std::string> notes;     // what no command can see to, a sentence each
};

/// The set-up of each real server of `model`, or of one service, in the configuration's order.
/// Owner: the results point into `model`.
[[nodiscard]] std::vector<ServerSetup> server_setups(const config::Model& model,
                                                     std::optional<size_t> service = std::nullopt);

}  // namespace sluice::control

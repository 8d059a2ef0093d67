// SPDX-License-Identifier: BSD-3-Clause
// Every key of the configuration file. Control thread.
#pragma once

#include <string>
#include <vector>

#include "control/config/node_reader.h"

namespace sluice::config {

/// Reads the whole tree into `out`; problems go to the cursor's list.
void read_model(const Cursor& at, Model& out);

/// Each key the reader knows as a path, list items as "[]": "services[].servers[].weight".
[[nodiscard]] std::vector<std::string> known_keys();

}  // namespace sluice::config

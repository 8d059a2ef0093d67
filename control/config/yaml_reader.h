// SPDX-License-Identifier: BSD-3-Clause
// YAML text to Model, with every problem found in one pass. The only user of yaml-cpp's parser.
#pragma once

#include <string>
#include <string_view>

#include "control/config/model.h"
#include "control/config/problem.h"

namespace sluice::config {

/// Reads and validates a configuration file.  Thread: control.
/// Errors: every syntax, key, type, range and cross-reference problem at once, in file order.
[[nodiscard]] Checked<Model> read_file(const std::string& path);

/// The same for text in memory; `name` stands for the file in problems.
[[nodiscard]] Checked<Model> read_text(std::string_view text, const std::string& name);

}  // namespace sluice::config

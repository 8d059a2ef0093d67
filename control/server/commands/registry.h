// SPDX-License-Identifier: BSD-3-Clause
// The commands of the control socket. Control thread.
#pragma once

#include <span>
#include <string_view>

#include "control/server/commands/command.h"

namespace sluice::control {

/// All commands, in the order `help` shows them.
[[nodiscard]] std::span<const Command> all_commands();

/// The command called `name`, or null.
[[nodiscard]] const Command* find_command(std::string_view name);

}  // namespace sluice::control

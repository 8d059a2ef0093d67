// SPDX-License-Identifier: BSD-3-Clause
// The daemon's log: where it goes and how much of it. Control thread only.
#pragma once

#include "control/options.h"
#include "lib/base/result.h"

namespace sluice::control {

/// Sends spdlog's default logger where `options` says, from its level on.
/// Errors: the log file cannot be written.
Status set_up_log(const Options& options);

}  // namespace sluice::control

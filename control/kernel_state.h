// SPDX-License-Identifier: BSD-3-Clause
// What a configuration wants on the taps: port addresses, VIPs, local addresses, routes. Control
// thread.
#pragma once

#include "control/config/model.h"
#include "control/kernel/kernel.h"

namespace sluice::control {

/// The addresses and routes of `model`. VIPs of services with `announce: external` are left to
/// keepalived or BIRD.
[[nodiscard]] KernelState kernel_state(const config::Model& model);

/// Everything that either state wants: what the kernel holds while a change is under way.
[[nodiscard]] KernelState merge(const KernelState& a, const KernelState& b);

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// What a configuration wants on the taps: port addresses, VIPs, local addresses, routes. Control
// thread.
#pragma once

#include <span>

#include "control/config/model.h"
#include "control/draining_address.h"
#include "control/kernel/kernel.h"

namespace sluice::control {

/// The addresses and routes of `model`, and what drains. VIPs of services with `announce: external`
/// are left to keepalived or BIRD.
[[nodiscard]] KernelState kernel_state(const config::Model& model,
                                       std::span<const DrainingAddress> draining = {});

/// What the kernel holds while a change is under way: everything that either state wants, except
/// that a target has one route only, as the kernel's table does, and there `after` prevails.
[[nodiscard]] KernelState transition(const KernelState& before, const KernelState& after);

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// From a configuration to the EAL's command line, so that nobody writes EAL flags by hand. Pure
// functions; control thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "control/config/model.h"
#include "control/sizing.h"

namespace sluice::control {

/// The CPU of each worker: dpdk.worker_cores, or the CPUs of `usable` after dpdk.control_core in
/// turn, again from the first when there are fewer than workers; the control core itself when there
/// is no other. `usable` is ascending.
[[nodiscard]] std::vector<uint32_t> worker_cores(const config::Model& model,
                                                 std::span<const uint32_t> usable);

/// argv for rte_eal_init(), the program's name first. Lcore 0 is the control thread and main lcore,
/// lcore i + 1 is worker i; several lcores may share a CPU.
/// Precondition: a validated model. `usable_cores`: the CPUs this process may run on, ascending.
[[nodiscard]] std::vector<std::string> eal_arguments(const config::Model& model,
                                                     std::span<const uint32_t> usable_cores);

}  // namespace sluice::control

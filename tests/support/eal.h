// SPDX-License-Identifier: BSD-3-Clause
// Starts the EAL for test programs: no huge pages, no devices, no root. Main thread.
#pragma once

namespace sluice::test {

/// One lcore, and the affinity from before: test programs run side by side.
/// Errors: false, after saying why on stderr.
[[nodiscard]] bool start_eal(char* program);

}  // namespace sluice::test

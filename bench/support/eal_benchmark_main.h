// SPDX-License-Identifier: BSD-3-Clause
// main() of the Google benchmark programs that need DPDK memory. Main thread.
#pragma once

#include <cstdint>

namespace sluice::bench {

/// Starts the EAL with `megabytes`, lets `register_benchmarks` add its benchmarks and runs them.
/// Returns the exit status.
int run_with_eal(int argc, char** argv, uint32_t megabytes, void (*register_benchmarks)());

}  // namespace sluice::bench

// SPDX-License-Identifier: BSD-3-Clause
// The clock of all measurements on a shared machine. Any thread.
#pragma once

#include <time.h>

#include <cstdint>

namespace sluice::bench {

/// The CPU time this thread has used. Preemption by other programs does not count.
/// Cost: a system call, so read it around thousands of operations.
inline uint64_t thread_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace sluice::bench

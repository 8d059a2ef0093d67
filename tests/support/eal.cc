// SPDX-License-Identifier: BSD-3-Clause
// The EAL of test programs. Main thread.
#include "tests/support/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>

#include <array>
#include <cstdio>
#include <string>

// The sanitizer asks every program for its options. DPDK keeps what it allocates until the process
// ends, so programs with an EAL, and only they, are not searched for leaks.
extern "C" const char* __asan_default_options();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }  // NOLINT

namespace sluice::test {
namespace {

int first_allowed_cpu(const cpu_set_t& cpus) {
  int cpu = 0;
  while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &cpus)) {
    ++cpu;
  }
  return cpu;
}

}  // namespace

// The affinity comes back afterwards: programs should not all be pinned to the same CPU.
bool start_eal(char* program) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  sched_getaffinity(0, sizeof(cpus), &cpus);
  std::array<std::string, 8> options = {"--no-huge",
                                        "--no-shconf",
                                        "--no-pci",
                                        "--no-telemetry",
                                        "-m",
                                        "64",
                                        "--log-level=*:error",
                                        "--lcores=0@" + std::to_string(first_allowed_cpu(cpus))};
  std::array<char*, options.size() + 1> arguments{program};
  for (size_t i = 0; i < options.size(); ++i) {
    arguments[i + 1] = options[i].data();
  }
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) {
    std::fprintf(stderr, "the EAL does not start: %s\n", rte_strerror(rte_errno));
    return false;
  }
  sched_setaffinity(0, sizeof(cpus), &cpus);
  return true;
}

}  // namespace sluice::test

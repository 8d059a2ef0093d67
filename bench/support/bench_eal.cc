// SPDX-License-Identifier: BSD-3-Clause
// The EAL as benchmarks start it. Main thread.
#include "bench/support/bench_eal.h"

#include <sched.h>

#include <fstream>

namespace sluice::bench {

Pages choose_pages(uint32_t megabytes) {
  std::ifstream file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
  uint64_t free_pages = 0;
  file >> free_pages;
  return free_pages * 2 >= megabytes ? Pages::kHuge : Pages::kSmall;
}

const char* to_string(Pages pages) { return pages == Pages::kHuge ? "2 MiB" : "4 KiB"; }

uint32_t last_allowed_cpu() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  sched_getaffinity(0, sizeof(cpus), &cpus);
  uint32_t last = 0;
  for (uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    last = CPU_ISSET(cpu, &cpus) ? cpu : last;
  }
  return last;
}

std::vector<std::string> eal_arguments(uint32_t megabytes, Pages pages, uint32_t cpu) {
  std::vector<std::string> arguments = {"sluice-bench",
                                        "--no-pci",
                                        "--no-telemetry",
                                        "--log-level=*:error",
                                        "-m",
                                        std::to_string(megabytes),
                                        "--lcores",
                                        "0@" + std::to_string(cpu)};
  if (pages == Pages::kHuge) {
    arguments.emplace_back("--in-memory");
  } else {
    arguments.insert(arguments.end(), {"--no-huge", "--no-shconf"});
  }
  return arguments;
}

}  // namespace sluice::bench

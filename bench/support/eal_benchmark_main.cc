// SPDX-License-Identifier: BSD-3-Clause
// main() of the Google benchmark programs that need DPDK memory. Main thread.
#include "bench/support/eal_benchmark_main.h"

#include <benchmark/benchmark.h>

#include <cstdio>

#include "bench/support/bench_eal.h"
#include "dataplane/eal.h"

namespace sluice::bench {

int run_with_eal(int argc, char** argv, uint32_t megabytes, void (*register_benchmarks)()) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  const Pages pages = choose_pages(megabytes);
  auto eal = dataplane::Eal::start(eal_arguments(megabytes, pages, last_allowed_cpu()));
  if (!eal) {
    std::fprintf(stderr, "%s\n", eal.error().message.c_str());
    return 1;
  }
  benchmark::AddCustomContext("memory_pages", to_string(pages));
  register_benchmarks();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace sluice::bench

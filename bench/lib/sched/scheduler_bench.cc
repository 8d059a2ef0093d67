// SPDX-License-Identifier: BSD-3-Clause
// Picking a real server, for every scheduler of the registry. Main thread.
#include <benchmark/benchmark.h>

#include <vector>

#include "lib/sched/registry.h"
#include "lib/sched/scheduler.h"

namespace sluice::bench {
namespace {

enum class Weights : uint8_t { kEqual, kMixed };

void pick(benchmark::State& state, const sched::SchedulerOps* scheduler, Weights weights) {
  std::vector<sched::Candidate> servers;
  for (uint32_t i = 0; i < state.range(0); ++i) {
    servers.push_back({.server_id = i, .weight = weights == Weights::kEqual ? 1 : 1 + i % 100});
  }
  const sched::Plan plan = sched::make_plan(servers);
  sched::State memory;
  for (auto _ : state) {
    benchmark::DoNotOptimize(scheduler->pick(memory, plan, servers));
  }
}

void register_benchmarks() {
  for (const sched::SchedulerOps* scheduler : sched::kSchedulers) {
    const std::string name(scheduler->name);
    for (const int64_t servers : {3, 100, 10'000}) {
      benchmark::RegisterBenchmark((name + "/equal_weights").c_str(), pick, scheduler,
                                   Weights::kEqual)
          ->Arg(servers);
      benchmark::RegisterBenchmark((name + "/weights_1_to_100").c_str(), pick, scheduler,
                                   Weights::kMixed)
          ->Arg(servers);
    }
  }
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  sluice::bench::register_benchmarks();
  benchmark::RunSpecifiedBenchmarks();
}

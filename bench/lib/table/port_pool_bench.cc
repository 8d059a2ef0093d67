// SPDX-License-Identifier: BSD-3-Clause
// Taking and returning local ports. Main thread.
#include <benchmark/benchmark.h>

#include <deque>

#include "bench/support/eal_benchmark_main.h"
#include "lib/table/port_pool.h"

namespace sluice::bench {
namespace {

constexpr uint32_t kPools = 64;

// Keeps a share of every pool's ports lent and moves on to another pool with each turn.
void take_and_release(benchmark::State& state) {
  auto pool = table::PortPool::create(kPools, 1'024, 65'535, SOCKET_ID_ANY);
  if (!pool) {
    return state.SkipWithError(pool.error().message.c_str());
  }
  struct Lent {
    uint32_t pool;
    net::Be16 port;
  };
  std::deque<Lent> lent;
  const auto lent_a_pool = static_cast<uint32_t>(pool->size() * state.range(0) / 100);
  for (uint32_t i = 0; i < lent_a_pool * kPools; ++i) {
    lent.push_back({i % kPools, *pool->take(i % kPools)});
  }
  uint32_t turn = 0;
  for (auto _ : state) {
    const uint32_t index = ++turn % kPools;
    lent.push_back({index, *pool->take(index)});
    pool->release(lent.front().pool, lent.front().port);
    lent.pop_front();
  }
}

void register_benchmarks() {
  benchmark::RegisterBenchmark("take_and_release/percent_in_use", take_and_release)
      ->Arg(0)
      ->Arg(50)
      ->Arg(99);
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run_with_eal(argc, argv, 64, sluice::bench::register_benchmarks);
}

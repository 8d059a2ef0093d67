// SPDX-License-Identifier: BSD-3-Clause
// Longest prefix match of random destinations. Main thread.
#include <benchmark/benchmark.h>

#include <random>

#include "bench/support/traffic.h"
#include "lib/snapshot/route_table.h"

namespace sluice::bench {
namespace {

void find_route(benchmark::State& state) {
  std::mt19937 random(kSeed);
  snapshot::NextHopTable next_hops(64);
  std::vector<snapshot::Route> routes = {
      {.target = {net::Ipv4{}, 0}, .port = uint8_t{0}, .gateway = net::Ipv4::from_host(1)}};
  while (routes.size() < static_cast<size_t>(state.range(0))) {
    const auto length = static_cast<uint8_t>(12 + random() % 13);
    routes.push_back({.target = {net::Ipv4::from_host(random()), length},
                      .port = uint8_t{1},
                      .gateway = net::Ipv4::from_host(2 + random() % 32)});
  }
  const snapshot::RouteTable table(routes, next_hops, 1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.find(net::Ipv4::from_host(random())));
  }
}
BENCHMARK(find_route)->Arg(1)->Arg(16)->Arg(1'024)->Arg(65'536);

}  // namespace
}  // namespace sluice::bench

// SPDX-License-Identifier: BSD-3-Clause
// Hashing a 16-byte flow key: ours beside DPDK's. Main thread.
#include <benchmark/benchmark.h>
#include <rte_hash_crc.h>
#include <rte_jhash.h>

#include <vector>

#include "bench/support/topology.h"
#include "bench/support/traffic.h"
#include "lib/net/flow_key.h"

namespace sluice::bench {
namespace {

constexpr uint32_t kKeys = 32;  // a burst

std::vector<net::FlowKey4> some_keys() {
  constexpr net::Endpoint kVip{net::Ipv4::from_host(0xC0000201), net::Be16::from_host(80)};
  std::vector<net::FlowKey4> keys;
  for (uint32_t i = 0; i < kKeys; ++i) {
    keys.push_back(client_flow(i, kVip, net::Protocol::kTcp));
  }
  return keys;
}

template <typename Hash>
void hash_burst(benchmark::State& state, Hash hash) {
  const auto keys = some_keys();
  for (auto _ : state) {
    for (const net::FlowKey4& key : keys) {
      benchmark::DoNotOptimize(hash(key));
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * kKeys);
  state.counters["s_per_key"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kKeys,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(hash_burst, flow_hasher, net::FlowHasher(Topology::hash_secret()));
BENCHMARK_CAPTURE(hash_burst, rte_hash_crc,
                  [](const net::FlowKey4& key) { return rte_hash_crc(&key, sizeof(key), 1); });
BENCHMARK_CAPTURE(hash_burst, rte_jhash,
                  [](const net::FlowKey4& key) { return rte_jhash(&key, sizeof(key), 1); });

}  // namespace
}  // namespace sluice::bench

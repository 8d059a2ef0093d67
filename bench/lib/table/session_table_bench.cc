// SPDX-License-Identifier: BSD-3-Clause
// Finding, inserting and erasing sessions, beside plain rte_hash with the same number of entries.
// Main thread.
#include <benchmark/benchmark.h>
#include <rte_hash_crc.h>

#include <memory>
#include <vector>

#include "bench/support/cpu_time.h"
#include "bench/support/eal_benchmark_main.h"
#include "bench/support/topology.h"
#include "bench/support/traffic.h"
#include "lib/table/session_table.h"

namespace sluice::bench {
namespace {

constexpr uint32_t kBurst = 32;
constexpr uint32_t kChurn = 1'024;  // sessions inserted and erased above the live ones

/// Session i of the benchmark: client i through local endpoint i.
void fill(table::SessionTable& sessions, table::SessionIndex index, uint32_t i) {
  const net::Endpoint vip{net::Ipv4::from_host(0xC0000201), net::Be16::from_host(80)};
  const net::FlowKey4 from_client = client_flow(i, vip, net::Protocol::kUdp);
  const net::FlowKey4 to_server{net::Ipv4::from_host(0xC6120100 + (i >> 16)),
                                net::Ipv4::from_host(0xC6120001 + i % 16),
                                net::Be16::from_host(static_cast<uint16_t>(i)),
                                net::Be16::from_host(8'080), from_client.protocol};
  sessions[index].protocol = net::Protocol::kUdp;
  if (!sessions.set_flows(index, net::Flow(from_client), net::Flow(to_server),
                          to_server.destination)) {
    rte_panic("an IPv4 session needs no extension\n");
  }
}

/// A session table with `count` sessions and an rte_hash with the same keys.
struct Tables {
  explicit Tables(uint32_t count)
      : sessions(*table::SessionTable::create("bench_sessions", {count + kChurn, 8},
                                              net::FlowHasher(Topology::hash_secret()),
                                              SOCKET_ID_ANY)) {
    rte_hash_parameters parameters{};
    parameters.name = "bench_plain";
    parameters.entries = std::bit_ceil((count + kChurn) * 2 * 5 / 4 + 1) - 1;
    parameters.key_len = sizeof(net::FlowKey4);
    parameters.hash_func = rte_hash_crc;
    parameters.socket_id = SOCKET_ID_ANY;
    plain.reset(rte_hash_create(&parameters));
    for (uint32_t i = 0; i < count; ++i) {
      const table::SessionIndex index = sessions.allocate();
      fill(sessions, index, i);
      if (sessions.insert(index) != table::SessionTable::Insertion::kDone) {
        rte_panic("a session does not fit into its table\n");
      }
      for (const auto direction : {table::Direction::kToServer, table::Direction::kToClient}) {
        keys.push_back(sessions.received(sessions[index], direction).key4());
        rte_hash_add_key_data(plain.get(), &keys.back(), nullptr);
      }
    }
    std::vector<net::FlowKey4> shuffled;
    for (const uint32_t n : random_order(static_cast<uint32_t>(keys.size()))) {
      shuffled.push_back(keys[n]);
    }
    keys = std::move(shuffled);
    while (keys.size() % kBurst != 0) {
      keys.push_back(keys[keys.size() % (2 * size_t{count})]);
    }
  }

  table::SessionTable sessions;
  HashPtr plain;
  std::vector<net::FlowKey4> keys;  // of both directions in random order, whole bursts
};

/// Tables are expensive to fill: those of the last size are kept for the next benchmark.
class TableKeeper {
 public:
  Tables& of(uint32_t count) {
    if (!tables_ || count_ != count) {
      tables_.reset();  // its names must be free first
      tables_ = std::make_unique<Tables>(count);
      count_ = count;
    }
    return *tables_;
  }

 private:
  std::unique_ptr<Tables> tables_;
  uint32_t count_ = 0;
};
using Keeper = std::shared_ptr<TableKeeper>;

/// Calls `find` with the next burst of keys, over and over.
template <typename Find>
void find_bursts(benchmark::State& state, const std::vector<net::FlowKey4>& keys, Find find) {
  std::array<const void*, kBurst> burst;
  size_t at = 0;
  for (auto _ : state) {
    for (uint32_t i = 0; i < kBurst; ++i) {
      burst[i] = &keys[at + i];
    }
    at = at + kBurst < keys.size() ? at + kBurst : 0;
    if (!find(burst)) {
      return state.SkipWithError("a key was not found");
    }
  }
  state.counters["s_per_key"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kBurst,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

enum class Touch : uint8_t { kNothing, kRecord };

void find_sessions(benchmark::State& state, const Keeper& keeper, Touch touch) {
  Tables& tables = keeper->of(static_cast<uint32_t>(state.range(0)));
  std::array<uint32_t, kBurst> hashes;
  std::array<void*, kBurst> found;
  find_bursts(state, tables.keys, [&](std::array<const void*, kBurst>& keys) {
    for (uint32_t i = 0; i < kBurst; ++i) {
      hashes[i] = tables.sessions.hasher()(*static_cast<const net::FlowKey4*>(keys[i]));
    }
    const uint64_t hits =
        tables.sessions.find_bulk4(keys.data(), hashes.data(), kBurst, found.data());
    if (touch == Touch::kRecord) {
      for (const void* data : found) {
        rte_prefetch0(&tables.sessions[table::SessionRef::from_data(data).index]);
      }
      for (const void* data : found) {
        tables.sessions[table::SessionRef::from_data(data).index].last_seen += 1;
      }
    }
    return hits == (1ULL << kBurst) - 1;
  });
}

void find_plain(benchmark::State& state, const Keeper& keeper) {
  Tables& tables = keeper->of(static_cast<uint32_t>(state.range(0)));
  std::array<int32_t, kBurst> positions;
  find_bursts(state, tables.keys, [&](std::array<const void*, kBurst>& keys) {
    rte_hash_lookup_bulk(tables.plain.get(), keys.data(), kBurst, positions.data());
    return positions[0] >= 0 && positions[kBurst - 1] >= 0;
  });
}

// Inserts and erases kChurn sessions beside the live ones and times the two apart.
void insert_and_erase(benchmark::State& state, const Keeper& keeper) {
  const auto count = static_cast<uint32_t>(state.range(0));
  table::SessionTable& sessions = keeper->of(count).sessions;
  std::array<table::SessionIndex, kChurn> indexes;
  uint64_t inserting = 0;
  uint64_t erasing = 0;
  uint32_t next_client = count;
  for (auto _ : state) {
    const uint64_t start = thread_cpu_ns();
    for (table::SessionIndex& index : indexes) {
      index = sessions.allocate();
      fill(sessions, index, next_client++);
      if (sessions.insert(index) != table::SessionTable::Insertion::kDone) {
        return state.SkipWithError("no room for a session");
      }
    }
    const uint64_t middle = thread_cpu_ns();
    for (const table::SessionIndex index : indexes) {
      sessions.erase(index);
    }
    inserting += middle - start;
    erasing += thread_cpu_ns() - middle;
  }
  const double operations = static_cast<double>(state.iterations()) * kChurn * 1e9;
  state.counters["s_per_insert"] = static_cast<double>(inserting) / operations;
  state.counters["s_per_erase"] = static_cast<double>(erasing) / operations;
}

void register_benchmarks() {
  const auto keeper = std::make_shared<TableKeeper>();
  for (const int64_t count : {1, 1'024, 65'536, 1'048'576}) {
    const auto add = [count](const char* name, auto... arguments) {
      benchmark::RegisterBenchmark(name, arguments...)->Arg(count);
    };
    add("rte_hash_lookup_bulk", find_plain, keeper);
    add("find_bulk", find_sessions, keeper, Touch::kNothing);
    add("find_bulk_and_touch", find_sessions, keeper, Touch::kRecord);
    add("insert_and_erase", insert_and_erase, keeper);
  }
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run_with_eal(argc, argv, 768, sluice::bench::register_benchmarks);
}

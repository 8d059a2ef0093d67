// SPDX-License-Identifier: BSD-3-Clause
// Entering, leaving and expiring sessions. Main thread.
#include <benchmark/benchmark.h>

#include "bench/support/eal_benchmark_main.h"
#include "bench/support/traffic.h"
#include "lib/table/expiry_wheel.h"

namespace sluice::bench {
namespace {

constexpr uint32_t kUnlimited = UINT32_MAX;

struct Sessions {
  DpdkArray<table::Session> records;
  table::ExpiryWheel wheel;
};

// `count` sessions, spread over all slots in random order, as after some minutes of work.
Result<Sessions> make_sessions(uint32_t count) {
  auto records = DpdkArray<table::Session>::create(count, SOCKET_ID_ANY, "sessions");
  if (!records) {
    return tl::unexpected(records.error());
  }
  auto wheel = table::ExpiryWheel::create({records->data(), count}, 0, SOCKET_ID_ANY);
  if (!wheel) {
    return tl::unexpected(wheel.error());
  }
  Tick deadline = 0;
  for (const uint32_t index : random_order(count)) {
    wheel->schedule(index, 1 + deadline++ % (table::ExpiryWheel::kSlots - 1));
  }
  return Sessions{std::move(*records), std::move(*wheel)};
}

// What a TCP session does when it closes: it moves to an earlier slot.
void cancel_and_schedule(benchmark::State& state) {
  const auto count = static_cast<uint32_t>(state.range(0));
  auto sessions = make_sessions(count);
  if (!sessions) {
    return state.SkipWithError(sessions.error().message.c_str());
  }
  const auto order = random_order(count);
  uint32_t at = 0;
  for (auto _ : state) {
    const uint32_t index = order[at];
    at = at + 1 < count ? at + 1 : 0;
    sessions->wheel.cancel(index);
    sessions->wheel.schedule(index, 1 + index % 480);
  }
}

// A turn of the worker's loop when nothing is due: what every poll pays.
void run_with_nothing_due(benchmark::State& state) {
  auto sessions = make_sessions(64);
  if (!sessions) {
    return state.SkipWithError(sessions.error().message.c_str());
  }
  for (auto _ : state) {
    sessions->wheel.run(
        0, 16, [](table::SessionIndex) { return Tick{1}; }, [](table::SessionIndex) {});
    benchmark::ClobberMemory();
  }
}

// Sessions whose slot came although packets kept them alive: each is asked and moves on.
void move_on_living_sessions(benchmark::State& state) {
  const auto count = static_cast<uint32_t>(state.range(0));
  auto sessions = make_sessions(count);
  if (!sessions) {
    return state.SkipWithError(sessions.error().message.c_str());
  }
  uint64_t asked = 0;
  Tick now = 0;
  for (auto _ : state) {
    ++now;
    sessions->wheel.run(
        now, kUnlimited,
        [&](table::SessionIndex index) {
          ++asked;
          return sessions->records[index].last_seen + now + 1'200;
        },
        [](table::SessionIndex) {});
  }
  state.counters["s_per_session"] = benchmark::Counter(
      static_cast<double>(asked), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void register_benchmarks() {
  benchmark::RegisterBenchmark("run_with_nothing_due", run_with_nothing_due);
  for (const int64_t sessions : {1'024, 65'536, 1'048'576}) {
    benchmark::RegisterBenchmark("cancel_and_schedule", cancel_and_schedule)->Arg(sessions);
    benchmark::RegisterBenchmark("move_on_living_sessions", move_on_living_sessions)
        ->Arg(sessions)
        ->Iterations(8 * table::ExpiryWheel::kSlots);
  }
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run_with_eal(argc, argv, 192, sluice::bench::register_benchmarks);
}

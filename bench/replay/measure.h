// SPDX-License-Identifier: BSD-3-Clause
// Timed rounds and their median. Main thread.
#pragma once

#include <rte_cycles.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bench/support/cpu_time.h"

namespace sluice::bench {

/// What one round took.
struct Round {
  uint64_t packets = 0;
  uint64_t cpu_ns = 0;
  uint64_t tsc = 0;

  [[nodiscard]] double ns_a_packet() const {
    return static_cast<double>(cpu_ns) / static_cast<double>(packets);
  }
  [[nodiscard]] double tsc_ns_a_packet() const {
    return static_cast<double>(tsc) * 1e9 / static_cast<double>(rte_get_tsc_hz()) /
           static_cast<double>(packets);
  }
};

/// Calls `turn`, which returns how many packets it handled, until `cpu_ns` have been used and
/// `min_packets` handled.
template <typename Turn>
Round run_round(uint64_t cpu_ns, uint64_t min_packets, Turn turn) {
  constexpr int kTurnsBetweenClockReads = 256;
  Round round;
  const uint64_t start_tsc = rte_rdtsc();
  const uint64_t start_ns = thread_cpu_ns();
  while (round.cpu_ns < cpu_ns || round.packets < min_packets) {
    for (int i = 0; i < kTurnsBetweenClockReads; ++i) {
      round.packets += turn();
    }
    round.cpu_ns = thread_cpu_ns() - start_ns;
  }
  round.tsc = rte_rdtsc() - start_tsc;
  return round;
}

struct Distribution {
  double median = 0, lowest = 0, highest = 0;
};

inline Distribution distribution(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

}  // namespace sluice::bench

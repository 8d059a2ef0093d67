// SPDX-License-Identifier: BSD-3-Clause
// Coarse time of the packet path: session stamps, deadlines and rate limits count in ticks.
#pragma once

#include <cstdint>

namespace sluice {

/// A point in coarse time since the start of a worker. Wraps after 34 years.
using Tick = uint32_t;

// A quarter of a second: fine enough for the shortest LVS timeout (2 s), coarse enough that a busy
// session's stamp is written four times a second at most.
inline constexpr uint32_t kTicksPerSecond = 4;

[[nodiscard]] constexpr uint32_t seconds_to_ticks(uint32_t seconds) {
  return seconds * kTicksPerSecond;
}

/// Turns the time-stamp counter into ticks without a division.
/// Thread: its worker.
class TickClock {
 public:
  TickClock(uint64_t tsc_per_second, uint64_t now_tsc)
      : tsc_per_tick_(tsc_per_second / kTicksPerSecond), next_tsc_(now_tsc + tsc_per_tick_) {}

  /// The current tick. `now_tsc` never runs backwards; after a long pause it catches up at once.
  Tick advance(uint64_t now_tsc) {
    while (now_tsc >= next_tsc_) {
      ++now_;
      next_tsc_ += tsc_per_tick_;
    }
    return now_;
  }

  [[nodiscard]] Tick now() const { return now_; }

 private:
  uint64_t tsc_per_tick_;
  uint64_t next_tsc_;
  Tick now_ = 0;
};

}  // namespace sluice

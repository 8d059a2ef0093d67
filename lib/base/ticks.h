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

/// Turns the time-stamp counter into microseconds without a division.
/// Source: the counter runs since the machine's start, so does this clock.
class MicrosecondClock {
 public:
  /// `tsc_per_second` of 0 gives a clock that stands still.
  explicit MicrosecondClock(uint64_t tsc_per_second)
      : us_per_tsc_(tsc_per_second == 0 ? 0 : (1'000'000ULL << kShift) / tsc_per_second) {}

  [[nodiscard]] uint64_t at(uint64_t tsc) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<uint64_t>(static_cast<Wide>(tsc) * us_per_tsc_ >> kShift);
  }

 private:
  static constexpr uint32_t kShift = 40;
  uint64_t us_per_tsc_;  // scaled by 2^kShift
};

}  // namespace sluice

// SPDX-License-Identifier: BSD-3-Clause
// A token bucket that is filled by ticks. Worker thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "lib/base/ticks.h"

namespace sluice::dataplane {

/// Allows `per_second` events a second, and as many at once after a quiet second.
class RateLimit {
 public:
  explicit RateLimit(uint32_t per_second)
      : per_second_(per_second), credit_(uint64_t{per_second} * kTicksPerSecond) {}

  [[nodiscard]] bool allow(Tick now) {
    const Tick elapsed = now - last_;
    if (elapsed != 0) {
      last_ = now;
      const uint64_t full = uint64_t{per_second_} * kTicksPerSecond;
      credit_ = std::min(full, credit_ + uint64_t{elapsed} * per_second_);
    }
    if (credit_ < kTicksPerSecond) {
      return false;
    }
    credit_ -= kTicksPerSecond;
    return true;
  }

 private:
  uint32_t per_second_;
  uint64_t credit_;  // in events / kTicksPerSecond, so that a tick earns a whole number
  Tick last_ = 0;
};

}  // namespace sluice::dataplane

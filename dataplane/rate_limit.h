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
  explicit RateLimit(uint32_t per_second) : per_second_(per_second), tokens_(per_second) {}

  [[nodiscard]] bool allow(Tick now) {
    const uint64_t elapsed = now - last_;
    if (elapsed != 0) {
      last_ = now;
      // At least one a tick, or a limit below kTicksPerSecond would mean none at all.
      const uint64_t earned = elapsed * std::max(per_second_ / kTicksPerSecond, 1U);
      tokens_ = static_cast<uint32_t>(std::min<uint64_t>(per_second_, tokens_ + earned));
    }
    if (tokens_ == 0) {
      return false;
    }
    --tokens_;
    return true;
  }

 private:
  uint32_t per_second_;
  uint32_t tokens_;
  Tick last_ = 0;
};

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// A rate limit that may be overdrawn and then says how long to wait. Control thread.
#pragma once

#include <algorithm>
#include <chrono>

namespace sluice::control {

/// `rate` tokens a second, at most `burst` saved up. Time is an argument.
class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;

  TokenBucket(double rate, double burst, Clock::time_point now)
      : rate_(rate), burst_(burst), tokens_(burst), last_(now) {}

  /// Takes `count` tokens, into debt if need be: what a batch costs is known only afterwards.
  void take(double count, Clock::time_point now) {
    refill(now);
    tokens_ -= count;
  }

  /// How long until one whole token is there; 0 when it is.
  [[nodiscard]] Clock::duration wait(Clock::time_point now) {
    refill(now);
    const double missing = std::max(0.0, 1.0 - tokens_);
    return std::chrono::ceil<Clock::duration>(std::chrono::duration<double>(missing / rate_));
  }

 private:
  void refill(Clock::time_point now) {
    const double seconds = std::chrono::duration<double>(now - last_).count();
    tokens_ = std::min(burst_, tokens_ + seconds * rate_);
    last_ = now;
  }

  double rate_;
  double burst_;
  double tokens_;
  Clock::time_point last_;
};

}  // namespace sluice::control

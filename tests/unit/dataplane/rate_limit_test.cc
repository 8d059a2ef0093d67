// SPDX-License-Identifier: BSD-3-Clause
// How much a token bucket lets through: in a burst, in the long run, below one a tick. Tests.
#include "dataplane/rate_limit.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <vector>

namespace sluice::dataplane {
namespace {

uint32_t allowed(RateLimit& limit, Tick now, uint32_t asked) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < asked; ++i) {
    count += limit.allow(now) ? 1 : 0;
  }
  return count;
}

TEST(RateLimit, AllowsASecondsWorthAtOnceAndThenItsRate) {
  RateLimit limit(1'000);
  EXPECT_EQ(allowed(limit, 0, 5'000), 1'000U);
  EXPECT_EQ(allowed(limit, 1, 5'000), 1'000U / kTicksPerSecond);
  EXPECT_EQ(allowed(limit, seconds_to_ticks(100), 5'000), 1'000U) << "quiet time adds no more";
}

TEST(RateLimit, HoldsWhenItIsNoMultipleOfTheTicks) {
  for (const uint32_t per_second : {1U, 2U, 3U, 5U, 7U}) {
    RateLimit limit(per_second);
    uint32_t total = 0;
    for (Tick now = 0; now < seconds_to_ticks(100); ++now) {
      total += allowed(limit, now, 10);
    }
    EXPECT_GE(total, per_second * 100) << per_second;
    EXPECT_LE(total, per_second * 101) << per_second;
  }
}

TEST(RateLimit, OfZeroAllowsNothing) {
  RateLimit limit(0);
  EXPECT_EQ(allowed(limit, 1'000'000, 10), 0U);
}

TEST(RateLimit, TakesTheLargestRateThereIs) {
  RateLimit limit(UINT32_MAX);
  EXPECT_TRUE(limit.allow(0));
  EXPECT_TRUE(limit.allow(UINT32_MAX));
}

// In no stretch of time does more pass than a second's worth and the rate times the stretch.
TEST(RateLimitProperty, NeverExceedsItsRateInAnyStretchOfTime) {
  EXPECT_TRUE(rc::check([](uint8_t per_second, const std::vector<uint8_t>& steps) {
    RateLimit limit(per_second);
    std::vector<Tick> passed;
    Tick now = 0;
    for (const uint8_t step : steps) {
      now += step % 6;
      passed.insert(passed.end(), allowed(limit, now, step / 4U), now);
    }
    for (size_t from = 0; from < passed.size(); ++from) {
      for (size_t to = from; to < passed.size(); ++to) {
        const uint64_t ticks = passed[to] - passed[from];
        RC_ASSERT((to - from + 1) * kTicksPerSecond <=
                  uint64_t{per_second} * (kTicksPerSecond + ticks));
      }
    }
  }));
}

}  // namespace
}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// Coarse time against plain division. Tests.
#include "lib/base/ticks.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <vector>

namespace sluice {
namespace {

constexpr uint64_t kTscPerSecond = 1'000;
constexpr uint64_t kTscPerTick = kTscPerSecond / kTicksPerSecond;

TEST(TickClock, StartsAtZeroWhateverTheCounterShows) {
  TickClock clock(kTscPerSecond, 123'456);
  EXPECT_EQ(clock.now(), 0U);
  EXPECT_EQ(clock.advance(123'456), 0U);
  EXPECT_EQ(clock.advance(123'456 + kTscPerTick - 1), 0U);
  EXPECT_EQ(clock.advance(123'456 + kTscPerTick), 1U);
}

TEST(TickClock, CatchesUpAfterAPause) {
  TickClock clock(kTscPerSecond, 0);
  EXPECT_EQ(clock.advance(kTscPerSecond * 100), seconds_to_ticks(100));
  EXPECT_EQ(clock.now(), seconds_to_ticks(100));
}

TEST(TickClockProperty, CountsAsADivisionWould) {
  EXPECT_TRUE(rc::check([](uint32_t start, const std::vector<uint16_t>& steps) {
    TickClock clock(kTscPerSecond, start);
    uint64_t now = start;
    for (const uint16_t step : steps) {
      now += step;
      RC_ASSERT(clock.advance(now) == (now - start) / kTscPerTick);
    }
  }));
}

TEST(MicrosecondClock, IsTheCounterInMicroseconds) {
  constexpr uint64_t kGigahertz = 1'000'000'000;
  const MicrosecondClock clock(3 * kGigahertz);
  EXPECT_EQ(clock.at(0), 0U);
  const uint64_t year_us = 31'536'000'000'000;
  const uint64_t shown_us = clock.at(year_us * 3'000);
  EXPECT_LE(shown_us, year_us);
  EXPECT_GT(shown_us, year_us - year_us / 100'000'000) << "slower than 10 ppb";
  EXPECT_EQ(MicrosecondClock(0).at(kGigahertz), 0U);
}

}  // namespace
}  // namespace sluice

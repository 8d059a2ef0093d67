// SPDX-License-Identifier: BSD-3-Clause
// The wheel ends every session at its deadline, never before, whatever moved meanwhile. Tests.
#include "lib/table/expiry_wheel.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rte_memory.h>

#include <map>
#include <numeric>
#include <set>
#include <vector>

namespace sluice::table {
namespace {

constexpr uint32_t kNoLimit = UINT32_MAX;

/// A wheel over plain sessions whose deadlines are told by a map.
class World {
 public:
  explicit World(uint32_t sessions, Tick now = 0)
      : sessions_(sessions), wheel_(must(ExpiryWheel::create(sessions_, now, SOCKET_ID_ANY))) {}

  void schedule(SessionIndex index, Tick deadline) {
    deadlines[index] = deadline;
    wheel_.schedule(index, deadline);
  }

  /// As a packet does: the wheel learns of it when it asks.
  void touch(SessionIndex index, Tick deadline) { deadlines[index] = deadline; }

  void cancel(SessionIndex index) {
    wheel_.cancel(index);
    deadlines.erase(index);
  }

  std::set<SessionIndex> run(Tick now, uint32_t budget = kNoLimit) {
    std::set<SessionIndex> expired;
    asked = 0;
    wheel_.run(
        now, budget,
        [&](SessionIndex index) {
          ++asked;
          return deadlines.at(index);
        },
        [&](SessionIndex index) {
          EXPECT_TRUE(expired.insert(index).second) << "expired twice";
          deadlines.erase(index);
        });
    return expired;
  }

  std::map<SessionIndex, Tick> deadlines;
  uint32_t asked = 0;

 private:
  static ExpiryWheel must(Result<ExpiryWheel> wheel) {
    EXPECT_TRUE(wheel);
    return std::move(*wheel);
  }

  std::vector<Session> sessions_;
  ExpiryWheel wheel_;
};

using Indexes = std::set<SessionIndex>;

TEST(ExpiryWheel, ExpiresAtTheDeadlineNotBefore) {
  for (const Tick deadline : {1U, 2U, 4'094U, 4'095U, 4'096U, 4'097U, 100'000U}) {
    World world(1);
    world.schedule(0, deadline);
    EXPECT_EQ(world.run(deadline - 1), Indexes{}) << deadline;
    EXPECT_EQ(world.run(deadline), Indexes{0}) << deadline;
    EXPECT_EQ(world.run(deadline + 10'000), Indexes{}) << deadline;
  }
}

TEST(ExpiryWheel, ExpiresADeadlineOfThePastAtTheNextTick) {
  World world(2, 1'000);
  world.schedule(0, 1'000);
  world.schedule(1, 500);
  EXPECT_EQ(world.run(1'001), (Indexes{0, 1}));
}

TEST(ExpiryWheel, KeepsSessionsThatPacketsTouched) {
  World world(1);
  world.schedule(0, 3'600);
  world.touch(0, 6'600);
  EXPECT_EQ(world.run(3'600), Indexes{});
  EXPECT_EQ(world.run(6'599), Indexes{});
  EXPECT_EQ(world.run(6'600), Indexes{0});
}

TEST(ExpiryWheel, ForgetsCancelledSessionsAnywhereInAList) {
  for (const SessionIndex cancelled : {0U, 1U, 2U, 3U}) {
    World world(4);
    for (SessionIndex index = 0; index < 4; ++index) {
      world.schedule(index, 10);
    }
    world.cancel(cancelled);
    Indexes expected = {0, 1, 2, 3};
    expected.erase(cancelled);
    EXPECT_EQ(world.run(10), expected);
  }
}

TEST(ExpiryWheel, LooksAtNoMoreThanItsBudgetAndGoesOnLater) {
  World world(100);
  for (SessionIndex index = 0; index < 100; ++index) {
    world.schedule(index, 5 + index % 3);
  }
  Indexes all;
  for (uint32_t turn = 0; turn < 10; ++turn) {
    const Indexes expired = world.run(50, 10);
    EXPECT_LE(world.asked, 10U);
    all.insert(expired.begin(), expired.end());
  }
  EXPECT_EQ(all.size(), 100U);
}

TEST(ExpiryWheel, AsksAboutNobodyBeforeTheirSlot) {
  World world(1'000);
  for (SessionIndex index = 0; index < 1'000; ++index) {
    world.schedule(index, 2'000 + index);
  }
  world.run(1'999);
  EXPECT_EQ(world.asked, 0U) << "a scan of everything";
  world.run(2'009);
  EXPECT_EQ(world.asked, 10U);
}

TEST(ExpiryWheel, WorksAcrossTheWrapOfTicks) {
  const Tick start = UINT32_MAX - 100;
  World world(2, start);
  world.schedule(0, start + 200);
  world.schedule(1, start + 6'000);
  EXPECT_EQ(world.run(start + 199), Indexes{});
  EXPECT_EQ(world.run(start + 200), Indexes{0});
  EXPECT_EQ(world.run(start + 5'999), Indexes{});
  EXPECT_EQ(world.run(start + 6'000), Indexes{1});
}

// Model: a map of deadlines. After each run exactly those that passed are gone.
TEST(ExpiryWheelProperty, ExpiresExactlyWhatTheDeadlinesSay) {
  EXPECT_TRUE(rc::check([](Tick start, const std::vector<uint32_t>& commands) {
    constexpr uint32_t kSessions = 16;
    World world(kSessions, start);
    Tick now = start;
    for (const uint32_t command : commands) {
      const SessionIndex index = command % kSessions;
      const uint32_t argument = command / 64 % 10'000 + 1;
      const bool is_known = world.deadlines.contains(index);
      switch (command / 16 % 4) {
        case 0:
          if (is_known) {
            world.cancel(index);
          }
          world.schedule(index, now + argument);
          break;
        case 1:
          if (is_known) {  // only later: what is sooner must be told to the wheel
            world.touch(index, std::max(world.deadlines[index] - now, argument) + now);
          }
          break;
        case 2:
          if (is_known) {
            world.cancel(index);
          }
          break;
        default:
          now += argument / 3;
          Indexes expected;
          for (const auto& [session, deadline] : world.deadlines) {
            if (static_cast<int32_t>(deadline - now) <= 0) {
              expected.insert(session);
            }
          }
          RC_ASSERT(world.run(now) == expected);
      }
    }
  }));
}

}  // namespace
}  // namespace sluice::table

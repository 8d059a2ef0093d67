// SPDX-License-Identifier: BSD-3-Clause
// What every scheduler of the registry promises. Tests.
#include "lib/sched/registry.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <set>

#include "tests/unit/lib/sched/sequence.h"

namespace sluice::sched {
namespace {

TEST(Registry, FindsSchedulersByTheNameIpvsadmUses) {
  EXPECT_EQ(find_scheduler("rr"), &kRoundRobin);
  EXPECT_EQ(find_scheduler("wrr"), &kWeightedRoundRobin);
  EXPECT_EQ(find_scheduler("RR"), nullptr);
  EXPECT_EQ(find_scheduler(""), nullptr);
}

TEST(Registry, NamesAndHelpsAreThereAndDiffer) {
  std::set<std::string_view> names;
  for (const SchedulerOps* scheduler : kSchedulers) {
    EXPECT_TRUE(names.insert(scheduler->name).second) << scheduler->name;
    EXPECT_FALSE(scheduler->help.empty()) << scheduler->name;
  }
}

TEST(Plan, IsTheGcdAndTheMaximumOfTheWeights) {
  const auto plan_of = [](const std::vector<uint32_t>& weights) {
    return Service(kRoundRobin, weights).plan();
  };
  EXPECT_EQ(plan_of({6, 4, 0}).weight_gcd, 2U);
  EXPECT_EQ(plan_of({6, 4, 0}).max_weight, 6U);
  EXPECT_EQ(plan_of({}).weight_gcd, 1U) << "nobody divides by zero";
  EXPECT_EQ(plan_of({0, 0}).weight_gcd, 1U);
  EXPECT_EQ(plan_of({0, 0}).max_weight, 0U);
}

class Conformance : public testing::TestWithParam<const SchedulerOps*> {};

// Lists change at any time, to anything: a pick is a server with weight if there is one.
TEST_P(Conformance, PicksAServerWithWeightWheneverThereIsOne) {
  EXPECT_TRUE(rc::check([](const std::vector<std::vector<uint8_t>>& lists, uint8_t picks) {
    Service service(*GetParam(), {});
    for (const std::vector<uint8_t>& list : lists) {
      std::vector<uint32_t> weights;
      for (const uint8_t seed : list) {
        weights.push_back(seed % 3 == 0 ? 0 : seed);
      }
      service.change(weights);
      const bool can_serve =
          std::any_of(weights.begin(), weights.end(), [](uint32_t w) { return w > 0; });
      for (uint32_t i = 0; i <= picks % 16U; ++i) {
        const auto index = service.pick();
        RC_ASSERT(index.has_value() == can_serve);
        RC_ASSERT((!index || (*index < weights.size() && weights[*index] > 0)));
      }
    }
  }));
}

TEST_P(Conformance, KeepsTheLargestWeightsInRange) {
  Service service(*GetParam(), {65'535, 1});
  const std::string picks = service.picks(65'536 * 2);
  EXPECT_GT(std::count(picks.begin(), picks.end(), 'A'), 0);
  EXPECT_GT(std::count(picks.begin(), picks.end(), 'B'), 0);
  EXPECT_EQ(std::count(picks.begin(), picks.end(), '-'), 0);
}

INSTANTIATE_TEST_SUITE_P(Schedulers, Conformance, testing::ValuesIn(kSchedulers),
                         [](const auto& info) { return std::string(info.param->name); });

}  // namespace
}  // namespace sluice::sched

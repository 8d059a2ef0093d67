// SPDX-License-Identifier: BSD-3-Clause
// Weighted round robin: the exact sequences of LVS. Tests.
#include "lib/sched/wrr.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <numeric>

#include "tests/unit/lib/sched/sequence.h"

namespace sluice::sched {
namespace {

TEST(WeightedRoundRobin, GivesTheSequencesOfLvs) {
  struct Row {
    std::vector<uint32_t> weights;
    std::string sequence;
  };
  for (const Row& row : {Row{{4, 3, 2}, "AABABCABC"}, Row{{2, 1}, "AAB"}, Row{{6, 2, 2}, "AAABC"},
                         Row{{1, 1, 1}, "ABC"}, Row{{100, 100}, "AB"}, Row{{2, 3, 4}, "CBCABCABC"},
                         Row{{5}, "A"}, Row{{0, 3, 0, 1}, "BBBD"}}) {
    Service service(kWeightedRoundRobin, row.weights);
    EXPECT_EQ(service.picks(static_cast<uint32_t>(row.sequence.size() * 3)),
              row.sequence + row.sequence + row.sequence);
  }
}

TEST(WeightedRoundRobin, PicksNothingWithoutWeight) {
  EXPECT_EQ(Service(kWeightedRoundRobin, {}).picks(2), "--");
  EXPECT_EQ(Service(kWeightedRoundRobin, {0, 0}).picks(2), "--");
}

TEST(WeightedRoundRobin, TakesAServerThatGetsWeightAgain) {
  Service service(kWeightedRoundRobin, {0, 0});
  EXPECT_EQ(service.picks(1), "-");
  service.change({0, 2});
  EXPECT_EQ(service.picks(2), "BB");
}

// Source: IPVS: the position returns to the head; the threshold stays unless it is too high now.
TEST(WeightedRoundRobin, StartsFromTheHeadWithItsThresholdAfterAChange) {
  Service service(kWeightedRoundRobin, {4, 3, 2});
  EXPECT_EQ(service.picks(5), "AABAB");  // the threshold is 2 now, C is next
  service.change({4, 3, 2});
  EXPECT_EQ(service.picks(3), "ABC");
  service.change({1, 1, 1});
  EXPECT_EQ(service.picks(4), "ABCA");
}

TEST(WeightedRoundRobin, BringsTheThresholdOntoTheNewSteps) {
  Service service(kWeightedRoundRobin, {5, 3});
  EXPECT_EQ(service.picks(2), "AA");  // thresholds 5 and 4
  service.change({4, 2});             // steps of 2: thresholds 3 and 1; 4 is above 3
  EXPECT_EQ(service.picks(6), "AABAAB");
}

// wrr -> rr -> wrr: the threshold of old, heavy servers must not be walked down step by step. The
// pick that does so reaches B again only after A.
TEST(WeightedRoundRobin, ForgetsAThresholdAboveItsServersAtOnce) {
  Service service(kWeightedRoundRobin, {60'000, 1});
  EXPECT_EQ(service.picks(1), "A");  // B is next, the threshold is 60 000
  service.change_unheard({1, 1});
  EXPECT_EQ(service.picks(3), "BAB");
}

TEST(WeightedRoundRobin, BeginsEachWorkersRotationOnePickLater) {
  for (uint32_t worker = 0; worker < 12; ++worker) {
    Service first(kWeightedRoundRobin, {4, 3, 2});
    first.picks(worker);
    EXPECT_EQ(Service(kWeightedRoundRobin, {4, 3, 2}, worker).picks(9), first.picks(9)) << worker;
  }
  Service service(kWeightedRoundRobin, {1, 1, 1}, 1);
  EXPECT_EQ(service.picks(2), "BC");
  service.change({1, 1, 1, 1});
  EXPECT_EQ(service.picks(2), "BC") << "a reload gathers the workers at the first server";
}

// The form of Linux 2.6.32, written out: thresholds from the maximum down in steps of the gcd.
std::string classic_sequence(const std::vector<uint32_t>& weights, uint32_t count) {
  const uint32_t max = *std::max_element(weights.begin(), weights.end());
  const uint32_t gcd = std::accumulate(weights.begin(), weights.end(), 0U,
                                       [](uint32_t a, uint32_t b) { return std::gcd(a, b); });
  std::string text;
  uint32_t threshold = max;
  for (size_t index = 0; text.size() < count; ++index) {
    if (index == weights.size()) {
      index = 0;
      threshold = threshold > gcd ? threshold - gcd : max;
    }
    if (weights[index] >= threshold) {
      text += static_cast<char>('A' + index);
    }
  }
  return text;
}

std::vector<uint32_t> weights_from(const std::vector<uint8_t>& seeds, uint8_t factor) {
  std::vector<uint32_t> weights;
  for (size_t i = 0; i < std::min<size_t>(seeds.size(), 20); ++i) {
    weights.push_back(seeds[i] % 12 * (factor % 7 + 1U));
  }
  return weights;
}

TEST(WeightedRoundRobinProperty, IsTheClassicSequence) {
  EXPECT_TRUE(rc::check([](const std::vector<uint8_t>& seeds, uint8_t factor) {
    const std::vector<uint32_t> weights = weights_from(seeds, factor);
    RC_PRE(std::any_of(weights.begin(), weights.end(), [](uint32_t w) { return w > 0; }));
    RC_ASSERT(Service(kWeightedRoundRobin, weights).picks(300) == classic_sequence(weights, 300));
  }));
}

TEST(WeightedRoundRobinProperty, IsFairInEveryRoundAndRepeats) {
  EXPECT_TRUE(rc::check([](const std::vector<uint8_t>& seeds, uint8_t factor) {
    const std::vector<uint32_t> weights = weights_from(seeds, factor);
    Service service(kWeightedRoundRobin, weights);
    const uint32_t gcd = service.plan().weight_gcd;
    const uint32_t round = std::accumulate(weights.begin(), weights.end(), 0U) / gcd;
    RC_PRE(round > 0U);
    const std::string first = service.picks(round);
    for (size_t i = 0; i < weights.size(); ++i) {
      RC_ASSERT(std::count(first.begin(), first.end(), static_cast<char>('A' + i)) ==
                static_cast<ptrdiff_t>(weights[i] / gcd));
    }
    RC_ASSERT(service.picks(round) == first);
  }));
}

}  // namespace
}  // namespace sluice::sched

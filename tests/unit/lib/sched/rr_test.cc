// SPDX-License-Identifier: BSD-3-Clause
// Round robin: its sequence, weight 0, lists that change. Tests.
#include "lib/sched/rr.h"

#include <gtest/gtest.h>

#include "tests/unit/lib/sched/sequence.h"

namespace sluice::sched {
namespace {

TEST(RoundRobin, TakesEveryServerInTurnWhateverItsWeight) {
  Service service(kRoundRobin, {1, 5, 100});
  EXPECT_EQ(service.picks(7), "ABCABCA");
}

TEST(RoundRobin, PassesOverWeightZero) {
  Service service(kRoundRobin, {1, 0, 1, 0});
  EXPECT_EQ(service.picks(5), "ACACA");
}

TEST(RoundRobin, FindsTheOnlyServerWithWeightFromAnyPosition) {
  Service service(kRoundRobin, {1, 1, 1});
  EXPECT_EQ(service.picks(2), "AB");
  service.change({0, 1, 0});
  EXPECT_EQ(service.picks(3), "BBB");
}

TEST(RoundRobin, GoesOnWhereItWasAfterAReload) {
  Service service(kRoundRobin, {1, 1, 1});
  EXPECT_EQ(service.picks(2), "AB");
  service.change({2, 2, 2});
  EXPECT_EQ(service.picks(3), "CAB");
  service.change({1, 1, 1, 1});
  EXPECT_EQ(service.picks(4), "CDAB");
  service.change({1});
  EXPECT_EQ(service.picks(2), "AA") << "a position behind the end of a shorter list";
}

TEST(RoundRobin, BeginsEachWorkersRotationOnePickLater) {
  std::string begins;
  for (uint32_t worker = 0; worker < 7; ++worker) {
    begins += Service(kRoundRobin, {1, 1, 1}, worker).picks(1);
  }
  EXPECT_EQ(begins, "ABCABCA");
  EXPECT_EQ(Service(kRoundRobin, {}, 5).picks(1), "-");
}

}  // namespace
}  // namespace sluice::sched

// SPDX-License-Identifier: BSD-3-Clause
// The transaction of a reload: all workers or none, and the old value freed only when nobody reads
// it. The workers are polled by hand instead of being started. Tests.
#include "dataplane/supervisor.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <vector>

namespace sluice::dataplane {
namespace {

using std::chrono_literals::operator""ms;

constexpr uint32_t kWorkers = 2;

class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest() {
    auto supervisor = Supervisor::create(
        {.workers = kWorkers,
         .limits = {.sessions = 16, .services = 4, .servers = 4, .local_addresses = 1},
         .poll = {},
         .punt = {},
         .local_ports = {.first = 1'024, .last = 2'047}},
        {}, next_hops_);
    EXPECT_TRUE(supervisor) << (supervisor ? "" : supervisor.error().message);
    supervisor_ = std::move(*supervisor);
  }

  Status publish(uint64_t generation) {
    snapshot::SnapshotBuilder builder(generation, 4, {1'024, 2'047}, kWorkers);
    return supervisor_->publish(
        std::make_unique<const snapshot::Snapshot>(std::move(builder).build()));
  }

  Status publish_routes(uint16_t epoch) {
    return supervisor_->publish(std::make_unique<const snapshot::RouteTable>(
        std::span<const snapshot::Route>{}, next_hops_, epoch));
  }

  void poll(uint32_t worker) { supervisor_->worker(worker).poll(++now_tsc_); }

  snapshot::NextHopTable next_hops_{4};
  std::unique_ptr<Supervisor> supervisor_;
  uint64_t now_tsc_ = 0;
};

TEST_F(SupervisorTest, IsInstalledWhenEveryWorkerHasAnswered) {
  ASSERT_TRUE(publish(1));
  ASSERT_TRUE(publish_routes(1));
  EXPECT_FALSE(supervisor_->wait_until_installed(0ms));
  EXPECT_FALSE(supervisor_->is_installed());
  for (int turn = 0; turn < 2; ++turn) {
    poll(0);
  }
  const Status waiting = supervisor_->wait_until_installed(0ms);
  ASSERT_FALSE(waiting);
  EXPECT_NE(waiting.error().message.find("worker 1"), std::string::npos);
  for (int turn = 0; turn < 2; ++turn) {
    poll(1);
  }
  EXPECT_TRUE(supervisor_->is_installed());
  EXPECT_TRUE(supervisor_->wait_until_installed(0ms));
}

TEST_F(SupervisorTest, ChangesNothingWhenOneWorkerHangs) {
  uint64_t generation = 0;
  Status published;
  while (published) {  // worker 1 hangs
    ASSERT_LT(++generation, 1'000U);
    published = publish(generation);
    poll(0);
  }
  EXPECT_NE(published.error().message.find("worker 1"), std::string::npos)
      << published.error().message;
  // Worker 0 has room, but got nothing of what was refused.
  EXPECT_EQ(rte_ring_count(supervisor_->worker(0).rings().commands.get()), 0U);
  for (uint64_t turn = 0; turn < generation; ++turn) {
    poll(1);
  }
  EXPECT_TRUE(supervisor_->wait_until_installed(0ms)) << "all that was accepted is installed";
  EXPECT_TRUE(publish(generation));
}

// Address sanitizer is the judge: each poll runs expiry over the snapshot the worker has.
TEST_F(SupervisorTest, FreesNoSnapshotThatAWorkerStillReads) {
  ASSERT_TRUE(publish_routes(1));
  for (uint64_t generation = 1; generation < 50; ++generation) {
    ASSERT_TRUE(publish(generation));
    poll(0);
    if (generation % 3 == 0) {
      poll(1);
      poll(1);
      poll(1);
    }
  }
}

TEST_F(SupervisorTest, HandsListingsBackAndKeepsThemApartFromAcknowledgements) {
  std::vector<SessionInfo> room(4);
  ListSessions listing;
  listing.out = room;
  ASSERT_TRUE(supervisor_->send(1, listing));
  ASSERT_TRUE(publish(1));
  for (int turn = 0; turn < 3; ++turn) {
    poll(0);
    poll(1);
  }
  EXPECT_TRUE(supervisor_->wait_until_installed(0ms));
  EXPECT_EQ(supervisor_->take_completion(0), nullptr);
  EXPECT_EQ(supervisor_->take_completion(1), &listing);
  EXPECT_EQ(supervisor_->take_completion(1), nullptr);
  EXPECT_TRUE(listing.is_done);
  EXPECT_EQ(listing.count, 0U);
}

TEST_F(SupervisorTest, SumsOverItsWorkers) {
  poll(0);
  poll(0);
  poll(1);
  EXPECT_EQ(supervisor_->total(CounterId::kPolls), 3U);
  EXPECT_EQ(supervisor_->total(CounterId::kIdlePolls), 3U);
  EXPECT_EQ(supervisor_->session_capacity(), 32U);
  EXPECT_EQ(supervisor_->session_count(), 0U);
}

TEST_F(SupervisorTest, RefusesToStartWithoutLcores) {
  const Status started = supervisor_->start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("worker_cores"), std::string::npos);
}

TEST(SupervisorMemory, SaysWhichWorkerLacksMemory) {
  const snapshot::NextHopTable next_hops(4);
  const auto supervisor = Supervisor::create({.workers = 1,
                                              .limits = {.sessions = 200'000'000},
                                              .poll = {},
                                              .punt = {},
                                              .local_ports = {}},
                                             {}, next_hops);
  ASSERT_FALSE(supervisor);
  EXPECT_NE(supervisor.error().message.find("worker 0"), std::string::npos);
  EXPECT_NE(supervisor.error().message.find("MiB"), std::string::npos);
}

}  // namespace
}  // namespace sluice::dataplane

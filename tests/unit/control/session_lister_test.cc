// SPDX-License-Identifier: BSD-3-Clause
// Listing over several workers that are polled by hand: order, cursors, and workers that are late.
// What one worker answers is tested with its packets; here the session tables are empty.
#include "control/session_lister.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

namespace sluice::control {
namespace {

constexpr uint32_t kWorkers = 2;
constexpr uint64_t kSecondWorker = uint64_t{1} << 32;

class SessionListerTest : public testing::Test {
 protected:
  SessionListerTest() {
    auto supervisor = dataplane::Supervisor::create(
        {.workers = kWorkers,
         .limits = {.sessions = 16, .services = 4, .servers = 4, .local_addresses = 1},
         .poll = {},
         .punt = {},
         .local_ports = {.first = 1'024, .last = 2'047}},
        {}, next_hops_);
    EXPECT_TRUE(supervisor) << (supervisor ? "" : supervisor.error().message);
    supervisor_ = std::move(*supervisor);
    lister_ = std::make_unique<SessionLister>(*supervisor_);
  }

  /// Asks for a page; it is in the result once it was delivered.
  std::shared_ptr<std::optional<SessionPage>> list(uint64_t cursor) {
    auto page = std::make_shared<std::optional<SessionPage>>();
    lister_->list({}, cursor, 10, [page](SessionPage got) { *page = std::move(got); });
    return page;
  }
  /// Two turns of its loop: it takes the command, then it looks at its sessions.
  void run_worker(uint32_t worker) {
    supervisor_->worker(worker).poll(++now_tsc_);
    supervisor_->worker(worker).poll(++now_tsc_);
  }

  snapshot::NextHopTable next_hops_{4};
  std::unique_ptr<dataplane::Supervisor> supervisor_;
  std::unique_ptr<SessionLister> lister_;
  uint64_t now_tsc_ = 0;
};

TEST_F(SessionListerTest, GoesFromWorkerToWorkerAndEndsAfterTheLast) {
  const auto first = list(0);
  lister_->poll();
  EXPECT_FALSE(*first) << "no worker has answered yet";
  run_worker(0);
  lister_->poll();
  ASSERT_TRUE(*first);
  EXPECT_FALSE((*first)->is_last);
  EXPECT_EQ((*first)->next_cursor, kSecondWorker);
  EXPECT_TRUE((*first)->sessions.empty());

  const auto second = list((*first)->next_cursor);
  run_worker(1);
  lister_->poll();
  ASSERT_TRUE(*second);
  EXPECT_TRUE((*second)->is_last);
}

TEST_F(SessionListerTest, AnswersSeveralListingsEachWithItsOwn) {
  const auto late = list(kSecondWorker);
  const auto early = list(0);
  run_worker(0);
  lister_->poll();
  EXPECT_TRUE(*early);
  EXPECT_FALSE(*late);
  run_worker(1);
  lister_->poll();
  ASSERT_TRUE(*late);
  EXPECT_TRUE((*late)->is_last);
}

TEST_F(SessionListerTest, CursorPastTheLastWorkerIsTheEnd) {
  const auto page = list(kSecondWorker * kWorkers);
  ASSERT_TRUE(*page) << "answered at once";
  EXPECT_TRUE((*page)->is_last);
  EXPECT_TRUE((*page)->sessions.empty());
}

TEST_F(SessionListerTest, AWorkerThatHangsIsAskedAgainLater) {
  std::vector<std::shared_ptr<std::optional<SessionPage>>> waiting;
  do {
    waiting.push_back(list(7));
    ASSERT_LT(waiting.size(), 10'000U);
  } while (!*waiting.back());
  const SessionPage& refused = **waiting.back();
  EXPECT_FALSE(refused.is_last);
  EXPECT_EQ(refused.next_cursor, 7U) << "same place again";
  waiting.pop_back();

  for (size_t turn = 0; turn < waiting.size(); ++turn) {
    run_worker(0);
    lister_->poll();
  }
  for (const auto& page : waiting) {
    EXPECT_TRUE(*page);
  }
}

}  // namespace
}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Route tables reach workers, also those that hang for a while. The workers are polled by hand.
#include "control/routing.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>

#include "dataplane/eal.h"

namespace sluice::control {
namespace {

constexpr uint32_t kMoreThanARingHolds = 1'000;

TEST(Routing, SendsAgainWhatAWorkerHadNoRoomFor) {
  snapshot::NextHopTable next_hops(4);
  auto supervisor = dataplane::Supervisor::create(
      {.workers = 1,
       .limits = {.sessions = 16, .services = 4, .servers = 4, .local_addresses = 1},
       .poll = {},
       .punt = {},
       .local_ports = {.first = 1'024, .last = 2'047}},
      {}, next_hops);
  ASSERT_TRUE(supervisor) << supervisor.error().message;
  boost::asio::io_context io;
  const auto buffers = dataplane::make_packet_buffers(64, 1'500, 1);
  ASSERT_TRUE(buffers) << buffers.error().message;
  Kernel kernel(io, {.take_punted = {}, .inject = {}, .packet_buffers = buffers->get()}, next_hops);
  Routing routing(next_hops, **supervisor, kernel);
  uint64_t now_tsc = 0;
  const auto poll_worker = [&] {
    for (uint32_t turn = 0; turn < kMoreThanARingHolds; ++turn) {
      (*supervisor)->worker(0).poll(++now_tsc);
    }
    return (*supervisor)->wait_until_installed(std::chrono::milliseconds(0)).has_value();
  };

  for (uint32_t i = 0; i < kMoreThanARingHolds; ++i) {
    routing.publish();
  }
  ASSERT_TRUE(poll_worker()) << "what had room is installed, the last table had none";
  routing.publish_if_due();
  EXPECT_FALSE((*supervisor)->is_installed()) << "it is on its way now";
  EXPECT_TRUE(poll_worker());
  routing.publish_if_due();
  EXPECT_TRUE((*supervisor)->is_installed()) << "and is sent once";
}

}  // namespace
}  // namespace sluice::control

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

/// A table of four next hops, a gateway and a server in it, and one worker polled by hand.
class CrowdedRouting : public testing::Test {
 protected:
  CrowdedRouting() {
    const std::vector<snapshot::Route> routes = {
        {{net::Ipv4::from_host(0x0A000000), 24}, kPort, std::nullopt, 0},
        {{net::Ipv4::from_host(0), 0}, kPort, kGateway, 0}};
    routing_.replace(routes, services_);
    poll_worker();
  }

  void poll_worker() {
    for (int turn = 0; turn < 4; ++turn) {
      supervisor_->worker(0).poll(++now_tsc_);
    }
  }
  snapshot::NextHopIndex find(net::Ipv4 address) const { return next_hops_.find(kPort, address); }
  void resolve(net::Ipv4 address) { routing_.resolve(kPort, address, services_, now_); }
  static net::Ipv4 stranger(uint32_t number) { return net::Ipv4::from_host(0x0A000064 + number); }

  static constexpr uint8_t kPort = 0;
  const net::Ipv4 kGateway = net::Ipv4::from_host(0x0A0000FE);
  const net::Ipv4 kServer = net::Ipv4::from_host(0x0A000002);
  std::vector<config::Service> services_ = [this] {
    config::Service service;
    service.servers = {{.endpoint = {kServer, net::Be16::from_host(80)}}};
    return std::vector{service};
  }();
  snapshot::NextHopTable next_hops_{4};
  std::unique_ptr<dataplane::Supervisor> supervisor_ = [this] {
    auto supervisor = dataplane::Supervisor::create(
        {.workers = 1,
         .limits = {.sessions = 16, .services = 4, .servers = 4, .local_addresses = 1},
         .poll = {},
         .punt = {},
         .local_ports = {.first = 1'024, .last = 2'047}},
        {}, next_hops_);
    return supervisor ? std::move(*supervisor) : nullptr;
  }();
  boost::asio::io_context io_;
  MempoolPtr buffers_ = *dataplane::make_packet_buffers(64, 1'500, 1);
  Kernel kernel_{
      io_, {.take_punted = {}, .inject = {}, .packet_buffers = buffers_.get()}, next_hops_};
  Routing routing_{next_hops_, *supervisor_, kernel_};
  Routing::Clock::time_point now_;
  uint64_t now_tsc_ = 0;
};

TEST_F(CrowdedRouting, StrangersThatNeverAnswerMakeRoom) {
  const auto gateway = find(kGateway), server = find(kServer);
  resolve(stranger(0));
  resolve(stranger(1));
  next_hops_.set_resolved(find(stranger(1)), {{2, 0, 0, 0, 0, 1}});
  resolve(stranger(2));
  EXPECT_EQ(find(stranger(0)), snapshot::kNoNextHop);
  EXPECT_TRUE(next_hops_.get(find(stranger(1))).is_resolved) << "it did answer";
  EXPECT_EQ(find(kGateway), gateway) << "though it is silent for the moment";
  EXPECT_EQ(find(kServer), server);
}

TEST_F(CrowdedRouting, ASlotIsGivenAwayWhenTheWorkersHaveTheNewRoutes) {
  resolve(stranger(0));
  const auto slot = find(stranger(0));
  resolve(stranger(1));
  next_hops_.set_resolved(find(stranger(1)), {{2, 0, 0, 0, 0, 1}});
  resolve(stranger(2));
  routing_.reuse_forgotten();
  resolve(stranger(2));
  EXPECT_EQ(find(stranger(2)), snapshot::kNoNextHop) << "sessions of the old epoch use the slot";
  poll_worker();
  routing_.reuse_forgotten();
  resolve(stranger(2));
  EXPECT_EQ(find(stranger(2)), slot);
}

TEST_F(CrowdedRouting, AFloodForgetsAtMostOnceInTheInterval) {
  const auto flood = [this] {
    for (uint32_t number = 0; number < 50; ++number) {
      resolve(stranger(number));
      poll_worker();
      routing_.reuse_forgotten();
    }
  };
  flood();  // forgets 0 and 1 when 2 comes; 3 and 4 stay
  EXPECT_NE(find(stranger(3)), snapshot::kNoNextHop);
  EXPECT_NE(find(stranger(4)), snapshot::kNoNextHop);
  now_ += Routing::kForgetInterval;
  resolve(stranger(5));
  EXPECT_EQ(find(stranger(3)), snapshot::kNoNextHop);
}

TEST_F(CrowdedRouting, ANewGatewayFindsRoomInAFullTable) {
  resolve(stranger(0));
  resolve(stranger(1));
  const net::Ipv4 gateway = net::Ipv4::from_host(0x0A0000FD);
  const std::vector<snapshot::Route> routes = {
      {{net::Ipv4::from_host(0x0A000000), 24}, kPort, std::nullopt, 0},
      {{net::Ipv4::from_host(0), 0}, kPort, gateway, 0}};
  routing_.replace(routes, services_);
  poll_worker();
  routing_.reuse_forgotten();
  EXPECT_NE(find(gateway), snapshot::kNoNextHop);
  EXPECT_FALSE(supervisor_->is_installed()) << "workers get its slot with another table";
}

}  // namespace
}  // namespace sluice::control

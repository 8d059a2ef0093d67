// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors that arrive at another worker than their session, and what they leave alone. Tests.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <optional>

#include "tests/support/director.h"
#include "tests/support/world.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using table::kTcpSyn;

constexpr uint32_t kWorkers = 3;
constexpr uint32_t kAllowed = 20;
const net::Address kFarRouter = address("203.0.113.1");
const net::Address kLanRouter = address("10.0.0.9");
const net::Address kTunnelSource = address("10.0.0.254");

class IcmpWorkers : public testing::TestWithParam<dataplane::Steering> {
 protected:
  IcmpWorkers() {
    config_ = two_arms();
    config_.workers = kWorkers;
    config_.steering = GetParam();
    director_.emplace(config_);
  }

  void TearDown() override {
    director_->drain();
    EXPECT_EQ(director_->buffers_in_use(), 0U) << "packet buffers leaked";
  }

  void open_session(const net::Endpoint& from, uint16_t queue) {
    director_->send(kWan, from_wan(tcp(from, kTcpVip)).flags(kTcpSyn), queue);
    director_->poll(2);
    director_->drain();
  }

  static Frame about_answer(const net::Endpoint& to) {
    return from_wan(icmp_error(kFarRouter, kTcpVip.address, 3, 4, 1'400, tcp(kTcpVip, to).ttl(63)));
  }

  DirectorConfig config_;
  std::optional<Director> director_;
};

TEST_P(IcmpWorkers, FindTheSessionFromEveryQueue) {
  open_session(kClient, 1);
  const net::Endpoint source = director_->list_sessions().at(0).local;
  for (uint16_t queue = 0; queue < kWorkers; ++queue) {
    director_->send(kWan, about_answer(kClient), queue);
    director_->poll(2);
    EXPECT_EQ(director_->take_sent(kLan).size(), 1U) << queue;
    const Frame request = tcp(source, server_endpoint(0)).ttl(63);
    director_->send(kLan, from_server(icmp_error(kLanRouter, source.address, 3, 4, 1'400, request)),
                    queue);
    director_->poll(2);
    EXPECT_EQ(director_->take_sent(kWan).size(), 1U) << queue;
  }
  EXPECT_EQ(director_->count(CounterId::kIcmpErrorsForwarded), 2 * kWorkers);
}

TEST_P(IcmpWorkers, FindATunnelsSessionFromEveryQueue) {
  config_.services[0].servers[0].mode = snapshot::ForwardingMode::kTunnel;
  config_.port_addresses = {{}, {kTunnelSource}};
  director_.emplace(config_);
  open_session(kClient, 1);
  const Frame inner = tcp(kClient, kTcpVip).ttl(63);
  const Frame outer = ip_packet(kTunnelSource, server_endpoint(0).address, IPPROTO_IPIP)
                          .payload({inner.begin() + 14, inner.end()});
  for (uint16_t queue = 0; queue < kWorkers; ++queue) {
    director_->send(kLan, from_server(icmp_error(kLanRouter, kTunnelSource, 3, 4, 1'400, outer)),
                    queue);
    director_->poll(2);
    EXPECT_EQ(director_->take_sent(kWan).size(), 1U) << queue;
  }
  EXPECT_EQ(director_->count(CounterId::kIcmpErrorsForwarded), kWorkers);
}

TEST_P(IcmpWorkers, LearnATunnelsMtuTogether) {
  config_.services[0].servers[0].mode = snapshot::ForwardingMode::kTunnel;
  config_.port_addresses = {{}, {kTunnelSource}};
  director_.emplace(config_);
  Frame outer =
      ip_packet(kTunnelSource, server_endpoint(0).address, IPPROTO_IPIP).payload_bytes(1'400);
  outer.resize(14 + 20 + 8);
  director_->send(kLan, from_server(icmp_error(kLanRouter, kTunnelSource, 3, 4, 1'400, outer)), 1);
  director_->poll(2);
  EXPECT_EQ(director_->count(CounterId::kTunnelMtusLearnt), kWorkers);
  EXPECT_EQ(director_->count(CounterId::kPuntIcmp), 0U);
}

// A flood of made-up errors reaches no limit of those whose worker is known, nor of pings.
TEST_P(IcmpWorkers, AskAllOthersAtMostSoOftenAsIcmpMayReachTheKernel) {
  config_.punt.icmp_pps = kAllowed;
  director_.emplace(config_);
  constexpr uint32_t kSent = kAllowed + 50;
  for (uint32_t i = 0; i < kSent; ++i) {
    director_->send(kWan, about_answer(client(i)));
    director_->poll(2);
  }
  const bool is_worker_known = GetParam() == dataplane::Steering::kByHash;
  EXPECT_EQ(director_->count(CounterId::kDropPuntLimited), is_worker_known ? 0U : 50U);
  EXPECT_EQ(director_->count(CounterId::kDropNoSession),
            is_worker_known ? kSent : kAllowed * (kWorkers - 1));
  director_->send(kWan, from_wan(icmp_echo(kClient.address, address("192.0.2.3"))));
  director_->poll(2);
  EXPECT_EQ(director_->count(CounterId::kPuntIcmp), 1U);
}

TEST_P(IcmpWorkers, AskTheOwnerOfALocalPortWithoutLimit) {
  config_.punt.icmp_pps = kAllowed;
  director_.emplace(config_);
  open_session(kClient, 1);
  const net::Endpoint source = director_->list_sessions().at(0).local;
  const Frame request = tcp(source, server_endpoint(0)).ttl(63);
  for (uint32_t i = 0; i < 3 * kAllowed; ++i) {
    director_->send(kLan,
                    from_server(icmp_error(kLanRouter, source.address, 3, 4, 1'400, request)));
    director_->poll(2);
  }
  EXPECT_EQ(director_->count(CounterId::kIcmpErrorsForwarded), 3 * kAllowed);
}

INSTANTIATE_TEST_SUITE_P(Steering, IcmpWorkers,
                         testing::Values(dataplane::Steering::kByDevice,
                                         dataplane::Steering::kByHash),
                         [](const auto& info) {
                           return info.param == dataplane::Steering::kByHash ? "ByHash"
                                                                             : "ByDevice";
                         });

TEST(IcmpErrors, NeverCreateRefreshOrEndASession) {
  Director director(two_arms());
  const Frame unreachable =
      from_wan(icmp_error(kFarRouter, kTcpVip.address, 3, 3, 0, tcp(kTcpVip, kClient).ttl(63)));
  director.send(kWan, unreachable);
  director.poll();
  EXPECT_EQ(director.session_count(), 0U);
  director.send(kWan, from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn));
  director.poll();
  const auto before = director.list_sessions().at(0);
  const auto totals = director.server(kServerIds[0]);
  director.advance_seconds(10);
  director.send(kWan, unreachable);
  director.poll();
  const auto after = director.list_sessions().at(0);
  EXPECT_EQ(after.state, before.state);
  EXPECT_LE(after.expires_in_seconds + 10, before.expires_in_seconds);
  EXPECT_EQ(director.server(kServerIds[0]).packets_in, totals.packets_in);
  director.drain();
  EXPECT_EQ(director.buffers_in_use(), 0U);
}

TEST(IcmpErrors, OfOurOwnAreRateLimited) {
  DirectorConfig config = two_arms();
  config.punt.icmp_pps = 8;
  Director director(config);
  for (uint32_t i = 0; i < 20; ++i) {
    director.send(kWan, from_wan(tcp(client(i), kTcpVip)).flags(kTcpSyn).ttl(1));
  }
  director.poll();
  EXPECT_EQ(director.take_sent(kWan).size(), 8U);
  EXPECT_EQ(director.count(CounterId::kIcmpErrorsSent), 8U);
  EXPECT_EQ(director.count(CounterId::kDropTtlExceeded), 20U);
  EXPECT_EQ(director.buffers_in_use(), 0U);
}

}  // namespace
}  // namespace sluice::test

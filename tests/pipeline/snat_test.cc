// SPDX-License-Identifier: BSD-3-Clause
// Source NAT over several workers, and from inside host to inside host. Tests.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "tests/pipeline/snat_world.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using snapshot::SnatFiltering;

constexpr uint32_t kRounds = 6;  // enough for every ring on the way

std::vector<Frame> only(const Frame& frame) { return std::vector<Frame>(1, frame); }

class SnatWorkers : public testing::TestWithParam<uint32_t> {
 protected:
  SnatWorkers() { restart(SnatFiltering::kEndpointIndependent); }

  void restart(SnatFiltering filtering) {
    snapshot::SnatRuleSpec rule = office_rule();
    rule.filtering = filtering;
    rule.public_addresses.push_back({.id = 2, .address = kPublic2});
    DirectorConfig config = gateway(rule);
    config.workers = GetParam();
    director_.emplace(config);
  }

  void TearDown() override {
    director_->drain();
    EXPECT_EQ(director_->buffers_in_use(), 0U) << "packet buffers leaked";
  }

  /// What leaves by `out` when `frames` come in by `in`.
  std::vector<Frame> exchange(uint8_t in, uint8_t out, const std::vector<Frame>& frames,
                              uint16_t queue = 0) {
    for (const Frame& frame : frames) {
      director_->send(in, frame, queue);
    }
    director_->poll(kRounds);
    return director_->take_sent(out);
  }

  /// The public endpoint of a host, as its datagram to `to` shows it.
  net::Endpoint public_endpoint(uint32_t index, const net::Endpoint& to = kRemote,
                                uint16_t queue = 0, uint16_t port = 5'000) {
    const auto sent = exchange(kLan, kWan, {from_host(udp(host(index, port), to), index)}, queue);
    EXPECT_EQ(sent.size(), 1U);
    dataplane::SessionFilter filter;
    filter.client = host(index).address;
    for (const auto& session : director_->list_sessions(filter)) {
      if (session.client == host(index, port) && session.server == to) {
        return session.local;
      }
    }
    ADD_FAILURE() << "no session";
    return {};
  }

  std::optional<Director> director_;
};

TEST_P(SnatWorkers, N1N3GiveAHostOneAddressAndAnEndpointOnePortFromEveryQueue) {
  std::set<net::Address> addresses;
  for (uint16_t port = 5'000; port < 5'004; ++port) {
    std::set<net::Endpoint> endpoints;
    for (uint16_t queue = 0; queue < GetParam(); ++queue) {
      const net::Endpoint to{kRemote.address,
                             net::Be16::from_host(static_cast<uint16_t>(queue + 1))};
      endpoints.insert(public_endpoint(0, to, queue, port));
    }
    ASSERT_EQ(endpoints.size(), 1U) << port;
    EXPECT_EQ(endpoints.begin()->port.host() % 2, port % 2);
    addresses.insert(endpoints.begin()->address);
  }
  EXPECT_EQ(addresses.size(), 1U);
}

TEST_P(SnatWorkers, BringAnswersHomeFromEveryQueue) {
  for (uint32_t index = 0; index < 3; ++index) {
    const net::Endpoint outside = public_endpoint(index);
    for (uint16_t queue = 0; queue < GetParam(); ++queue) {
      const Frame expected = to_host(udp(kRemote, host(index)), index).ttl(63);
      EXPECT_EQ(exchange(kWan, kLan, {from_wan(udp(kRemote, outside))}, queue), only(expected));
      const Frame anybody = to_host(udp(kRemote2, host(index)), index).ttl(63);
      EXPECT_EQ(exchange(kWan, kLan, {from_wan(udp(kRemote2, outside))}, queue), only(anybody));
    }
  }
}

TEST_P(SnatWorkers, N12BringPingsHomeFromEveryQueue) {
  for (uint16_t queue = 0; queue < GetParam(); ++queue) {
    const auto sent = exchange(kLan, kWan, {from_host(ping(host(0), kRemote.address))}, queue);
    ASSERT_EQ(sent.size(), 1U);
    const net::Endpoint outside = director_->list_sessions().at(0).local;
    EXPECT_EQ(sent[0], to_wan(ping(outside, kRemote.address)).ttl(63).build());
    EXPECT_EQ(exchange(kWan, kLan, {from_wan(pong(kRemote.address, outside))}, queue),
              only(to_host(pong(kRemote.address, host(0))).ttl(63).build()));
  }
  EXPECT_EQ(director_->session_count(), 1U);
  EXPECT_EQ(director_->list_sessions().at(0).state, table::SessionState::kIcmp);
}

TEST_P(SnatWorkers, N10BringErrorsHomeFromEveryQueue) {
  const net::Address router = address("203.0.113.1");
  const net::Endpoint outside = public_endpoint(1);
  for (uint16_t queue = 0; queue < GetParam(); ++queue) {
    const Frame in =
        from_wan(icmp_error(router, outside.address, 11, 0, 0, udp(outside, kRemote).ttl(1)));
    const Frame out =
        to_host(icmp_error(router, host(1).address, 11, 0, 0, udp(host(1), kRemote).ttl(1)), 1)
            .ttl(63);
    EXPECT_EQ(exchange(kWan, kLan, {in}, queue), only(out));
    const Frame from_inside =
        from_host(icmp_error(host(1).address, kRemote.address, 3, 3, 0, udp(kRemote, host(1))), 1);
    const Frame to_outside =
        to_wan(icmp_error(outside.address, kRemote.address, 3, 3, 0, udp(kRemote, outside)))
            .ttl(63);
    EXPECT_EQ(exchange(kLan, kWan, {from_inside}, queue), only(to_outside));
  }
}

TEST_P(SnatWorkers, N14FollowTheFirstFragmentFromEveryQueue) {
  for (uint16_t queue = 0; queue < GetParam(); ++queue) {
    const Frame whole =
        from_host(udp(host(2), kRemote), 2).payload_bytes(3'000).may_be_fragmented();
    auto fragments = fragments_of(whole, 1'400, 100U + queue);
    std::rotate(fragments.begin(), fragments.begin() + 1, fragments.end());
    EXPECT_EQ(exchange(kLan, kWan, fragments, queue).size(), 3U);
    const net::Endpoint outside = director_->list_sessions().at(0).local;
    const Frame answer = from_wan(udp(kRemote, outside)).payload_bytes(3'000).may_be_fragmented();
    EXPECT_EQ(exchange(kWan, kLan, fragments_of(answer, 1'400, 200U + queue), queue).size(), 3U);
  }
  EXPECT_EQ(director_->session_count(), 1U);
}

// Host 0 sends to the public endpoint of host 1, which answers.
TEST_P(SnatWorkers, N8HairpinDatagramsWithPublicSources) {
  const net::Endpoint a = public_endpoint(0), b = public_endpoint(1);
  for (uint16_t queue = 0; queue < GetParam(); ++queue) {
    const Frame there = to_host(udp(a, host(1)), 1).payload_bytes(8).ttl(62);
    EXPECT_EQ(exchange(kLan, kLan, {from_host(udp(host(0), b)).payload_bytes(8)}, queue),
              only(there));
    const Frame back = to_host(udp(b, host(0)), 0).payload_bytes(5).ttl(62);
    EXPECT_EQ(exchange(kLan, kLan, {from_host(udp(host(1), a), 1).payload_bytes(5)}, queue),
              only(back));
  }
  EXPECT_EQ(director_->count(CounterId::kSnatHairpinned), 2 * GetParam());
  EXPECT_TRUE(director_->take_sent(kWan).empty());
}

TEST_P(SnatWorkers, N8HairpinConnections) {
  constexpr uint8_t kSynAck = table::kTcpSyn | table::kTcpAck;
  exchange(kLan, kWan, {from_host(syn(host(1), kRemote), 1)});
  const net::Endpoint b = director_->list_sessions().at(0).local;
  const auto there = exchange(kLan, kLan, {from_host(syn(host(0), b))});
  ASSERT_EQ(there.size(), 1U);
  dataplane::SessionFilter filter;
  filter.client = host(0).address;
  const net::Endpoint a = director_->list_sessions(filter).at(0).local;
  EXPECT_EQ(there[0], to_host(syn(a, host(1)), 1).ttl(62).build());
  const auto back = exchange(kLan, kLan, {from_host(tcp(host(1), a), 1).flags(kSynAck)});
  EXPECT_EQ(back, only(to_host(tcp(b, host(0))).flags(kSynAck).ttl(62).build()));
}

TEST_P(SnatWorkers, N8HairpinOnlyWhomTheOtherHostHasSentTo) {
  restart(SnatFiltering::kAddressAndPort);
  const net::Endpoint a = public_endpoint(0), b = public_endpoint(1);
  EXPECT_TRUE(exchange(kLan, kLan, {from_host(udp(host(0), b))}).empty());
  EXPECT_EQ(director_->count(CounterId::kDropNoSession), 1U);
  EXPECT_EQ(exchange(kLan, kLan, {from_host(udp(host(1), a), 1)}).size(), 1U)
      << "host 0 has sent to host 1";
  EXPECT_EQ(exchange(kLan, kLan, {from_host(udp(host(0), b))}).size(), 1U);
}

TEST_P(SnatWorkers, N8HairpinFragments) {
  const net::Endpoint a = public_endpoint(0), b = public_endpoint(1);
  const Frame whole = from_host(udp(host(0), b)).payload_bytes(3'000).may_be_fragmented();
  auto fragments = fragments_of(whole, 1'400, 77);
  std::rotate(fragments.begin(), fragments.begin() + 1, fragments.end());
  const auto arrived = exchange(kLan, kLan, fragments);
  ASSERT_EQ(arrived.size(), 3U);
  const auto is_from_a = [&](const Frame& frame) {
    const auto v4 = a.address.v4();
    return std::equal(frame.begin() + 26, frame.begin() + 30,
                      reinterpret_cast<const uint8_t*>(&v4));
  };
  EXPECT_TRUE(std::ranges::all_of(arrived, is_from_a));
}

// Host 1 has nothing on that port; and a router on the way back has no more TTL.
TEST_P(SnatWorkers, N8HairpinErrorsWithPublicSources) {
  const net::Endpoint a = public_endpoint(0), b = public_endpoint(1);
  exchange(kLan, kLan, {from_host(udp(host(0), b))});
  for (uint16_t queue = 0; queue < GetParam(); ++queue) {
    const Frame in =
        from_host(icmp_error(host(1).address, a.address, 3, 3, 0, udp(a, host(1)).ttl(62)), 1);
    const Frame out =
        to_host(icmp_error(b.address, host(0).address, 3, 3, 0, udp(host(0), b).ttl(62)), 0)
            .ttl(62);
    EXPECT_EQ(exchange(kLan, kLan, {in}, queue), only(out));
  }
  const auto told = exchange(kLan, kLan, {from_host(udp(host(0), b)).ttl(2)});
  const Frame exceeded =
      to_host(icmp_error(b.address, host(0).address, 11, 0, 0, udp(host(0), b).ttl(1)))
          .traffic_class(0xC0)
          .identification(0)
          .ttl(63);
  EXPECT_EQ(told, only(exceeded));
}

TEST_P(SnatWorkers, HairpinToNobodyEndsAtTheGateway) {
  const net::Endpoint nobody{kPublic, net::Be16::from_host(4'999)};
  EXPECT_TRUE(exchange(kLan, kLan, {from_host(udp(host(0), nobody))}).empty());
  EXPECT_EQ(director_->count(CounterId::kDropNoSession), 1U);
  EXPECT_TRUE(director_->take_sent(kWan).empty());
}

TEST_P(SnatWorkers, GiveEverythingBackWhenSessionsEnd) {
  for (uint32_t round = 0; round < 3; ++round) {
    for (uint16_t port = 2'000; port < 2'030; ++port) {
      exchange(kLan, kWan, {from_host(udp(host(0, port), kRemote))});
    }
    EXPECT_EQ(director_->session_count(), 30U) << "round " << round;
    EXPECT_EQ(director_->server(kSnatServer).inactive, 30U);
    director_->advance_seconds(302);
    EXPECT_EQ(director_->session_count(), 0U);
    EXPECT_EQ(director_->server(kSnatServer).inactive, 0U);
  }
  EXPECT_EQ(director_->server(kSnatServer).packets_in, 90U);
  EXPECT_EQ(director_->count(CounterId::kDropSnatMappingsFull), 0U);
}

INSTANTIATE_TEST_SUITE_P(Workers, SnatWorkers, testing::Values(1U, 3U),
                         [](const auto& info) { return std::to_string(info.param); });

}  // namespace
}  // namespace sluice::test

// SPDX-License-Identifier: BSD-3-Clause
// Fragments and several workers: wherever they arrive, they follow their datagram's first. Tests.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "tests/support/director.h"
#include "tests/support/world.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using dataplane::Steering;
using snapshot::ForwardingMode;

constexpr uint32_t kWorkers = 3;
constexpr uint32_t kClients = 20;
constexpr size_t kBytes = 1'000;
constexpr size_t kStep = 296;  // four fragments

uint16_t read16(const Frame& frame, size_t at) {
  return static_cast<uint16_t>(frame.at(at) << 8 | frame.at(at + 1));
}

class FragmentsOverWorkers : public testing::TestWithParam<Steering> {
 protected:
  FragmentsOverWorkers() {
    config_ = two_arms();
    config_.workers = kWorkers;
    config_.steering = GetParam();
    config_.services = {udp_service(3)};
    config_.limits.fragments = {.datagrams = 64, .held_packets = 32, .held_per_datagram = 8};
  }

  Director& start(ForwardingMode mode = ForwardingMode::kFullNat) {
    for (auto& server : config_.services[0].servers) {
      server.mode = mode;
    }
    return director_.emplace(config_);
  }

  void TearDown() override {
    if (!director_) {
      return;  // skipped
    }
    director_->drain();
    EXPECT_EQ(director_->buffers_in_use(), 0U) << "packet buffers leaked";
  }

  // Each fragment by a queue of its own choice, in any order.
  std::vector<Frame> scatter(uint8_t in, std::vector<Frame> fragments, uint8_t out) {
    std::shuffle(fragments.begin(), fragments.end(), random_);
    for (const Frame& frame : fragments) {
      director_->send(in, frame, static_cast<uint16_t>(random_() % kWorkers));
      if (random_() % 2 == 0) {
        director_->poll();
      }
    }
    director_->poll(6);
    return director_->take_sent(out);
  }

  // By what they say of their place.
  static std::vector<Frame> sorted(std::vector<Frame> fragments) {
    std::ranges::sort(fragments, {}, [](const Frame& frame) { return read16(frame, 20) & 0x1FFF; });
    return fragments;
  }

  DirectorConfig config_;
  std::optional<Director> director_;
  std::mt19937 random_{7};
};

TEST_P(FragmentsOverWorkers, FollowTheirFirstFromAndToTheSameEndpoints) {
  Director& director = start();
  for (uint32_t i = 0; i < kClients; ++i) {
    SCOPED_TRACE(i);
    const auto whole = udp(client(i), kUdpVip).payload_bytes(kBytes);
    const auto sent = sorted(scatter(kWan, fragments_of(from_wan(whole), kStep, 77), kLan));
    ASSERT_EQ(sent.size(), 4U);
    const uint32_t server = sent[0].at(33) - 1U;  // 10.0.0.1 and on
    const uint16_t port = read16(sent[0], 34);
    EXPECT_EQ(sent, fragments_of(to_server(udp(local(port), server_endpoint(server, 5353)), server)
                                     .payload_bytes(kBytes)
                                     .ttl(63),
                                 kStep, read16(sent[0], 18)));
    const auto answer = udp(server_endpoint(server, 5353), local(port)).payload_bytes(kBytes);
    const auto answered =
        sorted(scatter(kLan, fragments_of(from_server(answer, server), kStep, 78), kWan));
    ASSERT_EQ(answered.size(), 4U);
    EXPECT_EQ(answered, fragments_of(to_wan(udp(kUdpVip, client(i))).payload_bytes(kBytes).ttl(63),
                                     kStep, read16(answered[0], 18)));
  }
  EXPECT_EQ(director.session_count(), kClients);
}

TEST_P(FragmentsOverWorkers, OfNatFindTheirSession) {
  Director& director = start(ForwardingMode::kNat);
  for (uint32_t i = 0; i < kClients; ++i) {
    SCOPED_TRACE(i);
    const auto whole = udp(client(i), kUdpVip).payload_bytes(kBytes);
    const auto sent = sorted(scatter(kWan, fragments_of(from_wan(whole), kStep, 77), kLan));
    ASSERT_EQ(sent.size(), 4U);
    const uint32_t server = sent[0].at(33) - 1U;
    EXPECT_EQ(sent, fragments_of(to_server(udp(client(i), server_endpoint(server, 5353)), server)
                                     .payload_bytes(kBytes)
                                     .ttl(63),
                                 kStep, 77));
    const auto answer = udp(server_endpoint(server, 5353), client(i)).payload_bytes(kBytes);
    const auto answered =
        sorted(scatter(kLan, fragments_of(from_server(answer, server), kStep, 78), kWan));
    ASSERT_EQ(answered.size(), 4U);
    EXPECT_EQ(answered, fragments_of(to_wan(udp(kUdpVip, client(i))).payload_bytes(kBytes).ttl(63),
                                     kStep, read16(answered[0], 18)));
  }
  EXPECT_EQ(director.session_count(), kClients);
}

TEST_P(FragmentsOverWorkers, ShareTheSessionOfWholeDatagrams) {
  if (GetParam() == Steering::kByDevice) {
    GTEST_SKIP() << "the ring devices have no RSS whose queue could be computed";
  }
  Director& director = start();
  for (uint32_t i = 0; i < kClients; ++i) {
    director.send(kWan, from_wan(udp(client(i), kUdpVip)), static_cast<uint16_t>(i % kWorkers));
  }
  director.poll(3);
  director.drain();
  EXPECT_EQ(director.session_count(), kClients);
  for (uint32_t i = 0; i < kClients; ++i) {
    const auto whole = udp(client(i), kUdpVip).payload_bytes(kBytes);
    EXPECT_EQ(scatter(kWan, fragments_of(from_wan(whole), kStep, 77), kLan).size(), 4U);
  }
  EXPECT_EQ(director.session_count(), kClients);
}

TEST_P(FragmentsOverWorkers, TakeIdentificationsThatNoOtherWorkerUses) {
  Director& director = start();
  std::map<uint16_t, uint32_t> seen;
  for (uint32_t i = 0; i < kClients; ++i) {
    const auto whole = udp(client(i), kUdpVip).payload_bytes(kBytes);
    const auto sent = scatter(kWan, fragments_of(from_wan(whole), kStep, 77), kLan);
    ASSERT_EQ(sent.size(), 4U);
    ++seen[read16(sent[0], 18)];
  }
  EXPECT_EQ(seen.size(), kClients);
  EXPECT_EQ(director.count(CounterId::kFragments), 4 * kClients);
}

TEST_P(FragmentsOverWorkers, GoFromHandToHandAtMostTwice) {
  Director& director = start();
  const auto whole = udp(kClient, kUdpVip).payload_bytes(kBytes);
  for (uint16_t queue = 0; queue < kWorkers; ++queue) {
    const uint64_t before = director.count(CounterId::kHandOffSent);
    for (const Frame& frame : fragments_of(from_wan(whole), kStep, 100U + queue)) {
      director.send(kWan, frame, queue);
    }
    director.poll(5);
    EXPECT_EQ(director.take_sent(kLan).size(), 4U);
    EXPECT_LE(director.count(CounterId::kHandOffSent) - before, 8U);
  }
}

INSTANTIATE_TEST_SUITE_P(Steering, FragmentsOverWorkers,
                         testing::Values(Steering::kByHash, Steering::kByDevice),
                         [](const auto& info) {
                           return info.param == Steering::kByHash ? "ByHash" : "ByDevice";
                         });

TEST(Fragments, ThatAreHeldAreFreedWithTheWorker) {
  DirectorConfig config = two_arms();
  auto director = std::make_unique<Director>(config);
  const auto fragments =
      fragments_of(from_wan(udp(kClient, kUdpVip)).payload_bytes(kBytes), kStep, 1);
  director->send(kWan, fragments[1]);
  director->poll();
  EXPECT_EQ(director->buffers_in_use(), 1U);
  director->drop_workers();
  EXPECT_EQ(director->buffers_in_use(), 0U);
}

TEST(Fragments, OfADatagramOf60000BytesAllPass) {
  DirectorConfig config = two_arms();
  config.limits.fragments = {.datagrams = 64, .held_packets = 60, .held_per_datagram = 60};
  Director director(config);
  const auto whole = from_wan(udp(kClient, kUdpVip)).payload_bytes(60'000);
  auto fragments = fragments_of(whole, 1'480, 1);
  const auto expected = fragments_of(
      to_server(udp(local(1'024), server_endpoint(0, 5353))).payload_bytes(60'000).ttl(63), 1'480,
      0);
  for (const bool is_reversed : {false, true}) {
    if (is_reversed) {
      std::ranges::reverse(fragments);
    }
    for (const Frame& frame : fragments) {
      director.send(kWan, frame);
    }
    director.poll(6);
    const auto sent = director.take_sent(kLan);
    ASSERT_EQ(sent.size(), expected.size());
    if (!is_reversed) {
      EXPECT_EQ(sent, expected);
    }
  }
}

}  // namespace
}  // namespace sluice::test

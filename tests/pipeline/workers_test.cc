// SPDX-License-Identifier: BSD-3-Clause
// Several workers: shares of ports, answers that arrive at the wrong worker, listings. Tests.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "tests/support/director.h"
#include "tests/support/world.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using dataplane::ListSessions;
using dataplane::SessionFilter;
using dataplane::SessionInfo;
using table::kTcpAck;
using table::kTcpSyn;

constexpr uint32_t kWorkers = 3;
constexpr uint16_t kShare = 1'000;  // ports 3000..3999 are worker 0's, and so on

class Workers : public testing::Test {
 protected:
  Workers() {
    config_ = two_arms();
    config_.workers = kWorkers;
    config_.local_ports = {.first = 3'000, .last = 5'999};
  }

  Director& start() { return director_.emplace(config_); }

  void TearDown() override {
    director_->drain();
    EXPECT_EQ(director_->buffers_in_use(), 0U) << "packet buffers leaked";
  }

  void open_session(uint16_t worker, const net::Endpoint& from) {
    director_->send(kWan, from_wan(tcp(from, kTcpVip)).flags(kTcpSyn), worker);
    director_->poll();
    director_->drain();
  }

  DirectorConfig config_;
  std::optional<Director> director_;
};

uint16_t first_port_of(uint32_t worker) { return static_cast<uint16_t>(3'000 + worker * kShare); }

Frame answer_to(uint16_t local_port) {
  return from_server(tcp(server_endpoint(0), local(local_port)));
}

TEST_F(Workers, LendPortsOfTheirOwnShareOnly) {
  Director& director = start();
  for (uint16_t worker = 0; worker < kWorkers; ++worker) {
    director.send(kWan, from_wan(tcp(client(worker), kTcpVip)).flags(kTcpSyn), worker);
  }
  director.poll();
  const std::vector<Frame> sent = director.take_sent(kLan);
  ASSERT_EQ(sent.size(), kWorkers);
  for (uint32_t worker = 0; worker < kWorkers; ++worker) {
    EXPECT_EQ(sent[worker], to_server(tcp(local(first_port_of(worker)), server_endpoint(0)))
                                .flags(kTcpSyn)
                                .ttl(63)
                                .build());
  }
}

TEST_F(Workers, HandAnswersToTheOwnerOfTheSession) {
  Director& director = start();
  for (uint16_t owner = 0; owner < kWorkers; ++owner) {
    open_session(owner, client(owner));
  }
  for (uint16_t owner = 0; owner < kWorkers; ++owner) {
    for (uint16_t arrived_at = 0; arrived_at < kWorkers; ++arrived_at) {
      SCOPED_TRACE(testing::Message() << "owner " << owner << ", arrived at " << arrived_at);
      const uint64_t handed_before = director.count(CounterId::kHandOffSent);
      director.send(kLan, answer_to(first_port_of(owner)), arrived_at);
      director.poll(2);  // the owner may have had its turn already
      const std::vector<Frame> sent = director.take_sent(kWan);
      ASSERT_EQ(sent.size(), 1U);
      EXPECT_EQ(sent.front(), to_wan(tcp(kTcpVip, client(owner))).ttl(63).build());
      EXPECT_EQ(director.count(CounterId::kHandOffSent) - handed_before,
                owner == arrived_at ? 0U : 1U);
    }
  }
  EXPECT_EQ(director.count(CounterId::kHandOffReceived), director.count(CounterId::kHandOffSent));
}

TEST_F(Workers, CountAHandedOffPacketWhereItArrivedAndWhereItLeft) {
  Director& director = start();
  open_session(2, client(0));
  const uint64_t received_by_owner = director.count(CounterId::kRxPackets, 2);
  director.send(kLan, answer_to(first_port_of(2)), 1);
  director.poll(2);
  EXPECT_EQ(director.count(CounterId::kRxPackets, 1), 1U);
  EXPECT_EQ(director.count(CounterId::kRxPackets, 2), received_by_owner);
  EXPECT_EQ(director.count(CounterId::kTxPackets, 1), 0U);
  EXPECT_EQ(director.count(CounterId::kHandOffReceived, 2), 1U);
  EXPECT_EQ(director.server(11).packets_out, 1U);
}

TEST_F(Workers, NeverHandAPacketOnTwice) {
  Director& director = start();
  director.send(kLan, answer_to(first_port_of(2)), 0);  // nobody has this session
  director.poll(5);
  EXPECT_EQ(director.count(CounterId::kHandOffSent), 1U);
  EXPECT_EQ(director.count(CounterId::kDropNoSession), 1U);
  EXPECT_EQ(director.count(CounterId::kDropNoSession, 2), 1U);
}

TEST_F(Workers, DropAnswersToPortsNobodyLends) {
  Director& director = start();
  for (const uint16_t port : {uint16_t{80}, uint16_t{2'999}, uint16_t{6'000}, uint16_t{65'535}}) {
    director.send(kLan, answer_to(port), 1);
  }
  director.poll(3);
  EXPECT_EQ(director.count(CounterId::kDropNoSession), 4U);
  EXPECT_TRUE(director.take_sent(kWan).empty());
}

TEST_F(Workers, HandOffKeepsThePortOfArrival) {
  config_.ports = 2;
  Director& director = start();
  open_session(0, client(0));
  // Answers of both ports lie mixed in one hand-off burst; MAC checks depend on the port.
  const Frame on_lan = answer_to(first_port_of(0));
  const Frame on_wan =
      tcp(server_endpoint(0), local(first_port_of(0))).link(server_mac(0), kWanMac);
  for (int i = 0; i < 4; ++i) {
    director.send(kLan, on_lan, 1);
    director.send(kWan, on_wan, 1);
    director.poll_worker(1);
  }
  director.poll();
  EXPECT_EQ(director.take_sent(kWan).size(), 8U);
}

TEST_F(Workers, StartTheirRotationsAtDifferentServers) {
  for (const char* scheduler : {"rr", "wrr"}) {
    config_.services = {tcp_service(3, scheduler)};
    Director& director = start();
    for (uint16_t worker = 0; worker < kWorkers; ++worker) {
      open_session(worker, client(worker));
    }
    std::set<net::Endpoint> servers;
    for (const SessionInfo& session : director.list_sessions()) {
      servers.insert(session.server);
    }
    EXPECT_EQ(servers.size(), 3U) << scheduler;
  }
}

class SteeredWorkers : public Workers {
 protected:
  SteeredWorkers() { config_.steering = dataplane::Steering::kByHash; }

  size_t sessions_of(const net::Endpoint& from) {
    return director_->list_sessions({.client = from.address}).size();
  }
};

TEST_F(SteeredWorkers, KeepAFlowTogetherWhereverItsPacketsArrive) {
  Director& director = start();
  std::set<uint8_t> owners;
  for (uint32_t flow = 0; flow < 16; ++flow) {
    for (uint16_t arrived_at = 0; arrived_at < kWorkers; ++arrived_at) {
      const uint8_t flags = arrived_at == 0 ? kTcpSyn : kTcpAck;
      director.send(kWan, from_wan(tcp(client(flow), kTcpVip)).flags(flags), arrived_at);
      director.poll(2);
    }
    EXPECT_EQ(director.take_sent(kLan).size(), kWorkers);
    EXPECT_EQ(sessions_of(client(flow)), 1U);
    owners.insert(director.list_sessions({.client = client(flow).address}).front().worker);
  }
  EXPECT_EQ(owners.size(), kWorkers) << "a worker got no flow";
  EXPECT_EQ(director.count(CounterId::kPuntVip), 0U);
}

TEST_F(SteeredWorkers, PuntStraySegmentsOnlyAtTheOwner) {
  Director& director = start();
  for (uint16_t arrived_at = 0; arrived_at < kWorkers; ++arrived_at) {
    director.send(kWan, from_wan(tcp(kClient, kTcpVip)).flags(kTcpAck), arrived_at);
  }
  director.poll(2);
  EXPECT_EQ(director.count(CounterId::kHandOffSent), kWorkers - 1);
  EXPECT_EQ(director.count(CounterId::kPuntVip), kWorkers);
  director.drain();
}

class Listing : public Workers {
 protected:
  // 30 TCP sessions over two servers and three workers, one UDP session.
  Director& start_with_sessions() {
    config_.services = {tcp_service(2), udp_service()};
    Director& director = start();
    for (uint32_t i = 0; i < 30; ++i) {
      open_session(static_cast<uint16_t>(i % kWorkers), client(i));
    }
    director.send(kWan, from_wan(udp(kClient, kUdpVip)), 1);
    director.poll();
    director.drain();
    return director;
  }

  size_t count_of(const SessionFilter& filter) { return director_->list_sessions(filter).size(); }
};

TEST_F(Listing, ShowsEverySessionOnceWhateverThePageSize) {
  Director& director = start_with_sessions();
  for (const size_t page : {1UL, 2UL, 7UL, 31UL, 1'000UL}) {
    std::set<std::pair<net::Endpoint, net::Endpoint>> seen;
    const std::vector<SessionInfo> sessions = director.list_sessions({}, page);
    for (const SessionInfo& session : sessions) {
      seen.insert({session.client, session.vip});
    }
    EXPECT_EQ(sessions.size(), 31U) << "page " << page;
    EXPECT_EQ(seen.size(), 31U) << "page " << page;
  }
}

TEST_F(Listing, DescribesASession) {
  Director& director = start_with_sessions();
  const std::vector<SessionInfo> found = director.list_sessions({.protocol = net::Protocol::kUdp});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().state, table::SessionState::kUdp);
  EXPECT_EQ(found.front().worker, 1);
  EXPECT_EQ(found.front().expires_in_seconds, 300U);
  EXPECT_EQ(found.front().client, kClient);
  EXPECT_EQ(found.front().vip, kUdpVip);
  EXPECT_EQ(found.front().local, local(first_port_of(1)));
  EXPECT_EQ(found.front().server, server_endpoint(0, 5353));
}

TEST_F(Listing, FiltersByClientServiceAndServer) {
  start_with_sessions();
  EXPECT_EQ(count_of({.client = client(4).address}), 1U);
  EXPECT_EQ(count_of({.client = ipv4("203.0.113.1")}), 0U);
  EXPECT_EQ(count_of({.protocol = net::Protocol::kTcp}), 30U);
  EXPECT_EQ(count_of({.vip = kTcpVip}), 30U);
  EXPECT_EQ(count_of({.protocol = net::Protocol::kUdp, .vip = kTcpVip}), 0U);
  EXPECT_EQ(count_of({.server = server_endpoint(0)}) + count_of({.server = server_endpoint(1)}),
            30U);
  EXPECT_EQ(count_of({.server = server_endpoint(2)}), 0U);
}

TEST_F(Listing, AnswersAfterMaxSlotsEvenWithoutAMatch) {
  start_with_sessions();
  std::vector<SessionInfo> room(8);
  ListSessions listing;
  listing.filter.client = ipv4("203.0.113.1");
  listing.out = room;
  listing.max_slots = 10;
  director_->run_listing(0, listing);
  EXPECT_EQ(listing.cursor, 10U);
  EXPECT_EQ(listing.count, 0U);
  EXPECT_FALSE(listing.is_done);
}

TEST_F(Listing, TakesManyPollsOfALargeTable) {
  config_.limits.sessions = 4'096;
  start();
  std::vector<SessionInfo> room(8);
  ListSessions listing;
  listing.out = room;
  EXPECT_GE(director_->run_listing(0, listing), 4'096U / 64);
  EXPECT_TRUE(listing.is_done);
}

TEST_F(Listing, KeepsItsWorkerAwake) {
  config_.limits.sessions = 4'096;
  Director& director = start();
  std::vector<SessionInfo> room(8);
  ListSessions listing;
  listing.out = room;
  auto* command = static_cast<dataplane::Command*>(&listing);
  ASSERT_EQ(rte_ring_enqueue(director.worker(0).rings().listings.get(), command), 0);
  uint32_t busy_polls = 0;
  while (director.poll_worker(0) != 0) {
    ++busy_polls;
  }
  EXPECT_EQ(busy_polls, 4'096U / 64 + 1);
  EXPECT_TRUE(listing.is_done);
}

TEST_F(Listing, GoesOnWhileSessionsComeAndPacketsFlow) {
  config_.limits.sessions = 4'096;
  Director& director = start_with_sessions();
  std::vector<SessionInfo> room(8);
  ListSessions listing;
  listing.filter.client = ipv4("203.0.113.1");  // looks at every slot
  listing.out = room;
  auto* command = static_cast<dataplane::Command*>(&listing);
  ASSERT_EQ(rte_ring_enqueue(director.worker(0).rings().listings.get(), command), 0);
  director.poll();
  director.install(config_.services);  // throws when it is not acknowledged within one poll
  director.send(kLan, answer_to(first_port_of(0)), 0);
  director.poll();
  EXPECT_EQ(director.take_sent(kWan).size(), 1U) << "a packet waited for a listing";
  director.poll(100);
  void* answer = nullptr;
  ASSERT_EQ(rte_ring_dequeue(director.worker(0).rings().completions.get(), &answer), 0);
  EXPECT_EQ(answer, command);
}

TEST_F(Workers, SegmentedPacketsPassWhenTheHeadersLieInTheFirstSegment) {
  Director& director = start();
  const auto in = from_wan(udp(kClient, kUdpVip)).payload_bytes(1'000);
  director.send_in_segments(kWan, in, 300);
  director.poll();
  const std::vector<Frame> sent = director.take_sent(kLan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent.front(), to_server(udp(local(first_port_of(0)), server_endpoint(0, 5353)))
                              .payload_bytes(1'000)
                              .ttl(63)
                              .build());
}

TEST_F(Workers, SegmentsBehindTheIpPacketAreDropped) {
  config_.mtu = 350;
  Director& director = start();
  const auto datagram = from_wan(udp(kClient, kUdpVip)).payload_bytes(300);
  director.send_in_segments(kWan, FrameBuilder(datagram).pad_to(400), 300);
  director.poll();
  const std::vector<Frame> sent = director.take_sent(kLan);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent.front().size(), 14U + 28 + 300);
  director.send_in_segments(kWan, FrameBuilder(datagram).pad_to(700), 300);
  director.poll();
  EXPECT_EQ(director.count(CounterId::kDropBadIpHeader), 1U);
  EXPECT_TRUE(director.take_sent(kLan).empty());
}

TEST_F(Workers, SegmentedPacketsWithSplitHeadersAreDropped) {
  Director& director = start();
  const Frame frame = from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn).payload_bytes(100);
  for (const size_t first_segment : {10U, 14U, 33U, 34U, 53U}) {
    director.send_in_segments(kWan, frame, first_segment);
    director.poll();
  }
  EXPECT_EQ(director.count(CounterId::kDropTruncated) + director.count(CounterId::kDropBadL4Header),
            5U);
  EXPECT_TRUE(director.take_sent(kLan).empty());
}

}  // namespace
}  // namespace sluice::test

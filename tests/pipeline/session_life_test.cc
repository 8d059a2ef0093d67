// SPDX-License-Identifier: BSD-3-Clause
// How long sessions live: timeouts by state, re-armed by packets, counted in ticks. Tests.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/support/director.h"
#include "tests/support/world.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using dataplane::Event;
using dataplane::SessionInfo;
using table::kTcpAck;
using table::kTcpFin;
using table::kTcpRst;
using table::kTcpSyn;
using table::SessionState;

class SessionLife : public testing::Test {
 protected:
  void start(const DirectorConfig& config = two_arms()) { director_.emplace(config); }

  void TearDown() override {
    director_->drain();
    EXPECT_EQ(director_->buffers_in_use(), 0U) << "packet buffers leaked";
  }

  void client_sends(uint8_t flags, const net::Endpoint& from = kClient) {
    send(kWan, from_wan(tcp(from, kTcpVip)).flags(flags));
  }
  void server_sends(uint8_t flags, uint16_t local_port = 1024) {
    send(kLan, from_server(tcp(server_endpoint(0), local(local_port))).flags(flags));
  }
  void client_sends_datagram() { send(kWan, from_wan(udp(kClient, kUdpVip))); }
  void establish() {
    client_sends(kTcpSyn);
    server_sends(kTcpSyn | kTcpAck);
    client_sends(kTcpAck);
  }

  void send(uint8_t port, const Frame& frame) {
    director_->send(port, frame);
    director_->poll();
    director_->drain();
  }

  SessionInfo only_session() {
    const std::vector<SessionInfo> sessions = director_->list_sessions();
    EXPECT_EQ(sessions.size(), 1U);
    return sessions.empty() ? SessionInfo{} : sessions.front();
  }

  // The session is there for `seconds` from now and gone at their end, to the tick.
  void expect_to_live(uint32_t seconds) {
    director_->advance_ticks(seconds_to_ticks(seconds) - 1);
    EXPECT_EQ(director_->session_count(), 1U) << "gone before " << seconds << " s";
    director_->advance_ticks(1);
    EXPECT_EQ(director_->session_count(), 0U) << "still there after " << seconds << " s";
  }

  std::optional<Director> director_;
};

struct Segment {
  bool is_from_client;
  uint8_t flags;
};

struct StateCase {
  std::string name;
  std::vector<Segment> segments;  // after the client's SYN
  SessionState state;
  uint32_t seconds;
};

class TcpTimeouts : public SessionLife, public testing::WithParamInterface<StateCase> {};

constexpr bool kByClient = true, kByServer = false;

TEST_P(TcpTimeouts, FollowTheState) {
  start();
  client_sends(kTcpSyn);
  for (const Segment& segment : GetParam().segments) {
    segment.is_from_client ? client_sends(segment.flags) : server_sends(segment.flags);
  }
  EXPECT_EQ(only_session().state, GetParam().state);
  EXPECT_EQ(only_session().expires_in_seconds, GetParam().seconds);
  expect_to_live(GetParam().seconds);
}

INSTANTIATE_TEST_SUITE_P(
    Pipeline, TcpTimeouts,
    testing::ValuesIn(std::vector<StateCase>{
        {"SynReceived", {}, SessionState::kSynRecv, 60},
        {"SynAckSent", {{kByServer, kTcpSyn | kTcpAck}}, SessionState::kSynRecv, 60},
        {"Established",
         {{kByServer, kTcpSyn | kTcpAck}, {kByClient, kTcpAck}},
         SessionState::kEstablished,
         900},
        {"ClientClosesFirst",
         {{kByClient, kTcpAck}, {kByClient, kTcpFin | kTcpAck}},
         SessionState::kCloseWait,
         60},
        {"ServerClosesFirst",
         {{kByClient, kTcpAck}, {kByServer, kTcpFin | kTcpAck}},
         SessionState::kFinWait,
         120},
        {"BothClosed",
         {{kByClient, kTcpAck},
          {kByClient, kTcpFin | kTcpAck},
          {kByServer, kTcpFin | kTcpAck},
          {kByClient, kTcpAck}},
         SessionState::kTimeWait,
         120},
        {"ClientResets", {{kByClient, kTcpAck}, {kByClient, kTcpRst}}, SessionState::kClose, 10},
        {"ServerRefuses", {{kByServer, kTcpRst | kTcpAck}}, SessionState::kClose, 10},
    }),
    [](const auto& info) { return info.param.name; });

TEST_F(SessionLife, UdpLivesFiveMinutes) {
  start();
  client_sends_datagram();
  EXPECT_EQ(only_session().state, SessionState::kUdp);
  expect_to_live(300);
  EXPECT_EQ(director_->count(CounterId::kSessionsExpired), 1U);
}

TEST_F(SessionLife, APacketOfEitherDirectionStartsTheTimeoutAgain) {
  start();
  establish();
  director_->advance_seconds(800);
  client_sends(kTcpAck);
  director_->advance_seconds(800);
  server_sends(kTcpAck);
  EXPECT_EQ(only_session().expires_in_seconds, 900U);
  expect_to_live(900);
}

TEST_F(SessionLife, ADroppedPacketDoesNotKeepASessionAlive) {
  start();
  establish();
  director_->advance_seconds(800);
  send(kWan, from_wan(tcp(kClient, kTcpVip)).ttl(1));
  expect_to_live(100);
}

TEST_F(SessionLife, FinShortensTheTimeoutAtOnce) {
  start();
  establish();
  director_->advance_seconds(10);
  client_sends(kTcpFin | kTcpAck);
  expect_to_live(60);
}

TEST_F(SessionLife, AnUnshortenedDeadlineIsFoundAfterALongPause) {
  start();
  establish();
  director_->jump_seconds(5'000);  // longer than the wheel's turn
  director_->poll(2);
  EXPECT_EQ(director_->session_count(), 0U);
}

TEST_F(SessionLife, TimeoutsBeyondTheWheelAreKeptToTheTick) {
  DirectorConfig config = two_arms();
  config.services[1].timeouts[SessionState::kUdp] = 5'000;
  start(config);
  client_sends_datagram();
  expect_to_live(5'000);
}

TEST_F(SessionLife, EachServiceHasItsOwnTimeouts) {
  DirectorConfig config = two_arms();
  config.services[0].timeouts[SessionState::kSynRecv] = 7;
  start(config);
  client_sends(kTcpSyn);
  client_sends_datagram();
  director_->advance_seconds(7);
  EXPECT_EQ(only_session().protocol, net::Protocol::kUdp);
}

TEST_F(SessionLife, LongerTimeoutsOfAReloadHoldForOldSessions) {
  start();
  client_sends_datagram();
  DirectorConfig longer = two_arms();
  longer.services[1].timeouts[SessionState::kUdp] = 600;
  director_->advance_seconds(100);
  director_->install(longer.services);
  expect_to_live(500);
}

TEST_F(SessionLife, ManySessionsExpireOverSeveralPolls) {
  DirectorConfig config = two_arms();
  config.limits.sessions = 1'000;
  start(config);
  for (uint32_t i = 0; i < 1'000; ++i) {
    client_sends(kTcpSyn, client(i));
  }
  ASSERT_EQ(director_->session_count(), 1'000U);
  director_->jump_seconds(60);
  EXPECT_LT(director_->session_count(), 1'000U);
  EXPECT_GT(director_->session_count(), 900U) << "one poll must not end them all";
  while (director_->poll_worker(0) != 0) {
  }
  EXPECT_EQ(director_->session_count(), 0U);
}

TEST_F(SessionLife, AnEndedSessionIsForgottenInBothDirections) {
  start();
  client_sends(kTcpSyn);
  director_->advance_seconds(60);
  client_sends(kTcpAck);
  EXPECT_EQ(director_->count(CounterId::kPuntVip), 1U);
  server_sends(kTcpAck);
  EXPECT_EQ(director_->count(CounterId::kDropNoSession), 1U);
}

TEST_F(SessionLife, AReturnedLocalPortRestsUntilTheOthersWereUsed) {
  DirectorConfig config = two_arms();
  config.local_ports = {.first = 6'000, .last = 6'002};
  start(config);
  client_sends(kTcpSyn, client(0));
  server_sends(kTcpRst, 6'000);
  director_->advance_seconds(10);
  for (const uint16_t port : {6'001, 6'002, 6'000}) {
    client_sends(kTcpSyn, client(port));
    const auto sessions = director_->list_sessions({.client = client(port).address});
    ASSERT_EQ(sessions.size(), 1U);
    EXPECT_EQ(sessions.front().local, local(port));
  }
}

TEST_F(SessionLife, ServersCountPacketsBytesAndConnections) {
  start();
  establish();
  server_sends(kTcpAck);
  dataplane::ServerTotals totals = director_->server(11);
  EXPECT_EQ(totals.sessions_created, 1U);
  EXPECT_EQ(totals.packets_in, 2U);
  EXPECT_EQ(totals.bytes_in, 2U * 40);
  EXPECT_EQ(totals.packets_out, 2U);
  EXPECT_EQ(totals.bytes_out, 2U * 40);
  EXPECT_EQ(totals.active, 1U);
  EXPECT_EQ(totals.inactive, 0U);

  client_sends(kTcpFin | kTcpAck);
  totals = director_->server(11);
  EXPECT_EQ(totals.active, 0U);
  EXPECT_EQ(totals.inactive, 1U);

  director_->advance_seconds(60);
  totals = director_->server(11);
  EXPECT_EQ(totals.active, 0U);
  EXPECT_EQ(totals.inactive, 0U);
  EXPECT_EQ(totals.sessions_created, 1U);
}

TEST_F(SessionLife, UdpSessionsAreNeverActive) {
  start();
  client_sends_datagram();
  EXPECT_EQ(director_->server(21).active, 0U);
  EXPECT_EQ(director_->server(21).inactive, 1U);
}

TEST_F(SessionLife, AFullTableIsToldAtMostOnceASecond) {
  DirectorConfig config = two_arms();
  config.limits.sessions = 8;
  start(config);
  for (uint32_t i = 0; i < 8; ++i) {
    client_sends(kTcpSyn, client(i));
  }
  for (uint32_t second = 0; second < 5; ++second) {
    for (uint32_t tick = 0; tick < kTicksPerSecond; ++tick) {
      client_sends(kTcpSyn, client(100 + tick));
      director_->advance_ticks(1);
    }
  }
  const std::vector<Event> events = director_->take_events();
  EXPECT_EQ(events.size(), 5U);
  for (const Event& event : events) {
    EXPECT_EQ(event.kind, Event::Kind::kSessionTableFull);
  }
}

TEST_F(SessionLife, UsedUpPortsAreToldWithTheServer) {
  DirectorConfig config = two_arms();
  config.local_ports = {.first = 6'000, .last = 6'000};
  start(config);
  client_sends(kTcpSyn, client(0));
  client_sends(kTcpSyn, client(1));
  const std::vector<Event> events = director_->take_events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front().kind, Event::Kind::kNoLocalPort);
  EXPECT_EQ(events.front().address, server_endpoint(0).address);
}

TEST_F(SessionLife, AnUnknownNeighbourIsToldWithItsPort) {
  DirectorConfig config = two_arms();
  std::erase_if(config.neighbours, [](const Neighbour& each) { return each.port == kLan; });
  start(config);
  client_sends(kTcpSyn);
  const std::vector<Event> events = director_->take_events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front().kind, Event::Kind::kResolveNextHop);
  EXPECT_EQ(events.front().port, kLan);
  EXPECT_EQ(events.front().address, server_endpoint(0).address);
}

}  // namespace
}  // namespace sluice::test

// SPDX-License-Identifier: BSD-3-Clause
// How long sessions of SCTP live: by the states of an association. Tests.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/support/director.h"
#include "tests/support/sctp.h"
#include "tests/support/world.h"

namespace sluice::test {
namespace {

using snapshot::ForwardingMode;
using table::SessionState;

constexpr uint32_t kSetUp = 61, kEstablished = 900;
const net::Endpoint kVip = endpoint("192.0.2.10:2905");

struct Packet {
  bool is_from_client;
  uint8_t chunk;
};

struct Life {
  std::string name;
  ForwardingMode mode;
  std::vector<Packet> packets;  // after the client's INIT
  SessionState state;
  uint32_t seconds;
};

class SctpLife : public testing::TestWithParam<Life> {
 protected:
  void TearDown() override {
    director_->drain();
    EXPECT_EQ(director_->buffers_in_use(), 0U);
  }

  void start(ForwardingMode mode) {
    DirectorConfig config = two_arms();
    config.services = {tcp_service()};
    config.services[0].protocol = net::Protocol::kSctp;
    config.services[0].vip = kVip;
    config.services[0].servers[0].mode = mode;
    director_.emplace(config);
  }
  void send(const Packet& packet) {
    director_->send(packet.is_from_client ? kWan : kLan,
                    packet.is_from_client
                        ? from_wan(sctp(kClient, kVip, packet.chunk))
                        : from_server(sctp(server_endpoint(0), kClient, packet.chunk)));
    director_->poll();
    director_->drain();
  }

  std::optional<Director> director_;
};

TEST_P(SctpLife, FollowsTheState) {
  start(GetParam().mode);
  send({true, kSctpInit});
  for (const Packet& packet : GetParam().packets) {
    send(packet);
  }
  const auto sessions = director_->list_sessions({.protocol = net::Protocol::kSctp});
  ASSERT_EQ(sessions.size(), 1U);
  EXPECT_EQ(sessions[0].state, GetParam().state);
  EXPECT_EQ(sessions[0].expires_in_seconds, GetParam().seconds);
  const dataplane::ServerTotals server = director_->server(kServerIds[0]);
  EXPECT_EQ(server.active, GetParam().state == SessionState::kEstablished ? 1U : 0U);
  EXPECT_EQ(server.active + server.inactive, 1U);
  director_->advance_ticks(seconds_to_ticks(GetParam().seconds) - 1);
  EXPECT_EQ(director_->session_count(), 1U);
  director_->advance_ticks(1);
  EXPECT_EQ(director_->session_count(), 0U);
}

constexpr bool kByClient = true, kByServer = false;

std::vector<Packet> established(std::vector<Packet> then = {}) {
  std::vector<Packet> packets = {
      {kByServer, kSctpInitAck}, {kByClient, kSctpCookieEcho}, {kByServer, kSctpCookieAck}};
  packets.insert(packets.end(), then.begin(), then.end());
  return packets;
}

std::vector<Life> lives() {
  using enum ForwardingMode;
  return {
      {"Init", kNat, {}, SessionState::kSctpInit1, 4},
      {"InitAgain", kNat, {{kByClient, kSctpInit}}, SessionState::kSctpInit, kSetUp},
      {"Rejected", kNat, {{kByServer, kSctpAbort}}, SessionState::kSctpRejected, 4},
      {"InitAck", kNat, {{kByServer, kSctpInitAck}}, SessionState::kSctpCookieSent, kSetUp},
      {"CookieEcho",
       kNat,
       {{kByServer, kSctpInitAck}, {kByClient, kSctpCookieEcho}},
       SessionState::kSctpCookieReplied,
       kSetUp},
      {"Established", kNat, established(), SessionState::kEstablished, kEstablished},
      {"Data", kNat, established({{kByClient, kSctpData}, {kByServer, kSctpData}}),
       SessionState::kEstablished, kEstablished},
      {"ShutDownByClient", kNat, established({{kByClient, kSctpShutdown}}),
       SessionState::kSctpShutdownReceived, kSetUp},
      {"ShutDownByServer", kNat, established({{kByServer, kSctpShutdown}}),
       SessionState::kSctpShutdownSent, kSetUp},
      {"ShutdownAck", kNat,
       established({{kByClient, kSctpShutdown}, {kByServer, kSctpShutdownAck}}),
       SessionState::kSctpShutdownAckSent, kSetUp},
      {"Closed", kNat,
       established({{kByClient, kSctpShutdown},
                    {kByServer, kSctpShutdownAck},
                    {kByClient, kSctpShutdownComplete}}),
       SessionState::kSctpClosed, kSetUp},
      {"Aborted", kNat, established({{kByServer, kSctpAbort}}), SessionState::kSctpClosed, kSetUp},
      {"DirectRoutingEstablished",
       kDirectRouting,
       {{kByClient, kSctpCookieEcho}},
       SessionState::kEstablished,
       kEstablished},
      {"DirectRoutingShutDown",
       kDirectRouting,
       {{kByClient, kSctpCookieEcho}, {kByClient, kSctpShutdown}},
       SessionState::kSctpShutdownReceived,
       kSetUp},
  };
}

INSTANTIATE_TEST_SUITE_P(Pipeline, SctpLife, testing::ValuesIn(lives()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace sluice::test

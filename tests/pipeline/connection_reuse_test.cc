// SPDX-License-Identifier: BSD-3-Clause
// A client that connects anew from the port of an old connection (LVS: conn_reuse_mode 1). Tests.
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "tests/support/director.h"
#include "tests/support/world.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using dataplane::SessionInfo;
using table::kTcpAck;
using table::kTcpFin;
using table::kTcpRst;
using table::kTcpSyn;

class ConnectionReuse : public testing::Test {
 protected:
  // Two servers in turn: a connection scheduled anew goes to the other one.
  ConnectionReuse() {
    DirectorConfig config = two_arms();
    config.services = {tcp_service(2)};
    director_.emplace(config);
    from_client(kTcpSyn);
    first_ = only_session();
    from_first_server(kTcpSyn | kTcpAck);
    from_client(kTcpAck);
  }

  void TearDown() override {
    director_->drain();
    EXPECT_EQ(director_->buffers_in_use(), 0U) << "packet buffers leaked";
  }

  static Frame client_segment(uint8_t flags) {
    return from_wan(tcp(kClient, kTcpVip)).flags(flags);
  }
  [[nodiscard]] Frame server_segment(uint8_t flags) const {
    return from_server(tcp(first_.server, first_.local)).flags(flags);
  }
  void from_client(uint8_t flags) { deliver(kWan, client_segment(flags)); }
  void from_first_server(uint8_t flags) { deliver(kLan, server_segment(flags)); }
  void deliver(uint8_t port, const Frame& frame) {
    director_->send(port, frame);
    director_->poll();
    director_->drain();
  }
  void close_both_ways() {
    from_client(kTcpFin | kTcpAck);
    from_first_server(kTcpFin | kTcpAck);
    from_client(kTcpAck);
  }

  SessionInfo only_session() {
    const std::vector<SessionInfo> sessions = director_->list_sessions();
    EXPECT_EQ(sessions.size(), 1U);
    return sessions.empty() ? SessionInfo{} : sessions.front();
  }

  std::optional<Director> director_;
  SessionInfo first_;
};

TEST_F(ConnectionReuse, InTimeWaitSchedulesAnew) {
  close_both_ways();
  from_client(kTcpSyn);
  EXPECT_NE(only_session().server, first_.server);
  EXPECT_EQ(only_session().state, table::SessionState::kSynRecv);
  EXPECT_EQ(director_->count(CounterId::kSessionsReused), 1U);
  EXPECT_EQ(director_->count(CounterId::kSessionsCreated), 2U);
}

TEST_F(ConnectionReuse, AfterAResetSchedulesAnew) {
  from_first_server(kTcpRst);
  from_client(kTcpSyn);
  EXPECT_NE(only_session().server, first_.server);
}

TEST_F(ConnectionReuse, GivesBackAllTheOldSessionHeld) {
  close_both_ways();
  from_client(kTcpSyn);
  const dataplane::ServerTotals old_server = director_->server(11);
  EXPECT_EQ(old_server.active + old_server.inactive, 0U);
  director_->advance_seconds(60);
  EXPECT_EQ(director_->session_count(), 0U) << "the new one expires by its own timeout";
  EXPECT_EQ(director_->count(CounterId::kSessionsExpired), 1U);
}

TEST_F(ConnectionReuse, WhileEstablishedStaysWithTheServer) {
  from_client(kTcpSyn);
  EXPECT_EQ(only_session().server, first_.server);
  EXPECT_EQ(director_->count(CounterId::kSessionsReused), 0U);
}

TEST_F(ConnectionReuse, HalfClosedStaysWithTheServer) {
  from_client(kTcpFin | kTcpAck);
  from_client(kTcpSyn);
  EXPECT_EQ(only_session().server, first_.server);
}

TEST_F(ConnectionReuse, IsTheClientsToDecide) {
  close_both_ways();
  from_first_server(kTcpSyn);
  from_client(kTcpSyn | kTcpAck);
  EXPECT_EQ(only_session().server, first_.server);
  EXPECT_EQ(director_->count(CounterId::kSessionsReused), 0U);
}

TEST_F(ConnectionReuse, TakesTheOldPacketsOfItsBurstAlong) {
  close_both_ways();
  director_->send(kWan, client_segment(kTcpSyn));
  director_->send(kWan, client_segment(kTcpSyn));
  director_->send(kWan, client_segment(kTcpAck));
  director_->send(kLan, server_segment(kTcpAck));
  director_->poll();
  EXPECT_EQ(director_->count(CounterId::kSessionsReused), 1U);
  EXPECT_EQ(director_->take_sent(kLan).size(), 3U) << "all three to the new server";
  EXPECT_TRUE(director_->take_sent(kWan).empty());
  EXPECT_EQ(director_->count(CounterId::kDropNoSession), 1U) << "the old server's last word";
}

}  // namespace
}  // namespace sluice::test

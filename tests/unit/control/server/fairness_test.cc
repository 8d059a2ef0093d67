// SPDX-License-Identifier: BSD-3-Clause
// How clients share the control thread. Test thread.
#include <chrono>
#include <string>

#include "tests/unit/control/server/server_fixture.h"

namespace sluice::control {
namespace {

using Fairness = ServerTest;

TEST_F(Fairness, WhoTakesLongWaitsLonger) {
  start({.request_burst = 10, .time_per_token = std::chrono::microseconds(1)});
  TestClient one = client();
  EXPECT_TRUE(ask(one, "help").contains("result"));  // some 100 us: far below zero now
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(ask(one, "help").contains("result"));
  EXPECT_GT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(10));
}

TEST_F(Fairness, ClientsShareTheTimeForConfigurations) {
  start({.shared_part = 1e-4, .shared_burst = std::chrono::milliseconds(1)});
  EXPECT_TRUE(ask("diff", {{"text", kTestConfig}}).contains("result"));
  TestClient second = client();
  send(second, R"({"jsonrpc":"2.0","id":1,"method":"reload"})"
               "\n");
  run_for(std::chrono::milliseconds(100));
  second.receive_some();
  EXPECT_FALSE(second.take_line().has_value()) << "another client has used the time up";
  EXPECT_TRUE(ask("status").contains("result")) << "reading goes on";
}

TEST_F(Fairness, OthersGetTheirTurnDuringABatch) {
  start();
  TestClient mean = client();
  TestClient other = client();
  std::string batch = "[";
  for (int i = 0; i < 64; ++i) {
    batch += R"({"jsonrpc":"2.0","id":1,"method":"reload"},)";
  }
  batch.back() = ']';
  send(mean, batch + "\n");
  EXPECT_TRUE(ask(other, "help").contains("result"));
  mean.receive_some();
  EXPECT_FALSE(mean.take_line().has_value()) << "the whole batch was run in one turn";
  EXPECT_EQ(Json::parse(read_line(mean).value_or("null")).size(), 64U);
}

}  // namespace
}  // namespace sluice::control

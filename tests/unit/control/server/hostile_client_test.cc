// SPDX-License-Identifier: BSD-3-Clause
// Clients that are slow, rude, huge, many or not allowed harm nobody.
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <string>
#include <vector>

#include "control/server/peer.h"
#include "control/server/rpc.h"
#include "control/server/token_bucket.h"
#include "tests/unit/control/server/server_fixture.h"

namespace sluice::control {
namespace {

using std::chrono::milliseconds;

class HostileClient : public ServerTest {
 protected:
  // The server still serves somebody else.
  void expect_alive() {
    TestClient other = client();
    EXPECT_TRUE(ask(other, "help").contains("result"));
  }
};

const char* const kHelp = R"({"jsonrpc":"2.0","id":1,"method":"help"})";

TEST_F(HostileClient, AnswersOneByteAtATime) {
  start();
  TestClient one = client();
  for (const char letter : std::string(kHelp) + "\n") {
    send(one, std::string(1, letter));
    run_for(milliseconds(0));
  }
  EXPECT_TRUE(read_line(one).has_value());
}

TEST_F(HostileClient, AnswersManyRequestsInOnePacketInOrder) {
  start();
  TestClient one = client();
  std::string text;
  for (int i = 0; i < 300; ++i) {
    text += R"({"jsonrpc":"2.0","method":"help","id":)" + std::to_string(i) + "}\r\n\n";
  }
  send(one, text);
  for (int i = 0; i < 300; ++i) {
    const auto line = read_line(one);
    ASSERT_TRUE(line.has_value());
    EXPECT_EQ(Json::parse(*line)["id"], i);
  }
}

TEST_F(HostileClient, AFloodOfNotificationsDoesNotRecurse) {
  ServerLimits limits;
  limits.requests_per_second = 10'000'000;
  start(limits);
  TestClient one = client();
  std::string text;
  for (int i = 0; i < 20'000; ++i) {
    text += R"({"jsonrpc":"2.0","method":"no"})";
    text += '\n';
  }
  send(one, text + kHelp + "\n");
  EXPECT_TRUE(read_line(one).has_value());
}

TEST_F(HostileClient, AHalfClosedClientGetsItsAnswers) {
  start();
  TestClient one = client();
  send(one, std::string(kHelp) + "\n" + kHelp);  // the last without a newline
  one.half_close();
  EXPECT_TRUE(read_line(one).has_value());
  EXPECT_TRUE(read_line(one).has_value());
  EXPECT_TRUE(is_closed(one));
}

TEST_F(HostileClient, ALeaverWithoutReadingItsAnswerHarmsNobody) {
  start();
  for (int i = 0; i < 50; ++i) {
    TestClient one = client();
    send(one, std::string(kHelp) + "\n");
  }
  director_.holds_sessions_ = true;
  {
    TestClient one = client();
    send(one, R"({"jsonrpc":"2.0","id":1,"method":"session.list"})"
              "\n");
    EXPECT_TRUE(run_until([&] { return director_.is_asked_for_sessions(); }));
  }
  director_.answer_sessions();
  expect_alive();
  EXPECT_TRUE(run_until([&] { return server_->client_count() == 0; }));
}

TEST_F(HostileClient, AMessageTooLongIsRefusedAndCutOff) {
  start();
  TestClient one = client();
  const std::string block(65536, 'x');
  bool is_open = true;
  EXPECT_TRUE(run_until([&] {
    one.send_some(block);
    is_open = one.receive_some();
    return !is_open;
  }));
  const auto line = one.take_line();
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(code_of(Json::parse(*line)), -32600);
  expect_alive();
}

TEST_F(HostileClient, AMessageOfTheLargestSizeIsTaken) {
  start();
  TestClient one = client();
  const std::string head = R"({"jsonrpc":"2.0","id":1,"method":"diff","params":{"text":")";
  const std::string tail = "\"}}";
  const Json reply =
      ask_text(one, head + std::string(kMaxMessageBytes - head.size() - tail.size(), '#') + tail);
  EXPECT_NE(code_of(reply), -32600) << message_of(reply);
}

TEST_F(HostileClient, DeepNestingIsRefusedBeforeItIsParsed) {
  start();
  TestClient one = client();
  EXPECT_EQ(code_of(ask_text(one, std::string(500'000, '['))), -32600);
  EXPECT_EQ(code_of(ask_text(one, R"({"jsonrpc":"2.0","id":1,"method":"help","params":)" +
                                      std::string(20, '[') + std::string(20, ']') + "}")),
            -32600);
  // Brackets in strings are no nesting.
  EXPECT_EQ(code_of(ask_text(one, R"({"jsonrpc":"2.0","id":1,"method":"\"[[[[[[[[[[[[[[[[[[[["})")),
            -32601);
}

TEST_F(HostileClient, ManyKeysTakeNoQuadraticTime) {
  start();
  TestClient one = client();
  std::string text = R"({"jsonrpc":"2.0","id":1,"method":"help","params":{)";
  for (int i = 0; i < 90'000; ++i) {
    text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":1";
  }
  const auto start_time = std::chrono::steady_clock::now();
  EXPECT_EQ(code_of(ask_text(one, text + "}}")), -32602);
  EXPECT_LT(std::chrono::steady_clock::now() - start_time, std::chrono::seconds(3));
}

TEST_F(HostileClient, BinaryNoiseIsAnsweredWithErrors) {
  start();
  TestClient one = client();
  uint32_t random = 12345;
  std::string noise;
  for (int i = 0; i < 100'000; ++i) {
    random = random * 1664525 + 1013904223;
    noise += static_cast<char>(random >> 24);
  }
  send(one, noise + "\n");
  EXPECT_EQ(code_of(Json::parse(read_line(one).value_or("{}"))), -32700);
  expect_alive();
}

TEST_F(HostileClient, AnUnfinishedMessageIsCutOffInTime) {
  ServerLimits limits;
  limits.receive_timeout = milliseconds(50);
  start(limits);
  TestClient one = client();
  send(one, "{");
  const auto line = read_line(one);
  ASSERT_TRUE(line.has_value());
  EXPECT_NE(line->find("no newline within"), std::string::npos);
  EXPECT_TRUE(is_closed(one));
}

TEST_F(HostileClient, DrippingBytesDoesNotExtendTheDeadline) {
  ServerLimits limits;
  limits.receive_timeout = milliseconds(100);
  start(limits);
  TestClient one = client();
  EXPECT_TRUE(run_until([&] {
    one.send_some("x");
    run_for(milliseconds(10));
    return !one.receive_some();
  }));
}

TEST_F(HostileClient, AnIdleClientGoes) {
  ServerLimits limits;
  limits.idle_timeout = milliseconds(50);
  start(limits);
  TestClient one = client();
  EXPECT_TRUE(ask(one, "help").contains("result"));
  EXPECT_TRUE(is_closed(one));
  EXPECT_EQ(server_->client_count(), 0U);
}

TEST_F(HostileClient, AClientThatDoesNotReadIsCutOff) {
  ServerLimits limits;
  limits.send_timeout = milliseconds(100);
  start(limits);
  director_.sessions_ = make_sessions(1000);
  TestClient one = client();
  for (int i = 0; i < 20; ++i) {
    one.send_some(R"({"jsonrpc":"2.0","id":1,"method":"session.list","params":{"limit":1000}})"
                  "\n");
  }
  EXPECT_TRUE(run_until([&] { return server_->client_count() == 1; }));
  EXPECT_TRUE(run_until([&] { return server_->client_count() == 0; }));
  expect_alive();
}

TEST_F(HostileClient, WorkersThatNeverAnswerCostOneReply) {
  ServerLimits limits;
  limits.answer_timeout = milliseconds(50);
  start(limits);
  director_.holds_sessions_ = true;
  TestClient one = client();
  const Json reply = ask(one, "session.list");
  EXPECT_EQ(code_of(reply), static_cast<int>(ErrorCode::kNoAnswer));
  EXPECT_TRUE(is_closed(one));
  director_.answer_sessions();  // late: nobody is there any more
  expect_alive();
}

TEST_F(HostileClient, OthersAreServedWhileOneWaits) {
  start();
  director_.holds_sessions_ = true;
  TestClient one = client();
  send(one, R"({"jsonrpc":"2.0","id":1,"method":"session.list"})"
            "\n");
  expect_alive();
  director_.answer_sessions();
  EXPECT_TRUE(read_line(one).has_value());
}

TEST_F(HostileClient, AFastClientIsSlowedDownNotRefused) {
  ServerLimits limits;
  limits.requests_per_second = 100;
  limits.request_burst = 5;
  start(limits);
  TestClient one = client();
  const auto start_time = std::chrono::steady_clock::now();
  for (int i = 0; i < 25; ++i) {
    EXPECT_TRUE(ask(one, "help").contains("result"));
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start_time, milliseconds(150));
}

TEST_F(HostileClient, TooManyClientsAreToldSo) {
  ServerLimits limits;
  limits.max_clients = 3;
  start(limits);
  std::vector<TestClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(client());
  }
  EXPECT_TRUE(run_until([&] { return server_->client_count() == 3; }));
  TestClient one_more = client();
  const auto line = read_line(one_more);
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(code_of(Json::parse(*line)), static_cast<int>(ErrorCode::kTooManyClients));
  EXPECT_TRUE(is_closed(one_more));
  clients.pop_back();
  EXPECT_TRUE(run_until([&] { return server_->client_count() == 2; }));
  expect_alive();
}

TEST_F(HostileClient, ABatchReplyIsBounded) {
  ServerLimits limits;
  limits.max_batch_reply_bytes = 1000;
  start(limits);
  TestClient one = client();
  const Json reply = ask_text(one, std::string("[") + kHelp + "," + kHelp + "]");
  EXPECT_TRUE(reply[0].contains("result"));
  EXPECT_EQ(code_of(reply[1]), static_cast<int>(ErrorCode::kReplyTooLong));
}

TEST_F(HostileClient, ClosingTheServerWhileACommandWaitsIsSafe) {
  start();
  director_.holds_sessions_ = true;
  TestClient one = client();
  send(one, R"([{"jsonrpc":"2.0","id":1,"method":"session.list"},)"
            R"({"jsonrpc":"2.0","id":2,"method":"help"}])"
            "\n");
  EXPECT_TRUE(run_until([&] { return director_.is_asked_for_sessions(); }));
  server_.reset();
  director_.answer_sessions();
  EXPECT_TRUE(is_closed(one));
}

// Connects as nobody without groups and returns what the server said.
std::string line_for_nobody(const std::string& path) {
  constexpr uid_t kNobody = 65534;
  if (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0) {
    return "cannot become nobody";
  }
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return "cannot connect";
  }
  std::array<char, 4096> buffer;
  const ssize_t count = read(socket, buffer.data(), buffer.size());
  return count > 0 ? std::string(buffer.data(), static_cast<size_t>(count)) : "closed";
}

TEST_F(HostileClient, AStrangerIsToldAndTurnedAway) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root to become somebody else";
  }
  start();
  chmod(path_.c_str(), 0666);
  chmod(folder_.file("").c_str(), 0755);
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::string said = line_for_nobody(path_);
    _exit(write(ends[1], said.data(), said.size()) > 0 ? 0 : 1);
  }
  int status = 0;
  EXPECT_TRUE(run_until([&] { return waitpid(child, &status, WNOHANG) == child; }));
  std::array<char, 4096> buffer;
  const ssize_t count = read(ends[0], buffer.data(), buffer.size());
  ::close(ends[0]);
  ::close(ends[1]);
  ASSERT_GT(count, 0);
  const std::string said(buffer.data(), static_cast<size_t>(count));
  EXPECT_NE(said.find("-32003"), std::string::npos) << said;
  EXPECT_NE(said.find("uid 65534"), std::string::npos) << said;
  EXPECT_EQ(server_->client_count(), 0U);
}

TEST(PeerPolicy, AllowsRootOwnUserAndGroupMembers) {
  const PeerPolicy policy{.own_uid = 500, .group = 42};
  EXPECT_TRUE(policy.is_allowed({.pid = 1, .uid = 0, .gid = 0, .groups = {}}));
  EXPECT_TRUE(policy.is_allowed({.pid = 1, .uid = 500, .gid = 7, .groups = {}}));
  EXPECT_TRUE(policy.is_allowed({.pid = 1, .uid = 9, .gid = 42, .groups = {}}));
  EXPECT_TRUE(policy.is_allowed({.pid = 1, .uid = 9, .gid = 9, .groups = {7, 42}}));
  EXPECT_FALSE(policy.is_allowed({.pid = 1, .uid = 9, .gid = 9, .groups = {7}}));
  const PeerPolicy without_group{.own_uid = 500, .group = std::nullopt};
  EXPECT_FALSE(without_group.is_allowed({.pid = 1, .uid = 9, .gid = 0, .groups = {0}}));
}

TEST(PeerPolicy, ReadsTheKernelsWord) {
  std::array<int, 2> pair{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  const auto peer = read_peer(pair[0]);
  ASSERT_TRUE(peer.has_value());
  EXPECT_EQ(peer->pid, getpid());
  EXPECT_EQ(peer->uid, geteuid());
  EXPECT_EQ(peer->groups.size(), static_cast<size_t>(getgroups(0, nullptr)));
  close(pair[0]);
  close(pair[1]);
}

TEST(TokenBucket, LendsAndWaits) {
  const TokenBucket::Clock::time_point start{};
  TokenBucket bucket(10, 2, start);
  EXPECT_EQ(bucket.wait(start).count(), 0);
  bucket.take(2, start);
  EXPECT_EQ(bucket.wait(start), milliseconds(100));
  bucket.take(10, start);  // a batch, in debt
  EXPECT_EQ(bucket.wait(start), milliseconds(1100));
  EXPECT_EQ(bucket.wait(start + milliseconds(1100)).count(), 0);
  EXPECT_EQ(bucket.wait(start + std::chrono::hours(1)).count(), 0);
}

}  // namespace
}  // namespace sluice::control

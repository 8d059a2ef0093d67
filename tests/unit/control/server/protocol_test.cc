// SPDX-License-Identifier: BSD-3-Clause
// JSON-RPC 2.0 over the socket: envelopes, batches, notifications, errors.
#include "control/server/protocol.h"

#include <string>

#include "tests/unit/control/server/server_fixture.h"

namespace sluice::control {
namespace {

class Protocol : public ServerTest {
 protected:
  void SetUp() override { start(); }

  int code(const std::string& text) {
    TestClient one = client();
    return code_of(ask_text(one, text));
  }
};

TEST_F(Protocol, EchoesTheIdWhateverItsKind) {
  TestClient one = client();
  for (const char* id : {"1", "\"a\"", "null", "-7", "1.5", "18446744073709551615"}) {
    const Json reply =
        ask_text(one, std::string(R"({"jsonrpc":"2.0","method":"help","id":)") + id + "}");
    EXPECT_EQ(reply["id"].dump(), id);
    EXPECT_TRUE(reply.contains("result"));
    EXPECT_EQ(reply["jsonrpc"], "2.0");
  }
}

TEST_F(Protocol, RefusesWhatIsNoJson) {
  for (const char* text : {"hello", "{", "[1,", "{\"a\":}", "\x01\x02\xff", "{\"a\":\"\xff\"}",
                           "nul", "\"unfinished", "1e999", "[1e999]", "}", "]]]]"}) {
    EXPECT_EQ(code(text), -32700) << text;
  }
}

TEST_F(Protocol, RefusesWhatIsNoRequest) {
  for (const char* text :
       {"1", "\"text\"", "null", "{}", R"({"jsonrpc":"1.0","id":1,"method":"help"})",
        R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"2.0","id":1,"method":5})",
        R"({"jsonrpc":"2.0","id":{},"method":"help"})",
        R"({"jsonrpc":"2.0","id":1,"method":"help","params":5})", R"({"id":1,"method":"help"})",
        "[]"}) {
    EXPECT_EQ(code(text), -32600) << text;
  }
}

TEST_F(Protocol, RefusesIdsTooLongToEcho) {
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","method":"help","id":")" + std::string(300, 'x') + "\"}"),
            -32600);
}

TEST_F(Protocol, SuggestsTheMethodMeant) {
  const Json reply = ask("servce.list");
  EXPECT_EQ(code_of(reply), -32601);
  EXPECT_NE(message_of(reply).find("did you mean \"service.list\"?"), std::string::npos);
  EXPECT_NE(message_of(ask("xyzzy")).find("help"), std::string::npos);
}

TEST_F(Protocol, NamesTheParameterThatIsWrong) {
  const Json unknown = ask("server.set", {{"service", "web"}, {"adress", "10.0.0.2:80"}});
  EXPECT_EQ(code_of(unknown), -32602);
  EXPECT_EQ(message_of(unknown), "address: missing");
  const Json misspelt = ask("session.list", {{"clinet", "10.0.0.2"}});
  EXPECT_NE(message_of(misspelt).find("did you mean \"client\"?"), std::string::npos);
  EXPECT_EQ(code_of(ask("help", Json::array({1, 2}))), -32602);
}

TEST_F(Protocol, TakesEmptyAndMissingParams) {
  TestClient one = client();
  EXPECT_TRUE(ask_text(one, R"({"jsonrpc":"2.0","id":1,"method":"help"})").contains("result"));
  EXPECT_TRUE(
      ask_text(one, R"({"jsonrpc":"2.0","id":1,"method":"help","params":[]})").contains("result"));
}

TEST_F(Protocol, NumbersOutOfRangeAreWrongNotWrapped) {
  for (const char* weight : {"-1", "65536", "4294967297", "18446744073709551615",
                             "18446744073709551616", "1e300", "1.5", "\"1\"", "true", "[]"}) {
    EXPECT_EQ(code(std::string(R"({"jsonrpc":"2.0","id":1,"method":"server.set","params":)"
                               R"({"service":"web","address":"10.0.0.2:80","weight":)") +
                   weight + "}}"),
              -32602)
        << weight;
  }
}

TEST_F(Protocol, NotificationsAreCarriedOutAndNeverAnswered) {
  TestClient one = client();
  send(one, R"({"jsonrpc":"2.0","method":"server.set","params":{"service":"web",)"
            R"("address":"10.0.0.2:80","weight":9}})"
            "\n"
            R"({"jsonrpc":"2.0","method":"no.such"})"
            "\n");
  EXPECT_EQ(ask(one, "help")["id"], 1);
  EXPECT_EQ(director_.running().services[0].servers[0].weight, 9U);
}

TEST_F(Protocol, BatchAnswersInOrderWithoutNotifications) {
  TestClient one = client();
  const Json reply = ask_text(one, R"([{"jsonrpc":"2.0","id":1,"method":"help"},)"
                                   R"({"jsonrpc":"2.0","method":"help"},)"
                                   R"(5,)"
                                   R"({"jsonrpc":"2.0","id":2,"method":"session.list"}])");
  ASSERT_EQ(reply.size(), 3U);
  EXPECT_EQ(reply[0]["id"], 1);
  EXPECT_EQ(code_of(reply[1]), -32600);
  EXPECT_TRUE(reply[2].contains("result"));
}

TEST_F(Protocol, BatchOfNotificationsIsNotAnswered) {
  TestClient one = client();
  send(one, R"([{"jsonrpc":"2.0","method":"help"},{"jsonrpc":"2.0","method":"help"}])"
            "\n");
  EXPECT_EQ(ask(one, "help")["id"], 1);
}

TEST_F(Protocol, EditsOfABatchBuildOnEachOther) {
  TestClient one = client();
  const Json reply = ask_text(
      one,
      R"([{"jsonrpc":"2.0","id":1,"method":"service.add","params":{"name":"new","vip":"192.0.2.11:80"}},)"
      R"({"jsonrpc":"2.0","id":2,"method":"server.add","params":{"service":"new","address":"10.0.0.9:80"}}])");
  EXPECT_TRUE(reply[0].contains("result")) << reply;
  EXPECT_TRUE(reply[1].contains("result")) << reply;
  EXPECT_EQ(director_.running().services.back().servers.size(), 1U);
}

TEST_F(Protocol, BatchesAreBounded) {
  std::string batch = "[5";
  for (int i = 0; i < 64; ++i) {
    batch += ",5";
  }
  EXPECT_EQ(code(batch + "]"), -32600);
}

TEST_F(Protocol, InternalErrorsAreRepliesToo) {
  director_.throws_ = true;
  const Json reply = ask("reload");
  EXPECT_EQ(code_of(reply), -32603);
  EXPECT_NE(message_of(reply).find("the test said so"), std::string::npos);
  director_.throws_ = false;
  EXPECT_TRUE(ask("reload").contains("result"));
}

TEST_F(Protocol, MessagesAreOneLineWhateverTheyQuote) {
  const Json reply = ask("service.show", {{"service", "a\nb\x1b[31m"}});
  EXPECT_EQ(code_of(reply), static_cast<int>(ErrorCode::kNotFound));
  EXPECT_EQ(message_of(reply).find('\n'), std::string::npos);
  EXPECT_EQ(message_of(reply).find('\x1b'), std::string::npos);
}

TEST_F(Protocol, HelpListsEveryCommandWithItsEffect) {
  const Json list = ask("help")["result"]["commands"];
  EXPECT_EQ(list.size(), 19U);
  for (const Json& command : list) {
    EXPECT_FALSE(command["help"].get<std::string>().empty());
    EXPECT_TRUE(command["changes_state"].is_boolean());
    EXPECT_NE(code_of(ask(command["name"], {{"no-such-parameter", 1}})), 0) << command;
  }
}

TEST_F(Protocol, DefaultSocketPathIsTheModels) {
  EXPECT_EQ(config::Director().control_socket.path, kDefaultSocketPath);
}

}  // namespace
}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// A control server on a real socket, driven step by step by the test itself: no threads, no sleeps
// beyond the limits under test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "control/server/control_server.h"
#include "control/server/json.h"
#include "tests/unit/control/server/memory_director.h"

namespace sluice::control {

/// A folder that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// A non-blocking client socket, as raw as hostile clients are.
class TestClient {
 public:
  explicit TestClient(const std::string& path) {
    socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    is_connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    fcntl(socket_, F_SETFL, O_NONBLOCK);
  }
  TestClient(TestClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), is_connected_(other.is_connected_) {}
  ~TestClient() { close(); }

  void close() {
    if (socket_ >= 0) {
      ::close(std::exchange(socket_, -1));
    }
  }
  void half_close() { shutdown(socket_, SHUT_WR); }

  /// Sends what the socket takes now; returns how much.
  size_t send_some(std::string_view text) {
    const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
    return sent > 0 ? static_cast<size_t>(sent) : 0;
  }

  /// Takes what has arrived; false when the other side has closed.
  bool receive_some() {
    std::array<char, 65536> buffer;
    while (true) {
      const ssize_t count = recv(socket_, buffer.data(), buffer.size(), 0);
      if (count < 0) {
        return errno == EAGAIN;
      }
      if (count == 0) {
        return false;
      }
      input_.append(buffer.data(), static_cast<size_t>(count));
    }
  }

  std::optional<std::string> take_line() {
    const size_t end = input_.find('\n');
    if (end == std::string::npos) {
      return std::nullopt;
    }
    std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    return line;
  }

  int socket_ = -1;
  bool is_connected_ = false;
  std::string input_;
};

class ServerTest : public testing::Test {
 protected:
  static constexpr auto kPatience = std::chrono::seconds(10);

  void start(const ServerLimits& limits = {}) {
    auto server = ControlServer::open(io_, director_, {path_, 0660, ""}, limits);
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = *std::move(server);
  }

  TestClient client() { return TestClient(path_); }

  /// Runs the server until `is_reached`, at most kPatience.
  template <typename Condition>
  bool run_until(Condition is_reached) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!is_reached()) {
      if (std::chrono::steady_clock::now() > end) {
        return false;
      }
      io_.run_one_for(std::chrono::milliseconds(1));
      io_.restart();
    }
    return true;
  }

  void run_for(std::chrono::milliseconds time) {
    io_.run_for(time);
    io_.restart();
  }

  void send(TestClient& client, std::string_view text) {
    EXPECT_TRUE(run_until([&] {
      text.remove_prefix(client.send_some(text));
      return text.empty();
    }));
  }

  /// The next line the server sends, or nothing when it closes.
  std::optional<std::string> read_line(TestClient& client) {
    std::optional<std::string> line;
    run_until([&] {
      const bool is_open = client.receive_some();
      line = client.take_line();
      return line || !is_open;
    });
    return line;
  }

  bool is_closed(TestClient& client) {
    return run_until([&] { return !client.receive_some(); });
  }

  Json ask_text(TestClient& client, const std::string& text) {
    send(client, text + "\n");
    const auto line = read_line(client);
    EXPECT_TRUE(line.has_value()) << "closed instead of a reply to " << text.substr(0, 200);
    return Json::parse(line.value_or("null"));
  }

  Json ask(TestClient& client, const std::string& method, const Json& params = Json::object()) {
    return ask_text(
        client, Json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}}.dump());
  }

  /// The same on a connection of its own.
  Json ask(const std::string& method, const Json& params = Json::object()) {
    TestClient one = client();
    return ask(one, method, params);
  }

  Json result(const std::string& method, const Json& params = Json::object()) {
    const Json reply = ask(method, params);
    EXPECT_TRUE(reply.contains("result")) << reply;
    return reply.contains("result") ? reply["result"] : Json::object();
  }
  static int code_of(const Json& reply) {
    return reply.contains("error") ? reply["error"]["code"].get<int>() : 0;
  }
  static std::string message_of(const Json& reply) {
    return reply.contains("error") ? reply["error"]["message"].get<std::string>() : reply.dump();
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.file("run/control.sock");
  boost::asio::io_context io_;
  MemoryDirector director_;
  std::unique_ptr<ControlServer> server_;
};

}  // namespace sluice::control

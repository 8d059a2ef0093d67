// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: lines of the control socket. Each gets one reply, whatever it says. Tests.
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "control/server/activity.h"
#include "control/server/json.h"
#include "control/server/rpc.h"
#include "tests/fuzz/target.h"
#include "tests/unit/control/server/memory_director.h"

namespace sluice::fuzz {
namespace {

/// The server behind a socket, without the socket.
class Server {
 public:
  Server() {
    director_.config_path_ = "/proc/none/sluice.yaml";  // nobody can write there
    director_.sessions_ = control::make_sessions(3);
  }

  void play(std::string_view lines) {
    director_.running_ = director_.file_;
    while (!lines.empty()) {
      const size_t end = std::min(lines.find('\n'), lines.size());
      answer(lines.substr(0, end));
      lines.remove_prefix(std::min(end + 1, lines.size()));
    }
  }

 private:
  void answer(std::string_view line) {
    uint32_t outcomes = 0;
    rpc_.handle(line, control::Peer{}, [&outcomes](const control::RpcOutcome& outcome) {
      ++outcomes;
      check(outcome.calls > 0, "a message cost nothing");
      check(outcome.reply.find('\n') == std::string::npos, "a reply is more than a line");
      check(outcome.reply.empty() || control::Json::accept(outcome.reply), "a reply is no JSON");
    });
    io_.restart();
    io_.run();
    check(outcomes == 1, "a message had not one outcome");
  }

  control::MemoryDirector director_;
  control::Activity activity_{director_};
  boost::asio::io_context io_;
  control::Rpc rpc_{io_, director_, activity_, control::ServerLimits{.shared_part = 1e6}};
};

std::unique_ptr<Server> server;

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  sluice::fuzz::server = std::make_unique<sluice::fuzz::Server>();
  std::atexit([] { sluice::fuzz::server.reset(); });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  sluice::fuzz::server->play({reinterpret_cast<const char*>(bytes), size});
  return 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// JSON-RPC 2.0: one message of text in, at most one line of text out. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "control/server/commands/command.h"
#include "control/server/peer.h"
#include "control/server/server_limits.h"
#include "control/server/token_bucket.h"

namespace boost::asio {
class io_context;
}

namespace sluice::control {

/// What became of one message.
struct RpcOutcome {
  std::string reply;                    // without newline; empty when all of it were notifications
  uint32_t calls = 1;                   // requests carried out or refused
  TokenBucket::Clock::duration busy{};  // what all of it took of the control thread
};

/// Parses messages, runs commands, writes replies. Knows nothing of sockets.
///
/// One request runs at a time, and between two of a batch the event loop gets its turn. Commands
/// that go through a whole configuration share one allowance among all clients; over it they wait.
class Rpc {
 public:
  using Done = std::function<void(RpcOutcome)>;

  Rpc(boost::asio::io_context& io, Director& director, const Activity& activity,
      const ServerLimits& limits);

  /// Carries out `message` and calls `done` once, at once or later; never after this object's end.
  /// Anything may be in `message`: whatever it is, the outcome is a reply.
  void handle(std::string_view message, const Peer& peer, const Done& done);

 private:
  struct Message;
  using MessagePtr = std::shared_ptr<Message>;

  void next(const MessagePtr& message);
  void call(const MessagePtr& message, const RequestJson& request);
  void run_when_allowed(const MessagePtr& message, const Command& command,
                        const RequestJson& params, const Reply& reply);
  void run(const MessagePtr& message, const Command& command, const RequestJson& params,
           const Reply& reply);
  void finish(const MessagePtr& message, const std::string& reply);
  void charge(Message& message, const Command& command, TokenBucket::Clock::time_point since);

  boost::asio::io_context& io_;
  CommandContext context_;
  ServerLimits limits_;
  RequestJson no_params_ = RequestJson::object();
  TokenBucket shared_;  // milliseconds of this thread for commands of Effect other than kReads
  // Commands that answer late look whether this is still there before they touch anything.
  std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

/// One line: {"jsonrpc":"2.0","id":null,"error":{...}}, for what is no request.
[[nodiscard]] std::string error_line(ErrorCode code, std::string_view message);

}  // namespace sluice::control

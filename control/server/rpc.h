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

namespace sluice::control {

/// What became of one message.
struct RpcOutcome {
  std::string reply;   // without newline; empty when all of it were notifications
  uint32_t calls = 1;  // requests carried out or refused: what the rate limit counts
};

/// Parses messages, runs commands, writes replies. Knows nothing of sockets.
class Rpc {
 public:
  using Done = std::function<void(RpcOutcome)>;

  Rpc(Director& director, const Activity& activity, const ServerLimits& limits)
      : context_{director, activity}, limits_(limits) {}

  /// Carries out `message` and calls `done` once, at once or later; never after this object's end.
  /// Anything may be in `message`: whatever it is, the outcome is a reply.
  void handle(std::string_view message, const Peer& peer, const Done& done);

 private:
  using Finish = std::function<void(std::string reply)>;
  struct Batch;

  void call(const RequestJson& request, const Peer& peer, Finish finish);
  void run(const Command& command, const RequestJson& params, const Peer& peer, Reply reply);
  void run_batch(RequestJson requests, const Peer& peer, const Done& done);
  void step(const std::shared_ptr<Batch>& batch);

  CommandContext context_;
  ServerLimits limits_;
  // Commands that answer late look whether this is still there before they touch anything.
  std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

/// One line: {"jsonrpc":"2.0","id":null,"error":{...}}, for what is no request.
[[nodiscard]] std::string error_line(ErrorCode code, std::string_view message);

}  // namespace sluice::control

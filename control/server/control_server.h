// SPDX-License-Identifier: BSD-3-Clause
// The control socket: accepts clients, checks who they are and speaks JSON-RPC 2.0 with them.
// Control thread.
#pragma once

#include <memory>

#include "control/config/model.h"
#include "control/director.h"
#include "control/server/server_limits.h"
#include "lib/base/result.h"

namespace boost::asio {
class io_context;
}

namespace sluice::control {

/// Serves `director` on a Unix stream socket until it is destroyed; the socket file goes with it.
/// Thread: the one that runs `io`, all methods.
class ControlServer {
 public:
  /// Ownership: `io` and `director` outlive the server.
  /// Errors: the socket is served by another process, the path or group is wrong; with the cure.
  static Result<std::unique_ptr<ControlServer>> open(boost::asio::io_context& io,
                                                     Director& director,
                                                     const config::Director::ControlSocket& socket,
                                                     const ServerLimits& limits = {});

  ~ControlServer();

  [[nodiscard]] size_t client_count() const;

 private:
  class Impl;
  explicit ControlServer(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;
};

}  // namespace sluice::control

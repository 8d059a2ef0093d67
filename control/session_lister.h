// SPDX-License-Identifier: BSD-3-Clause
// Pages of sessions from the workers, without waiting for them. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>

#include "control/director.h"
#include "dataplane/mailbox.h"
#include "dataplane/supervisor.h"

namespace sluice::control {

/// Asks one worker after the other; a cursor is worker << 32 | slot.
class SessionLister {
 public:
  explicit SessionLister(dataplane::Supervisor& supervisor) : supervisor_(supervisor) {}

  /// As Director::list_sessions.
  void list(const dataplane::SessionFilter& filter, uint64_t cursor, uint32_t limit,
            std::function<void(SessionPage)> done);

  /// Delivers the pages that workers have finished. Called from the control loop.
  void poll();

 private:
  struct Request {
    uint32_t worker = 0;
    dataplane::ListSessions command;
    std::vector<dataplane::SessionInfo> sessions;
    std::function<void(SessionPage)> done;
  };

  void finish(Request& request);

  dataplane::Supervisor& supervisor_;
  std::list<Request> requests_;  // the addresses of the commands are with the workers
};

}  // namespace sluice::control

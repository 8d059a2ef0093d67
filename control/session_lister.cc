// SPDX-License-Identifier: BSD-3-Clause
// Session listing across workers. Control thread.
#include "control/session_lister.h"

#include <algorithm>
#include <utility>

namespace sluice::control {

void SessionLister::list(const dataplane::SessionFilter& filter, uint64_t cursor, uint32_t limit,
                         std::function<void(SessionPage)> done) {
  const auto worker = static_cast<uint32_t>(cursor >> 32);
  if (worker >= supervisor_.worker_count()) {
    done({.sessions = {}, .next_cursor = cursor, .is_last = true});
    return;
  }
  Request& request = requests_.emplace_back();
  request.worker = worker;
  request.sessions.resize(limit);
  request.done = std::move(done);
  request.command.filter = filter;
  request.command.cursor = static_cast<uint32_t>(cursor);
  request.command.out = request.sessions;
  if (!supervisor_.send(worker, request.command)) {
    // The worker's ring is full: an empty page with the same cursor means "ask again".
    auto callback = std::move(request.done);
    requests_.pop_back();
    callback({.sessions = {}, .next_cursor = cursor, .is_last = false});
  }
}

void SessionLister::poll() {
  for (uint32_t worker = 0; worker < supervisor_.worker_count(); ++worker) {
    while (const dataplane::Command* command = supervisor_.take_completion(worker)) {
      const auto request =
          std::find_if(requests_.begin(), requests_.end(),
                       [&](const Request& candidate) { return &candidate.command == command; });
      finish(*request);
      requests_.erase(request);
    }
  }
}

void SessionLister::finish(Request& request) {
  const dataplane::ListSessions& answer = request.command;
  const uint64_t next = answer.is_done
                            ? static_cast<uint64_t>(request.worker + 1) << 32
                            : static_cast<uint64_t>(request.worker) << 32 | answer.cursor;
  const bool is_last = answer.is_done && request.worker + 1 == supervisor_.worker_count();
  request.sessions.resize(answer.count);
  request.done({.sessions = std::move(request.sessions), .next_cursor = next, .is_last = is_last});
}

}  // namespace sluice::control

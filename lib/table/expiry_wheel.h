// SPDX-License-Identifier: BSD-3-Clause
// Finds sessions whose idle timeout has passed without ever scanning the table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "lib/base/dpdk_ptr.h"
#include "lib/base/ticks.h"
#include "lib/table/session.h"

namespace sluice::table {

/// A timing wheel of 4 096 ticks (17 minutes) with lazy deadlines.
///
/// A packet only writes its session's time stamp. When the wheel reaches a session it asks the
/// owner for the real deadline: passed -> expired, else the session moves to the slot of that
/// deadline (or the farthest slot, and is asked again there). Only a state change to a shorter
/// timeout moves a session early. Example: ESTABLISHED at tick 0 sits in slot 3600; a packet at
/// tick 3000 writes its stamp; at 3600 the wheel asks, hears 6600 and moves it on. The lists run
/// through the sessions themselves; nothing is allocated. Owner: one worker.
class ExpiryWheel {
 public:
  static constexpr uint32_t kSlots = 4'096;

  static Result<ExpiryWheel> create(std::span<Session> sessions, Tick now, int numa_node);

  /// Enters a session that is not in the wheel.  Cost: O(1).
  void schedule(SessionIndex index, Tick deadline);
  /// Takes a session out of the wheel.  Cost: O(1).
  void cancel(SessionIndex index);

  /// Looks at up to `budget` sessions whose slot has come by `now`. `deadline_of(index)` gives the
  /// real deadline; `expire(index)` is called for those past it, after they left the wheel.
  /// Work left over is continued by the next call.  Returns how many it looked at.
  template <typename DeadlineOf, typename Expire>
  uint32_t run(Tick now, uint32_t budget, DeadlineOf deadline_of, Expire expire) {
    uint32_t looked_at = 0;
    while (true) {
      uint32_t& head = heads_[processed_ % kSlots];
      for (; head != kNoSession; ++looked_at) {
        if (looked_at == budget) {
          return looked_at;
        }
        const SessionIndex index = head;
        cancel(index);
        const Tick deadline = deadline_of(index);
        if (static_cast<int32_t>(deadline - now) > 0) {
          schedule(index, deadline);
        } else {
          expire(index);
        }
      }
      if (processed_ == now) {
        return looked_at;
      }
      ++processed_;
    }
  }

 private:
  ExpiryWheel(std::span<Session> sessions, DpdkArray<uint32_t> heads, Tick now)
      : sessions_(sessions), heads_(std::move(heads)), processed_(now) {}

  static constexpr uint32_t kHeadFlag = 1U << 31;  // wheel_previous of a list's first session

  std::span<Session> sessions_;
  DpdkArray<uint32_t> heads_;
  Tick processed_;  // all slots up to here are empty, but for the one being worked on
};

}  // namespace sluice::table

// SPDX-License-Identifier: BSD-3-Clause
// All schedulers, one line each. Configuration, help texts and conformance tests read this list.
#pragma once

#include <array>
#include <string_view>

#include "lib/sched/rr.h"
#include "lib/sched/scheduler.h"
#include "lib/sched/wrr.h"

namespace sluice::sched {

inline constexpr std::array kSchedulers = {
    &kRoundRobin,
    &kWeightedRoundRobin,
};

/// The scheduler called `name`, or null.
inline const SchedulerOps* find_scheduler(std::string_view name) {
  for (const SchedulerOps* scheduler : kSchedulers) {
    if (scheduler->name == name) {
      return scheduler;
    }
  }
  return nullptr;
}

}  // namespace sluice::sched

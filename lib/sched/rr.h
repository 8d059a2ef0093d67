// SPDX-License-Identifier: BSD-3-Clause
// Round robin: every server with weight in turn.
#pragma once

#include "lib/sched/scheduler.h"

namespace sluice::sched {

extern const SchedulerOps kRoundRobin;

}  // namespace sluice::sched

// SPDX-License-Identifier: BSD-3-Clause
// Weighted round robin with LVS's exact sequence: weights 4,3,2 give AABABCABC.
#pragma once

#include "lib/sched/scheduler.h"

namespace sluice::sched {

extern const SchedulerOps kWeightedRoundRobin;

}  // namespace sluice::sched

// SPDX-License-Identifier: BSD-3-Clause
// The weight arithmetic shared by schedulers. Control thread.
#include "lib/sched/scheduler.h"

#include <algorithm>
#include <numeric>

namespace sluice::sched {

Plan make_plan(std::span<const Candidate> servers) {
  Plan plan{.weight_gcd = 0, .max_weight = 0};
  for (const Candidate& server : servers) {
    plan.weight_gcd = std::gcd(plan.weight_gcd, server.weight);
    plan.max_weight = std::max(plan.max_weight, server.weight);
  }
  plan.weight_gcd = std::max(plan.weight_gcd, 1U);
  return plan;
}

}  // namespace sluice::sched

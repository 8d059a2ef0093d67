// SPDX-License-Identifier: BSD-3-Clause
// Weighted round robin. Worker thread.
//
// The threshold cw falls from mw = max_weight - (gcd - 1) in steps of gcd; each pass over the list
// serves the servers whose weight reaches it. State: position is the list index to look at next,
// current_weight is cw. Source: Linux IPVS ip_vs_wrr (since 3.x).
#include "lib/sched/wrr.h"

#include <algorithm>

namespace sluice::sched {
namespace {

int32_t top_threshold(const Plan& plan) {
  return static_cast<int32_t>(plan.max_weight) - static_cast<int32_t>(plan.weight_gcd - 1);
}

std::optional<uint32_t> pick(State& state, const Plan& plan, std::span<const Candidate> servers) {
  if (plan.max_weight == 0) {
    return std::nullopt;
  }
  // Above the top: left behind by other servers, when another scheduler heard of the change.
  if (state.current_weight <= 0 || state.current_weight > top_threshold(plan)) {
    state.current_weight = top_threshold(plan);
  }
  // No threshold is above the heaviest server, so the first full pass meets it.
  for (int pass = 0; pass < 2; ++pass) {
    for (uint32_t index = state.position; index < servers.size(); ++index) {
      if (static_cast<int32_t>(servers[index].weight) >= state.current_weight) {
        state.position = index + 1;
        return index;
      }
    }
    state.position = 0;
    state.current_weight -= static_cast<int32_t>(plan.weight_gcd);
    if (state.current_weight <= 0) {
      state.current_weight = top_threshold(plan);
    }
  }
  return std::nullopt;
}

void servers_changed(State& state, const Plan& plan, std::span<const Candidate> servers) {
  const int32_t top = top_threshold(plan);
  const auto step = static_cast<int32_t>(plan.weight_gcd);
  state.position = 0;
  if (state.current_weight > top || state.current_weight <= 0) {
    state.current_weight = top;
  } else if (step > 1) {
    state.current_weight = std::min(top, state.current_weight / step * step + 1);
  }
  for (uint32_t skipped = 0; skipped < state.head_start; ++skipped) {
    pick(state, plan, servers);
  }
}

}  // namespace

constinit const SchedulerOps kWeightedRoundRobin = {
    .name = "wrr",
    .help = "weighted round robin: in turn, in proportion to weight (4,3,2 gives AABABCABC)",
    .pick = pick,
    .servers_changed = servers_changed,
};

}  // namespace sluice::sched

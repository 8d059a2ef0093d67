// SPDX-License-Identifier: BSD-3-Clause
// Round robin. State: position is the list index after the server chosen last. Worker thread.
#include "lib/sched/rr.h"

namespace sluice::sched {
namespace {

std::optional<uint32_t> pick(State& state, const Plan& /*plan*/,
                             std::span<const Candidate> servers) {
  uint32_t index = state.position;
  for (size_t tried = 0; tried < servers.size(); ++tried) {
    if (index >= servers.size()) {
      index = 0;
    }
    const uint32_t candidate = index++;
    if (servers[candidate].weight > 0) {
      state.position = index;
      return candidate;
    }
  }
  return std::nullopt;
}

// Keeping the index keeps the rotation going; a shorter list wraps it. The first list begins one.
void servers_changed(State& state, const Plan& /*plan*/, std::span<const Candidate> servers) {
  if (state.servers_version == 0) {
    state.position = state.head_start;
  }
  if (!servers.empty()) {
    state.position %= static_cast<uint32_t>(servers.size());
  }
}

}  // namespace

constinit const SchedulerOps kRoundRobin = {
    .name = "rr",
    .help = "round robin: every server with weight > 0 in turn",
    .pick = pick,
    .servers_changed = servers_changed,
};

}  // namespace sluice::sched

// SPDX-License-Identifier: BSD-3-Clause
// What a scheduler is: two pure functions over a service's server list and a small state.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::sched {

/// A real server as a scheduler sees it. The list order is the configuration's order.
struct Candidate {
  uint32_t server_id = 0;
  uint32_t weight = 0;  // 0: no new sessions
};

/// What a scheduler computes once per configuration (control thread) and reads per new session.
struct Plan {
  uint32_t weight_gcd = 1;  // of the weights > 0
  uint32_t max_weight = 0;
};

/// One worker's memory for one service; survives reloads. A scheduler gives the fields meaning.
struct State {
  uint32_t head_start = 0;  // picks that a rotation leaves out at its begin: the worker's number
  uint32_t position = 0;
  int32_t current_weight = 0;
  uint64_t servers_version = 0;  // the list this state was last used with
};

/// A scheduling algorithm. Plain functions: no virtual call, no allocation, no clock.
struct SchedulerOps {
  std::string_view name;  // as in `ipvsadm -s`
  std::string_view help;  // one line for --help and the manual

  /// Picks the next server for a new session; nothing when no server has weight.
  /// Bounded by twice the list's length.  Thread: the state's worker.
  std::optional<uint32_t> (*pick)(State& state, const Plan& plan,
                                  std::span<const Candidate> servers);

  /// Adapts `state` after the server list changed (servers added, removed or reweighted).
  void (*servers_changed)(State& state, const Plan& plan, std::span<const Candidate> servers);
};

/// The parts of a plan that are common to the weighted schedulers.
Plan make_plan(std::span<const Candidate> servers);

}  // namespace sluice::sched

// SPDX-License-Identifier: BSD-3-Clause
// Spells what a scheduler picks: server 0 is A, nothing is '-'. Tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/sched/scheduler.h"

namespace sluice::sched {

/// One service with its scheduler's state, as a worker has it.
class Service {
 public:
  Service(const SchedulerOps& scheduler, const std::vector<uint32_t>& weights,
          uint32_t head_start = 0)
      : scheduler_(scheduler), state_{.head_start = head_start} {
    change(weights);
  }

  /// A reload with other servers.
  void change(const std::vector<uint32_t>& weights) {
    change_unheard(weights);
    scheduler_.servers_changed(state_, plan_, servers_);
    ++state_.servers_version;
  }

  /// As change(), while another scheduler was in charge of the state and left it alone.
  void change_unheard(const std::vector<uint32_t>& weights) {
    servers_.clear();
    for (const uint32_t weight : weights) {
      servers_.push_back({.server_id = static_cast<uint32_t>(servers_.size()), .weight = weight});
    }
    plan_ = make_plan(servers_);
  }

  std::optional<uint32_t> pick() { return scheduler_.pick(state_, plan_, servers_); }

  std::string picks(uint32_t count) {
    std::string text;
    for (uint32_t i = 0; i < count; ++i) {
      const auto index = pick();
      text += index ? static_cast<char>('A' + *index) : '-';
    }
    return text;
  }

  [[nodiscard]] const Plan& plan() const { return plan_; }

 private:
  const SchedulerOps& scheduler_;
  std::vector<Candidate> servers_;
  Plan plan_;
  State state_;
};

}  // namespace sluice::sched

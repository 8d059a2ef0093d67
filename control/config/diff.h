// SPDX-License-Identifier: BSD-3-Clause
// What a reload would change, as lines an operator can read and scripts can parse.
#pragma once

#include <string>
#include <vector>

#include "control/config/model.h"

namespace sluice::config {

struct Difference {
  enum class Kind { kAdded, kRemoved, kChanged };
  Kind kind = Kind::kChanged;
  std::string what;            // "service web: server 10.0.0.3:80: weight"
  std::string from;            // empty when added
  std::string to;              // empty when removed
  bool needs_restart = false;  // dpdk, limits, workers, ports: cannot change while running

  /// "~ service web: server 10.0.0.3:80: weight 1 -> 5"
  [[nodiscard]] std::string to_string() const;
};

/// The changes that lead from `from` to `to`, in the model's order; empty when they are equal.
[[nodiscard]] std::vector<Difference> diff(const Model& from, const Model& to);

}  // namespace sluice::config

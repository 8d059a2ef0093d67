// SPDX-License-Identifier: BSD-3-Clause
// One thing wrong with a configuration, with the place to look at and what is allowed there.
#pragma once

#include <cstddef>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace sluice::config {

struct Problem {
  std::string file;  // empty for edits that did not come from a file
  int line = 0;      // counted from 1; 0: the whole file
  int column = 0;
  std::string key;      // "services[0].servers[1].weight"
  std::string message;  // what is wrong and what is allowed

  /// "conf/lab.yaml:12:5: services[0].port: 70000 is not a port; allowed: 1..65535"
  [[nodiscard]] std::string to_string() const;
};

using Problems = std::vector<Problem>;

// As many as an operator will ever read; a hostile file shall not cost more. Whoever finds problems
// stops looking once there is one more.
inline constexpr size_t kMaxProblems = 1'000;

template <typename T>
using Checked = tl::expected<T, Problems>;

}  // namespace sluice::config

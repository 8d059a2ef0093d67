// SPDX-License-Identifier: BSD-3-Clause
// The arguments given on the command line, by name. Single-threaded.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "tools/sluicectl/argument.h"

namespace sluice::ctl {

/// What was given; an argument that was not is not there. Numbers are known to be numbers.
class Options {
 public:
  /// Reads `words`: the options every verb takes, and `arguments`.
  /// Errors: unknown option, value missing or no number, one place too many; for the user.
  [[nodiscard]] static Result<Options> parse(const std::vector<std::string>& words,
                                             std::span<const Argument> arguments);

  [[nodiscard]] bool has(std::string_view name) const { return given_.contains(name); }
  /// Precondition of these: has(name).
  [[nodiscard]] const std::string& text(std::string_view name) const { return texts(name).front(); }
  [[nodiscard]] const std::vector<std::string>& texts(std::string_view name) const;
  [[nodiscard]] uint32_t number(std::string_view name) const;

  /// Given, or from the environment, or the director's default.
  [[nodiscard]] std::string socket_path() const;
  [[nodiscard]] bool is_json() const { return has("json"); }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> given_;  // switches: no values
};

}  // namespace sluice::ctl

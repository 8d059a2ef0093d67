// SPDX-License-Identifier: BSD-3-Clause
// The command line of sluicectl, from words to exit status. Single-threaded.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "tools/sluicectl/verb.h"

namespace sluice::ctl {

/// Carries out the words after the program's name.
/// Errors: said on `err`, one line each; nothing is thrown.
[[nodiscard]] Exit run(const std::vector<std::string>& words, std::ostream& out, std::ostream& err);

}  // namespace sluice::ctl

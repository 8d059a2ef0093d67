// SPDX-License-Identifier: BSD-3-Clause
// Help texts, made from the table of verbs. Single-threaded.
#pragma once

#include <iosfwd>
#include <string>

#include "tools/sluicectl/verb.h"

namespace sluice::ctl {

void print_help(std::ostream& out);
void print_help(std::ostream& out, const Verb& verb);

/// "sluicectl server add SERVICE SERVER [--weight NUMBER]"
[[nodiscard]] std::string synopsis(const Verb& verb);

/// "--weight NUMBER", "SERVICE"
[[nodiscard]] std::string shape(const Argument& argument);

}  // namespace sluice::ctl

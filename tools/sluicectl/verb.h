// SPDX-License-Identifier: BSD-3-Clause
// What a command of sluicectl is: its words, its arguments and what becomes of the answer.
// Single-threaded.
#pragma once

#include <iosfwd>
#include <span>
#include <string_view>

#include "tools/sluicectl/argument.h"
#include "tools/sluicectl/client.h"
#include "tools/sluicectl/options.h"

namespace sluice::ctl {

/// Exit statuses, as the manual page lists them.
enum class Exit : int {
  kOk = 0,
  kRefused = 1,      // the director said no
  kUsage = 2,        // wrong arguments, unreadable or unwritable local file
  kUnreachable = 3,  // no director at the socket
  kChanges = 4,      // `diff --exit-code` found changes
};

/// Everything a verb works with.
struct Invocation {
  Client& client;
  const Options& options;
  std::ostream& out;
  std::ostream& err;
};

struct Verb {
  std::string_view name;    // "service add"
  std::string_view method;  // "service.add"
  std::string_view summary;
  std::span<const Argument> arguments;
  std::string_view examples;  // lines, after help's options
  // Shows the result to a human; null with a `run` of its own.
  void (*show)(const Invocation&, const Json& result);
  // Does it all when asking once and showing the result is not enough.
  Exit (*run)(const Verb&, const Invocation&) = nullptr;
};

/// All verbs, in the order help shows them.
[[nodiscard]] std::span<const Verb> all_verbs();

/// The request parameters that the arguments given stand for.
/// Errors: a value of the wrong form; the message is for the user.
[[nodiscard]] Result<Json> params_of(const Verb& verb, const Invocation& invocation);

/// Says what went wrong on `err`: one line, and one for each further problem.
[[nodiscard]] Exit report(std::ostream& err, const CallError& error);

}  // namespace sluice::ctl

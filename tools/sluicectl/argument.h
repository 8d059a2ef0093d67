// SPDX-License-Identifier: BSD-3-Clause
// What a verb takes on the command line. Single-threaded.
#pragma once

namespace sluice::ctl {

/// An argument of a verb.
struct Argument {
  enum class Kind {
    kPlace,          // positional, required
    kOptionalPlace,  // positional, may be left out
    kText,           // --name VALUE
    kNeededText,     // the same, required
    kNumber,         // --name NUMBER
    kTimeouts,       // --name STATE=SECONDS, repeatable
    kSwitch,         // --name
  };
  Kind kind;
  const char* name;   // on the command line
  const char* param;  // in the request; null: the verb itself uses it
  const char* value;  // how help calls its value
  const char* help;

  [[nodiscard]] bool is_needed() const { return kind == Kind::kPlace || kind == Kind::kNeededText; }
  [[nodiscard]] bool is_number() const { return kind == Kind::kNumber; }
};

}  // namespace sluice::ctl

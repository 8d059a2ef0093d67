// SPDX-License-Identifier: BSD-3-Clause
// What a command of the control socket is, and what it answers with. Control thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "control/config/problem.h"
#include "control/director.h"
#include "control/server/activity.h"
#include "control/server/json.h"
#include "control/server/protocol.h"

namespace sluice::control {

/// Why a command failed: one line that says what to do, and what a program may want to know.
struct CommandError {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  Json details = nullptr;  // the reply's error.data unless null
};

using Answer = tl::expected<Json, CommandError>;
using Reply = std::function<void(Answer)>;

/// What commands work on. Outlives every command.
struct CommandContext {
  Director& director;
  const Activity& activity;
};

enum class Effect {
  kReads,
  kCompares,  // changes nothing, but reads a whole configuration, which costs as much as a change
  kChanges,
};

struct Command {
  std::string_view name;    // "server.set"
  std::string_view params;  // "service, address, weight", optional ones in brackets
  std::string_view help;
  Effect effect;
  // Calls the reply exactly once, now or later on this thread.
  void (*run)(const CommandContext&, const RequestJson& params, Reply);
};

/// Makes a Command::run of a function that answers at once.
template <Answer (*Function)(const CommandContext&, const RequestJson&)>
void at_once(const CommandContext& context, const RequestJson& params, Reply reply) {
  reply(Function(context, params));
}

[[nodiscard]] tl::unexpected<CommandError> refuse(ErrorCode code, std::string message);
/// "<first problem> (and 2 more)", all of them in data.problems.
[[nodiscard]] tl::unexpected<CommandError> refuse(const config::Problems& problems);

[[nodiscard]] Json to_json(const config::Difference& difference);
/// {"generation": 7, "changes": [...]}, "warning" if there is one, or the problems.
[[nodiscard]] Answer answer_of(const config::Checked<ApplyReport>& applied);

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Answers that several commands share. Control thread.
#include "control/server/commands/command.h"

#include <utility>

namespace sluice::control {

tl::unexpected<CommandError> refuse(ErrorCode code, std::string message) {
  return tl::unexpected(CommandError{code, std::move(message), nullptr});
}

tl::unexpected<CommandError> refuse(const config::Problems& problems) {
  Json list = Json::array();
  for (const config::Problem& problem : problems) {
    list.push_back({{"file", problem.file},
                    {"line", problem.line},
                    {"column", problem.column},
                    {"key", problem.key},
                    {"message", problem.message},
                    {"text", problem.to_string()}});
  }
  std::string message = problems.empty() ? "refused" : problems.front().to_string();
  if (problems.size() > 1) {
    message += " (and " + std::to_string(problems.size() - 1) + " more)";
  }
  return tl::unexpected(
      CommandError{ErrorCode::kRefused, std::move(message), {{"problems", std::move(list)}}});
}

Json to_json(const config::Difference& difference) {
  using Kind = config::Difference::Kind;
  const char* kind = difference.kind == Kind::kAdded     ? "added"
                     : difference.kind == Kind::kRemoved ? "removed"
                                                         : "changed";
  return {{"kind", kind},
          {"what", difference.what},
          {"from", difference.from},
          {"to", difference.to},
          {"needs_restart", difference.needs_restart},
          {"text", difference.to_string()}};
}

Answer answer_of(const config::Checked<ApplyReport>& applied) {
  if (!applied) {
    auto refusal = refuse(applied.error());
    refusal.value().message.insert(0, "refused, nothing was changed: ");
    return refusal;
  }
  Json changes = Json::array();
  for (const config::Difference& change : applied->changes) {
    changes.push_back(to_json(change));
  }
  Json answer = {{"generation", applied->generation}, {"changes", std::move(changes)}};
  if (!applied->warning.empty()) {
    answer["warning"] = applied->warning;
  }
  return answer;
}

}  // namespace sluice::control

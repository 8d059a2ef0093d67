// SPDX-License-Identifier: BSD-3-Clause
// `reload`, `diff` and `save`: the configuration as a whole. Control thread.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "control/config/diff.h"
#include "control/config/yaml_reader.h"
#include "control/config/yaml_writer.h"
#include "control/server/commands/commands.h"
#include "control/server/commands/params.h"
#include "control/server/file_replace.h"

namespace sluice::control {

Answer reload(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  return answer_of(context.director.reload());
}

Answer diff(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  const std::optional<std::string> text = params.text("text");
  const std::string name = params.text("name").value_or("(text)");
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  const config::Checked<config::Model> next =
      text ? config::read_text(*text, name) : config::read_file(context.director.config_path());
  if (!next) {
    return refuse(next.error());
  }
  const auto differences = config::diff(context.director.running(), *next);
  Json changes = Json::array();
  for (const config::Difference& difference : differences) {
    changes.push_back(to_json(difference));
  }
  return Json{
      {"needs_restart",
       std::ranges::any_of(differences, [](const auto& each) { return each.needs_restart; })},
      {"changes", std::move(changes)}};
}

Answer save(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  const bool write = params.flag("write").value_or(false);
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  std::string text = config::to_yaml(context.director.running());
  if (!write) {
    return Json{{"text", std::move(text)}};
  }
  const std::string& path = context.director.config_path();
  const Result<std::string> backup = replace_file(path, text);
  if (!backup) {
    return refuse(ErrorCode::kCannotWrite,
                  "the configuration file was not changed: " + backup.error().message);
  }
  return Json{{"path", path}, {"backup", *backup}};
}

}  // namespace sluice::control

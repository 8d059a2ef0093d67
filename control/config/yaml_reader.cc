// SPDX-License-Identifier: BSD-3-Clause
// From YAML text over the tree and the tables to a checked model. Control thread.
#include "control/config/yaml_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <tuple>

#include "control/config/defaults.h"
#include "control/config/node_reader.h"
#include "control/config/schema.h"
#include "control/config/validate.h"
#include "control/config/yaml_tree.h"

namespace sluice::config {
namespace {

bool is_inside(std::string_view key, std::string_view outer) {
  return key.starts_with(outer) &&
         (key.size() == outer.size() || key[outer.size()] == '.' || key[outer.size()] == '[');
}

// A value that could not be read leaves a default behind, and a list with an unreadable entry may
// lack the name another entry refers to. Complaints about those would send the operator astray.
bool is_consequence(const Problem& broken_rule, const Problems& unreadable) {
  const std::string& key = broken_rule.key;
  const bool refers_to_pool = key.ends_with(".local_pool");
  const bool refers_to_port = key.ends_with(".interface") ||
                              (is_inside(key, "local_pools") && key.ends_with(".port")) ||
                              key.ends_with(".parent");
  return std::any_of(unreadable.begin(), unreadable.end(), [&](const Problem& cause) {
    return is_inside(key, cause.key) || is_inside(cause.key, key) ||
           (refers_to_pool && is_inside(cause.key, "local_pools")) ||
           (refers_to_port && is_inside(cause.key, "ports"));
  });
}

void add_broken_rules(const Model& model, const Node& root, Problems& problems) {
  if (problems.size() > kMaxProblems) {
    return;
  }
  Problems broken;
  for (Problem& problem : validate(model)) {
    if (!is_consequence(problem, problems)) {
      const Place place = find_place(root, problem.key);
      problem.line = place.line;
      problem.column = place.column;
      broken.push_back(std::move(problem));
    }
  }
  std::move(broken.begin(), broken.end(), std::back_inserter(problems));
}

Problems in_file_order(Problems problems, const std::string& name) {
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  if (problems.size() > kMaxProblems) {
    problems.resize(kMaxProblems);
    problems.push_back({"", 0, 0, "", "more problems than can be listed; fix these first"});
  }
  for (Problem& problem : problems) {
    problem.file = name;
  }
  return problems;
}

Problems whole_file(const std::string& path, std::string message) {
  return {{path, 0, 0, "", std::move(message)}};
}

Checked<std::string> read_bytes(const std::string& path) {
  const auto cannot = [&] {
    return tl::unexpected(whole_file(path, std::string("cannot be read: ") + std::strerror(errno)));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             &std::fclose);
  if (!file) {
    return cannot();
  }
  // One byte too many is enough for the parser to refuse the size; /dev/zero ends here too.
  std::string text;
  std::array<char, 65'536> chunk;
  while (text.size() <= kMaxFileBytes) {
    const size_t count = std::fread(chunk.data(), 1, chunk.size(), file.get());
    text.append(chunk.data(), count);
    if (count < chunk.size()) {
      break;
    }
  }
  if (std::ferror(file.get()) != 0) {
    return cannot();
  }
  return text;
}

}  // namespace

Checked<Model> read_file(const std::string& path) {
  return read_bytes(path).and_then([&](const std::string& text) { return read_text(text, path); });
}

Checked<Model> read_text(std::string_view text, const std::string& name) {
  const auto root = parse_yaml(text, name);
  if (!root) {
    return tl::unexpected(root.error());
  }
  if (root->kind == Node::Kind::kNull) {
    return tl::unexpected(whole_file(name, "holds no configuration; start from conf/minimal.yaml"));
  }
  if (root->kind != Node::Kind::kMap) {
    return tl::unexpected(
        whole_file(name,
                   "is no map of sections (director, ports, services, ...); start from "
                   "conf/minimal.yaml"));
  }
  Model model;
  Problems problems;
  const KeyPath top;
  read_model(Cursor(*root, top, problems), model);
  fill_defaults(model);
  add_broken_rules(model, *root, problems);
  if (!problems.empty()) {
    return tl::unexpected(in_file_order(std::move(problems), name));
  }
  return model;
}

}  // namespace sluice::config

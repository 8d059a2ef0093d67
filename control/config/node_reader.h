// SPDX-License-Identifier: BSD-3-Clause
// Reads typed values out of a YAML tree by tables of keys and collects every problem. Control
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config/names.h"
#include "control/config/problem.h"
#include "control/config/spelling.h"
#include "control/config/yaml_tree.h"

namespace sluice::config {

/// Where a value stands: a chain on the stack, made into text only for a problem. The root has no
/// parent and no text.
struct KeyPath {
  const KeyPath* parent = nullptr;
  std::string_view name;          // of a map's entry
  std::optional<size_t> index{};  // of a list's item

  [[nodiscard]] std::string to_string() const;
};

/// One value to read: the node, its path, and where problems go.
/// The read functions leave `out` untouched and note a problem when the value does not fit.
class Cursor {
 public:
  Cursor(const Node& node, const KeyPath& path, Problems& problems)
      : node_(node), path_(path), problems_(problems) {}

  [[nodiscard]] const Node& node() const { return node_; }
  [[nodiscard]] const KeyPath& path() const { return path_; }
  [[nodiscard]] Problems& problems() const { return problems_; }

  void fail(std::string message) const { fail_at(node_.place, path_, std::move(message)); }
  void fail_at(Place place, const KeyPath& path, std::string message) const;

  /// The scalar's text, or nothing (with a problem that says `wanted`).
  [[nodiscard]] std::optional<std::string_view> scalar(std::string_view wanted) const;

  void read(std::string& out) const;
  void read(net::Address& out) const;
  void read(net::Prefix& out) const;
  void read(bool& out) const;
  void read(uint32_t& out, NumberRange range) const;
  void read(uint16_t& out, NumberRange range) const;
  void read(net::Be16& out, NumberRange range) const;

  template <typename T, size_t N>
  void read(T& out, const Words<T, N>& words) const {
    const auto text = scalar("a word");
    if (!text) {
      return;
    }
    if (const auto value = value_of(words, *text)) {
      out = *value;
      return;
    }
    std::array<std::string_view, N> known;
    for (size_t i = 0; i < N; ++i) {
      known[i] = words[i].first;
    }
    fail_word(*text, known);
  }

  /// "is not known" with a did-you-mean.
  void fail_word(std::string_view word, std::span<const std::string_view> known) const;

  /// Whether the node is a list (or nothing, an empty list); notes a problem otherwise.
  [[nodiscard]] bool is_list() const;
  /// Whether the node is a map (or nothing, an empty map); notes a problem otherwise.
  [[nodiscard]] bool is_map() const;
  /// Whether there are more problems than are kept: reading on would only take time.
  [[nodiscard]] bool has_enough_problems() const { return problems_.size() > kMaxProblems; }

 private:
  std::optional<uint64_t> number(NumberRange range) const;

  const Node& node_;
  const KeyPath& path_;
  Problems& problems_;
};

enum class Presence : uint8_t { kOptional, kRequired };

/// One key of a map and how to read its value into a T.
template <typename T>
struct Field {
  std::string_view key;
  void (*read)(const Cursor& at, T& out);
  Presence presence = Presence::kOptional;
};

/// Reads a map by its table: unknown, repeated and missing keys are problems.
/// Cost: entries * fields.
template <typename T, size_t N>
void read_map(const Cursor& at, const std::array<Field<T>, N>& fields, T& out) {
  if (!at.is_map()) {
    return;
  }
  std::array<const Entry*, N> seen{};
  for (const Entry& entry : at.node().entries) {
    if (at.has_enough_problems()) {
      return;
    }
    const KeyPath path{&at.path(), entry.key};
    size_t index = 0;
    while (index < N && fields[index].key != entry.key) {
      ++index;
    }
    if (index == N) {
      std::array<std::string_view, N> known;
      for (size_t i = 0; i < N; ++i) {
        known[i] = fields[i].key;
      }
      at.fail_at(entry.place, path, "unknown key" + suggestion(entry.key, known));
    } else if (seen[index] != nullptr) {
      at.fail_at(entry.place, path,
                 "given twice, first on line " + std::to_string(seen[index]->place.line) +
                     "; keep one of them");
    } else {
      seen[index] = &entry;
      fields[index].read(Cursor(entry.value, path, at.problems()), out);
    }
  }
  for (size_t i = 0; i < N; ++i) {
    if (seen[i] == nullptr && fields[i].presence == Presence::kRequired) {
      at.fail_at(at.node().place, KeyPath{&at.path(), fields[i].key}, "missing; it has no default");
    }
  }
}

/// Reads each item of a list with `read_item(cursor, T&)` into `out`.
template <typename T, typename ReadItem>
void read_list(const Cursor& at, std::vector<T>& out, ReadItem read_item) {
  if (!at.is_list()) {
    return;
  }
  const auto& items = at.node().items;
  out.clear();
  out.reserve(items.size());
  for (size_t index = 0; index < items.size() && !at.has_enough_problems(); ++index) {
    const KeyPath path{&at.path(), {}, index};
    read_item(Cursor(items[index], path, at.problems()), out.emplace_back());
  }
}

}  // namespace sluice::config

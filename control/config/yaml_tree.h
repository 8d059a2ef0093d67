// SPDX-License-Identifier: BSD-3-Clause
// YAML text as a bounded tree of values with their places; hides yaml-cpp. Control thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/problem.h"

namespace sluice::config {

/// A place in the text, counted from 1.
struct Place {
  int line = 0;
  int column = 0;
};

struct Entry;

/// One value of the text. A tree, never a graph: aliases are refused.
struct Node {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  Place place;
  std::string text{};          // of a scalar
  std::vector<Node> items{};   // of a list
  std::vector<Entry> entries;  // of a map, in file order, repeated keys included
};

struct Entry {
  std::string key;
  Place place;
  Node value;
};

// What a file may cost: a configuration of 100 000 services with 10 servers each stays below all.
inline constexpr size_t kMaxFileBytes = 64UL << 20;
inline constexpr size_t kMaxLineBytes = 64UL << 10;  // yaml-cpp queues a line's tokens
inline constexpr size_t kMaxNodes = 8UL << 20;
inline constexpr size_t kMaxDepth = 32;

/// Parses one YAML document; an empty one is kNull. Thread: any.
/// Errors: the first syntax problem, with its place (a parser cannot go on after it).
[[nodiscard]] Checked<Node> parse_yaml(std::string_view text, const std::string& name);

/// The place of the value at `key` ("services[0].servers[1].weight"), or of the nearest value
/// around it that the text has.
[[nodiscard]] Place find_place(const Node& root, std::string_view key);

}  // namespace sluice::config

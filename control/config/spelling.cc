// SPDX-License-Identifier: BSD-3-Clause
// Edit distance over short words. Control thread.
#include "control/config/spelling.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

namespace sluice::config {
namespace {

constexpr size_t kLongestWord = 64;

// Optimal string alignment: Levenshtein plus swaps of neighbours, the commonest slip of all.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::array<std::vector<size_t>, 3> rows;
  rows.fill(std::vector<size_t>(b.size() + 1));
  for (size_t j = 0; j <= b.size(); ++j) {
    rows[0][j] = j;
  }
  for (size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i - 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], rows[(i - 2) % 3][j - 2] + 1);
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates) {
  word = word.substr(0, kLongestWord);
  std::string_view best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const size_t distance = edit_distance(word, candidate.substr(0, kLongestWord));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view near = nearest_word(word, candidates);
  if (!near.empty()) {
    return "; did you mean \"" + std::string(near) + "\"?";
  }
  std::string text = "; allowed: ";
  for (size_t i = 0; i < candidates.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::string(candidates[i]);
  }
  return text;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte >= 0x20 && byte < 0x7f) {
      out += letter;
      continue;
    }
    std::array<char, 8> escaped{};
    std::snprintf(escaped.data(), escaped.size(), "\\x%02x", byte);
    out += escaped.data();
  }
  return out;
}

std::string in_quotes(std::string_view text) {
  constexpr size_t kLongestShown = 60;
  const char* const end = text.size() > kLongestShown ? "...\"" : "\"";
  return "\"" + printable(text.substr(0, kLongestShown)) + end;
}

}  // namespace sluice::config

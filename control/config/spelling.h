// SPDX-License-Identifier: BSD-3-Clause
// Did-you-mean: finds the word an operator probably wanted. Control thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sluice::config {

/// The candidate nearest to `word` by edit distance (a swap of neighbours counts 1), or "" when
/// none is near enough to be worth saying.  Cost: O(words * length^2), length cut at 64.
[[nodiscard]] std::string_view nearest_word(std::string_view word,
                                            std::span<const std::string_view> candidates);

/// "; did you mean \"workers\"?" or, with nothing near, "; allowed: a, b, c".
[[nodiscard]] std::string suggestion(std::string_view word,
                                     std::span<const std::string_view> candidates);

/// `text` with every byte that is not printable ASCII as \xNN, fit for terminals, logs and JSON.
[[nodiscard]] std::string printable(std::string_view text);

/// `text` for a message: quoted, cut at 60 bytes, printable.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace sluice::config

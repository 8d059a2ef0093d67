// SPDX-License-Identifier: BSD-3-Clause
// Reads a request's parameters and remembers the first thing wrong with them. Control thread.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "control/config/names.h"
#include "control/config/spelling.h"
#include "control/server/commands/command.h"
#include "lib/net/address.h"

namespace sluice::control {

/// One read per known key, then finish(): a key nobody asked for is a mistake, too.
///
///   Params params(json);
///   const auto service = params.required_text("service");
///   const auto weight = params.number("weight", config::kWeight);
///   if (auto wrong = params.finish()) { return tl::unexpected(*wrong); }
///
/// A getter returns nothing when the key is missing or wrong; after finish() only missing is left.
class Params {
 public:
  explicit Params(const RequestJson& json);

  std::optional<std::string> text(std::string_view key);
  std::string required_text(std::string_view key);
  std::optional<uint32_t> number(std::string_view key, config::NumberRange range);
  std::optional<bool> flag(std::string_view key);
  std::optional<net::Address> address(std::string_view key);
  std::optional<net::Endpoint> endpoint(std::string_view key);
  net::Endpoint required_endpoint(std::string_view key);

  /// One of an enumeration's words.
  template <typename T, size_t N>
  std::optional<T> word(std::string_view key, const config::Words<T, N>& words) {
    const std::optional<std::string> given = text(key);
    if (!given) {
      return std::nullopt;
    }
    const std::optional<T> value = config::value_of(words, *given);
    if (!value) {
      std::array<std::string_view, N> allowed{};
      for (size_t i = 0; i < N; ++i) {
        allowed[i] = words[i].first;
      }
      complain(key,
               config::in_quotes(*given) + " is not known" + config::suggestion(*given, allowed));
    }
    return value;
  }

  /// The member called `key` as it stands, null when missing.
  const RequestJson* raw(std::string_view key);

  /// Notes that `key` is wrong; only the first complaint is kept.
  void complain(std::string_view key, const std::string& what);

  [[nodiscard]] std::optional<CommandError> finish();

 private:
  const RequestJson* find(std::string_view key);
  void require(std::string_view key);

  const RequestJson& json_;
  std::set<std::string, std::less<>> known_;
  std::optional<CommandError> wrong_;
};

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Parts of validate(): each file of rules looks at one section of a model. Control thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "control/config/model.h"
#include "control/config/names.h"
#include "control/config/problem.h"

namespace sluice::config {

/// Collects broken rules.
class Rules {
 public:
  void fail(std::string key, std::string message);
  void check_range(std::string key, uint64_t value, NumberRange range);
  /// Words that end up in file names, commands and log lines: printable ASCII only.
  void check_printable(const std::string& key, std::string_view text);
  /// Names of pools and services: what an operator can type without quoting.
  void check_name(const std::string& key, std::string_view name);
  /// Notes that the whole file configures `count` things; the problem names the limit to raise.
  void check_limit(const std::string& key, size_t count, std::string_view limit_key,
                   uint32_t limit);

  /// Whether there are more than are kept: looking further would only take time.
  [[nodiscard]] bool has_enough_problems() const { return problems_.size() > kMaxProblems; }

  [[nodiscard]] Problems take() { return std::move(problems_); }

 private:
  Problems problems_;
};

/// Who uses an address of the director, in words: "VIP of service web".
using AddressUsers = std::unordered_map<net::Address, std::string, net::AddressHash>;

/// What the rules for services need to know of the rest of the model.
struct Surroundings {
  std::unordered_map<std::string_view, size_t> ports;
  std::unordered_map<std::string_view, size_t> pools;
  AddressUsers port_addresses;
  AddressUsers local_addresses;
};

/// "services[3]"
[[nodiscard]] std::string item_key(std::string_view list, size_t index);

void check_ports(const Model& model, Rules& rules, Surroundings& known);
void check_local_pools(const Model& model, Rules& rules, Surroundings& known);
/// Says that no `what` has that name, and which of `known` may be meant.
[[nodiscard]] std::string unknown_name(std::string_view what, const std::string& name,
                                       const std::unordered_map<std::string_view, size_t>& known);
void check_services(const Model& model, Rules& rules, const Surroundings& known);
void check_snat(const Model& model, Rules& rules, const Surroundings& known);

}  // namespace sluice::config

// SPDX-License-Identifier: BSD-3-Clause
// Type and range checks of request parameters. Control thread.
#include "control/server/commands/params.h"

#include <vector>

namespace sluice::control {
namespace {

const RequestJson kNoParams = RequestJson::object();

}  // namespace

Params::Params(const RequestJson& json) : json_(json.is_object() ? json : kNoParams) {
  if (!json.is_object() && !json.is_null() && !(json.is_array() && json.empty())) {
    wrong_ = CommandError{ErrorCode::kInvalidParams, "params: must be an object with named members",
                          nullptr};
  }
}

void Params::complain(std::string_view key, const std::string& what) {
  if (!wrong_) {
    wrong_ = CommandError{ErrorCode::kInvalidParams, std::string(key) + ": " + what, nullptr};
  }
}

const RequestJson* Params::find(std::string_view key) {
  known_.emplace(key);
  const auto found = json_.find(key);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

const RequestJson* Params::raw(std::string_view key) { return find(key); }

void Params::require(std::string_view key) {
  if (find(key) == nullptr) {
    complain(key, "missing");
  }
}

std::optional<std::string> Params::text(std::string_view key) {
  const RequestJson* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_string()) {
    complain(key, "must be a string");
    return std::nullopt;
  }
  return value->get<std::string>();
}

std::string Params::required_text(std::string_view key) {
  require(key);
  return text(key).value_or("");
}

std::optional<uint32_t> Params::number(std::string_view key, config::NumberRange range) {
  const RequestJson* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  // A number too large for 64 bits was read as floating point and is refused with the fractions.
  if (!value->is_number_unsigned() || !range.contains(value->get<uint64_t>())) {
    complain(key, "must be a whole number; allowed: " + range.to_string());
    return std::nullopt;
  }
  return value->get<uint32_t>();
}

std::optional<bool> Params::flag(std::string_view key) {
  const RequestJson* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_boolean()) {
    complain(key, "must be true or false");
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<net::Address> Params::address(std::string_view key) {
  const std::optional<std::string> given = text(key);
  if (!given) {
    return std::nullopt;
  }
  const std::optional<net::Address> parsed = net::Address::parse(*given);
  if (!parsed) {
    complain(key, config::in_quotes(*given) + " is no IP address, e.g. 192.0.2.1");
  }
  return parsed;
}

std::optional<net::Endpoint> Params::endpoint(std::string_view key) {
  const std::optional<std::string> given = text(key);
  if (!given) {
    return std::nullopt;
  }
  const std::optional<net::Endpoint> parsed = net::Endpoint::parse(*given);
  if (!parsed) {
    complain(key, config::in_quotes(*given) +
                      " is no ADDRESS:PORT, e.g. 10.0.0.3:80 or [2001:db8::3]:80");
  }
  return parsed;
}

net::Endpoint Params::required_endpoint(std::string_view key) {
  require(key);
  return endpoint(key).value_or(net::Endpoint{});
}

std::optional<CommandError> Params::finish() {
  for (const auto& [key, value] : json_.items()) {
    if (!known_.contains(key)) {
      const std::vector<std::string_view> allowed(known_.begin(), known_.end());
      complain(config::in_quotes(key), "no such parameter" + config::suggestion(key, allowed));
    }
  }
  return std::move(wrong_);
}

}  // namespace sluice::control

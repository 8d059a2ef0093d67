// SPDX-License-Identifier: BSD-3-Clause
// Look-ups by name and address, with answers that help when they fail. Control thread.
#include "control/server/commands/service_ref.h"

#include <string_view>
#include <vector>

#include "control/config/spelling.h"

namespace sluice::control {
namespace {

constexpr size_t kMaxNamesInMessage = 8;

// "a, b, c, ... (12 in all)"
std::string enumerate(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size() && i < kMaxNamesInMessage; ++i) {
    text += (i == 0 ? "" : ", ") + words[i];
  }
  if (words.size() > kMaxNamesInMessage) {
    text += ", ... (" + std::to_string(words.size()) + " in all)";
  }
  return text;
}

}  // namespace

std::string address_of(const config::Service& service) {
  return std::string(net::to_string(service.protocol)) + ":" + service.vip.to_string();
}

tl::expected<size_t, CommandError> find_service(const config::Model& model,
                                                const std::string& text) {
  std::vector<std::string> names;
  for (size_t i = 0; i < model.services.size(); ++i) {
    const config::Service& service = model.services[i];
    if (service.name == text || address_of(service) == text) {
      return i;
    }
    names.push_back(service.name);
  }
  std::string message = "no service " + config::in_quotes(text);
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const std::string_view near = config::nearest_word(text, candidates);
  if (names.empty()) {
    message += "; there are none yet, add one with service.add";
  } else if (!near.empty()) {
    message += "; did you mean " + config::in_quotes(near) + "?";
  } else {
    message += "; there are: " + enumerate(names);
  }
  return refuse(ErrorCode::kNotFound, std::move(message));
}

tl::expected<size_t, CommandError> find_server(const config::Service& service,
                                               const net::Endpoint& endpoint) {
  std::vector<std::string> addresses;
  for (size_t i = 0; i < service.servers.size(); ++i) {
    if (service.servers[i].endpoint == endpoint) {
      return i;
    }
    addresses.push_back(service.servers[i].endpoint.to_string());
  }
  return refuse(ErrorCode::kNotFound,
                "service " + service.name + " has no server " + endpoint.to_string() + "; " +
                    (addresses.empty() ? "it has none, add one with server.add"
                                       : "it has: " + enumerate(addresses)));
}

}  // namespace sluice::control

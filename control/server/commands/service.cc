// SPDX-License-Identifier: BSD-3-Clause
// `service.*`: edits go through the director's one transaction, like a file. Control thread.
#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "control/config/defaults.h"
#include "control/config/names.h"
#include "control/server/commands/commands.h"
#include "control/server/commands/params.h"
#include "control/server/commands/service_json.h"
#include "control/server/commands/service_ref.h"

namespace sluice::control {
namespace {

void read_timeout(Params& params, config::Service& service, const std::string& key,
                  const RequestJson& value) {
  static constexpr auto kKeys = config::timeout_keys(config::kServiceTimeouts);
  const std::span<const std::string_view> keys(kKeys);
  const auto found = std::ranges::find(keys, key);
  if (found == keys.end()) {
    params.complain("timeouts",
                    "no state " + config::in_quotes(key) + config::suggestion(key, keys));
  } else if (!value.is_number_unsigned() ||
             !config::kTimeoutSeconds.contains(value.get<uint64_t>())) {
    params.complain("timeouts." + key,
                    "must be whole seconds; allowed: " + config::kTimeoutSeconds.to_string());
  } else {
    const auto key_index = static_cast<size_t>(found - keys.begin());
    service.timeouts.seconds[config::kServiceTimeouts[key_index]] = value.get<uint32_t>();
  }
}

// The settings that `add` and `set` share; what is not given stays.
void read_settings(Params& params, config::Service& service) {
  service.scheduler = params.text("scheduler").value_or(service.scheduler);
  service.schedule_by =
      params.word("schedule_by", config::kScheduleBys).value_or(service.schedule_by);
  service.no_server = params.word("no_server", config::kNoServers).value_or(service.no_server);
  service.mode = params.word("mode", config::kForwardingModes).value_or(service.mode);
  service.tunnel.type = params.word("tunnel", config::kTunnelTypes).value_or(service.tunnel.type);
  if (const auto port = params.number("gue_port", config::kTransportPort)) {
    service.tunnel.gue_port = net::Be16::from_host(static_cast<uint16_t>(*port));
  }
  service.port = params.text("interface").value_or(service.port);
  service.announce = params.word("announce", config::kAnnounces).value_or(service.announce);
  service.local_pool = params.text("local_pool").value_or(service.local_pool);
  service.client_address =
      params.word("client_address", config::kClientAddresses).value_or(service.client_address);
  service.sequence_numbers =
      params.word("sequence_numbers", config::kSequenceNumbers).value_or(service.sequence_numbers);
  if (const RequestJson* timeouts = params.raw("timeouts"); timeouts != nullptr) {
    if (!timeouts->is_object()) {
      params.complain("timeouts", "must be an object, e.g. {\"established\": 900}");
      return;
    }
    for (const auto& [key, value] : timeouts->items()) {
      read_timeout(params, service, key, value);
    }
  }
}

}  // namespace

Answer service_list(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  Json services = Json::array();
  for (const config::Service& service : context.director.running().services) {
    services.push_back(to_json(context.director, service, Detail::kList));
  }
  return Json{{"services", std::move(services)}};
}

Answer service_show(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  const std::string name = params.required_text("service");
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  const config::Model& model = context.director.running();
  return find_service(model, name).map([&](size_t index) {
    return to_json(context.director, model.services[index], Detail::kFull);
  });
}

Answer service_add(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  config::Service service;
  service.vip = params.required_endpoint("vip");
  service.protocol = params.word("protocol", config::kProtocols).value_or(service.protocol);
  service.name = params.text("name").value_or("");
  read_settings(params, service);
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  config::Model next = context.director.running();
  for (const config::Service& other : next.services) {
    if (address_of(other) == address_of(service) || other.name == service.name) {
      return refuse(ErrorCode::kExists,
                    "service " + other.name + " (" + address_of(other) +
                        ") exists already; change it with: sluicectl service set");
    }
  }
  next.services.push_back(std::move(service));
  config::fill_defaults(next);
  return answer_of(context.director.apply(std::move(next)));
}

Answer service_set(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  const std::string name = params.required_text("service");
  config::Model next = context.director.running();
  const auto index = find_service(next, name);
  config::Service unknown;  // read into, so that wrong parameters are told before a wrong name
  config::Service& service = index ? next.services[*index] : unknown;
  for (const char* fixed : {"vip", "protocol", "name"}) {
    if (params.raw(fixed) != nullptr) {
      params.complain(fixed, "names the service and cannot change; delete it and add another");
    }
  }
  read_settings(params, service);
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  if (!index) {
    return tl::unexpected(index.error());
  }
  config::fill_defaults(next);
  return answer_of(context.director.apply(std::move(next)));
}

Answer service_delete(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  const std::string name = params.required_text("service");
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  config::Model next = context.director.running();
  const auto index = find_service(next, name);
  if (!index) {
    return tl::unexpected(index.error());
  }
  next.services.erase(next.services.begin() + static_cast<std::ptrdiff_t>(*index));
  return answer_of(context.director.apply(std::move(next)));
}

}  // namespace sluice::control

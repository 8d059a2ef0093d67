// SPDX-License-Identifier: BSD-3-Clause
// `server.howto`: what to run on each real server, of the running configuration or of a draft.
// Control thread.
#include <optional>
#include <string>
#include <utility>

#include "control/config/names.h"
#include "control/config/yaml_reader.h"
#include "control/server/commands/commands.h"
#include "control/server/commands/params.h"
#include "control/server/commands/server_setup.h"
#include "control/server/commands/service_ref.h"

namespace sluice::control {
namespace {

Json to_json(const config::Service& service, snapshot::ForwardingMode mode) {
  Json object = {{"service", service.name},
                 {"protocol", net::to_string(service.protocol)},
                 {"vip", service.vip.to_string()},
                 {"mode", config::word_for(config::kForwardingModes, mode)}};
  if (mode == snapshot::ForwardingMode::kTunnel) {
    object["tunnel"] = config::word_for(config::kTunnelTypes, service.tunnel.type);
  }
  return object;
}

Json to_json(const ServerSetup& setup) {
  Json services = Json::array();
  for (size_t i = 0; i < setup.services.size(); ++i) {
    services.push_back(to_json(*setup.services[i], setup.modes[i]));
  }
  return {{"address", setup.address.to_string()},
          {"services", std::move(services)},
          {"commands", setup.commands},
          {"notes", setup.notes}};
}

}  // namespace

Answer server_howto(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  const auto service_name = params.text("service");
  const auto text = params.text("text");
  const std::string name = params.text("name").value_or("(text)");
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  const auto draft =
      text ? config::read_text(*text, name) : config::Checked<config::Model>(tl::in_place);
  if (!draft) {
    return refuse(draft.error());
  }
  const config::Model& model = text ? *draft : context.director.running();
  std::optional<size_t> only;
  if (service_name) {
    const auto index = find_service(model, *service_name);
    if (!index) {
      return tl::unexpected(index.error());
    }
    only = *index;
  }
  Json servers = Json::array();
  for (const ServerSetup& setup : server_setups(model, only)) {
    servers.push_back(to_json(setup));
  }
  return Json{{"servers", std::move(servers)}};
}

}  // namespace sluice::control

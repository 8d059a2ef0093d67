// SPDX-License-Identifier: BSD-3-Clause
// `server.*`: the real servers of a service. Control thread.
#include <string>
#include <utility>

#include "control/config/names.h"
#include "control/server/commands/commands.h"
#include "control/server/commands/params.h"
#include "control/server/commands/service_json.h"
#include "control/server/commands/service_ref.h"

namespace sluice::control {
namespace {

// A copy of the running configuration with one server of it found.
struct Edit {
  config::Model next;
  size_t service = 0;
  size_t server = 0;

  std::vector<config::Server>& servers() { return next.services[service].servers; }
};

tl::expected<Edit, CommandError> edit_server(const CommandContext& context,
                                             const std::string& service_name,
                                             const net::Endpoint& address) {
  Edit edit{.next = context.director.running()};
  const auto service = find_service(edit.next, service_name);
  if (!service) {
    return tl::unexpected(service.error());
  }
  edit.service = *service;
  const auto server = find_server(edit.next.services[*service], address);
  if (!server) {
    return tl::unexpected(server.error());
  }
  edit.server = *server;
  return edit;
}

}  // namespace

Answer server_list(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  const auto name = params.text("service");
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  const config::Model& model = context.director.running();
  size_t first = 0;
  size_t end = model.services.size();
  if (name) {
    const auto index = find_service(model, *name);
    if (!index) {
      return tl::unexpected(index.error());
    }
    first = *index;
    end = first + 1;
  }
  Json servers = Json::array();
  for (size_t i = first; i < end; ++i) {
    for (const config::Server& server : model.services[i].servers) {
      Json object = {{"service", model.services[i].name}};
      object.update(to_json(context.director, model.services[i], server));
      servers.push_back(std::move(object));
    }
  }
  return Json{{"servers", std::move(servers)}};
}

Answer server_add(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  const std::string name = params.required_text("service");
  config::Server server;
  server.endpoint = params.required_endpoint("address");
  server.weight = params.number("weight", config::kWeight).value_or(server.weight);
  server.mode = params.word("mode", config::kForwardingModes);
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  config::Model next = context.director.running();
  const auto index = find_service(next, name);
  if (!index) {
    return tl::unexpected(index.error());
  }
  config::Service& service = next.services[*index];
  if (find_server(service, server.endpoint)) {
    return refuse(ErrorCode::kExists, "service " + service.name + " has server " +
                                          server.endpoint.to_string() +
                                          " already; change its weight with: sluicectl server set");
  }
  service.servers.push_back(server);
  return answer_of(context.director.apply(std::move(next)));
}

Answer server_set(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  const std::string name = params.required_text("service");
  const net::Endpoint address = params.required_endpoint("address");
  const auto weight = params.number("weight", config::kWeight);
  const auto mode = params.word("mode", config::kForwardingModes);
  if (!weight && !mode) {
    params.complain("weight", "missing; give a weight or a mode");
  }
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  auto edit = edit_server(context, name, address);
  if (!edit) {
    return tl::unexpected(edit.error());
  }
  config::Server& server = edit->servers()[edit->server];
  server.weight = weight.value_or(server.weight);
  server.mode = mode ? mode : server.mode;
  return answer_of(context.director.apply(std::move(edit->next)));
}

Answer server_delete(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  const std::string name = params.required_text("service");
  const net::Endpoint address = params.required_endpoint("address");
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  auto edit = edit_server(context, name, address);
  if (!edit) {
    return tl::unexpected(edit.error());
  }
  edit->servers().erase(edit->servers().begin() + static_cast<std::ptrdiff_t>(edit->server));
  return answer_of(context.director.apply(std::move(edit->next)));
}

}  // namespace sluice::control

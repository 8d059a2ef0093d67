// SPDX-License-Identifier: BSD-3-Clause
// JSON forms of services and real servers. Control thread.
#include "control/server/commands/service_json.h"

#include <string>

#include "control/config/names.h"

namespace sluice::control {
namespace {

dataplane::ServerTotals totals_of(const Director& director, const config::Service& service,
                                  const config::Server& server) {
  const auto id = director.server_id(service, server);
  return id ? director.server_totals(*id) : dataplane::ServerTotals{};
}

}  // namespace

void append(Json& object, const dataplane::ServerTotals& totals) {
  object["active"] = totals.active;
  object["inactive"] = totals.inactive;
  object["sessions_created"] = totals.sessions_created;
  object["packets_in"] = totals.packets_in;
  object["packets_out"] = totals.packets_out;
  object["bytes_in"] = totals.bytes_in;
  object["bytes_out"] = totals.bytes_out;
}

dataplane::ServerTotals totals_of(const Director& director, const config::Service& service) {
  dataplane::ServerTotals sum;
  for (const config::Server& server : service.servers) {
    const dataplane::ServerTotals one = totals_of(director, service, server);
    sum.packets_in += one.packets_in;
    sum.bytes_in += one.bytes_in;
    sum.packets_out += one.packets_out;
    sum.bytes_out += one.bytes_out;
    sum.sessions_created += one.sessions_created;
    sum.active += one.active;
    sum.inactive += one.inactive;
  }
  return sum;
}

Json to_json(const Director& director, const config::Service& service,
             const config::Server& server) {
  Json object = {{"address", server.endpoint.to_string()},
                 {"weight", server.weight},
                 {"mode", config::word_for(config::kForwardingModes, service.mode_of(server))}};
  append(object, totals_of(director, service, server));
  return object;
}

Json to_json(const Director& director, const config::Service& service, Detail detail) {
  Json object = {
      {"name", service.name},
      {"protocol", net::to_string(service.protocol)},
      {"vip", service.vip.to_string()},
      {"scheduler", service.scheduler},
      {"schedule_by", config::word_for(config::kScheduleBys, service.schedule_by)},
      {"no_server", config::word_for(config::kNoServers, service.no_server)},
      {"mode", config::word_for(config::kForwardingModes, service.mode)},
      {"tunnel", config::word_for(config::kTunnelTypes, service.tunnel.type)},
      {"gue_port", service.tunnel.gue_port.host()},
      {"interface", service.port},
      {"announce", config::word_for(config::kAnnounces, service.announce)},
      {"local_pool", service.local_pool},
      {"client_address", config::word_for(config::kClientAddresses, service.client_address)},
      {"sequence_numbers", config::word_for(config::kSequenceNumbers, service.sequence_numbers)}};
  if (detail == Detail::kFull) {
    Json timeouts = Json::object();
    for (const size_t i : config::kServiceTimeouts) {
      timeouts[std::string(config::kTimeoutKeys[i])] = service.timeouts.seconds[i];
    }
    object["timeouts"] = std::move(timeouts);
  }
  append(object, totals_of(director, service));
  Json servers = Json::array();
  for (const config::Server& server : service.servers) {
    servers.push_back(to_json(director, service, server));
  }
  object["servers"] = std::move(servers);
  return object;
}

}  // namespace sluice::control

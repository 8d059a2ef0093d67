// SPDX-License-Identifier: BSD-3-Clause
// `snat.*`: the rules of source NAT with what they counted. Control thread.
#include <algorithm>
#include <string>
#include <utility>

#include "control/config/address_ranges.h"
#include "control/config/names.h"
#include "control/server/commands/commands.h"
#include "control/server/commands/params.h"
#include "control/server/commands/service_json.h"

namespace sluice::control {
namespace {

Json to_json(const std::vector<snapshot::AddressRange>& ranges) {
  Json list = Json::array();
  for (const snapshot::AddressRange& range : ranges) {
    list.push_back(config::to_string(range));
  }
  return list;
}

// Rules that share a pool share its ports: each shows them all.
uint64_t lent_ports(const Director& director, const std::string& pool_name) {
  const auto& pools = director.running().local_pools;
  const auto pool = std::ranges::find(pools, pool_name, &config::LocalPool::name);
  uint64_t sum = 0;
  if (pool != pools.end()) {
    for (const net::Address& address : pool->addresses) {
      sum += director.lent_ports(address);
    }
  }
  return sum;
}

Json to_json(const Director& director, const config::SnatRule& rule) {
  Json timeouts = Json::object();
  for (const size_t i : config::kSnatTimeouts) {
    timeouts[std::string(config::kTimeoutKeys[i])] = rule.timeouts.seconds[i];
  }
  Json object = {
      {"name", rule.name},
      {"inside", to_json(rule.inside)},
      {"to", to_json(rule.to)},
      {"ports", std::to_string(rule.ports.first) + "-" + std::to_string(rule.ports.last)},
      {"protocol", config::word_for(config::kSnatProtocols, rule.protocol)},
      {"local_pool", rule.local_pool},
      {"filtering", config::word_for(config::kSnatFilterings, rule.filtering)},
      {"timeouts", std::move(timeouts)},
      {"ports_in_use", lent_ports(director, rule.local_pool)}};
  const auto id = director.snat_id(rule);
  append(object, id ? director.server_totals(*id) : dataplane::ServerTotals{});
  return object;
}

}  // namespace

Answer snat_list(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  Json rules = Json::array();
  for (const config::SnatRule& rule : context.director.running().snat) {
    rules.push_back(to_json(context.director, rule));
  }
  return Json{{"rules", std::move(rules)}};
}

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// `neighbour.list`: the next hops that workers send to. Control thread.
#include <utility>

#include "control/server/commands/commands.h"
#include "control/server/commands/params.h"

namespace sluice::control {

Answer neighbour_list(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  const auto& ports = context.director.running().ports;
  Json list = Json::array();
  for (const auto& entry : context.director.next_hops().entries()) {
    const snapshot::NextHop& hop = entry.next_hop;
    list.push_back({{"address", entry.address.to_string()},
                    {"port", hop.port < ports.size() ? ports[hop.port].name : ""},
                    {"mac", hop.is_resolved ? Json(hop.mac.to_string()) : Json(nullptr)},
                    {"state", hop.is_resolved ? "resolved" : "unresolved"}});
  }
  return Json{{"neighbours", std::move(list)}};
}

}  // namespace sluice::control

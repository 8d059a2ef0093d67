// SPDX-License-Identifier: BSD-3-Clause
// One line per command: name, parameters, help, whether it changes the director, function.
#include "control/server/commands/registry.h"

#include <algorithm>
#include <array>

#include "control/server/commands/commands.h"
#include "control/server/commands/params.h"

namespace sluice::control {
namespace {

// clang-format off
constexpr auto kCommands = std::to_array<Command>({
    {"status", "", "the director, its workers and ports, and what needs attention", Effect::kReads, at_once<status>},
    {"service.list", "", "all services with their real servers", Effect::kReads, at_once<service_list>},
    {"service.show", "service", "one service, all its settings", Effect::kReads, at_once<service_show>},
    {"service.add", "vip, [protocol, name, scheduler, schedule_by, no_server, mode, tunnel, gue_port, interface, announce, local_pool, client_address, sequence_numbers, timeouts]", "a new service without servers", Effect::kChanges, at_once<service_add>},
    {"service.set", "service, [scheduler, schedule_by, no_server, mode, tunnel, gue_port, interface, announce, local_pool, client_address, sequence_numbers, timeouts]", "changes what is given, keeps the rest", Effect::kChanges, at_once<service_set>},
    {"service.delete", "service", "removes a service and its servers", Effect::kChanges, at_once<service_delete>},
    {"server.list", "[service]", "real servers with their counters", Effect::kReads, at_once<server_list>},
    {"server.add", "service, address, [weight, mode]", "a new real server", Effect::kChanges, at_once<server_add>},
    {"server.set", "service, address, [weight, mode]", "weight 0 keeps sessions and takes no new ones", Effect::kChanges, at_once<server_set>},
    {"server.delete", "service, address", "removes a real server; its sessions end", Effect::kChanges, at_once<server_delete>},
    {"server.howto", "[service, text, name]", "what to run on each real server for its forwarding mode, by the running configuration or this text", Effect::kCompares, at_once<server_howto>},
    {"snat.list", "", "source NAT rules with their counters and the ports in use", Effect::kReads, at_once<snat_list>},
    {"session.list", "[client, service, server, protocol, limit, cursor]", "one page of sessions; pass cursor back until last", Effect::kReads, session_list},
    {"counters", "", "every counter with unit and help: total, workers, services, servers", Effect::kReads, at_once<counters>},
    {"neighbour.list", "", "next hops and their link addresses", Effect::kReads, at_once<neighbour_list>},
    {"reload", "", "reads the configuration file again; all of it or nothing", Effect::kChanges, at_once<reload>},
    {"diff", "[text, name]", "what a reload of this configuration text, or of the file, would change", Effect::kCompares, at_once<diff>},
    {"save", "[write]", "the running configuration as YAML; write: replace the configuration file", Effect::kChanges, at_once<save>},
    {"help", "", "this list", Effect::kReads, at_once<help>},
});
// clang-format on

}  // namespace

std::span<const Command> all_commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(kCommands, name, &Command::name);
  return found == kCommands.end() ? nullptr : &*found;
}

Answer help(const CommandContext&, const RequestJson& json) {
  Params params(json);
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  Json list = Json::array();
  for (const Command& command : kCommands) {
    list.push_back({{"name", command.name},
                    {"params", command.params},
                    {"help", command.help},
                    {"changes_state", command.effect == Effect::kChanges}});
  }
  return Json{{"commands", std::move(list)}};
}

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Emits a model section by section; sections that hold only defaults are left out. Control thread.
#include "control/config/yaml_writer.h"

#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>
#include <yaml-cpp/stlemitter.h>

#include <string_view>

#include "control/config/address_ranges.h"
#include "control/config/names.h"

namespace sluice::config {
namespace {

using YAML::BeginMap;
using YAML::BeginSeq;
using YAML::EndMap;
using YAML::EndSeq;

/// Writes keys and values; texts of operators are always quoted, so "null" or "0660" stay texts.
class Writer {
 public:
  std::string write(const Model& model) {
    out_ << BeginMap;
    write_director(model.director);
    write_dpdk(model.dpdk);
    write_limits(model.limits);
    write_ports(model.ports);
    write_pools(model.local_pools);
    write_services(model.services);
    write_snat(model.snat);
    out_ << EndMap;
    return std::string(out_.c_str()) + "\n";
  }

 private:
  void key(std::string_view name) { out_ << YAML::Key << std::string(name) << YAML::Value; }
  void number(std::string_view name, uint32_t value) {
    key(name);
    out_ << value;
  }
  void word(std::string_view name, std::string_view value) {
    key(name);
    out_ << std::string(value);
  }
  void text(std::string_view name, const std::string& value) {
    key(name);
    out_ << YAML::DoubleQuoted << value;
  }
  void number_unless(std::string_view name, uint32_t value, uint32_t standard) {
    if (value != standard) {
      number(name, value);
    }
  }

  void write_director(const Director& director) {
    const Director standard;
    if (director == standard) {
      return;
    }
    key("director");
    out_ << BeginMap;
    number("workers", director.workers);
    write_control_socket(director.control_socket, standard.control_socket);
    if (director.poll != standard.poll) {
      key("poll");
      out_ << BeginMap;
      word("mode", word_for(kPollModes, director.poll.mode));
      number("max_sleep_us", director.poll.max_sleep_us);
      out_ << EndMap;
    }
    if (director.punt != standard.punt) {
      key("punt");
      out_ << BeginMap;
      number("control_pps", director.punt.control_pps);
      number("icmp_pps", director.punt.icmp_pps);
      number("other_pps", director.punt.other_pps);
      out_ << EndMap;
    }
    if (director.local_ports != standard.local_ports) {
      word("local_ports", std::to_string(director.local_ports.first) + "-" +
                              std::to_string(director.local_ports.last));
    }
    out_ << EndMap;
  }

  void write_control_socket(const Director::ControlSocket& socket,
                            const Director::ControlSocket& standard) {
    if (socket == standard) {
      return;
    }
    key("control_socket");
    out_ << BeginMap;
    text("path", socket.path);
    if (socket.mode != standard.mode) {
      std::string mode = "0";
      for (int shift = 6; shift >= 0; shift -= 3) {
        mode += static_cast<char>('0' + (socket.mode >> shift & 7));
      }
      text("mode", mode);
    }
    if (!socket.group.empty()) {
      text("group", socket.group);
    }
    out_ << EndMap;
  }

  void write_dpdk(const Dpdk& dpdk) {
    const Dpdk standard;
    if (dpdk == standard) {
      return;
    }
    key("dpdk");
    out_ << BeginMap;
    word("huge_pages", dpdk.huge_pages ? "true" : "false");
    number_unless("memory_mb", dpdk.memory_mb, standard.memory_mb);
    number_unless("control_core", dpdk.control_core, standard.control_core);
    if (!dpdk.worker_cores.empty()) {
      key("worker_cores");
      out_ << YAML::Flow << dpdk.worker_cores;
    }
    if (!dpdk.extra_args.empty()) {
      key("extra_args");
      out_ << BeginSeq;
      for (const std::string& argument : dpdk.extra_args) {
        out_ << YAML::DoubleQuoted << argument;
      }
      out_ << EndSeq;
    }
    out_ << EndMap;
  }

  void write_limits(const Limits& limits) {
    const Limits standard;
    if (limits == standard) {
      return;
    }
    key("limits");
    out_ << BeginMap;
    number_unless("sessions_per_worker", limits.sessions_per_worker, standard.sessions_per_worker);
    number_unless("extended_sessions_per_worker", limits.extended_sessions_per_worker,
                  standard.extended_sessions_per_worker);
    number_unless("services", limits.services, standard.services);
    number_unless("servers", limits.servers, standard.servers);
    number_unless("local_addresses", limits.local_addresses, standard.local_addresses);
    number_unless("neighbours", limits.neighbours, standard.neighbours);
    number_unless("snat_mappings_per_worker", limits.snat_mappings_per_worker,
                  standard.snat_mappings_per_worker);
    number_unless("packet_buffers", limits.packet_buffers, standard.packet_buffers);
    out_ << EndMap;
  }

  void write_ports(const std::vector<Port>& ports) {
    key("ports");
    out_ << BeginSeq;
    for (const Port& port : ports) {
      out_ << BeginMap;
      text("name", port.name);
      if (port.is_vlan()) {
        text("parent", port.parent);
        number("vlan", port.vlan);
        number("mtu", port.mtu);  // else the parent's
      } else {
        text("device", port.device);
        number_unless("mtu", port.mtu, Port{}.mtu);
      }
      if (!port.addresses.empty()) {
        key("addresses");
        out_ << YAML::Flow << BeginSeq;
        for (const net::Prefix& address : port.addresses) {
          out_ << address.to_string();
        }
        out_ << EndSeq;
      }
      write_routes(port.routes);
      out_ << EndMap;
    }
    out_ << EndSeq;
  }

  void write_routes(const std::vector<Route>& routes) {
    if (routes.empty()) {
      return;
    }
    key("routes");
    out_ << BeginSeq;
    for (const Route& route : routes) {
      out_ << YAML::Flow << BeginMap;
      word("to", route.to.length == 0 ? "default" : route.to.to_string());
      word("via", route.via.to_string());
      out_ << EndMap;
    }
    out_ << EndSeq;
  }

  void write_pools(const std::vector<LocalPool>& pools) {
    if (pools.empty()) {
      return;
    }
    key("local_pools");
    out_ << BeginSeq;
    for (const LocalPool& pool : pools) {
      out_ << BeginMap;
      text("name", pool.name);
      text("port", pool.port);
      key("addresses");
      write_ranges(pool.addresses);
      out_ << EndMap;
    }
    out_ << EndSeq;
  }

  void write_ranges(const std::vector<net::Address>& addresses) {
    out_ << BeginSeq;
    for (size_t first = 0; first < addresses.size();) {
      size_t last = first;
      while (last + 1 < addresses.size() && addresses[last + 1] == addresses[last].next()) {
        ++last;
      }
      out_ << (first == last ? addresses[first].to_string()
                             : addresses[first].to_string() + "-" + addresses[last].to_string());
      first = last + 1;
    }
    out_ << EndSeq;
  }

  void write_services(const std::vector<Service>& services) {
    key("services");
    out_ << BeginSeq;
    for (const Service& service : services) {
      out_ << BeginMap;
      text("name", service.name);
      word("protocol", net::to_string(service.protocol));
      word("vip", service.vip.address.to_string());
      number("port", service.vip.port.host());
      text("interface", service.port);
      if (service.announce != Announce::kKernel) {
        word("announce", word_for(kAnnounces, service.announce));
      }
      word("scheduler", service.scheduler);
      if (service.schedule_by != ScheduleBy::kSession) {
        word("schedule_by", word_for(kScheduleBys, service.schedule_by));
      }
      if (service.no_server != NoServer::kReject) {
        word("no_server", word_for(kNoServers, service.no_server));
      }
      word("mode", word_for(kForwardingModes, service.mode));
      write_tunnel(service.tunnel);
      text("local_pool", service.local_pool);
      if (service.client_address != snapshot::ClientAddress::kNone) {
        word("client_address", word_for(kClientAddresses, service.client_address));
      }
      if (service.sequence_numbers != SequenceNumbers::kKeep) {
        word("sequence_numbers", word_for(kSequenceNumbers, service.sequence_numbers));
      }
      write_timeouts(service.timeouts, table::Timeouts{});
      write_servers(service.servers);
      out_ << EndMap;
    }
    out_ << EndSeq;
  }

  void write_tunnel(const snapshot::Tunnel& tunnel) {
    const snapshot::Tunnel standard;
    if (tunnel.type != standard.type) {
      word("tunnel", word_for(kTunnelTypes, tunnel.type));
    }
    number_unless("gue_port", tunnel.gue_port.host(), standard.gue_port.host());
  }

  void write_snat(const std::vector<SnatRule>& rules) {
    if (rules.empty()) {
      return;
    }
    const SnatRule standard;
    key("snat");
    out_ << BeginSeq;
    for (const SnatRule& rule : rules) {
      out_ << BeginMap;
      text("name", rule.name);
      write_ranges("inside", rule.inside);
      if (!rule.to.empty()) {
        write_ranges("to", rule.to);
      }
      if (rule.ports != standard.ports) {
        word("ports", std::to_string(rule.ports.first) + "-" + std::to_string(rule.ports.last));
      }
      if (rule.protocol != standard.protocol) {
        word("protocol", word_for(kSnatProtocols, rule.protocol));
      }
      text("local_pool", rule.local_pool);
      if (rule.filtering != standard.filtering) {
        word("filtering", word_for(kSnatFilterings, rule.filtering));
      }
      write_timeouts(rule.timeouts, standard.timeouts);
      out_ << EndMap;
    }
    out_ << EndSeq;
  }

  void write_ranges(std::string_view name, const std::vector<AddressRange>& ranges) {
    key(name);
    out_ << YAML::Flow << BeginSeq;
    for (const AddressRange& range : ranges) {
      out_ << to_string(range);
    }
    out_ << EndSeq;
  }

  void write_timeouts(const table::Timeouts& timeouts, const table::Timeouts& standard) {
    if (timeouts == standard) {
      return;
    }
    key("timeouts");
    out_ << YAML::Flow << BeginMap;
    for (size_t state = 0; state < table::kTimeoutCount; ++state) {
      number_unless(kTimeoutKeys[state], timeouts.seconds[state], standard.seconds[state]);
    }
    out_ << EndMap;
  }

  void write_servers(const std::vector<Server>& servers) {
    key("servers");
    out_ << BeginSeq;
    for (const Server& server : servers) {
      out_ << YAML::Flow << BeginMap;
      word("address", server.endpoint.address.to_string());
      number("port", server.endpoint.port.host());
      number("weight", server.weight);
      if (server.mode) {
        word("mode", word_for(kForwardingModes, *server.mode));
      }
      out_ << EndMap;
    }
    out_ << EndSeq;
  }

  YAML::Emitter out_;
};

}  // namespace

std::string to_yaml(const Model& model) { return Writer().write(model); }

}  // namespace sluice::config

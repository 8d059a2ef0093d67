// SPDX-License-Identifier: BSD-3-Clause
// Comparing two configurations section by section, in an operator's terms. Control thread.
#include "control/config/diff.h"

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

#include "control/config/address_ranges.h"
#include "control/config/names.h"

namespace sluice::config {
namespace {

enum class Restart : uint8_t { kNo, kYes };

std::string text_of(const std::string& value) { return value; }
std::string text_of(uint32_t value) { return std::to_string(value); }
std::string text_of(const net::Address& address) { return address.to_string(); }
std::string text_of(const net::Prefix& prefix) { return prefix.to_string(); }
std::string text_of(const net::Endpoint& endpoint) { return endpoint.to_string(); }
std::string text_of(const snapshot::PortRange& range) {
  return std::to_string(range.first) + "-" + std::to_string(range.last);
}
std::string text_of(const snapshot::AddressRange& range) { return to_string(range); }
std::string text_of(const Route& route) {
  return (route.to.length == 0 ? "default" : route.to.to_string()) + " via " +
         route.via.to_string();
}
template <typename T>
std::string text_of(const std::vector<T>& values) {
  std::string text = "[";
  for (const T& value : values) {
    text += (text.size() > 1 ? ", " : "") + text_of(value);
  }
  return text + "]";
}

std::string octal(uint32_t mode) {
  std::string digits;
  for (int shift = 9; shift >= 0; shift -= 3) {
    digits += static_cast<char>('0' + (mode >> shift & 7));
  }
  return digits;
}

class Differ {
 public:
  Differ(const Model& from, const Model& to) : from_(from), to_(to) {}

  std::vector<Difference> run() {
    compare_director(from_.director, to_.director);
    compare_dpdk(from_.dpdk, to_.dpdk);
    compare_limits(from_.limits, to_.limits);
    compare_ports();
    compare_pools();
    compare_services();
    compare_snat();
    return std::move(found_);
  }

 private:
  void note(Difference::Kind kind, std::string what, std::string from, std::string to,
            Restart restart = Restart::kNo) {
    found_.push_back(
        {kind, std::move(what), std::move(from), std::move(to), restart == Restart::kYes});
  }
  void added(std::string what, std::string to = {}, Restart restart = Restart::kNo) {
    note(Difference::Kind::kAdded, std::move(what), {}, std::move(to), restart);
  }
  void removed(std::string what, std::string from = {}, Restart restart = Restart::kNo) {
    note(Difference::Kind::kRemoved, std::move(what), std::move(from), {}, restart);
  }
  template <typename T>
  void changed(std::string what, const T& from, const T& to, Restart restart = Restart::kNo) {
    if (from != to) {
      note(Difference::Kind::kChanged, std::move(what), text_of(from), text_of(to), restart);
    }
  }
  template <typename T, size_t N>
  void changed_word(std::string what, T from, T to, const Words<T, N>& words,
                    Restart restart = Restart::kNo) {
    changed(std::move(what), std::string(word_for(words, from)), std::string(word_for(words, to)),
            restart);
  }

  void compare_director(const Director& from, const Director& to) {
    constexpr auto kRestart = Restart::kYes;
    changed("director: workers", from.workers, to.workers, kRestart);
    const auto &a = from.control_socket, &b = to.control_socket;
    changed("director: control_socket: path", a.path, b.path, kRestart);
    changed("director: control_socket: mode", octal(a.mode), octal(b.mode), kRestart);
    changed("director: control_socket: group", a.group, b.group, kRestart);
    changed_word("director: poll: mode", from.poll.mode, to.poll.mode, kPollModes, kRestart);
    changed("director: poll: max_sleep_us", from.poll.max_sleep_us, to.poll.max_sleep_us, kRestart);
    changed("director: punt: control_pps", from.punt.control_pps, to.punt.control_pps, kRestart);
    changed("director: punt: icmp_pps", from.punt.icmp_pps, to.punt.icmp_pps, kRestart);
    changed("director: punt: other_pps", from.punt.other_pps, to.punt.other_pps, kRestart);
    changed("director: local_ports", from.local_ports, to.local_ports, kRestart);
  }

  void compare_dpdk(const Dpdk& from, const Dpdk& to) {
    constexpr auto kRestart = Restart::kYes;
    const auto word = [](bool value) { return std::string(value ? "true" : "false"); };
    changed("dpdk: huge_pages", word(from.huge_pages), word(to.huge_pages), kRestart);
    changed("dpdk: memory_mb", from.memory_mb, to.memory_mb, kRestart);
    changed("dpdk: control_core", from.control_core, to.control_core, kRestart);
    changed("dpdk: worker_cores", from.worker_cores, to.worker_cores, kRestart);
    changed("dpdk: extra_args", from.extra_args, to.extra_args, kRestart);
  }

  void compare_limits(const Limits& from, const Limits& to) {
    constexpr auto kRestart = Restart::kYes;
    changed("limits: sessions_per_worker", from.sessions_per_worker, to.sessions_per_worker,
            kRestart);
    changed("limits: extended_sessions_per_worker", from.extended_sessions_per_worker,
            to.extended_sessions_per_worker, kRestart);
    changed("limits: services", from.services, to.services, kRestart);
    changed("limits: servers", from.servers, to.servers, kRestart);
    changed("limits: local_addresses", from.local_addresses, to.local_addresses, kRestart);
    changed("limits: neighbours", from.neighbours, to.neighbours, kRestart);
    changed("limits: snat_mappings_per_worker", from.snat_mappings_per_worker,
            to.snat_mappings_per_worker, kRestart);
    changed("limits: packet_buffers", from.packet_buffers, to.packet_buffers, kRestart);
  }

  /// Compares two lists whose entries have a key: calls removed, added or changed for each entry,
  /// and notes a changed order when the entries that stay stand in another one.
  template <typename T, typename KeyOf, typename Removed, typename Both, typename Added>
  void compare_lists(const std::string& what, const std::vector<T>& from, const std::vector<T>& to,
                     KeyOf key_of, Removed on_removed, Both on_both, Added on_added,
                     Restart order_restart = Restart::kNo) {
    using Key = std::decay_t<decltype(key_of(from.front()))>;
    std::map<Key, size_t> old_index;
    for (size_t i = 0; i < from.size(); ++i) {
      old_index.emplace(key_of(from[i]), i);
    }
    std::vector<size_t> new_index(from.size(), SIZE_MAX);
    std::vector<size_t> partner(to.size(), SIZE_MAX);
    for (size_t i = 0; i < to.size(); ++i) {
      const auto found = old_index.find(key_of(to[i]));
      if (found != old_index.end() && new_index[found->second] == SIZE_MAX) {
        new_index[found->second] = i;
        partner[i] = found->second;
      }
    }
    for (size_t i = 0; i < from.size(); ++i) {
      if (new_index[i] == SIZE_MAX) {
        on_removed(from[i]);
      }
    }
    bool is_ordered = true;
    size_t last = 0;
    for (size_t i = 0; i < to.size(); ++i) {
      if (partner[i] == SIZE_MAX) {
        on_added(to[i]);
        continue;
      }
      is_ordered = is_ordered && partner[i] >= last;
      last = std::max(last, partner[i]);
      on_both(from[partner[i]], to[i]);
    }
    if (!is_ordered) {
      note(Difference::Kind::kChanged, what + ": order", "", "", order_restart);
    }
  }

  /// Lists of plain values, such as addresses.
  template <typename T>
  void compare_values(const std::string& list, const std::string& item, const std::vector<T>& from,
                      const std::vector<T>& to) {
    compare_lists(
        list, from, to, [](const T& value) { return text_of(value); },
        [&](const T& value) { removed(item + " " + text_of(value)); }, [](const T&, const T&) {},
        [&](const T& value) { added(item + " " + text_of(value)); });
  }

  void compare_ports() {
    constexpr auto kRestart = Restart::kYes;
    compare_lists(
        "ports", from_.ports, to_.ports, [](const Port& port) { return port.name; },
        [&](const Port& port) { removed("port " + port.name, device_text(port), kRestart); },
        [&](const Port& a, const Port& b) {
          const std::string name = "port " + b.name + ": ";
          changed(name + "device", a.device, b.device, kRestart);
          changed(name + "parent", a.parent, b.parent, kRestart);
          changed(name + "vlan", uint32_t{a.vlan}, uint32_t{b.vlan}, kRestart);
          changed(name + "mtu", uint32_t{a.mtu}, uint32_t{b.mtu}, kRestart);
          compare_values("port " + b.name + ": addresses", name + "address", a.addresses,
                         b.addresses);
          compare_values("port " + b.name + ": routes", name + "route", a.routes, b.routes);
        },
        [&](const Port& port) { added("port " + port.name, device_text(port), kRestart); },
        kRestart);
  }
  static std::string device_text(const Port& port) {
    return port.is_vlan() ? "VLAN " + std::to_string(port.vlan) + " of " + port.parent
                          : port.device;
  }

  void compare_pools() {
    compare_lists(
        "local_pools", from_.local_pools, to_.local_pools,
        [](const LocalPool& pool) { return pool.name; },
        [&](const LocalPool& pool) { removed("local pool " + pool.name, size_text(pool)); },
        [&](const LocalPool& a, const LocalPool& b) {
          const std::string name = "local pool " + b.name + ": ";
          changed(name + "port", a.port, b.port);
          compare_values("local pool " + b.name + ": addresses", name + "address", a.addresses,
                         b.addresses);
        },
        [&](const LocalPool& pool) { added("local pool " + pool.name, size_text(pool)); });
  }
  static std::string size_text(const LocalPool& pool) {
    return std::to_string(pool.addresses.size()) + " addresses on " + pool.port;
  }

  static std::string summary(const Service& service) {
    return std::string(net::to_string(service.protocol)) + " " + service.vip.to_string() + ", " +
           service.scheduler + ", " + std::string(word_for(kForwardingModes, service.mode)) + ", " +
           std::to_string(service.servers.size()) + " servers";
  }
  static std::string weight_text(const Server& server) {
    return "weight " + std::to_string(server.weight);
  }

  static std::string mode_text(const Server& server) {
    return server.mode ? std::string(word_for(kForwardingModes, *server.mode)) : "the service's";
  }

  using Identity = std::pair<net::Protocol, net::Endpoint>;
  static Identity identity(const Service& service) { return {service.protocol, service.vip}; }

  /// New names by old ones: a service that keeps its VIP, port and protocol was only renamed.
  [[nodiscard]] std::map<std::string, std::string> renamed_services() const {
    std::unordered_set<std::string_view> old_names, new_names;
    for (const Service& service : from_.services) {
      old_names.insert(service.name);
    }
    for (const Service& service : to_.services) {
      new_names.insert(service.name);
    }
    std::map<Identity, std::string> gone;
    for (const Service& service : from_.services) {
      if (!new_names.contains(service.name)) {
        gone.emplace(identity(service), service.name);
      }
    }
    std::map<std::string, std::string> old_name_of;
    for (const Service& service : to_.services) {
      const auto found = gone.find(identity(service));
      if (found != gone.end() && !old_names.contains(service.name)) {
        old_name_of.emplace(service.name, found->second);
        gone.erase(found);
      }
    }
    return old_name_of;
  }

  void compare_services() {
    const auto old_name_of = renamed_services();
    compare_lists(
        "services", from_.services, to_.services,
        [&](const Service& service) {
          const auto found = old_name_of.find(service.name);
          return found == old_name_of.end() ? service.name : found->second;
        },
        [&](const Service& service) { removed("service " + service.name, summary(service)); },
        [&](const Service& a, const Service& b) {
          if (a != b) {
            compare_service(a, b);
          }
        },
        [&](const Service& service) { added("service " + service.name, summary(service)); });
  }

  void compare_service(const Service& from, const Service& to) {
    const std::string name = "service " + to.name + ": ";
    changed(name + "name", from.name, to.name);
    changed_word(name + "protocol", from.protocol, to.protocol, kProtocols);
    changed(name + "vip", from.vip, to.vip);
    changed(name + "interface", from.port, to.port);
    changed_word(name + "announce", from.announce, to.announce, kAnnounces);
    changed(name + "scheduler", from.scheduler, to.scheduler);
    changed_word(name + "schedule_by", from.schedule_by, to.schedule_by, kScheduleBys);
    changed_word(name + "no_server", from.no_server, to.no_server, kNoServers);
    changed_word(name + "mode", from.mode, to.mode, kForwardingModes);
    changed_word(name + "tunnel", from.tunnel.type, to.tunnel.type, kTunnelTypes);
    changed(name + "gue_port", from.tunnel.gue_port.host(), to.tunnel.gue_port.host());
    changed(name + "local_pool", from.local_pool, to.local_pool);
    changed_word(name + "client_address", from.client_address, to.client_address, kClientAddresses);
    changed_word(name + "sequence_numbers", from.sequence_numbers, to.sequence_numbers,
                 kSequenceNumbers);
    compare_timeouts(name, from.timeouts, to.timeouts);
    compare_lists(
        name + "servers", from.servers, to.servers,
        [](const Server& server) { return server.endpoint; },
        [&](const Server& server) { removed(server_name(name, server), weight_text(server)); },
        [&](const Server& a, const Server& b) {
          changed(server_name(name, b) + ": weight", a.weight, b.weight);
          changed(server_name(name, b) + ": mode", mode_text(a), mode_text(b));
        },
        [&](const Server& server) { added(server_name(name, server), weight_text(server)); });
  }
  void compare_timeouts(const std::string& name, const table::Timeouts& from,
                        const table::Timeouts& to) {
    for (size_t state = 0; state < table::kTimeoutCount; ++state) {
      changed(name + "timeouts: " + std::string(kTimeoutKeys[state]), from.seconds[state],
              to.seconds[state]);
    }
  }

  void compare_snat() {
    compare_lists(
        "snat", from_.snat, to_.snat, [](const SnatRule& rule) { return rule.name; },
        [&](const SnatRule& rule) { removed("snat " + rule.name, summary(rule)); },
        [&](const SnatRule& a, const SnatRule& b) { compare_rule(a, b); },
        [&](const SnatRule& rule) { added("snat " + rule.name, summary(rule)); });
  }
  static std::string summary(const SnatRule& rule) {
    return text_of(rule.inside) + " by " + rule.local_pool;
  }
  static std::string destinations(const SnatRule& rule) {
    return rule.to.empty() ? "anywhere" : text_of(rule.to);
  }

  void compare_rule(const SnatRule& from, const SnatRule& to) {
    const std::string name = "snat " + to.name + ": ";
    changed(name + "inside", from.inside, to.inside);
    changed(name + "to", destinations(from), destinations(to));
    changed(name + "ports", from.ports, to.ports);
    changed_word(name + "protocol", from.protocol, to.protocol, kSnatProtocols);
    changed(name + "local_pool", from.local_pool, to.local_pool);
    changed_word(name + "filtering", from.filtering, to.filtering, kSnatFilterings);
    compare_timeouts(name, from.timeouts, to.timeouts);
  }
  static std::string server_name(const std::string& service, const Server& server) {
    return service + "server " + server.endpoint.to_string();
  }

  const Model& from_;
  const Model& to_;
  std::vector<Difference> found_;
};

}  // namespace

std::string Difference::to_string() const {
  std::string text;
  if (kind == Kind::kChanged) {
    text = "~ " + what;
    if (!from.empty() || !to.empty()) {
      text += " " + (from.empty() ? "(none)" : from) + " -> " + (to.empty() ? "(none)" : to);
    }
  } else {
    const std::string& detail = kind == Kind::kAdded ? to : from;
    text = (kind == Kind::kAdded ? "+ " : "- ") + what;
    text += detail.empty() ? "" : " (" + detail + ")";
  }
  return needs_restart ? text + " (needs a restart)" : text;
}

std::vector<Difference> diff(const Model& from, const Model& to) { return Differ(from, to).run(); }

}  // namespace sluice::config

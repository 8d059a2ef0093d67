// SPDX-License-Identifier: BSD-3-Clause
// The rules for services and their real servers. Control thread.
#include <algorithm>
#include <string>
#include <unordered_set>
#include <vector>

#include "control/config/rules.h"
#include "control/config/spelling.h"
#include "lib/sched/registry.h"

namespace sluice::config {
namespace {

uint64_t endpoint_bits(const net::Endpoint& endpoint) {
  return uint64_t{endpoint.address.host()} << 16 | endpoint.port.host();
}

uint64_t service_bits(const Service& service) {
  return uint64_t{static_cast<uint8_t>(service.protocol)} << 48 | endpoint_bits(service.vip);
}

/// Suggests a name out of the keys of `known` for one that is not there.
std::string unknown_name(std::string_view what, const std::string& name,
                         const std::unordered_map<std::string_view, size_t>& known) {
  std::vector<std::string_view> names;
  for (const auto& entry : known) {
    names.push_back(entry.first);
  }
  std::sort(names.begin(), names.end());
  return "no " + std::string(what) + " is called " + in_quotes(name) +
         (names.empty() ? "; define it under " + std::string(what) + "s" : suggestion(name, names));
}

/// Checks one service after the other; remembers what must be unique among them.
class ServiceRules {
 public:
  ServiceRules(const Model& model, Rules& rules, const Surroundings& known)
      : model_(model), rules_(rules), known_(known) {
    for (const Service& service : model.services) {
      vips_.try_emplace(service.vip.address.host(), &service);
    }
  }

  void check(const Service& service, const std::string& key) {
    rules_.check_name(key + ".name", service.name);
    if (!names_.insert(service.name).second) {
      rules_.fail(key + ".name", "another service is called " + service.name + " already");
    }
    check_vip(service, key);
    check_words(service, key);
    check_references(service, key);
    for (size_t state = 0; state < table::kSessionStateCount; ++state) {
      if (!kTimeoutSeconds.contains(service.timeouts.seconds[state])) {
        rules_.check_range(key + ".timeouts." + std::string(kTimeoutKeys[state]),
                           service.timeouts.seconds[state], kTimeoutSeconds);
      }
    }
    check_servers(service, key);
  }

 private:
  void check_vip(const Service& service, const std::string& key) {
    const net::Ipv4 vip = service.vip.address;
    if (!vip.is_unicast()) {
      rules_.fail(key + ".vip", vip.to_string() + " is not a unicast address");
    }
    rules_.check_range(key + ".port", service.vip.port.host(), kTransportPort);
    const auto user = known_.local_addresses.find(vip.host());
    if (user != known_.local_addresses.end()) {
      rules_.fail(key + ".vip",
                  vip.to_string() + " is " + user->second + "; a VIP must be another address");
    }
    const auto [first, is_new] = endpoints_.try_emplace(service_bits(service), &service);
    if (!is_new) {
      rules_.fail(key + ".vip", std::string(net::to_string(service.protocol)) + " " +
                                    service.vip.to_string() + " is already service " +
                                    first->second->name);
    }
  }

  void check_words(const Service& service, const std::string& key) {
    if (sched::find_scheduler(service.scheduler) != nullptr) {
      return;
    }
    std::vector<std::string_view> names;
    for (const auto* scheduler : sched::kSchedulers) {
      names.push_back(scheduler->name);
    }
    rules_.fail(key + ".scheduler", in_quotes(service.scheduler) + " is not known" +
                                        suggestion(service.scheduler, names));
  }

  void check_references(const Service& service, const std::string& key) {
    if (!model_.ports.empty() && !known_.ports.contains(service.port)) {
      rules_.fail(key + ".interface", unknown_name("port", service.port, known_.ports));
    }
    if (service.local_pool.empty()) {
      if (!service.uses(snapshot::ForwardingMode::kFullNat)) {
        return;
      }
      rules_.fail(key + ".local_pool",
                  "full-nat needs local addresses; name a pool of local_pools");
    } else if (!known_.pools.contains(service.local_pool)) {
      rules_.fail(key + ".local_pool",
                  unknown_name("local_pool", service.local_pool, known_.pools));
    }
  }

  void check_servers(const Service& service, const std::string& key) {
    endpoints_of_service_.clear();
    for (size_t i = 0; i < service.servers.size() && !rules_.has_enough_problems(); ++i) {
      const Server& server = service.servers[i];
      if (const std::string wrong = wrong_address(server); !wrong.empty()) {
        rules_.fail(item_key(key + ".servers", i) + ".address", wrong);
      }
      // Without a port of its own a server has the service's, which is a problem reported already.
      if (server.endpoint.port != service.vip.port && server.endpoint.port == net::Be16{}) {
        rules_.check_range(item_key(key + ".servers", i) + ".port", 0, kTransportPort);
      }
      check_mode(service, server, item_key(key + ".servers", i));
      if (!kWeight.contains(server.weight)) {
        rules_.check_range(item_key(key + ".servers", i) + ".weight", server.weight, kWeight);
      }
    }
  }

  // Direct routing and tunnels leave the packet as it is: the server must listen on the VIP's port.
  void check_mode(const Service& service, const Server& server, const std::string& key) {
    const snapshot::ForwardingMode mode = service.mode_of(server);
    if (table::answers_pass(mode)) {
      return;
    }
    if (server.endpoint.port != service.vip.port) {
      rules_.fail(key + ".port", "mode " + std::string(word_for(kForwardingModes, mode)) +
                                     " does not translate ports: leave it out, or use the "
                                     "service's " +
                                     std::to_string(service.vip.port.host()));
    }
    if (mode == snapshot::ForwardingMode::kTunnel && known_.port_addresses.empty()) {
      rules_.fail(key + ".mode",
                  "a tunnel begins at an address of the director; give the port toward the server "
                  "one, under ports[].addresses");
    }
  }

  std::string wrong_address(const Server& server) {
    const net::Ipv4 address = server.endpoint.address;
    if (!address.is_unicast()) {
      return address.to_string() + " is not a unicast address";
    }
    if (const auto vip = vips_.find(address.host()); vip != vips_.end()) {
      return address.to_string() + " is the VIP of service " + vip->second->name +
             "; packets would come back to the director";
    }
    for (const AddressUsers* users : {&known_.local_addresses, &known_.port_addresses}) {
      if (const auto user = users->find(address.host()); user != users->end()) {
        return address.to_string() + " is " + user->second +
               "; packets would come back to the director";
      }
    }
    if (!endpoints_of_service_.insert(endpoint_bits(server.endpoint)).second) {
      return server.endpoint.to_string() + " is given twice; give it once, with a higher weight";
    }
    return {};
  }

  const Model& model_;
  Rules& rules_;
  const Surroundings& known_;
  std::unordered_set<std::string_view> names_;
  std::unordered_map<uint32_t, const Service*> vips_;
  std::unordered_map<uint64_t, const Service*> endpoints_;
  std::unordered_set<uint64_t> endpoints_of_service_;
};

}  // namespace

void check_services(const Model& model, Rules& rules, const Surroundings& known) {
  ServiceRules service_rules(model, rules, known);
  for (size_t i = 0; i < model.services.size() && !rules.has_enough_problems(); ++i) {
    service_rules.check(model.services[i], item_key("services", i));
  }
}

}  // namespace sluice::config

// SPDX-License-Identifier: BSD-3-Clause
// The rules for services and their real servers. Control thread.
#include <algorithm>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "control/config/rules.h"
#include "control/config/spelling.h"
#include "lib/sched/registry.h"

namespace sluice::config {
namespace {

constexpr std::string_view kNoFullNatOfSctp =
    "full-nat cannot carry SCTP: an association's INIT names the client's addresses, which "
    "full-nat "
    "replaces, and either end may change over to another of its addresses; use nat, dr or tunnel";

// The port on whose network `address` is; else, by a gateway, any may lead there: the widest one.
const Port* port_toward(const Model& model, const net::Address& address) {
  const Port* widest = nullptr;
  for (const Port& port : model.ports) {
    if (std::ranges::any_of(port.addresses, [&](const auto& p) { return p.contains(address); })) {
      return &port;
    }
    widest = widest == nullptr || port.mtu > widest->mtu ? &port : widest;
  }
  return widest;
}

bool is_full_nat_of_sctp(const Service& service, snapshot::ForwardingMode mode) {
  return service.protocol == net::Protocol::kSctp && mode == snapshot::ForwardingMode::kFullNat;
}

/// Checks one service after the other; remembers what must be unique among them.
class ServiceRules {
 public:
  ServiceRules(const Model& model, Rules& rules, const Surroundings& known)
      : model_(model), rules_(rules), known_(known) {
    for (const Service& service : model.services) {
      vips_.try_emplace(service.vip.address, &service);
    }
  }

  void check(const Service& service, const std::string& key) {
    rules_.check_name(key + ".name", service.name);
    if (!names_.insert(service.name).second) {
      rules_.fail(key + ".name", "another service is called " + service.name + " already");
    }
    check_vip(service, key);
    check_words(service, key);
    check_client_address(service, key);
    check_references(service, key);
    for (const size_t state : kServiceTimeouts) {
      if (!kTimeoutSeconds.contains(service.timeouts.seconds[state])) {
        rules_.check_range(key + ".timeouts." + std::string(kTimeoutKeys[state]),
                           service.timeouts.seconds[state], kTimeoutSeconds);
      }
    }
    check_servers(service, key);
  }

 private:
  void check_vip(const Service& service, const std::string& key) {
    const net::Address& vip = service.vip.address;
    if (!vip.is_unicast() || vip.is_link_local()) {
      rules_.fail(key + ".vip", vip.to_string() + " is not a unicast address clients can route to");
    }
    rules_.check_range(key + ".port", service.vip.port.host(), kTransportPort);
    const auto user = known_.local_addresses.find(vip);
    if (user != known_.local_addresses.end()) {
      rules_.fail(key + ".vip",
                  vip.to_string() + " is " + user->second + "; a VIP must be another address");
    }
    const auto [first, is_new] = endpoints_[service.protocol].try_emplace(service.vip, &service);
    if (!is_new) {
      rules_.fail(key + ".vip", std::string(net::to_string(service.protocol)) + " " +
                                    service.vip.to_string() + " is already service " +
                                    first->second->name);
    }
  }

  void check_words(const Service& service, const std::string& key) {
    if (service.schedule_by == ScheduleBy::kPacket && service.protocol != net::Protocol::kUdp) {
      rules_.fail(key + ".schedule_by",
                  "packet is for UDP services only: the segments of a connection belong together");
    }
    if (is_full_nat_of_sctp(service, service.mode)) {
      rules_.fail(key + ".mode", std::string(kNoFullNatOfSctp));
    }
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

  void check_client_address(const Service& service, const std::string& key) {
    using snapshot::ClientAddress;
    const ClientAddress how = service.client_address;
    const std::string word(word_for(kClientAddresses, how));
    const bool is_tcp = service.protocol == net::Protocol::kTcp;
    if (!is_tcp && (how == ClientAddress::kToa || how == ClientAddress::kProxyV1)) {
      rules_.fail(key + ".client_address",
                  word + " is for TCP services only; allowed for UDP: none, proxy-v2, uoa");
    }
    if (is_tcp && how == ClientAddress::kUoa) {
      rules_.fail(
          key + ".client_address",
          word + " is for UDP services only; allowed for TCP: none, toa, proxy-v1, proxy-v2");
    }
    if (!is_tcp && service.sequence_numbers == SequenceNumbers::kNew) {
      rules_.fail(key + ".sequence_numbers",
                  "new is for TCP services only: UDP has no sequence numbers; leave it out");
    }
    if (service.schedule_by == ScheduleBy::kPacket && how != ClientAddress::kNone) {
      rules_.fail(
          key + ".client_address",
          word + " needs sessions, and schedule_by: packet makes none; leave one of them out");
    }
  }

  void check_references(const Service& service, const std::string& key) {
    if (!model_.ports.empty() && !known_.ports.contains(service.port)) {
      rules_.fail(key + ".interface", unknown_name("port", service.port, known_.ports));
    }
    if (service.local_pool.empty()) {
      if (!service.uses(snapshot::ForwardingMode::kFullNat) ||
          service.protocol == net::Protocol::kSctp) {  // for which there is no full-nat at all
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

  void check_mode(const Service& service, const Server& server, const std::string& key) {
    const snapshot::ForwardingMode mode = service.mode_of(server);
    if (is_full_nat_of_sctp(service, mode)) {
      if (server.mode) {  // else a problem of the service, reported there
        rules_.fail(key + ".mode", std::string(kNoFullNatOfSctp));
      }
      return;
    }
    if (service.schedule_by == ScheduleBy::kPacket && table::answers_pass(mode)) {
      rules_.fail(key + ".mode", "mode " + std::string(word_for(kForwardingModes, mode)) +
                                     " needs a session for the answers, and schedule_by: packet "
                                     "makes none; use dr or tunnel");
    }
    if (mode != snapshot::ForwardingMode::kFullNat && service.schedule_by == ScheduleBy::kSession) {
      check_kept_client(service, mode, key);
    }
    if (table::answers_pass(mode)) {
      check_translation(service, server, mode, key);
    } else {
      check_untranslated(service, server, mode, key);
    }
  }

  void check_kept_client(const Service& service, snapshot::ForwardingMode mode,
                         const std::string& key) {
    const std::string keeps =
        "mode " + std::string(word_for(kForwardingModes, mode)) + " keeps the client's ";
    if (service.client_address != snapshot::ClientAddress::kNone) {
      rules_.fail(key + ".mode", keeps + "address: leave client_address out, or use full-nat");
    }
    if (service.sequence_numbers == SequenceNumbers::kNew) {
      rules_.fail(key + ".mode",
                  keeps + "sequence numbers: leave sequence_numbers out, or use full-nat");
    }
  }

  void check_translation(const Service& service, const Server& server,
                         snapshot::ForwardingMode mode, const std::string& key) {
    const bool is_v4 = server.endpoint.address.is_v4();
    if (mode == snapshot::ForwardingMode::kNat) {
      if (is_v4 != service.vip.address.is_v4()) {
        rules_.fail(key + ".mode", "nat keeps the client's address, so " +
                                       server.endpoint.address.to_string() +
                                       " must be of the VIP's IP version; or use full-nat");
      }
      return;
    }
    const auto pool = known_.pools.find(service.local_pool);
    if (pool == known_.pools.end()) {
      return;  // a problem of the service, reported there
    }
    const auto& addresses = model_.local_pools[pool->second].addresses;
    if (!addresses.empty() &&
        std::ranges::none_of(addresses, [&](const auto& a) { return a.is_v4() == is_v4; })) {
      rules_.fail(key + ".address", "local_pool " + service.local_pool + " has no " +
                                        std::string(is_v4 ? "IPv4" : "IPv6") +
                                        " address to reach " + server.endpoint.address.to_string() +
                                        " from; add one to the pool");
    }
  }

  // Direct routing and tunnels leave the packet as it is: the server must listen on the VIP's port.
  void check_untranslated(const Service& service, const Server& server,
                          snapshot::ForwardingMode mode, const std::string& key) {
    if (server.endpoint.port != service.vip.port) {
      rules_.fail(key + ".port", "mode " + std::string(word_for(kForwardingModes, mode)) +
                                     " does not translate ports: leave it out, or use the "
                                     "service's " +
                                     std::to_string(service.vip.port.host()));
    }
    const bool is_v4 = server.endpoint.address.is_v4();
    const auto can_begin = [&](const auto& user) {
      return user.first.is_v4() == is_v4 && !user.first.is_link_local();
    };
    if (mode == snapshot::ForwardingMode::kDirectRouting && is_off_link(server.endpoint.address)) {
      rules_.fail(key + ".address",
                  server.endpoint.address.to_string() +
                      " is on no network of ports[].addresses: dr reaches a server "
                      "by its MAC alone, a gateway would send the packets back; "
                      "give a port an address there, or use tunnel");
    }
    if (mode == snapshot::ForwardingMode::kTunnel) {
      check_room(service, server, key);
    }
    if (mode == snapshot::ForwardingMode::kTunnel &&
        std::ranges::none_of(known_.port_addresses, can_begin)) {
      rules_.fail(key + ".mode", std::string("a tunnel to an ") + (is_v4 ? "IPv4" : "IPv6") +
                                     " server begins at such an address of the director; give the "
                                     "port toward the server one, under ports[].addresses");
    }
  }

  // Where the ports have no network of that IP version the kernel's routes alone can tell.
  [[nodiscard]] bool is_off_link(const net::Address& server) const {
    bool has_network = false;
    for (const Port& port : model_.ports) {
      for (const net::Prefix& prefix : port.addresses) {
        if (prefix.contains(server)) {
          return false;
        }
        const bool is_network = !prefix.address.is_link_local() && prefix.length < server.bits();
        has_network = has_network || (is_network && prefix.address.is_v4() == server.is_v4());
      }
    }
    return has_network;
  }

  // Every IPv6 packet of 1280 bytes must pass, as no sender makes smaller ones (RFC 8200 5).
  void check_room(const Service& service, const Server& server, const std::string& key) {
    constexpr uint32_t kLeastMtu = 1280;
    const Port* port = port_toward(model_, server.endpoint.address);
    const uint32_t overhead = service.tunnel.overhead(server.endpoint.address.is_v4());
    if (!service.vip.address.is_v4() && port != nullptr && port->mtu < kLeastMtu + overhead) {
      rules_.fail(key + ".mode", "IPv6 needs room for packets of 1280 bytes, and port " +
                                     port->name + " leaves " +
                                     std::to_string(port->mtu - overhead) +
                                     " in this tunnel; raise its mtu to at least " +
                                     std::to_string(kLeastMtu + overhead));
    }
  }

  std::string wrong_address(const Server& server) {
    const net::Address& address = server.endpoint.address;
    if (!address.is_unicast() || address.is_link_local()) {
      return address.to_string() + " is not a unicast address packets can be routed to";
    }
    if (const auto vip = vips_.find(address); vip != vips_.end()) {
      return address.to_string() + " is the VIP of service " + vip->second->name +
             "; packets would come back to the director";
    }
    for (const AddressUsers* users : {&known_.local_addresses, &known_.port_addresses}) {
      if (const auto user = users->find(address); user != users->end()) {
        return address.to_string() + " is " + user->second +
               "; packets would come back to the director";
      }
    }
    if (!endpoints_of_service_.insert(server.endpoint).second) {
      return server.endpoint.to_string() + " is given twice; give it once, with a higher weight";
    }
    return {};
  }

  const Model& model_;
  Rules& rules_;
  const Surroundings& known_;
  std::unordered_set<std::string_view> names_;
  std::unordered_map<net::Address, const Service*, net::AddressHash> vips_;
  using Endpoints = std::unordered_map<net::Endpoint, const Service*, net::EndpointHash>;
  std::map<net::Protocol, Endpoints> endpoints_;
  std::unordered_set<net::Endpoint, net::EndpointHash> endpoints_of_service_;
};

}  // namespace

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

void check_services(const Model& model, Rules& rules, const Surroundings& known) {
  ServiceRules service_rules(model, rules, known);
  for (size_t i = 0; i < model.services.size() && !rules.has_enough_problems(); ++i) {
    service_rules.check(model.services[i], item_key("services", i));
  }
}

}  // namespace sluice::config

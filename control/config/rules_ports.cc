// SPDX-License-Identifier: BSD-3-Clause
// The rules for ports and local pools. Control thread.
#include <algorithm>
#include <set>
#include <span>

#include "control/config/device.h"
#include "control/config/rules.h"
#include "control/config/spelling.h"

namespace sluice::config {
namespace {

constexpr size_t kLongestNetdevName = 15;  // IFNAMSIZ less its terminator

// As the kernel's dev_valid_name(), and printable.
bool is_netdev_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestNetdevName && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return c > 0x20 && c < 0x7f && c != '/' && c != ':'; });
}

const char* const kDeviceForms =
    "; allowed: a PCI address such as 0000:03:00.0, or a virtual device such as "
    "net_af_packet0,iface=eth1";

void check_device(const Port& port, const std::string& key, const Model& model, Rules& rules) {
  rules.check_printable(key, port.device);
  const auto device = parse_device(port.device);
  if (!device) {
    rules.fail(key, in_quotes(port.device) + " is not a device" + kDeviceForms);
    return;
  }
  if (device->kind == Device::Kind::kPci && !model.dpdk.huge_pages) {
    rules.fail(key,
               "PCI device " + device->name +
                   " needs huge pages; set dpdk.huge_pages: true and reserve some (README.md)");
  }
  const uint32_t workers = model.director.workers;
  const std::string_view driver = device->driver();
  const std::string_view netdev = device->kernel_netdev();
  if ((driver == "net_af_packet" || driver == "net_af_xdp") && netdev.empty()) {
    rules.fail(key, device->name + " needs the network device it uses; append ,iface=NAME");
  }
  if (!netdev.empty() && netdev == port.name) {
    rules.fail(key, "the port and the device under it are both called " + port.name +
                        "; the port gets a tap of its own, give it another name");
  }
  const auto pairs = driver == "net_af_packet" ? device->argument("qpairs") : std::nullopt;
  if (pairs && *pairs != std::to_string(workers)) {
    rules.fail(key, "qpairs=" + std::string(*pairs) + " but director.workers is " +
                        std::to_string(workers) +
                        "; each worker needs one queue pair: leave "
                        "qpairs out");
  }
}

// A VLAN and the port that carries it, which stands before it.
void check_vlan(const Model& model, size_t index, const std::string& key, Rules& rules) {
  const Port& port = model.ports[index];
  if (!port.device.empty()) {
    rules.fail(key + ".device",
               "a VLAN uses the device of its parent; leave out device, or parent "
               "and vlan");
  }
  if (port.vlan == 0) {
    rules.fail(key + ".parent",
               "a VLAN of " + port.parent + " needs its number; add vlan: " + kVlan.to_string());
  } else {
    rules.check_range(key + ".vlan", port.vlan, kVlan);
  }
  const auto above = std::span(model.ports).first(index);
  const auto parent = std::ranges::find(above, port.parent, &Port::name);
  if (parent == above.end()) {
    rules.fail(key + ".parent", "no port above is called " + in_quotes(port.parent) +
                                    "; allowed: the name of a port with a device, which stands "
                                    "before its VLANs");
    return;
  }
  if (parent->is_vlan()) {
    rules.fail(key + ".parent", parent->name +
                                    " is a VLAN itself, and VLANs within VLANs are not "
                                    "known; name the port with the device: " +
                                    parent->parent);
    return;
  }
  const auto same = std::ranges::find_if(above, [&](const Port& other) {
    return other.parent == port.parent && other.vlan == port.vlan;
  });
  if (port.vlan != 0 && same != above.end()) {
    rules.fail(key + ".vlan", "port " + same->name + " is VLAN " + std::to_string(port.vlan) +
                                  " of " + port.parent + " already");
  }
  if (port.mtu > parent->mtu) {
    rules.fail(key + ".mtu", std::to_string(port.mtu) + " is more than the " +
                                 std::to_string(parent->mtu) + " of " + parent->name +
                                 "; lower it, or raise mtu of " + parent->name);
  }
}

void check_addresses(const Port& port, const std::string& key, Rules& rules, Surroundings& known) {
  for (size_t i = 0; i < port.addresses.size(); ++i) {
    const net::Prefix& prefix = port.addresses[i];
    const std::string item = item_key(key + ".addresses", i);
    const bool is_edge = prefix.length + 1 < prefix.address.bits() &&
                         (prefix.address == prefix.network() ||
                          (prefix.address.is_v4() && prefix.address == prefix.last()));
    if (!prefix.address.is_unicast() || is_edge) {
      rules.fail(item, prefix.to_string() +
                           " cannot be a host's address; allowed: a unicast address that is not "
                           "the first, nor with IPv4 the last, of its subnet");
      continue;
    }
    const auto [user, is_new] =
        known.port_addresses.try_emplace(prefix.address, "an address of port " + port.name);
    if (!is_new) {
      rules.fail(item, prefix.address.to_string() + " is already " + user->second);
    }
  }
}

void check_gateway(const Port& port, const Route& route, const std::string& key, Rules& rules) {
  if (!route.via.is_unicast()) {
    rules.fail(key, route.via.to_string() + " is not a unicast address");
    return;
  }
  if (route.via.is_v4() != route.to.address.is_v4()) {
    rules.fail(key, route.via.to_string() + " and " + route.to.to_string() +
                        " are of different IP versions");
    return;
  }
  if (route.via.is_link_local()) {
    return;  // on every IPv6 link
  }
  const auto reaches = [&](const net::Prefix& subnet) { return subnet.contains(route.via); };
  const auto& subnets = port.addresses;
  if (!subnets.empty() && std::none_of(subnets.begin(), subnets.end(), reaches)) {
    rules.fail(key, route.via.to_string() + " is in no subnet of port " + port.name +
                        "; the kernel would refuse the route: correct it or add an address to " +
                        port.name);
  }
}

void check_routes(const Port& port, const std::string& key, Rules& rules,
                  std::set<net::Prefix>& targets) {
  for (size_t i = 0; i < port.routes.size(); ++i) {
    const Route& route = port.routes[i];
    const std::string item = item_key(key + ".routes", i);
    if (route.to.length > route.to.address.bits() || route.to.address != route.to.network()) {
      rules.fail(item + ".to", route.to.to_string() + " has bits set beyond its prefix; write " +
                                   net::Prefix{route.to.network(), route.to.length}.to_string());
    } else if (!targets.insert(route.to).second) {
      rules.fail(item + ".to", route.to.to_string() + " has a route already; keep one of them");
    }
    check_gateway(port, route, item + ".via", rules);
  }
}

void check_pool_addresses(const LocalPool& pool, const std::string& key, Rules& rules,
                          Surroundings& known) {
  if (pool.addresses.empty()) {
    rules.fail(key, "pool " + pool.name + " has no address; allowed: at least one");
  }
  for (const net::Address& address : pool.addresses) {
    if (!address.is_unicast() || address.is_link_local()) {
      rules.fail(key, address.to_string() + " is not a unicast address servers can answer to");
      continue;
    }
    if (const auto user = known.port_addresses.find(address); user != known.port_addresses.end()) {
      rules.fail(key, address.to_string() + " is already " + user->second +
                          "; a local address must be for sessions alone");
    }
    const auto [user, is_new] =
        known.local_addresses.try_emplace(address, "a local address of pool " + pool.name);
    if (!is_new) {
      rules.fail(key, address.to_string() + " is already " + user->second);
    }
  }
}

}  // namespace

void check_ports(const Model& model, Rules& rules, Surroundings& known) {
  if (model.ports.empty() || model.ports.size() > kMaxPorts) {
    rules.fail("ports", std::to_string(model.ports.size()) + " ports; allowed: 1.." +
                            std::to_string(kMaxPorts));
  }
  std::set<std::string> devices;
  std::set<net::Prefix> route_targets;
  for (size_t i = 0; i < model.ports.size() && !rules.has_enough_problems(); ++i) {
    const Port& port = model.ports[i];
    const std::string key = item_key("ports", i);
    if (!is_netdev_name(port.name)) {
      rules.fail(key + ".name", in_quotes(port.name) +
                                    " cannot name a network device; allowed: 1..15 printable "
                                    "characters without \"/\", \":\" or spaces");
    }
    if (!known.ports.try_emplace(port.name, i).second) {
      rules.fail(key + ".name", "another port is called " + port.name + " already");
    }
    if (port.is_vlan()) {
      check_vlan(model, i, key, rules);
    } else if (port.vlan != 0) {
      rules.fail(key + ".vlan", "VLAN " + std::to_string(port.vlan) +
                                    " of which port? Name it with parent, and leave out device");
    } else {
      check_device(port, key + ".device", model, rules);
    }
    const auto device = parse_device(port.device);
    if (device && !devices.insert(device->name).second) {
      rules.fail(key + ".device", "another port uses " + device->name + " already");
    }
    rules.check_range(key + ".mtu", port.mtu, kMtu);
    check_addresses(port, key, rules, known);
    check_routes(port, key, rules, route_targets);
  }
}

void check_local_pools(const Model& model, Rules& rules, Surroundings& known) {
  for (size_t i = 0; i < model.local_pools.size() && !rules.has_enough_problems(); ++i) {
    const LocalPool& pool = model.local_pools[i];
    const std::string key = item_key("local_pools", i);
    rules.check_name(key + ".name", pool.name);
    if (!known.pools.try_emplace(pool.name, i).second) {
      rules.fail(key + ".name", "another pool is called " + pool.name + " already");
    }
    if (!model.ports.empty() && !known.ports.contains(pool.port)) {
      rules.fail(key + ".port",
                 "no port is called " + in_quotes(pool.port) + "; allowed: the name of a port");
    }
    check_pool_addresses(pool, key + ".addresses", rules, known);
  }
}

}  // namespace sluice::config

// SPDX-License-Identifier: BSD-3-Clause
// Filling in what the rest of a configuration implies. Control thread.
#include "control/config/defaults.h"

#include <algorithm>

#include "control/config/device.h"

namespace sluice::config {
namespace {

// At most kMaxPorts ports of a few addresses each: a plain search is quick enough for any file.
std::string port_for(const Model& model, const net::Address& address) {
  for (const Port& port : model.ports) {
    const auto holds = [&](const net::Prefix& subnet) { return subnet.contains(address); };
    if (std::any_of(port.addresses.begin(), port.addresses.end(), holds)) {
      return port.name;
    }
  }
  return model.ports.empty() ? std::string() : model.ports.front().name;
}

// A parent stands before its VLANs, so it has its own by now.
uint16_t default_mtu(const Model& model, const Port& port) {
  const auto parent = std::ranges::find(model.ports, port.parent, &Port::name);
  const bool is_known = port.is_vlan() && parent != model.ports.end() && parent->mtu != 0;
  return is_known ? parent->mtu : Port{}.mtu;
}

// The pool that services have if they name none: the only one that is not source NAT's.
std::string only_pool(const Model& model) {
  const LocalPool* only = nullptr;
  for (const LocalPool& pool : model.local_pools) {
    if (std::ranges::find(model.snat, pool.name, &SnatRule::local_pool) == model.snat.end()) {
      if (only != nullptr) {
        return {};
      }
      only = &pool;
    }
  }
  return only == nullptr ? std::string() : only->name;
}

}  // namespace

std::string default_service_name(const Service& service) {
  std::string address = service.vip.address.to_string();
  std::ranges::replace(address, ':', '-');  // which no name holds: tcp:[2001:db8::1]:80 is a way to
                                            // name a service by its address
  return std::string(net::to_string(service.protocol)) + "-" + address + "-" +
         std::to_string(service.vip.port.host());
}

void fill_defaults(Model& model) {
  for (Port& port : model.ports) {
    if (port.mtu == 0) {
      port.mtu = default_mtu(model, port);
    }
    if (const auto device = parse_device(port.device)) {
      port.device = device->to_string();
    }
    for (Route& route : port.routes) {
      if (route.to.length == 0 && !route.via.is_v4()) {
        route.to = {net::Ipv6{}, 0};  // "default" is that of the gateway's IP version
      }
    }
  }
  for (LocalPool& pool : model.local_pools) {
    if (pool.port.empty()) {
      pool.port = port_for(model, pool.addresses.empty() ? net::Address{} : pool.addresses.front());
    }
  }
  const std::string pool_of_services = only_pool(model);
  for (Service& service : model.services) {
    if (service.name.empty()) {
      service.name = default_service_name(service);
    }
    if (service.port.empty()) {
      service.port = port_for(model, service.vip.address);
    }
    if (service.local_pool.empty()) {
      service.local_pool = pool_of_services;
    }
  }
}

}  // namespace sluice::config

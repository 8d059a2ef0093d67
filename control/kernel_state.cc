// SPDX-License-Identifier: BSD-3-Clause
// From the model to addresses and routes. Control thread.
#include "control/kernel_state.h"

#include <algorithm>
#include <string>

namespace sluice::control {
namespace {

uint8_t port_index(const config::Model& model, const std::string& name) {
  const auto port = std::find_if(model.ports.begin(), model.ports.end(),
                                 [&](const config::Port& p) { return p.name == name; });
  return port == model.ports.end() ? uint8_t{0} : static_cast<uint8_t>(port - model.ports.begin());
}

template <typename T>
void sort_and_deduplicate(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// A host route's worth of an address that the port's own subnet address already covers is not added
// twice: `addresses: [10.0.0.1/24]` and a VIP 10.0.0.1 are one address.
bool is_port_address(const config::Port& port, const net::Address& address) {
  return std::any_of(port.addresses.begin(), port.addresses.end(),
                     [&](const net::Prefix& p) { return p.address == address; });
}

}  // namespace

KernelState kernel_state(const config::Model& model, std::span<const DrainingAddress> draining) {
  KernelState state;
  const auto add_host_address = [&](const std::string& port_name, const net::Address& address) {
    const uint8_t port = port_index(model, port_name);
    if (!is_port_address(model.ports[port], address)) {
      state.addresses.push_back({port, {address, address.bits()}});
    }
  };
  for (uint8_t index = 0; index < model.ports.size(); ++index) {
    for (const net::Prefix& address : model.ports[index].addresses) {
      state.addresses.push_back({index, address});
    }
    for (const config::Route& route : model.ports[index].routes) {
      state.routes.push_back({index, route.to, route.via});
    }
  }
  for (const config::LocalPool& pool : model.local_pools) {
    for (const net::Address& address : pool.addresses) {
      add_host_address(pool.port, address);
    }
  }
  for (const DrainingAddress& local : draining) {
    add_host_address(local.port, local.address);
  }
  for (const config::Service& service : model.services) {
    if (service.announce == config::Announce::kKernel) {
      add_host_address(service.port, service.vip.address);
    }
  }
  sort_and_deduplicate(state.addresses);
  sort_and_deduplicate(state.routes);
  return state;
}

KernelState transition(const KernelState& before, const KernelState& after) {
  KernelState both = after;
  both.addresses.insert(both.addresses.end(), before.addresses.begin(), before.addresses.end());
  for (const KernelState::GatewayRoute& former : before.routes) {
    const bool is_replaced = std::ranges::any_of(
        after.routes,
        [&](const KernelState::GatewayRoute& route) { return route.to == former.to; });
    if (!is_replaced) {
      both.routes.push_back(former);
    }
  }
  sort_and_deduplicate(both.addresses);
  sort_and_deduplicate(both.routes);
  return both;
}

}  // namespace sluice::control

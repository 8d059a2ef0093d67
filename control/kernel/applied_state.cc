// SPDX-License-Identifier: BSD-3-Clause
// Wanted addresses and routes against the kernel's. Control thread.
#include "control/kernel/applied_state.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "control/kernel/rtnetlink.h"

namespace sluice::control {

AppliedState::AppliedState(NetlinkRequests& requests, std::vector<int> interfaces,
                           std::vector<std::string> names)
    : requests_(requests), interfaces_(std::move(interfaces)), names_(std::move(names)) {}

Result<std::vector<AppliedState::Address>> AppliedState::apply(const KernelState& desired) {
  first_error_.clear();
  const std::set<Address> addresses(desired.addresses.begin(), desired.addresses.end());
  const std::set<GatewayRoute> routes(desired.routes.begin(), desired.routes.end());
  std::vector<Address> added;
  for (const Address& address : addresses) {
    add_address(address, added);
  }
  for (const GatewayRoute& route : routes) {
    set_route(route, routes);
  }
  for (const GatewayRoute& route : std::set(our_routes_)) {
    if (!routes.contains(route)) {
      remove_route(route);
    }
  }
  for (const Address& address : std::set(our_addresses_)) {
    if (!addresses.contains(address)) {
      remove_address(address);
    }
  }
  if (!first_error_.empty()) {
    return fail(first_error_);
  }
  return added;
}

void AppliedState::note(std::string message) {
  if (first_error_.empty()) {
    first_error_ = std::move(message);
  }
}

// IPv6 refuses an address that is there with another prefix length: ours has to go first.
bool AppliedState::remove_other_length(const Address& address) {
  const auto ours = std::ranges::find_if(our_addresses_, [&](const Address& each) {
    return each.port == address.port && each.prefix.address == address.prefix.address &&
           each.prefix.length != address.prefix.length;
  });
  if (ours == our_addresses_.end()) {
    return false;
  }
  remove_address(Address(*ours));
  return true;
}

void AppliedState::add_address(const Address& address, std::vector<Address>& added) {
  NetlinkMessage message =
      address_message(Change::kAdd, interfaces_.at(address.port), address.prefix);
  int error = requests_.request(message);
  if (error == EEXIST && !address.prefix.address.is_v4() && remove_other_length(address)) {
    NetlinkMessage again =
        address_message(Change::kAdd, interfaces_.at(address.port), address.prefix);
    error = requests_.request(again);
  }
  if (error == 0) {
    our_addresses_.insert(address);
    added.push_back(address);
  } else if (error == EACCES && !address.prefix.address.is_v4()) {
    note("port " + names_[address.port] + ": cannot add address " + address.prefix.to_string() +
         ": IPv6 is off there; turn it on: sysctl -w net.ipv6.conf." + names_[address.port] +
         ".disable_ipv6=0");
  } else if (error != EEXIST) {
    note("port " + names_[address.port] + ": cannot add address " + address.prefix.to_string() +
         ": " + std::strerror(error));
  }
}

void AppliedState::remove_address(const Address& address) {
  NetlinkMessage message =
      address_message(Change::kRemove, interfaces_.at(address.port), address.prefix);
  const int error = requests_.request(message);
  if (error != 0 && error != EADDRNOTAVAIL && error != ENODEV) {
    note("port " + names_[address.port] + ": cannot remove address " + address.prefix.to_string() +
         ": " + std::strerror(error));
    return;
  }
  our_addresses_.erase(address);
}

void AppliedState::set_route(const GatewayRoute& route, const std::set<GatewayRoute>& wanted) {
  // A route of ours to the same target that is wanted no more is replaced in one step.
  std::optional<GatewayRoute> former;
  for (const GatewayRoute& ours : our_routes_) {
    if (ours.to.network() == route.to.network() && ours.to.length == route.to.length &&
        !wanted.contains(ours) && has_route(ours)) {
      former = ours;
    }
  }
  NetlinkMessage message = route_message(former ? Change::kReplace : Change::kAdd,
                                         interfaces_.at(route.port), route.to, route.via);
  const int error = requests_.request(message);
  if (error == 0) {
    if (former) {
      our_routes_.erase(*former);
    }
    our_routes_.insert(route);
    return;
  }
  const std::string what = "port " + names_[route.port] + ": cannot add the route to " +
                           route.to.to_string() + " via " + route.via.to_string() + ": ";
  if (error == EEXIST) {
    if (!has_route(route)) {
      note(what + "there is another one; remove it with: ip " +
           (route.to.address.is_v4() ? "" : "-6 ") + "route del " + route.to.to_string());
    }
  } else if (error == ENETUNREACH || error == EHOSTUNREACH || error == EINVAL) {
    note(what + "the gateway is not in the network of any address of " + names_[route.port] +
         "; add such an address under ports");
  } else {
    note(what + std::strerror(error));
  }
}

void AppliedState::remove_route(const GatewayRoute& route) {
  NetlinkMessage message =
      route_message(Change::kRemove, interfaces_.at(route.port), route.to, route.via);
  const int error = requests_.request(message);
  if (error != 0 && error != ESRCH && error != ENODEV) {
    note("port " + names_[route.port] + ": cannot remove the route to " + route.to.to_string() +
         ": " + std::strerror(error));
    return;
  }
  our_routes_.erase(route);
}

bool AppliedState::has_route(const GatewayRoute& route) {
  bool is_there = false;
  const auto port_of = [&](int interface) {
    return interface == interfaces_[route.port] ? std::optional(route.port) : std::nullopt;
  };
  NetlinkMessage message = dump_routes_message();
  const int error = requests_.dump(message, [&](const nlmsghdr& each) {
    const auto found = parse_route(each, port_of);
    is_there |= found && found->port && found->gateway == route.via &&
                found->target.length == route.to.length &&
                found->target.address == route.to.network();
  });
  return error == 0 && is_there;
}

}  // namespace sluice::control

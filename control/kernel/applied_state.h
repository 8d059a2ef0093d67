// SPDX-License-Identifier: BSD-3-Clause
// The addresses and routes that the director put on its taps, and how to change them. Control
// thread.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <tuple>
#include <vector>

#include "control/kernel/kernel.h"
#include "control/kernel/netlink.h"

namespace sluice::control {

/// Knows what is ours: only that is ever removed. What an administrator, keepalived or BIRD added
/// is left alone, also when it is the same as what we want.
class AppliedState {
 public:
  using Address = KernelState::Address;
  using GatewayRoute = KernelState::GatewayRoute;

  /// `interfaces[port]` is the tap of `port`, `names[port]` its name for messages.
  AppliedState(NetlinkRequests& requests, std::vector<int> interfaces,
               std::vector<std::string> names);

  /// Makes the taps carry `desired`. New things first, then old ones go: an address that moves or a
  /// route that changes its gateway never leaves a gap.  Returns the addresses that are new.
  /// Errors: the first thing the kernel refused, with the cure; everything else is done all the
  /// same.
  Result<std::vector<Address>> apply(const KernelState& desired);

 private:
  void add_address(const Address& address, std::vector<Address>& added);
  void remove_address(const Address& address);
  bool remove_other_length(const Address& address);
  void set_route(const GatewayRoute& route, const std::set<GatewayRoute>& wanted);
  void remove_route(const GatewayRoute& route);
  [[nodiscard]] bool has_route(const GatewayRoute& route);
  void note(std::string message);

  NetlinkRequests& requests_;
  std::vector<int> interfaces_;
  std::vector<std::string> names_;
  std::set<Address> our_addresses_;
  std::set<GatewayRoute> our_routes_;
  std::string first_error_;
};

}  // namespace sluice::control

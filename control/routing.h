// SPDX-License-Identifier: BSD-3-Clause
// Routes and next hops: from the kernel to the workers, and what the kernel is asked for. Control
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "control/config/model.h"
#include "control/kernel/kernel.h"
#include "dataplane/supervisor.h"
#include "lib/net/address.h"
#include "lib/snapshot/next_hop_table.h"
#include "lib/snapshot/route_table.h"

namespace sluice::control {

/// Keeps the workers' routes what the kernel says, and neighbours asked for before packets need
/// them. Every table the workers get has a new epoch, at which sessions look their next hop up
/// again.
class Routing {
 public:
  /// Ownership: everything outlives this.
  Routing(snapshot::NextHopTable& next_hops, dataplane::Supervisor& supervisor, Kernel& kernel)
      : next_hops_(next_hops), supervisor_(supervisor), kernel_(kernel) {}

  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kForgetInterval{5};

  /// Sends the present routes to the workers; the first time, none. A worker whose ring is full
  /// makes it due, and publish_if_due() tries again.
  void publish();
  void publish_if_due();
  /// The kernel's routes are others now; their gateways and `services`' servers are asked for.
  void replace(std::span<const snapshot::Route> routes,
               const std::vector<config::Service>& services);
  /// Asks for the real servers on directly connected networks: the first packet of a session
  /// should not be the one that waits for ARP.
  void request_servers(const std::vector<config::Service>& services);
  /// A worker has packets for a next hop without a link address. In a full table the neighbours
  /// that do not answer make room, at most once in kForgetInterval; till then it is refused.
  void resolve(uint8_t port, const net::Address& address,
               const std::vector<config::Service>& services, Clock::time_point now);
  /// Gives away the slots of forgotten neighbours as soon as no worker knows them any more.
  void reuse_forgotten();

  [[nodiscard]] bool has_routes() const { return !routes_.empty(); }

 private:
  void request_gateways();
  void forget_silent(const std::vector<config::Service>& services);
  [[nodiscard]] std::vector<snapshot::NextHopIndex> wanted(
      const std::vector<config::Service>& services) const;

  snapshot::NextHopTable& next_hops_;
  dataplane::Supervisor& supervisor_;
  Kernel& kernel_;
  std::vector<snapshot::Route> routes_;
  snapshot::RouteTable table_;  // what the workers have, for this thread's own use
  uint16_t epoch_ = 0;
  bool is_publish_due_ = false;  // a worker did not take the last table
  bool lacks_gateway_ = false;   // the last table has a gateway without a slot
  std::optional<Clock::time_point> forgot_at_;
  uint64_t refused_ = 0;  // requests that found the table full, since the last warning
};

}  // namespace sluice::control

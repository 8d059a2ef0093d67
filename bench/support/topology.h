// SPDX-License-Identifier: BSD-3-Clause
// One service on one arm with resolved neighbours: what benchmarked workers are given. Main thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "dataplane/worker_config.h"
#include "lib/net/address.h"
#include "lib/snapshot/next_hop_table.h"
#include "lib/snapshot/route_table.h"
#include "lib/snapshot/snapshot.h"
#include "lib/snapshot/snat_rules.h"

namespace sluice::bench {

/// How the packets of a benchmark are forwarded, and between which IP versions.
struct Forwarding {
  snapshot::ForwardingMode mode = snapshot::ForwardingMode::kFullNat;
  bool is_client_v4 = true;
  bool is_server_v4 = true;
  table::Disclosure disclosure = {};
};

/// VIP 192.0.2.1:80, clients in 10.0.0.0/8 behind a gateway, real servers 198.18.0.x:8080 on link,
/// local addresses 198.18.1.x: as many as `sessions` need. With source NAT the clients are inside,
/// and what they send to the VIP goes on to the gateway. In IPv6 the same behind 2001:db8::/32.
class Topology {
 public:
  static constexpr uint32_t kServers = 16;

  Topology(net::Protocol protocol, uint32_t sessions, Forwarding forwarding = {});

  [[nodiscard]] net::Endpoint vip() const;
  [[nodiscard]] net::Protocol protocol() const { return protocol_; }
  [[nodiscard]] uint32_t sessions() const { return sessions_; }
  [[nodiscard]] const snapshot::NextHopTable& next_hops() const { return next_hops_; }

  [[nodiscard]] std::unique_ptr<const snapshot::Snapshot> make_snapshot() const;
  [[nodiscard]] std::unique_ptr<const snapshot::RouteTable> make_routes();
  /// Just large enough for `sessions`.
  [[nodiscard]] dataplane::WorkerLimits limits() const;
  [[nodiscard]] static snapshot::PortRange local_ports() { return {}; }
  /// Not secret here, so that two runs fill the hash alike.
  [[nodiscard]] static std::array<uint64_t, 4> hash_secret();

 private:
  [[nodiscard]] uint32_t local_address_count() const;
  [[nodiscard]] snapshot::SnatRuleSpec source_nat_by(
      const std::vector<snapshot::LocalAddress>& addresses) const;
  [[nodiscard]] net::Address server_address(uint32_t index) const;

  net::Protocol protocol_;
  uint32_t sessions_;
  Forwarding forwarding_;
  snapshot::NextHopTable next_hops_{64};
};

}  // namespace sluice::bench

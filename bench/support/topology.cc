// SPDX-License-Identifier: BSD-3-Clause
// One FULL-NAT service on one arm with resolved neighbours. Main thread.
#include "bench/support/topology.h"

#include <algorithm>
#include <vector>

#include "lib/sched/rr.h"

namespace sluice::bench {
namespace {

constexpr uint32_t kServerNetwork = 198U << 24 | 18U << 16;
constexpr net::Ipv4 kGateway = net::Ipv4::from_host(192U << 24 | 2U << 8 | 254);

net::Ipv4 server_address(uint32_t index) {
  return net::Ipv4::from_host(kServerNetwork + 1 + index);
}

}  // namespace

Topology::Topology(net::Protocol protocol, uint32_t sessions)
    : protocol_(protocol), sessions_(sessions) {
  next_hops_.set_resolved(next_hops_.find_or_add(0, kGateway), net::Mac{{2, 0, 0, 0, 0, 0xFE}});
  for (uint32_t server = 0; server < kServers; ++server) {
    next_hops_.set_resolved(next_hops_.find_or_add(0, server_address(server)),
                            net::Mac{{2, 0, 0, 0, 1, static_cast<uint8_t>(server)}});
  }
}

net::Endpoint Topology::vip() const {
  return {net::Ipv4::from_host(192U << 24 | 2U << 8 | 1), net::Be16::from_host(80)};
}

// One address more than the ports need: pools fill evenly, but not to the last port.
uint32_t Topology::local_address_count() const {
  return sessions_ / (kServers * local_ports().size()) + 2;
}

std::unique_ptr<const snapshot::Snapshot> Topology::make_snapshot() const {
  snapshot::SnapshotBuilder builder(1, limits().servers, local_ports(), 1);
  snapshot::ServiceSpec service{.id = 0,
                                .protocol = protocol_,
                                .vip = vip(),
                                .scheduler = &sched::kRoundRobin,
                                .timeouts = {},
                                .servers_version = 1,
                                .servers = {},
                                .local_addresses = {}};
  for (uint32_t server = 0; server < kServers; ++server) {
    service.servers.push_back({.id = server,
                               .port_pool = static_cast<uint16_t>(server),
                               .endpoint = {server_address(server), net::Be16::from_host(8'080)}});
  }
  for (uint32_t local = 0; local < local_address_count(); ++local) {
    service.local_addresses.push_back(
        {static_cast<snapshot::LocalAddressId>(local),
         net::Ipv4::from_host(kServerNetwork + (1U << 8) + 1 + local)});
  }
  builder.add(service);
  return std::make_unique<const snapshot::Snapshot>(std::move(builder).build());
}

std::unique_ptr<const snapshot::RouteTable> Topology::make_routes() {
  const std::vector<snapshot::Route> routes = {
      {.target = {net::Ipv4{}, 0}, .port = uint8_t{0}, .gateway = kGateway},
      {.target = {net::Ipv4::from_host(kServerNetwork), 16},
       .port = uint8_t{0},
       .gateway = std::nullopt},
  };
  return std::make_unique<const snapshot::RouteTable>(routes, next_hops_, uint16_t{1});
}

dataplane::WorkerLimits Topology::limits() const {
  return {.sessions = std::max(sessions_, 1'024U),
          .services = 16,
          .servers = 64,
          .local_addresses = local_address_count()};
}

std::array<uint64_t, 4> Topology::hash_secret() {
  return {0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93};
}

}  // namespace sluice::bench

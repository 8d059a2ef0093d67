// SPDX-License-Identifier: BSD-3-Clause
// One service on one arm with resolved neighbours. Main thread.
#include "bench/support/topology.h"

#include <algorithm>
#include <vector>

#include "bench/support/traffic.h"
#include "lib/sched/rr.h"

namespace sluice::bench {
namespace {

constexpr uint32_t kServerNetwork = 198U << 24 | 18U << 16;
constexpr net::Ipv4 kGateway = net::Ipv4::from_host(192U << 24 | 2U << 8 | 254);

constexpr net::Mac kGatewayMac{{2, 0, 0, 0, 0, 0xFE}};

net::Address gateway6() { return in_ipv6(0, kGateway); }
net::Address tunnel_source() { return net::Ipv4::from_host(kServerNetwork + 0xFFFE); }

}  // namespace

net::Address Topology::server_address(uint32_t index) const {
  const auto v4 = net::Ipv4::from_host(kServerNetwork + 1 + index);
  return forwarding_.is_server_v4 ? v4 : in_ipv6(kServerNetwork6, v4);
}

Topology::Topology(net::Protocol protocol, uint32_t sessions, Forwarding forwarding)
    : protocol_(protocol), sessions_(sessions), forwarding_(forwarding) {
  next_hops_.set_resolved(next_hops_.find_or_add(0, kGateway), kGatewayMac);
  next_hops_.set_resolved(next_hops_.find_or_add(0, gateway6()), kGatewayMac);
  for (uint32_t server = 0; server < kServers; ++server) {
    next_hops_.set_resolved(next_hops_.find_or_add(0, server_address(server)),
                            net::Mac{{2, 0, 0, 0, 1, static_cast<uint8_t>(server)}});
  }
}

net::Endpoint Topology::vip() const {
  const auto v4 = net::Ipv4::from_host(192U << 24 | 2U << 8 | 1);
  return {forwarding_.is_client_v4 ? v4 : in_ipv6(0, v4), net::Be16::from_host(80)};
}

// One address more than the ports need: pools fill evenly, but not to the last port.
uint32_t Topology::local_address_count() const {
  const uint32_t pools = forwarding_.mode == snapshot::ForwardingMode::kSnat ? 1 : kServers;
  return sessions_ / (pools * local_ports().size()) + 2;
}

snapshot::SnatRuleSpec Topology::source_nat_by(
    const std::vector<snapshot::LocalAddress>& addresses) const {
  const net::Address everything = forwarding_.is_client_v4 ? net::Address() : net::Ipv6{};
  snapshot::SnatRuleSpec rule;
  rule.inside = {snapshot::AddressRange::of({everything, 0})};
  rule.destinations = rule.inside;
  rule.public_addresses = addresses;
  return rule;
}

std::unique_ptr<const snapshot::Snapshot> Topology::make_snapshot() const {
  snapshot::SnapshotBuilder builder(1, limits().servers, local_ports(), 1);
  snapshot::ServiceSpec service{
      .id = 0,
      .protocol = protocol_,
      .vip = vip(),
      .scheduler = &sched::kRoundRobin,
      .client_address = forwarding_.disclosure.client_address,
      .renews_sequence_numbers = forwarding_.disclosure.renews_sequence_numbers,
      .timeouts = {},
      .servers_version = 1,
      .servers = {},
      .local_addresses = {}};
  for (uint32_t server = 0; server < kServers; ++server) {
    service.servers.push_back({.id = server,
                               .port_pool = static_cast<uint16_t>(server),
                               .endpoint = {server_address(server), net::Be16::from_host(8'080)},
                               .mode = forwarding_.mode});
  }
  for (uint32_t local = 0; local < local_address_count(); ++local) {
    const net::Address v4 = net::Ipv4::from_host(kServerNetwork + (1U << 8) + 1 + local);
    service.local_addresses.push_back(
        {static_cast<snapshot::LocalAddressId>(local),
         forwarding_.is_server_v4 ? v4 : in_ipv6(kServerNetwork6, v4)});
  }
  if (forwarding_.mode == snapshot::ForwardingMode::kSnat) {
    builder.add(source_nat_by(service.local_addresses));
  } else {
    builder.add(service);
  }
  builder.set_port_address(0, tunnel_source());
  builder.set_port_address(0, in_ipv6(kServerNetwork6, tunnel_source()));
  return std::make_unique<const snapshot::Snapshot>(std::move(builder).build());
}

std::unique_ptr<const snapshot::RouteTable> Topology::make_routes() {
  const std::vector<snapshot::Route> routes = {
      {.target = {net::Ipv4{}, 0}, .port = uint8_t{0}, .gateway = kGateway},
      {.target = {net::Ipv4::from_host(kServerNetwork), 16},
       .port = uint8_t{0},
       .gateway = std::nullopt},
      {.target = {net::Ipv6{}, 0}, .port = uint8_t{0}, .gateway = gateway6()},
      {.target = {in_ipv6(kServerNetwork6, net::Ipv4{}), 48},
       .port = uint8_t{0},
       .gateway = std::nullopt},
  };
  return std::make_unique<const snapshot::RouteTable>(routes, next_hops_, uint16_t{1});
}

dataplane::WorkerLimits Topology::limits() const {
  const bool is_plain =
      forwarding_.is_client_v4 && forwarding_.is_server_v4 && !forwarding_.disclosure.is_any();
  return {.sessions = std::max(sessions_, 1'024U),
          .extended_sessions = is_plain ? 8 : std::max(sessions_, 1'024U),
          .services = 16,
          .servers = 64,
          .local_addresses = local_address_count(),
          .snat_mappings = forwarding_.mode == snapshot::ForwardingMode::kSnat
                               ? std::max(sessions_, 1'024U)
                               : 0};
}

std::array<uint64_t, 4> Topology::hash_secret() {
  return {0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93};
}

}  // namespace sluice::bench

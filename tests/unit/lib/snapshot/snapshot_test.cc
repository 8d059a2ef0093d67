// SPDX-License-Identifier: BSD-3-Clause
// What the builder was told is what workers find. Tests.
#include "lib/snapshot/snapshot.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <tuple>
#include <vector>

#include "lib/sched/registry.h"

namespace sluice::snapshot {
namespace {

net::Endpoint endpoint(const char* text) { return *net::Endpoint::parse(text); }
net::Ipv4 ipv4(const char* text) { return *net::Ipv4::parse(text); }

ServiceSpec web() {
  ServiceSpec spec;
  spec.id = 4;
  spec.vip = endpoint("192.0.2.10:80");
  spec.scheduler = &sched::kWeightedRoundRobin;
  spec.servers_version = 9;
  spec.servers = {{.id = 70, .port_pool = 3, .endpoint = endpoint("10.0.0.1:8080"), .weight = 4},
                  {.id = 2, .port_pool = 5, .endpoint = endpoint("10.0.0.2:8080"), .weight = 2}};
  spec.local_addresses = {{.id = 1, .address = ipv4("10.0.0.100")},
                          {.id = 0, .address = ipv4("10.0.0.99")}};
  return spec;
}

ServiceSpec dns() {
  ServiceSpec spec;
  spec.id = 0;
  spec.protocol = net::Protocol::kUdp;
  spec.vip = endpoint("192.0.2.10:53");
  spec.scheduler = &sched::kRoundRobin;
  spec.timeouts[table::SessionState::kUdp] = 7;
  spec.servers = {{.id = 3, .port_pool = 0, .endpoint = endpoint("10.0.0.3:53"), .weight = 0}};
  spec.local_addresses = {{.id = 1, .address = ipv4("10.0.0.100")}};
  return spec;
}

Snapshot build(const std::vector<ServiceSpec>& services, PortRange ports = {},
               uint32_t workers = 1) {
  SnapshotBuilder builder(42, 128, ports, workers);
  for (const ServiceSpec& service : services) {
    builder.add(service);
  }
  return std::move(builder).build();
}

TEST(Snapshot, KnowsAddressesOfNatServers) {
  ServiceSpec first = web();
  first.servers[1].mode = ForwardingMode::kNat;
  ServiceSpec second = dns();
  second.servers[0].mode = ForwardingMode::kNat;
  const Snapshot snapshot = build({first, second});
  EXPECT_FALSE(snapshot.is_nat_server_address(ipv4("10.0.0.1")));
  EXPECT_TRUE(snapshot.is_nat_server_address(ipv4("10.0.0.2")));
  EXPECT_TRUE(snapshot.is_nat_server_address(ipv4("10.0.0.3"))) << "of UDP";
  EXPECT_FALSE(snapshot.is_nat_server_address(ipv4("10.0.0.4")));
  EXPECT_FALSE(build({web(), dns()}).is_nat_server_address(ipv4("10.0.0.2")));
}

TEST(Snapshot, KnowsTheTunnelServersOfAnAddress) {
  ServiceSpec first = web();
  ServiceSpec second = dns();
  first.servers[1].mode = second.servers[0].mode = ForwardingMode::kTunnel;
  second.servers[0].endpoint.address = first.servers[1].endpoint.address;
  const Snapshot snapshot = build({first, second});
  const auto found = snapshot.tunnel_servers_at(first.servers[1].endpoint.address);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NE(found[0].second, found[1].second);
  EXPECT_TRUE(snapshot.tunnel_servers_at(first.servers[0].endpoint.address).empty());
}

TEST(Snapshot, FindsServicesByProtocolAddressAndPort) {
  const Snapshot snapshot = build({web(), dns()});
  EXPECT_EQ(snapshot.generation(), 42U);
  const Service* service = snapshot.find_service(net::Protocol::kTcp, endpoint("192.0.2.10:80"));
  ASSERT_NE(service, nullptr);
  EXPECT_EQ(service->id, 4U);
  EXPECT_EQ(service->servers_version, 9U);
  EXPECT_EQ(service->scheduler, &sched::kWeightedRoundRobin);
  EXPECT_EQ(service->plan.weight_gcd, 2U);
  EXPECT_EQ(service->plan.max_weight, 4U);
  using net::Protocol;
  EXPECT_EQ(snapshot.find_service(Protocol::kUdp, endpoint("192.0.2.10:80")), nullptr);
  EXPECT_EQ(snapshot.find_service(Protocol::kTcp, endpoint("192.0.2.10:81")), nullptr);
  EXPECT_EQ(snapshot.find_service(Protocol::kTcp, endpoint("192.0.2.11:80")), nullptr);
  EXPECT_EQ(build({}).find_service(Protocol::kTcp, endpoint("192.0.2.10:80")), nullptr);
}

TEST(Snapshot, GivesEachServiceItsServersAndLocalAddresses) {
  const Snapshot snapshot = build({dns(), web()});
  const Service& service = *snapshot.find_service(net::Protocol::kTcp, endpoint("192.0.2.10:80"));
  const auto servers = snapshot.servers_of(service);
  const auto candidates = snapshot.candidates_of(service);
  ASSERT_EQ(servers.size(), 2U);
  ASSERT_EQ(candidates.size(), 2U);
  EXPECT_EQ(servers[0].id, 70U);
  EXPECT_EQ(servers[0].port_pool, 3);
  EXPECT_EQ(servers[1].endpoint, endpoint("10.0.0.2:8080"));
  EXPECT_EQ(candidates[0].server_id, 70U);
  EXPECT_EQ(candidates[1].weight, 2U);
  const auto local = snapshot.local_addresses_of(service, true);
  ASSERT_EQ(local.size(), 2U);
  EXPECT_EQ(local[0].id, 1);
  EXPECT_EQ(local[1].address, ipv4("10.0.0.99"));
}

TEST(Snapshot, TellsVipsAndLocalAddressesFromOthers) {
  const Snapshot snapshot = build({web(), dns()});
  EXPECT_TRUE(snapshot.is_vip(ipv4("192.0.2.10")));
  EXPECT_FALSE(snapshot.is_vip(ipv4("10.0.0.100")));
  EXPECT_TRUE(snapshot.is_local_address(ipv4("10.0.0.99")));
  EXPECT_TRUE(snapshot.is_local_address(ipv4("10.0.0.100")));
  EXPECT_FALSE(snapshot.is_local_address(ipv4("192.0.2.10")));
  EXPECT_FALSE(build({}).is_vip(ipv4("192.0.2.10")));
}

TEST(Snapshot, KnowsWhichServersAreConfigured) {
  const Snapshot snapshot = build({web(), dns()});
  for (ServerId id = 0; id < 128; ++id) {
    EXPECT_EQ(snapshot.is_configured(id), id == 70 || id == 2 || id == 3) << id;
  }
}

TEST(Snapshot, GivesEachServerTheTimeoutsOfItsService) {
  const Snapshot snapshot = build({web(), dns()});
  constexpr auto kUdp = static_cast<size_t>(table::SessionState::kUdp);
  EXPECT_EQ(snapshot.timeouts_of(3)[kUdp], seconds_to_ticks(7));
  EXPECT_EQ(snapshot.timeouts_of(70)[kUdp], seconds_to_ticks(300));
  EXPECT_EQ(snapshot.timeouts_of(99)[kUdp], seconds_to_ticks(300)) << "removed: the default";
  constexpr auto kClosed = static_cast<size_t>(table::SessionState::kSctpClosed);
  EXPECT_EQ(snapshot.timeouts_of(3)[kClosed], seconds_to_ticks(61));
}

TEST(Snapshot, KnowsTheOwnerOfEachLocalPort) {
  const Snapshot snapshot = build({web()}, {.first = 1'000, .last = 1'009}, 3);
  for (uint16_t port = 1'000; port < 1'009; ++port) {
    EXPECT_EQ(snapshot.owner_of_port(net::Be16::from_host(port)), (port - 1'000) / 3) << port;
  }
}

TEST(WorkerShareProperty, SharesAreEqualApartAndInside) {
  EXPECT_TRUE(rc::check([](uint16_t a, uint16_t b, uint8_t count) {
    const PortRange all{std::min(a, b), std::max(a, b)};
    const uint32_t workers = count % 64 + 1U;
    RC_PRE(all.size() >= workers);
    uint32_t next = all.first;
    for (uint32_t worker = 0; worker < workers; ++worker) {
      const PortRange share = worker_share(all, worker, workers);
      RC_ASSERT(share.first == next);
      RC_ASSERT(share.size() == all.size() / workers);
      next = share.last + 1U;
    }
    RC_ASSERT(next <= all.last + 1U);
    RC_ASSERT(all.last + 1U - next < workers);
  }));
}

TEST(SnapshotProperty, FindsExactlyTheServicesItWasGiven) {
  EXPECT_TRUE(rc::check([](const std::vector<uint16_t>& seeds, const std::vector<uint16_t>& asked) {
    const auto vip_of = [](uint16_t seed) {
      return std::pair(seed % 2 == 0 ? net::Protocol::kTcp : net::Protocol::kUdp,
                       net::Endpoint{net::Ipv4::from_host(0xC0000200 + seed / 2 % 8),
                                     net::Be16::from_host(static_cast<uint16_t>(seed / 16 % 64))});
    };
    std::map<uint16_t, ServiceId> ids;
    SnapshotBuilder builder(1, 128, {}, 1);
    for (const uint16_t seed : seeds) {
      const auto known = static_cast<uint16_t>(seed % 1'024);
      if (!ids.emplace(known, static_cast<ServiceId>(ids.size())).second) {
        continue;
      }
      ServiceSpec spec;
      spec.id = ids[known];
      std::tie(spec.protocol, spec.vip) = vip_of(known);
      builder.add(spec);
    }
    const Snapshot snapshot = std::move(builder).build();
    const auto expect = [&](uint16_t seed) {
      const auto [protocol, vip] = vip_of(seed);
      const Service* found = snapshot.find_service(protocol, vip);
      const auto known = ids.find(seed);
      RC_ASSERT((found != nullptr) == (known != ids.end()));
      RC_ASSERT((found == nullptr || found->id == known->second));
    };
    for (const auto& [seed, id] : ids) {
      expect(seed);
    }
    for (const uint16_t seed : asked) {
      expect(static_cast<uint16_t>(seed % 1'024));
    }
  }));
}

}  // namespace
}  // namespace sluice::snapshot

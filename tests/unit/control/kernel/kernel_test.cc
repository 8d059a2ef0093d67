// SPDX-License-Identifier: BSD-3-Clause
// The whole slow path against the real kernel: neighbours, routes and what a peer on the wire sees.
// Test thread.
#include "control/kernel/kernel.h"

#include "tests/unit/control/kernel/network_test.h"

namespace sluice::control {
namespace {

using namespace std::chrono_literals;

const net::Mac kServer = mac("02:00:00:00:00:02");
const net::Mac kSpare = mac("02:00:00:00:00:03");

class ServerOnLan : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) {
      return;
    }
    ASSERT_TRUE(kernel->apply(lan_state()));
    workers->hosts[ip("10.0.0.2")] = {kLan, kServer};
  }

  void resolve_server() {
    kernel->resolve(kLan, ip("10.0.0.2"));
    ASSERT_TRUE(run_until([&] { return is_resolved(kLan, "10.0.0.2", kServer); }));
  }
};

TEST_F(KernelTest, TapsHaveThePortsMacAndMtuAndAreUp) {
  const std::string link = run("ip link show wan0");
  EXPECT_TRUE(has(link, wan_mac.to_string())) << link;
  EXPECT_TRUE(has(link, "mtu 1500")) << link;
  EXPECT_TRUE(has(link, "LOWER_UP")) << link;
  EXPECT_TRUE(kernel->take_warnings().empty());
}

TEST_F(KernelTest, TapsGoAwayWithIt) {
  kernel.reset();
  EXPECT_FALSE(has(run("ip link"), "wan0"));
}

TEST_F(KernelTest, CarrierFollowsThePort) {
  kernel->set_carrier(kWan, false);
  EXPECT_TRUE(has(run("ip link show wan0"), "NO-CARRIER"));
  kernel->set_carrier(kWan, true);
  EXPECT_TRUE(has(run("ip link show wan0"), "LOWER_UP"));
}

TEST_F(KernelTest, SendsNothingOnItsOwn) {
  run_until([] { return false; }, 300ms);
  kernel->exchange_packets();
  EXPECT_TRUE(workers->take_injected(kWan).empty());
  EXPECT_EQ(kernel->counters().from_kernel_pkts, 0U) << "IPv6 or IGMP noise left a tap";
}

TEST_F(ServerOnLan, ResolvesANeighbour) { resolve_server(); }

TEST_F(ServerOnLan, LearnsFromAPingInTheOtherDirection) {
  workers->punt(arp_frame(1, kServer, mac("ff:ff:ff:ff:ff:ff"), ip("10.0.0.2"), ip("10.0.0.1")),
                kLan);
  EXPECT_TRUE(run_until([&] { return is_resolved(kLan, "10.0.0.2", kServer); }));
}

TEST_F(ServerOnLan, SilentChangeOfAMacIsSeenWithinASecond) {
  resolve_server();
  run_for(1500ms);
  workers->hosts[ip("10.0.0.2")].mac = kSpare;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(run_until([&] { return is_resolved(kLan, "10.0.0.2", kSpare); }, 3s));
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took, 1200ms);  // 600 + 50 + 250 ms and a busy machine
}

TEST_F(ServerOnLan, GratuitousArpTakesEffectAtOnce) {
  resolve_server();
  workers->hosts.clear();  // nobody but the announcement can tell
  workers->punt(arp_frame(1, kSpare, mac("ff:ff:ff:ff:ff:ff"), ip("10.0.0.2"), ip("10.0.0.2")),
                kLan);
  EXPECT_TRUE(run_until([&] { return is_resolved(kLan, "10.0.0.2", kSpare); }, 200ms));
}

TEST_F(ServerOnLan, HealthyNeighboursAreConfirmedWithoutBroadcasts) {
  resolve_server();
  workers->broadcast_requests = 0;
  workers->unicast_requests = 0;
  run_for(2s);
  EXPECT_EQ(workers->broadcast_requests, 0U);
  EXPECT_GE(workers->unicast_requests, 2U);
  EXPECT_LE(workers->unicast_requests, 5U);
}

TEST_F(ServerOnLan, ADeadNeighbourIsGivenUpAfterTwoSecondsAndComesBack) {
  resolve_server();
  workers->hosts.clear();
  const auto is_unresolved = [&] {
    return !next_hops.get(next_hops.find(kLan, ip("10.0.0.2"))).is_resolved;
  };
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(run_until(is_unresolved, 5s));
  EXPECT_GT(std::chrono::steady_clock::now() - start, 1500ms);
  workers->hosts[ip("10.0.0.2")] = {kLan, kServer};
  EXPECT_TRUE(run_until([&] { return is_resolved(kLan, "10.0.0.2", kServer); }, 5s));
}

TEST_F(ServerOnLan, AnEntryThatTheKernelDropsIsGivenBackWithItsMac) {
  resolve_server();
  run_for(1100ms);
  workers->hosts.clear();
  // A link that goes down makes the kernel drop its entries, as garbage collection does.
  kernel->set_carrier(kLan, false);
  kernel->set_carrier(kLan, true);
  bool stayed_resolved = true;
  (void)run_until(
      [&] {
        stayed_resolved &= is_resolved(kLan, "10.0.0.2", kServer);
        return false;
      },
      700ms);
  EXPECT_TRUE(stayed_resolved);
  EXPECT_TRUE(has(run("ip neigh show dev lan0"), kServer.to_string()));
}

TEST_F(ServerOnLan, AnAdministratorsDeletionIsObeyedAndAskedAgain) {
  resolve_server();
  workers->hosts[ip("10.0.0.2")].mac = kSpare;
  run("ip neigh del 10.0.0.2 dev lan0");
  EXPECT_TRUE(run_until([&] { return is_resolved(kLan, "10.0.0.2", kSpare); }));
}

TEST_F(ServerOnLan, PermanentEntriesStayAsTheyAre) {
  run("ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev lan0 nud permanent");
  ASSERT_TRUE(run_until([&] { return is_resolved(kLan, "10.0.0.9", mac("02:00:00:00:00:09")); }));
  kernel->resolve(kLan, ip("10.0.0.9"));
  run_for(1500ms);
  EXPECT_TRUE(has(run("ip neigh show 10.0.0.9 dev lan0"), "PERMANENT"));
}

TEST_F(ServerOnLan, AForgottenNextHopIsBackAtOnce) {
  resolve_server();
  next_hops.set_unresolved(next_hops.find(kLan, ip("10.0.0.2")));
  ASSERT_EQ(next_hops.retire_unresolved({}), 1U);
  kernel->resolve(kLan, ip("10.0.0.2"));
  EXPECT_TRUE(is_resolved(kLan, "10.0.0.2", kServer)) << "the kernel's answer was known already";
}

TEST_F(ServerOnLan, AGatewayInTheTableIsResolvedWithoutBeingAskedFor) {
  next_hops.find_or_add(kLan, ip("10.0.0.2"));
  EXPECT_TRUE(run_until([&] { return is_resolved(kLan, "10.0.0.2", kServer); }));
}

TEST_F(ServerOnLan, NeighboursOfOtherInterfacesAreIgnored) {
  run("ip link add other0 type veth && ip link set other0 up && ip addr add 10.7.0.1/24 dev other0"
      " && ip neigh add 10.7.0.2 lladdr 02:00:00:00:00:07 dev other0");
  run_for(100ms);
  EXPECT_EQ(next_hops.size(), 0U);
}

TEST_F(KernelTest, AnswersArpOnlyOnTheTapThatHoldsTheAddress) {
  ASSERT_TRUE(kernel->apply({.addresses = {{kWan, prefix("192.0.2.1/24")},
                                           {kWan, prefix("192.0.2.10/32")},
                                           {kLan, prefix("10.0.0.1/24")}},
                             .routes = {}}));
  kernel->exchange_packets();
  workers->answer();
  const auto broadcast = mac("ff:ff:ff:ff:ff:ff");
  workers->punt(arp_frame(1, kSpare, broadcast, ip("192.0.2.7"), ip("192.0.2.10")), kWan);
  workers->punt(arp_frame(1, kServer, broadcast, ip("10.0.0.2"), ip("192.0.2.10")), kLan);
  kernel->exchange_packets();
  ASSERT_TRUE(run_until([&] {
    kernel->exchange_packets();
    return !workers->injected.empty();
  }));
  const std::vector<Frame> wan = workers->take_injected(kWan);
  ASSERT_EQ(wan.size(), 1U);
  EXPECT_EQ(wan[0][21], 2) << "an ARP reply";
  EXPECT_EQ(std::memcmp(&wan[0][22], wan_mac.bytes.data(), 6), 0);
  EXPECT_TRUE(workers->take_injected(kLan).empty());
}

TEST_F(KernelTest, NewAddressesAreAnnounced) {
  ASSERT_TRUE(kernel->apply({.addresses = {{kWan, prefix("192.0.2.10/32")}}, .routes = {}}));
  kernel->exchange_packets();
  const std::vector<Frame> wan = workers->take_injected(kWan);
  ASSERT_EQ(wan.size(), 1U);
  Frame expected = arp_frame(1, wan_mac, {}, ip("192.0.2.10"), ip("192.0.2.10"));
  std::fill_n(expected.begin(), 6, uint8_t{0xFF});
  expected.resize(42);
  EXPECT_EQ(wan[0], expected);
}

TEST_F(KernelTest, RoutesByTheTapsAreReportedOnceABurst) {
  run("ip link add other0 type veth && ip link set other0 up && ip addr add 10.7.0.1/24 dev other0"
      " && ip route add 10.8.0.0/16 via 10.7.0.9");
  ASSERT_TRUE(kernel->apply({.addresses = {{kLan, prefix("10.0.0.1/24")}},
                             .routes = {{kLan, prefix("0.0.0.0/0"), ip("10.0.0.254")}}}));
  run("ip route add blackhole 198.51.100.0/24 metric 7 && ip route add 10.9.0.0/16 metric 3"
      " nexthop via 10.7.0.2 dev other0 nexthop via 10.0.0.3 dev lan0");
  ASSERT_TRUE(run_until([&] { return routes.size() == 4; }));
  EXPECT_EQ(route_updates, 1);
  const auto has_route = [&](const snapshot::Route& route) {
    return std::find(routes.begin(), routes.end(), route) != routes.end();
  };
  EXPECT_TRUE(has_route({prefix("0.0.0.0/0"), kLan, ip("10.0.0.254"), 0}));
  EXPECT_TRUE(has_route({prefix("10.0.0.0/24"), kLan, std::nullopt, 0}));
  EXPECT_TRUE(has_route({prefix("198.51.100.0/24"), std::nullopt, std::nullopt, 7}));
  EXPECT_TRUE(has_route({prefix("10.9.0.0/16"), kLan, ip("10.0.0.3"), 3}));

  run("ip route add 10.7.9.0/24 dev other0");
  run_for(100ms);
  EXPECT_EQ(route_updates, 1) << "a route of another interface is no change";
  run("ip route del 10.9.0.0/16");
  EXPECT_TRUE(run_until([&] { return routes.size() == 3; }));
}

TEST_F(KernelTest, RoutesComeBackWithTheLink) {
  ASSERT_TRUE(kernel->apply({.addresses = {{kLan, prefix("10.0.0.1/24")}},
                             .routes = {{kLan, prefix("0.0.0.0/0"), ip("10.0.0.254")}}}));
  ASSERT_TRUE(run_until([&] { return routes.size() == 2; }));
  run("ip link set lan0 down");
  ASSERT_TRUE(run_until([&] { return routes.empty(); }));
  run("ip link set lan0 up");
  EXPECT_TRUE(run_until([&] { return routes.size() == 2; }));
}

TEST_F(KernelTest, ATapRemovedFromOutsideIsReported) {
  run("ip link del lan0");
  run_for(50ms);
  const std::vector<std::string> warnings = kernel->take_warnings();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(has(warnings[0], "lan0")) << warnings[0];
}

TEST_F(KernelTest, LostNotificationsAreMadeUpFor) {
  ASSERT_TRUE(kernel->apply(lan_state()));
  run_for(50ms);
  // Enough changes to overflow the monitor's buffer while nobody reads it.
  run("for i in $(seq 1 250); do for j in $(seq 1 100); do"
      " echo \"route add 172.16.$i.$j dev lan0\"; done; done > /tmp/sluice_routes.$$;"
      " ip -batch /tmp/sluice_routes.$$; rm /tmp/sluice_routes.$$;"
      " ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev lan0 nud permanent");
  EXPECT_TRUE(run_until([&] { return is_resolved(kLan, "10.0.0.7", mac("02:00:00:00:00:07")); }));
  EXPECT_TRUE(run_until([&] { return routes.size() == 25'001; }));
  EXPECT_GE(kernel->counters().netlink_overruns, 1U);
}

}  // namespace
}  // namespace sluice::control

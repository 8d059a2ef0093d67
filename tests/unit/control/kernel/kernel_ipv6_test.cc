// SPDX-License-Identifier: BSD-3-Clause
// IPv6 on the taps against the real kernel: neighbour discovery, routes, announcements. Test
// thread.
#include <algorithm>

#include "control/kernel/announcement.h"
#include "control/kernel/kernel.h"
#include "tests/unit/control/kernel/network_test.h"

namespace sluice::control {
namespace {

using namespace std::chrono_literals;

const net::Mac kServer = mac("02:00:00:00:00:02");
const net::Mac kSpare = mac("02:00:00:00:00:03");
const net::Mac kRouter = mac("02:00:00:00:00:fe");
constexpr uint8_t kSolicitation = 135;
constexpr uint8_t kAdvertisement = 136;

net::Address address(const char* text) { return *net::Address::parse(text); }

// The solicited-node group of an address (RFC 4291 2.7.1), and its MAC.
net::Ipv6 group_of(const net::Ipv6& target) {
  net::Ipv6 group = ip6("ff02::1:ff00:0");
  std::copy(target.bytes.begin() + 13, target.bytes.end(), group.bytes.begin() + 13);
  return group;
}
net::Mac mac_of_group(const net::Ipv6& group) {
  return {{0x33, 0x33, group.bytes[12], group.bytes[13], group.bytes[14], group.bytes[15]}};
}

KernelState lan_state_of(std::vector<KernelState::GatewayRoute> routes = {}) {
  return {.addresses = {{1, prefix("fd00::1/64")}}, .routes = std::move(routes)};
}

class Ipv6OnLan : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) {
      return;
    }
    ASSERT_TRUE(kernel->apply(lan_state_of()));
    workers->hosts[address("fd00::2")] = {kLan, kServer};
  }

  void solicit(uint16_t port, const char* sender, const char* target) {
    const net::Ipv6 group = group_of(ip6(target));
    workers->punt(
        nd_frame(kSolicitation, kServer, mac_of_group(group), ip6(sender), group, ip6(target)),
        port);
  }
  std::vector<Frame> take_advertisements(uint16_t port) {
    std::vector<Frame> frames = workers->take_injected(port);
    std::erase_if(frames, [](const Frame& frame) { return !is_icmp6(frame, kAdvertisement); });
    return frames;
  }
  /// Runs the exchange without letting the played hosts answer.
  void exchange_for(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      io.run_for(2ms);
      kernel->exchange_packets();
    }
  }
};

TEST_F(Ipv6OnLan, ResolvesANeighbour) {
  kernel->resolve(kLan, address("fd00::2"));
  EXPECT_TRUE(run_until([&] { return is_resolved(kLan, "fd00::2", kServer); }));
}

TEST_F(Ipv6OnLan, ResolvesALinkLocalNeighbour) {
  workers->hosts[address("fe80::fe")] = {kLan, kRouter};
  kernel->resolve(kLan, address("fe80::fe"));
  EXPECT_TRUE(run_until([&] { return is_resolved(kLan, "fe80::fe", kRouter); }));
}

TEST_F(Ipv6OnLan, SilentChangeOfAMacIsSeenWithinASecond) {
  kernel->resolve(kLan, address("fd00::2"));
  ASSERT_TRUE(run_until([&] { return is_resolved(kLan, "fd00::2", kServer); }));
  run_for(1500ms);
  workers->hosts[address("fd00::2")].mac = kSpare;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(run_until([&] { return is_resolved(kLan, "fd00::2", kSpare); }, 3s));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1200ms);
}

TEST_F(Ipv6OnLan, AnUnsolicitedAdvertisementTakesEffectAtOnce) {
  kernel->resolve(kLan, address("fd00::2"));
  ASSERT_TRUE(run_until([&] { return is_resolved(kLan, "fd00::2", kServer); }));
  workers->hosts.clear();  // nobody but the announcement can tell
  workers->punt(announcement(kSpare, address("fd00::2")), kLan);
  EXPECT_TRUE(run_until([&] { return is_resolved(kLan, "fd00::2", kSpare); }, 200ms));
}

TEST_F(Ipv6OnLan, HealthyNeighboursAreConfirmedWithoutMulticasts) {
  kernel->resolve(kLan, address("fd00::2"));
  ASSERT_TRUE(run_until([&] { return is_resolved(kLan, "fd00::2", kServer); }));
  workers->broadcast_requests = 0;
  workers->unicast_requests = 0;
  run_for(2s);
  EXPECT_EQ(workers->broadcast_requests, 0U);
  EXPECT_GE(workers->unicast_requests, 2U);
  EXPECT_LE(workers->unicast_requests, 5U);
}

TEST_F(Ipv6OnLan, TapsWithIpv6HaveALinkLocalAddressAndOthersNot) {
  const std::string link_local = net::Address(link_local_address(lan_mac)).to_string() + "/64";
  EXPECT_TRUE(has(run("ip -6 address show dev lan0"), link_local));
  EXPECT_FALSE(has(run("ip -6 address show dev wan0"), "inet6"));
  ASSERT_TRUE(kernel->apply({}));
  EXPECT_FALSE(has(run("ip -6 address show dev lan0"), "inet6")) << "goes with the last address";
}

TEST_F(Ipv6OnLan, AddressesAreUsableAtOnce) {
  EXPECT_FALSE(has(run("ip -6 address show dev lan0"), "tentative"));
}

TEST_F(Ipv6OnLan, AnswersSolicitationsOnlyOnTheTapThatHoldsTheAddress) {
  ASSERT_TRUE(kernel->apply({.addresses = {{kWan, prefix("2001:db8::1/64")},
                                           {kWan, prefix("2001:db8::80/128")},
                                           {kLan, prefix("fd00::1/64")}},
                             .routes = {}}));
  exchange_for(50ms);
  (void)workers->take_injected(kWan);
  (void)workers->take_injected(kLan);
  solicit(kWan, "2001:db8::7", "2001:db8::80");
  solicit(kLan, "fd00::2", "2001:db8::80");
  exchange_for(200ms);
  const auto wan = take_advertisements(kWan);
  ASSERT_EQ(wan.size(), 1U);
  EXPECT_TRUE(std::equal(&wan[0][62], &wan[0][78], ip6("2001:db8::80").bytes.begin()));
  EXPECT_EQ(std::memcmp(&wan[0][80], wan_mac.bytes.data(), 6), 0);
  EXPECT_TRUE(take_advertisements(kLan).empty());
}

// By RFC 6724 the longest prefix would win, and that is always a local address or VIP.
TEST_F(Ipv6OnLan, TheKernelsOwnPacketsAreNotFromHostAddresses) {
  KernelState state = lan_state_of();
  for (const char* host : {"fd00::3/128", "fd00::80/128"}) {
    state.addresses.push_back({kLan, prefix(host)});
  }
  ASSERT_TRUE(kernel->apply(state));
  const std::string route = run("ip -6 route get fd00::2");
  EXPECT_TRUE(has(route, "src fd00::1 ")) << route;
  const std::string shown = run("ip -6 -o address show dev lan0");
  EXPECT_TRUE(has(shown, "fd00::80/128")) << shown;
  ASSERT_TRUE(kernel->apply(state)) << "what is there already is no error";
}

TEST_F(Ipv6OnLan, NewAddressesAreAnnounced) {
  ASSERT_TRUE(kernel->apply({.addresses = {{kWan, prefix("2001:db8::80/128")}}, .routes = {}}));
  exchange_for(50ms);
  const auto wan = take_advertisements(kWan);
  const Frame expected = announcement(wan_mac, address("2001:db8::80"));
  EXPECT_EQ(std::count(wan.begin(), wan.end(), expected), 1);
  EXPECT_EQ(wan.size(), 2U) << "and the link-local address";
}

TEST_F(Ipv6OnLan, RoutesAreReportedWithTheirGateways) {
  ASSERT_TRUE(
      kernel->apply(lan_state_of({{kLan, prefix("::/0"), address("fe80::fe")},
                                  {kLan, prefix("2001:db8:5::/48"), address("fd00::fe")}})));
  run("ip route add 203.0.113.0/24 via inet6 fe80::fe dev lan0");
  const auto has_route = [&](const char* target, std::optional<net::Address> gateway) {
    return std::ranges::any_of(routes, [&](const snapshot::Route& route) {
      return route.target == prefix(target) && route.port == kLan && route.gateway == gateway;
    });
  };
  EXPECT_TRUE(run_until([&] {
    return has_route("::/0", address("fe80::fe")) &&
           has_route("2001:db8:5::/48", address("fd00::fe")) &&
           has_route("fd00::/64", std::nullopt) && has_route("203.0.113.0/24", address("fe80::fe"));
  })) << run("ip -6 route show table all; ip route");
}

TEST_F(Ipv6OnLan, AddressesAndRoutesComeBackWithTheLink) {
  const KernelState state = lan_state_of({{kLan, prefix("::/0"), address("fe80::fe")}});
  ASSERT_TRUE(kernel->apply(state));
  const auto shown = [] {
    return run("ip -6 -o address show dev lan0; ip -6 route show default dev lan0");
  };
  run("ip link set lan0 down");
  ASSERT_TRUE(run_until([&] { return !has(shown(), "fd00::1/64"); })) << "the kernel drops them";
  run("ip link set lan0 up");
  EXPECT_TRUE(run_until([&] { return has(shown(), "fd00::1/64") && has(shown(), "via fe80::fe"); }))
      << shown();
}

TEST_F(Ipv6OnLan, AChangedGatewayReplacesTheRoute) {
  ASSERT_TRUE(kernel->apply(lan_state_of({{kLan, prefix("::/0"), address("fe80::fe")}})));
  ASSERT_TRUE(kernel->apply(lan_state_of({{kLan, prefix("::/0"), address("fd00::fe")}})));
  const std::string found = run("ip -6 route show default");
  EXPECT_TRUE(has(found, "via fd00::fe")) << found;
  EXPECT_FALSE(has(found, "fe80::fe")) << found;
  ASSERT_TRUE(kernel->apply(lan_state_of()));
  EXPECT_EQ(run("ip -6 route show default"), "");
}

TEST_F(Ipv6OnLan, ARouteOfSomebodyElseIsReportedNotReplaced) {
  run("ip -6 route add default via fd00::7 dev lan0");
  const Status status = kernel->apply(lan_state_of({{kLan, prefix("::/0"), address("fe80::fe")}}));
  ASSERT_FALSE(status);
  EXPECT_TRUE(has(status.error().message, "ip -6 route del ::/0")) << status.error().message;
  EXPECT_FALSE(has(run("ip -6 route show default"), "fe80::fe"));
}

TEST_F(Ipv6OnLan, AGatewayOutsideAllNetworksIsExplained) {
  const Status status =
      kernel->apply(lan_state_of({{kLan, prefix("::/0"), address("2001:db8:9::1")}}));
  ASSERT_FALSE(status);
  EXPECT_TRUE(has(status.error().message, "add such an address")) << status.error().message;
}

TEST_F(KernelTest, Ipv6ThatSomebodyTurnedOffIsExplained) {
  run("sysctl -w net.ipv6.conf.lan0.disable_ipv6=1");
  const Status status = kernel->apply(lan_state_of());
  ASSERT_FALSE(status);
  EXPECT_TRUE(has(status.error().message, "sysctl -w net.ipv6.conf.lan0.disable_ipv6=0"))
      << status.error().message;
  run("sysctl -w net.ipv6.conf.lan0.disable_ipv6=0");
  ASSERT_TRUE(kernel->apply(lan_state_of()));
  EXPECT_TRUE(has(run("ip -6 address show dev lan0"), "fd00::1/64"));
}

}  // namespace
}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Longest prefix match against a search through all routes. Tests.
#include "lib/snapshot/route_table.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

namespace sluice::snapshot {
namespace {

net::Address address(const std::string& text) { return *net::Address::parse(text); }

Route route(const std::string& target, std::optional<uint8_t> port,
            std::optional<net::Address> gateway = {}, uint32_t metric = 0) {
  return {*net::Prefix::parse(target), port, gateway, metric};
}

TEST(RouteTable, OfNothingLeadsNowhere) {
  EXPECT_FALSE(RouteTable().find(address("192.0.2.1")));
  NextHopTable neighbours(4);
  EXPECT_FALSE(RouteTable({}, neighbours, 1).find(address("192.0.2.1")));
}

TEST(RouteTable, PrefersTheLongestPrefix) {
  NextHopTable neighbours(4);
  const std::vector<Route> routes = {route("0.0.0.0/0", 0, address("192.0.2.1")),
                                     route("10.0.0.0/8", 1), route("10.1.0.0/16", 2),
                                     route("10.1.2.3/32", 3)};
  const RouteTable table(routes, neighbours, 7);
  EXPECT_EQ(table.epoch(), 7);
  const auto port_to = [&table](const std::string& text) {
    return table.find(address(text))->port;
  };
  EXPECT_EQ(port_to("0.0.0.0"), 0);
  EXPECT_EQ(port_to("9.255.255.255"), 0);
  EXPECT_EQ(port_to("10.0.0.0"), 1);
  EXPECT_EQ(port_to("10.1.2.2"), 2);
  EXPECT_EQ(port_to("10.1.2.3"), 3);
  EXPECT_EQ(port_to("10.1.2.4"), 2);
  EXPECT_EQ(port_to("10.2.0.0"), 1);
  EXPECT_EQ(port_to("11.0.0.0"), 0);
  EXPECT_EQ(port_to("255.255.255.255"), 0);
}

TEST(RouteTable, GivesGatewaysTheirSlotsAndLeavesOnLinkToTheDestination) {
  NextHopTable neighbours(4);
  const std::vector<Route> routes = {route("0.0.0.0/0", 0, address("192.0.2.1")),
                                     route("10.0.0.0/24", 1)};
  const RouteTable table(routes, neighbours, 1);
  const auto far = table.find(address("198.51.100.7"));
  ASSERT_TRUE(far);
  EXPECT_FALSE(far->is_on_link);
  EXPECT_EQ(far->gateway, neighbours.find(0, address("192.0.2.1")));
  EXPECT_EQ(far->gateway_address, address("192.0.2.1"));
  const auto near = table.find(address("10.0.0.9"));
  ASSERT_TRUE(near);
  EXPECT_TRUE(near->is_on_link);
  EXPECT_EQ(near->gateway, kNoNextHop);
  EXPECT_EQ(neighbours.size(), 1U);
}

TEST(RouteTable, PunchesHolesForUnreachableRoutes) {
  NextHopTable neighbours(4);
  const std::vector<Route> routes = {route("0.0.0.0/0", 0, address("192.0.2.1")),
                                     route("10.0.0.0/8", {}), route("10.1.0.0/16", 1)};
  const RouteTable table(routes, neighbours, 1);
  EXPECT_FALSE(table.find(address("10.0.0.1")));
  EXPECT_TRUE(table.find(address("10.1.0.1")));
  EXPECT_TRUE(table.find(address("11.0.0.1")));
}

TEST(RouteTable, PrefersTheSmallerMetricAmongEqualPrefixes) {
  NextHopTable neighbours(4);
  const std::vector<Route> routes = {route("10.0.0.0/8", 1, {}, 200), route("10.0.0.0/8", 2, {}, 5),
                                     route("10.0.0.0/8", 3, {}, 100)};
  EXPECT_EQ(RouteTable(routes, neighbours, 1).find(address("10.0.0.1"))->port, 2);
}

TEST(RouteTable, KeepsTheIpVersionsApart) {
  NextHopTable neighbours(4);
  const std::vector<Route> only_v6 = {route("::/0", 1), route("2001:db8::/32", 2)};
  const RouteTable v6(only_v6, neighbours, 1);
  EXPECT_EQ(v6.find(address("::1"))->port, 1);
  EXPECT_EQ(v6.find(address("2001:db8::1"))->port, 2);
  EXPECT_EQ(v6.find(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))->port, 1);
  EXPECT_FALSE(v6.find(address("192.0.2.1")));
  EXPECT_FALSE(v6.find(address("0.0.0.0")));
  EXPECT_FALSE(v6.find(address("255.255.255.255")));
  const std::vector<Route> only_v4 = {route("0.0.0.0/0", 3)};
  const RouteTable v4(only_v4, neighbours, 1);
  EXPECT_EQ(v4.find(address("255.255.255.255"))->port, 3);
  EXPECT_FALSE(v4.find(address("2001:db8::1")));
  EXPECT_FALSE(v4.find(address("::")));
  EXPECT_FALSE(v4.find(address("::1:0:0:0")));
}

TEST(RouteTable, TakesAnIpv6GatewayForIpv4) {
  NextHopTable neighbours(4);
  const std::vector<Route> routes = {route("10.0.0.0/8", 1, address("fe80::1"))};
  const auto found = RouteTable(routes, neighbours, 1).find(address("10.1.1.1"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->gateway_address, address("fe80::1"));
  EXPECT_EQ(found->gateway, neighbours.find(1, address("fe80::1")));
}

TEST(RouteTable, SaysWhenAGatewayFoundNoSlot) {
  NextHopTable neighbours(1);
  const std::vector<Route> routes = {route("10.0.0.0/8", 0, address("192.0.2.1")),
                                     route("11.0.0.0/8", 0, address("192.0.2.2"))};
  const RouteTable table(routes, neighbours, 1);
  EXPECT_EQ(table.find(address("11.0.0.1"))->gateway, kNoNextHop);
}

std::optional<uint8_t> search_all(const std::vector<Route>& routes,
                                  const net::Address& destination) {
  const Route* best = nullptr;
  for (const Route& candidate : routes) {
    if (!candidate.target.contains(destination)) {
      continue;
    }
    if (best == nullptr || candidate.target.length > best->target.length ||
        (candidate.target.length == best->target.length && candidate.metric < best->metric)) {
      best = &candidate;
    }
  }
  return best == nullptr ? std::nullopt : best->port;
}

// Few different bits, so that prefixes nest and meet; both ends of the address space too.
net::Address some_address(uint32_t seed) {
  if (seed % 2 == 0) {
    return net::Ipv4::from_host((seed & 0x1E) << 27 | (seed & 0xF0) >> 4);
  }
  net::Ipv6 address;
  address.bytes[0] = static_cast<uint8_t>((seed & 0x1E) << 3);
  address.bytes[15] = static_cast<uint8_t>((seed & 0xF0) >> 4);
  return address;
}

// Its neighbours in the order of addresses, where there are any.
net::Address previous(const net::Address& address) {
  net::Ipv6 result = address.v6();
  for (size_t i = result.bytes.size(); i-- > 0 && result.bytes[i]-- == 0;) {
  }
  return result;
}

TEST(RouteTableProperty, FindsWhatASearchThroughAllRoutesFinds) {
  EXPECT_TRUE(rc::check([](const std::vector<uint32_t>& seeds, const std::vector<uint32_t>& asked) {
    std::vector<Route> routes;
    std::vector<net::Address> interesting;
    for (const uint32_t seed : asked) {
      interesting.push_back(some_address(seed));
    }
    for (const uint32_t seed : seeds) {
      const net::Address address = some_address(seed);
      const auto length = static_cast<uint8_t>((seed >> 8) % (address.bits() + 1U));
      const auto port = static_cast<uint8_t>(seed >> 16);
      routes.push_back({{address, length},
                        port % 5 == 0 ? std::nullopt : std::optional<uint8_t>(port),
                        std::nullopt,
                        static_cast<uint32_t>(routes.size())});
      const net::Prefix& target = routes.back().target;
      for (const net::Address& edge : {target.network(), target.last()}) {
        interesting.insert(interesting.end(), {previous(edge), edge, edge.next()});
      }
    }
    NextHopTable neighbours(4);
    const RouteTable table(routes, neighbours, 1);
    for (const net::Address& destination : interesting) {
      const auto found = table.find(destination);
      const auto expected = search_all(routes, destination);
      RC_ASSERT(found.has_value() == expected.has_value());
      RC_ASSERT((!found || found->port == *expected));
    }
  }));
}

}  // namespace
}  // namespace sluice::snapshot

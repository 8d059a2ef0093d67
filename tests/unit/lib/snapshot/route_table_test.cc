// SPDX-License-Identifier: BSD-3-Clause
// Longest prefix match against a search through all routes. Tests.
#include "lib/snapshot/route_table.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

namespace sluice::snapshot {
namespace {

net::Ipv4 ipv4(const std::string& text) { return *net::Ipv4::parse(text); }

Route route(const std::string& target, std::optional<uint8_t> port,
            std::optional<net::Ipv4> gateway = {}, uint32_t metric = 0) {
  return {*net::Ipv4Prefix::parse(target), port, gateway, metric};
}

TEST(RouteTable, OfNothingLeadsNowhere) {
  EXPECT_FALSE(RouteTable().find(ipv4("192.0.2.1")));
  NextHopTable neighbours(4);
  EXPECT_FALSE(RouteTable({}, neighbours, 1).find(ipv4("192.0.2.1")));
}

TEST(RouteTable, PrefersTheLongestPrefix) {
  NextHopTable neighbours(4);
  const std::vector<Route> routes = {route("0.0.0.0/0", 0, ipv4("192.0.2.1")),
                                     route("10.0.0.0/8", 1), route("10.1.0.0/16", 2),
                                     route("10.1.2.3/32", 3)};
  const RouteTable table(routes, neighbours, 7);
  EXPECT_EQ(table.epoch(), 7);
  const auto port_to = [&table](const std::string& text) { return table.find(ipv4(text))->port; };
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
  const std::vector<Route> routes = {route("0.0.0.0/0", 0, ipv4("192.0.2.1")),
                                     route("10.0.0.0/24", 1)};
  const RouteTable table(routes, neighbours, 1);
  const auto far = table.find(ipv4("198.51.100.7"));
  ASSERT_TRUE(far);
  EXPECT_FALSE(far->is_on_link);
  EXPECT_EQ(far->gateway, neighbours.find(0, ipv4("192.0.2.1")));
  EXPECT_EQ(far->gateway_address, ipv4("192.0.2.1"));
  const auto near = table.find(ipv4("10.0.0.9"));
  ASSERT_TRUE(near);
  EXPECT_TRUE(near->is_on_link);
  EXPECT_EQ(near->gateway, kNoNextHop);
  EXPECT_EQ(neighbours.size(), 1U);
}

TEST(RouteTable, PunchesHolesForUnreachableRoutes) {
  NextHopTable neighbours(4);
  const std::vector<Route> routes = {route("0.0.0.0/0", 0, ipv4("192.0.2.1")),
                                     route("10.0.0.0/8", {}), route("10.1.0.0/16", 1)};
  const RouteTable table(routes, neighbours, 1);
  EXPECT_FALSE(table.find(ipv4("10.0.0.1")));
  EXPECT_TRUE(table.find(ipv4("10.1.0.1")));
  EXPECT_TRUE(table.find(ipv4("11.0.0.1")));
}

TEST(RouteTable, PrefersTheSmallerMetricAmongEqualPrefixes) {
  NextHopTable neighbours(4);
  const std::vector<Route> routes = {route("10.0.0.0/8", 1, {}, 200), route("10.0.0.0/8", 2, {}, 5),
                                     route("10.0.0.0/8", 3, {}, 100)};
  EXPECT_EQ(RouteTable(routes, neighbours, 1).find(ipv4("10.0.0.1"))->port, 2);
}

TEST(RouteTable, SaysWhenAGatewayFoundNoSlot) {
  NextHopTable neighbours(1);
  const std::vector<Route> routes = {route("10.0.0.0/8", 0, ipv4("192.0.2.1")),
                                     route("11.0.0.0/8", 0, ipv4("192.0.2.2"))};
  const RouteTable table(routes, neighbours, 1);
  EXPECT_EQ(table.find(ipv4("11.0.0.1"))->gateway, kNoNextHop);
}

std::optional<uint8_t> search_all(const std::vector<Route>& routes, net::Ipv4 destination) {
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

TEST(RouteTableProperty, FindsWhatASearchThroughAllRoutesFinds) {
  EXPECT_TRUE(rc::check([](const std::vector<uint32_t>& seeds, const std::vector<uint32_t>& asked) {
    std::vector<Route> routes;
    std::vector<uint32_t> interesting = asked;
    for (const uint32_t seed : seeds) {
      // Few different bits, so that prefixes nest and meet; both ends of the address space too.
      const net::Ipv4 address = net::Ipv4::from_host((seed & 0x0F) << 28 | (seed & 0xF0) >> 4);
      const auto length = static_cast<uint8_t>((seed >> 8) % 33);
      const auto port = static_cast<uint8_t>(seed >> 16);
      routes.push_back({{address, length},
                        port % 5 == 0 ? std::nullopt : std::optional<uint8_t>(port),
                        std::nullopt,
                        static_cast<uint32_t>(routes.size())});
      const net::Ipv4Prefix& target = routes.back().target;
      for (const uint32_t edge : {target.network().host(), target.last().host()}) {
        interesting.insert(interesting.end(), {edge - 1, edge, edge + 1});
      }
    }
    NextHopTable neighbours(4);
    const RouteTable table(routes, neighbours, 1);
    for (const uint32_t host : interesting) {
      const auto found = table.find(net::Ipv4::from_host(host));
      const auto expected = search_all(routes, net::Ipv4::from_host(host));
      RC_ASSERT(found.has_value() == expected.has_value());
      RC_ASSERT((!found || found->port == *expected));
    }
  }));
}

}  // namespace
}  // namespace sluice::snapshot

// SPDX-License-Identifier: BSD-3-Clause
// Reading netlink messages: meaning, and harmlessness of broken ones. Test thread.
#include "control/kernel/rtnetlink.h"

#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstring>
#include <random>
#include <string>

namespace sluice::control {
namespace {

net::Address ip(const char* text) { return *net::Address::parse(text); }
net::Prefix prefix(const char* text) { return *net::Prefix::parse(text); }

std::optional<uint8_t> port_of(int interface) {
  return interface >= 10 && interface < 12 ? std::optional(static_cast<uint8_t>(interface - 10))
                                           : std::nullopt;
}

TEST(ParseRoute, ReadsBackWhatWeWrite) {
  NetlinkMessage message = route_message(Change::kAdd, 11, prefix("10.1.2.3/16"), ip("10.0.0.254"));
  const auto route = parse_route(*message.header(), port_of);
  ASSERT_TRUE(route);
  EXPECT_EQ(*route, (snapshot::Route{prefix("10.1.0.0/16"), uint8_t{1}, ip("10.0.0.254"), 0}));
}

TEST(ParseRoute, ReadsBackIpv6RoutesByAnyGateway) {
  for (const char* gateway : {"2001:db8::1", "fe80::1"}) {
    NetlinkMessage message =
        route_message(Change::kAdd, 11, prefix("2001:db8:1:2::3/48"), ip(gateway));
    const auto route = parse_route(*message.header(), port_of);
    ASSERT_TRUE(route) << gateway;
    EXPECT_EQ(*route, (snapshot::Route{prefix("2001:db8:1::/48"), uint8_t{1}, ip(gateway), 0}));
  }
}

TEST(ParseRoute, KeepsTheIpVersionOfADefaultRoute) {
  NetlinkMessage v6 = route_message(Change::kAdd, 10, prefix("::/0"), ip("fe80::1"));
  EXPECT_EQ(parse_route(*v6.header(), port_of)->target, prefix("::/0"));
  NetlinkMessage v4 = route_message(Change::kAdd, 10, prefix("0.0.0.0/0"), ip("10.0.0.1"));
  EXPECT_EQ(parse_route(*v4.header(), port_of)->target, prefix("0.0.0.0/0"));
}

// The kernel leaves the target of a default route out.
NetlinkMessage default_route(uint8_t family, int interface) {
  NetlinkMessage message(RTM_NEWROUTE, 0);
  auto& header = message.add_header<rtmsg>();
  header.rtm_family = family;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_type = RTN_UNICAST;
  message.put_u32(RTA_OIF, static_cast<uint32_t>(interface));
  return message;
}

TEST(ParseRoute, ReadsADefaultRouteWithoutTarget) {
  NetlinkMessage v6 = default_route(AF_INET6, 10);
  EXPECT_EQ(parse_route(*v6.header(), port_of)->target, prefix("::/0"));
  NetlinkMessage v4 = default_route(AF_INET, 10);
  EXPECT_EQ(parse_route(*v4.header(), port_of)->target, prefix("0.0.0.0/0"));
}

void put_via(NetlinkMessage& message, uint16_t family, const net::Ipv6& gateway) {
  std::array<uint8_t, 18> via{};
  std::memcpy(via.data(), &family, sizeof(family));
  std::memcpy(via.data() + sizeof(family), &gateway, sizeof(gateway));
  message.put(RTA_VIA, via.data(), via.size());
}

TEST(ParseRoute, TakesAnIpv6GatewayOfAnIpv4Route) {
  NetlinkMessage message = default_route(AF_INET, 11);
  put_via(message, AF_INET6, ip("fe80::1").v6());
  const auto route = parse_route(*message.header(), port_of);
  ASSERT_TRUE(route);
  EXPECT_EQ(*route, (snapshot::Route{prefix("0.0.0.0/0"), uint8_t{1}, ip("fe80::1"), 0}));
}

TEST(ParseRoute, RefusesGatewaysOfUnknownKind) {
  NetlinkMessage other_family = default_route(AF_INET, 11);
  put_via(other_family, AF_MPLS, ip("fe80::1").v6());
  EXPECT_FALSE(parse_route(*other_family.header(), port_of));
  NetlinkMessage too_short = default_route(AF_INET, 11);
  const std::array<uint8_t, 6> via = {AF_INET6, 0, 0xFE, 0x80, 0, 0};
  too_short.put(RTA_VIA, via.data(), via.size());
  EXPECT_FALSE(parse_route(*too_short.header(), port_of));
}

TEST(AddressMessage, MakesIpv6AddressesUsableAtOnce) {
  NetlinkMessage message = address_message(Change::kAdd, 10, prefix("2001:db8::1/64"));
  const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message.header()));
  EXPECT_EQ(header->ifa_family, AF_INET6);
  EXPECT_EQ(header->ifa_prefixlen, 64);
  std::array<const nlattr*, IFA_MAX + 1> found{};
  for (const nlattr* each = static_cast<const nlattr*>(
           mnl_nlmsg_get_payload_offset(message.header(), sizeof(*header)));
       mnl_attr_ok(each, static_cast<int>(static_cast<const char*>(
                                              mnl_nlmsg_get_payload_tail(message.header())) -
                                          reinterpret_cast<const char*>(each)));
       each = mnl_attr_next(each)) {
    found.at(mnl_attr_get_type(each)) = each;
  }
  EXPECT_EQ(found[IFA_LOCAL], nullptr) << "of an IPv6 address it is the other end";
  ASSERT_NE(found[IFA_FLAGS], nullptr);
  EXPECT_EQ(mnl_attr_get_u32(found[IFA_FLAGS]), uint32_t{IFA_F_NODAD});
  ASSERT_NE(found[IFA_ADDRESS], nullptr);
  EXPECT_EQ(std::memcmp(mnl_attr_get_payload(found[IFA_ADDRESS]), &ip("2001:db8::1").v6(), 16), 0);
}

TEST(ParseAddress, ReadsBackWhatWeWrite) {
  for (const char* text : {"192.0.2.1/24", "2001:db8::1/64", "2001:db8::80/128", "fe80::1/64"}) {
    NetlinkMessage message = address_message(Change::kAdd, 10, prefix(text));
    const auto event = parse_address(*message.header());
    ASSERT_TRUE(event) << text;
    EXPECT_EQ(event->prefix, prefix(text));
    EXPECT_EQ(event->interface, 10);
  }
}

TEST(ParseAddress, RefusesLengthsTheFamilyDoesNotHave) {
  NetlinkMessage v4 = address_message(Change::kAdd, 10, {ip("192.0.2.1"), 33});
  EXPECT_FALSE(parse_address(*v4.header()));
  NetlinkMessage v6 = address_message(Change::kAdd, 10, {ip("2001:db8::1"), 129});
  EXPECT_FALSE(parse_address(*v6.header()));
}

TEST(ParseRoute, IgnoresOtherInterfacesAndTables) {
  NetlinkMessage other = route_message(Change::kAdd, 9, prefix("10.0.0.0/8"), ip("10.0.0.1"));
  EXPECT_FALSE(parse_route(*other.header(), port_of));
  NetlinkMessage table = route_message(Change::kAdd, 10, prefix("10.0.0.0/8"), ip("10.0.0.1"));
  table.put_u32(RTA_TABLE, 100);
  EXPECT_FALSE(parse_route(*table.header(), port_of));
}

TEST(ParseNeighbour, ReadsBackWhatWeWrite) {
  const net::Mac mac = *net::Mac::parse("02:00:00:00:00:05");
  NetlinkMessage message =
      neighbour_message({NeighbourRequest::Kind::kRestore, 10, ip("10.0.0.5"), mac});
  const auto event = parse_neighbour(*message.header());
  ASSERT_TRUE(event);
  EXPECT_EQ(event->interface, 10);
  EXPECT_EQ(event->address, ip("10.0.0.5"));
  EXPECT_EQ(event->mac, mac);
  EXPECT_EQ(event->state, NUD_PROBE);
}

TEST(ParseNeighbour, ReadsBackIpv6) {
  const net::Mac mac = *net::Mac::parse("02:00:00:00:00:05");
  for (const char* address : {"2001:db8::5", "fe80::5"}) {
    NetlinkMessage message =
        neighbour_message({NeighbourRequest::Kind::kRestore, 10, ip(address), mac});
    const auto event = parse_neighbour(*message.header());
    ASSERT_TRUE(event) << address;
    EXPECT_EQ(event->address, ip(address));
    EXPECT_EQ(event->mac, mac);
  }
}

// No packet has such an address, and we would take it for IPv4.
TEST(ParseNeighbour, IgnoresIpv4MappedAddresses) {
  net::Ipv6 mapped = ip("192.0.2.1").v6();
  NetlinkMessage message(RTM_NEWNEIGH, 0);
  auto& header = message.add_header<ndmsg>();
  header.ndm_family = AF_INET6;
  header.ndm_ifindex = 10;
  message.put(NDA_DST, &mapped, sizeof(mapped));
  EXPECT_FALSE(parse_neighbour(*message.header()));
}

TEST(ParseNeighbour, IgnoresAnAddressOfAnotherLengthThanTheFamilys) {
  const net::Ipv4 address = ip("192.0.2.1").v4();
  NetlinkMessage message(RTM_NEWNEIGH, 0);
  auto& header = message.add_header<ndmsg>();
  header.ndm_family = AF_INET6;
  header.ndm_ifindex = 10;
  message.put(NDA_DST, &address, sizeof(address));
  EXPECT_FALSE(parse_neighbour(*message.header()));
}

TEST(ParseNeighbour, IgnoresMulticastAddressesAndMacs) {
  const net::Mac multicast = *net::Mac::parse("01:00:5e:00:00:05");
  NetlinkMessage group =
      neighbour_message({NeighbourRequest::Kind::kRestore, 10, ip("224.0.0.5"), multicast});
  EXPECT_FALSE(parse_neighbour(*group.header()));
  NetlinkMessage group6 =
      neighbour_message({NeighbourRequest::Kind::kRestore, 10, ip("ff02::5"), multicast});
  EXPECT_FALSE(parse_neighbour(*group6.header()));
  NetlinkMessage broadcast =
      neighbour_message({NeighbourRequest::Kind::kRestore, 10, ip("10.0.0.255"), multicast});
  EXPECT_FALSE(parse_neighbour(*broadcast.header())->mac);
}

void parse_all(const nlmsghdr& message) {
  (void)parse_route(message, port_of);
  (void)parse_neighbour(message);
  (void)parse_address(message);
  (void)parse_link(message);
}

// Copies to the end of an allocation of the exact size, so that a sanitizer sees any read beyond.
void parse_exactly(const char* bytes, size_t size) {
  const std::unique_ptr<char[]> copy(new char[size]);
  std::memcpy(copy.get(), bytes, size);
  auto* message = reinterpret_cast<nlmsghdr*>(copy.get());
  message->nlmsg_len = static_cast<uint32_t>(size);
  parse_all(*message);
}

NetlinkMessage multipath_route() {
  NetlinkMessage message(RTM_NEWROUTE, 0);
  auto& header = message.add_header<rtmsg>();
  header.rtm_family = AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_type = RTN_UNICAST;
  struct Hop {
    rtnexthop hop;
    rtattr attribute;
    net::Ipv4 gateway;
  };
  const auto hop = [](int interface, uint8_t flags, const char* gateway) {
    return Hop{.hop = {sizeof(Hop), flags, 0, interface},
               .attribute = {RTA_LENGTH(4), RTA_GATEWAY},
               .gateway = ip(gateway).v4()};
  };
  const std::array<Hop, 4> hops = {hop(9, 0, "10.9.0.1"), hop(10, RTNH_F_DEAD, "10.0.0.1"),
                                   hop(10, RTNH_F_LINKDOWN, "10.0.0.2"), hop(11, 0, "10.1.0.3")};
  message.put(RTA_MULTIPATH, hops.data(), sizeof(hops));
  return message;
}

TEST(ParseRoute, TakesTheFirstUsableOfSeveralNextHops) {
  NetlinkMessage message = multipath_route();
  const auto route = parse_route(*message.header(), port_of);
  ASSERT_TRUE(route);
  EXPECT_EQ(route->port, 1);
  EXPECT_EQ(route->gateway, ip("10.1.0.3"));
}

TEST(BrokenMessages, OfEveryLengthAreHarmless) {
  NetlinkMessage route = multipath_route();
  NetlinkMessage neighbour =
      neighbour_message({NeighbourRequest::Kind::kRestore, 10, ip("10.0.0.5"), {}});
  NetlinkMessage route6 = default_route(AF_INET, 11);
  put_via(route6, AF_INET6, ip("fe80::1").v6());
  NetlinkMessage address6 = address_message(Change::kAdd, 10, prefix("2001:db8::1/64"));
  for (NetlinkMessage* message : {&route, &neighbour, &route6, &address6}) {
    for (size_t size = sizeof(nlmsghdr); size <= message->header()->nlmsg_len; ++size) {
      parse_exactly(reinterpret_cast<const char*>(message->header()), size);
    }
  }
}

TEST(BrokenMessages, WithFlippedBytesAreHarmless) {
  std::mt19937 random(7);
  NetlinkMessage original = multipath_route();
  const size_t size = original.header()->nlmsg_len;
  for (int i = 0; i < 20'000; ++i) {
    NetlinkMessage message = original;
    auto* bytes = reinterpret_cast<char*>(message.header());
    for (int flips = 0; flips < 4; ++flips) {
      bytes[sizeof(nlmsghdr) + random() % (size - sizeof(nlmsghdr))] = static_cast<char>(random());
    }
    parse_exactly(bytes, size);
  }
}

}  // namespace
}  // namespace sluice::control

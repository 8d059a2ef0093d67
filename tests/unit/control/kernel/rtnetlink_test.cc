// SPDX-License-Identifier: BSD-3-Clause
// Reading netlink messages: meaning, and harmlessness of broken ones. Test thread.
#include "control/kernel/rtnetlink.h"

#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <cstring>
#include <random>

namespace sluice::control {
namespace {

net::Ipv4 ip(const char* text) { return *net::Ipv4::parse(text); }
net::Ipv4Prefix prefix(const char* text) { return *net::Ipv4Prefix::parse(text); }

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

TEST(ParseNeighbour, IgnoresMulticastAddressesAndMacs) {
  const net::Mac multicast = *net::Mac::parse("01:00:5e:00:00:05");
  NetlinkMessage group =
      neighbour_message({NeighbourRequest::Kind::kRestore, 10, ip("224.0.0.5"), multicast});
  EXPECT_FALSE(parse_neighbour(*group.header()));
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
               .gateway = ip(gateway)};
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
  for (NetlinkMessage* message : {&route, &neighbour}) {
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

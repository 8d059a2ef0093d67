// SPDX-License-Identifier: BSD-3-Clause
// Text forms, kinds and order of addresses. Tests.
#include "lib/net/address.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>

namespace sluice::net {
namespace {

using std::string_literals::operator""s;

TEST(Ipv4Text, TakesDottedQuadsOnly) {
  EXPECT_EQ(Ipv4::parse("192.0.2.1"), Ipv4::from_host(0xC0000201));
  EXPECT_EQ(Ipv4::parse("0.0.0.0"), Ipv4{});
  for (const std::string& text :
       {""s, "1"s, "1.2.3"s, "1.2.3.4.5"s, "1.2.3.256"s, "1.2.3.-4"s, " 1.2.3.4"s, "1.2.3.4 "s,
        "1.2.3.0x4"s, "::1"s, "1.2.3.4/32"s, "localhost"s, "1.2.3.4\0"s, "1.2.3.4\0x"s}) {
    EXPECT_FALSE(Ipv4::parse(text)) << text;
  }
}

TEST(Ipv4Kind, TellsWhatASingleHostMayOwn) {
  for (const char* text :
       {"1.0.0.0", "10.0.0.1", "126.255.255.255", "128.0.0.0", "192.0.2.1", "223.255.255.255"}) {
    EXPECT_TRUE(Ipv4::parse(text)->is_unicast()) << text;
  }
  for (const char* text : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "224.0.0.0",
                           "239.255.255.255", "240.0.0.1", "255.255.255.255"}) {
    EXPECT_FALSE(Ipv4::parse(text)->is_unicast()) << text;
  }
  EXPECT_TRUE(Ipv4::parse("224.0.0.18")->is_multicast());
  EXPECT_FALSE(Ipv4::parse("240.0.0.0")->is_multicast());
  EXPECT_TRUE(Ipv4::parse("127.0.0.1")->is_loopback());
  EXPECT_TRUE(Ipv4{}.is_unspecified());
}

TEST(Ipv4PrefixText, KeepsHostBits) {
  const auto prefix = Ipv4Prefix::parse("192.0.2.77/24");
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->to_string(), "192.0.2.77/24");
  EXPECT_EQ(prefix->network(), Ipv4::parse("192.0.2.0"));
  EXPECT_EQ(prefix->last(), Ipv4::parse("192.0.2.255"));
  EXPECT_EQ(Ipv4Prefix::parse("192.0.2.77")->length, 32);
}

TEST(Ipv4PrefixText, RefusesWhatIsNoPrefix) {
  for (const char* text : {"", "/24", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1",
                           "192.0.2.0/24/24", "192.0.2.0/24 ", "192.0.2.0/256", "192.0.2/24"}) {
    EXPECT_FALSE(Ipv4Prefix::parse(text)) << text;
  }
}

TEST(Ipv4Prefix, OfLengthZeroHoldsEverything) {
  const Ipv4Prefix all{Ipv4::from_host(0x01020304), 0};
  EXPECT_EQ(all.mask(), 0U);
  EXPECT_TRUE(all.contains(Ipv4{}));
  EXPECT_TRUE(all.contains(Ipv4::from_host(0xFFFFFFFF)));
}

TEST(MacText, TakesSixHexPairsWithColons) {
  EXPECT_EQ(Mac::parse("02:00:00:aB:Cd:0f"), (Mac{{2, 0, 0, 0xAB, 0xCD, 0x0F}}));
  for (const char* text : {"", "02:00:00:00:00", "02:00:00:00:00:0", "02:00:00:00:00:0g",
                           "02-00-00-00-00-01", "02:00:00:00:00:001", "02:00:00:00:00: 1",
                           "02:00:00:00:00:-1", "0x:00:00:00:00:01", "020000000001:::::"}) {
    EXPECT_FALSE(Mac::parse(text)) << text;
  }
  EXPECT_TRUE(Mac::parse("01:00:5e:00:00:12")->is_multicast());
  EXPECT_FALSE(Mac::parse("02:00:00:00:00:01")->is_multicast());
}

TEST(EndpointText, NeedsAddressAndPort) {
  EXPECT_EQ(Endpoint::parse("192.0.2.1:80"),
            (Endpoint{*Ipv4::parse("192.0.2.1"), Be16::from_host(80)}));
  for (const char* text : {"", ":", "192.0.2.1", "192.0.2.1:", ":80", "192.0.2.1:65536",
                           "192.0.2.1:-1", "192.0.2.1:80:80", "192.0.2.1:http"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
}

TEST(ProtocolText, IsTcpOrUdp) {
  EXPECT_EQ(parse_protocol("tcp"), Protocol::kTcp);
  EXPECT_EQ(parse_protocol("udp"), Protocol::kUdp);
  EXPECT_FALSE(parse_protocol("TCP"));
  EXPECT_FALSE(parse_protocol("sctp"));
  EXPECT_EQ(to_string(Protocol::kTcp), "tcp");
  EXPECT_EQ(to_string(Protocol::kUdp), "udp");
}

TEST(AddressProperty, TextReadsBack) {
  EXPECT_TRUE(rc::check([](uint32_t host, uint16_t port, uint64_t mac_bits) {
    const Ipv4 address = Ipv4::from_host(host);
    const Ipv4Prefix prefix{address, static_cast<uint8_t>(port % 33)};
    const Endpoint endpoint{address, Be16::from_host(port)};
    Mac mac;
    for (uint8_t& byte : mac.bytes) {
      byte = static_cast<uint8_t>(mac_bits);
      mac_bits >>= 8;
    }
    RC_ASSERT(Ipv4::parse(address.to_string()) == address);
    RC_ASSERT(Ipv4Prefix::parse(prefix.to_string()) == prefix);
    RC_ASSERT(Endpoint::parse(endpoint.to_string()) == endpoint);
    RC_ASSERT(Mac::parse(mac.to_string()) == mac);
  }));
}

TEST(AddressProperty, APrefixHoldsExactlyNetworkToLast) {
  EXPECT_TRUE(rc::check([](uint32_t host, uint8_t bits, uint32_t other) {
    const Ipv4Prefix prefix{Ipv4::from_host(host), static_cast<uint8_t>(bits % 33)};
    // Half of the time an address close to the prefix.
    const Ipv4 address = Ipv4::from_host(other % 2 == 0 ? host ^ other >> (bits % 32) : other);
    RC_ASSERT(
        (prefix.contains(address) == (prefix.network() <= address && address <= prefix.last())));
  }));
}

}  // namespace
}  // namespace sluice::net

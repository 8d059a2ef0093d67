// SPDX-License-Identifier: BSD-3-Clause
// Text forms, kinds and order of addresses. Tests.
#include "lib/net/address.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstring>
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

TEST(PrefixText, KeepsHostBits) {
  const auto prefix = Prefix::parse("192.0.2.77/24");
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->to_string(), "192.0.2.77/24");
  EXPECT_EQ(prefix->network(), Address::parse("192.0.2.0"));
  EXPECT_EQ(prefix->last(), Address::parse("192.0.2.255"));
  EXPECT_EQ(Prefix::parse("192.0.2.77")->length, 32);
  const auto wide = Prefix::parse("2001:db8:0:f0::1/61");
  ASSERT_TRUE(wide);
  EXPECT_EQ(wide->to_string(), "2001:db8:0:f0::1/61");
  EXPECT_EQ(wide->network(), Address::parse("2001:db8:0:f0::"));
  EXPECT_EQ(wide->last(), Address::parse("2001:db8:0:f7:ffff:ffff:ffff:ffff"));
  EXPECT_EQ(Prefix::parse("2001:db8::1")->length, 128);
}

TEST(PrefixText, RefusesWhatIsNoPrefix) {
  for (const char* text : {"", "/24", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1",
                           "192.0.2.0/24/24", "192.0.2.0/24 ", "192.0.2.0/256", "192.0.2/24",
                           "2001:db8::/129", "::ffff:192.0.2.0/120", "fe80::1%eth0/64"}) {
    EXPECT_FALSE(Prefix::parse(text)) << text;
  }
}

TEST(Prefix, OfLengthZeroHoldsEverything) {
  const Prefix all{Ipv4::from_host(0x01020304), 0};
  EXPECT_TRUE(all.contains(Ipv4{}));
  EXPECT_TRUE(all.contains(Ipv4::from_host(0xFFFFFFFF)));
  EXPECT_FALSE(all.contains(Ipv6{}));
  const Prefix all6{Ipv6{}, 0};
  EXPECT_TRUE(all6.contains(*Ipv6::parse("ffff::1")));
  EXPECT_FALSE(all6.contains(Ipv4::from_host(0x01020304)));
}

TEST(Address, TellsTheIpVersionsApart) {
  const Address v4 = *Address::parse("192.0.2.1"), v6 = *Address::parse("2001:db8::1");
  EXPECT_TRUE(v4.is_v4());
  EXPECT_FALSE(v6.is_v4());
  EXPECT_EQ(v4.v4(), Ipv4::parse("192.0.2.1"));
  EXPECT_EQ(v4.to_string(), "192.0.2.1");
  EXPECT_EQ(v6.to_string(), "2001:db8::1");
  EXPECT_EQ(v4.next().to_string(), "192.0.2.2");
  EXPECT_EQ(Address::parse("192.0.2.255")->next().to_string(), "192.0.3.0");
  EXPECT_EQ(Address::parse("2001:db8::ffff")->next().to_string(), "2001:db8::1:0");
  for (const char* text : {"::ffff:192.0.2.1", "1.2.3", "2001:db8::1::", "", "[::1]", "::1%lo"}) {
    EXPECT_FALSE(Address::parse(text)) << text;
  }
  EXPECT_FALSE(Address::parse(std::string_view("::1\0x", 5)));
}

TEST(Ipv6, OfAHostIsUnicast) {
  for (const char* text : {"2001:db8::1", "fd00::1", "fe80::1", "64:ff9b::192.0.2.1"}) {
    EXPECT_TRUE(Ipv6::parse(text)->is_unicast()) << text;
  }
  for (const char* text : {"::", "::1", "ff02::1", "::ffff:192.0.2.1"}) {
    EXPECT_FALSE(Ipv6::parse(text)->is_unicast()) << text;
  }
  EXPECT_TRUE(Address::parse("febf::1")->is_link_local());
  EXPECT_FALSE(Address::parse("fec0::1")->is_link_local());
  EXPECT_FALSE(Address::parse("169.254.0.1")->is_link_local());
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
  EXPECT_EQ(Endpoint::parse("[2001:db8::1]:80")->to_string(), "[2001:db8::1]:80");
  for (const char* text : {"", ":", "192.0.2.1", "192.0.2.1:", ":80", "192.0.2.1:65536",
                           "192.0.2.1:-1", "192.0.2.1:80:80", "192.0.2.1:http", "2001:db8::1:80",
                           "[192.0.2.1]:80", "[]:80", "[2001:db8::1]", "[2001:db8::1:80"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
}

TEST(ProtocolText, IsTcpUdpOrSctp) {
  EXPECT_EQ(parse_protocol("tcp"), Protocol::kTcp);
  EXPECT_EQ(parse_protocol("udp"), Protocol::kUdp);
  EXPECT_FALSE(parse_protocol("TCP"));
  EXPECT_EQ(parse_protocol("sctp"), Protocol::kSctp);
  EXPECT_FALSE(parse_protocol("dccp"));
  EXPECT_EQ(to_string(Protocol::kTcp), "tcp");
  EXPECT_EQ(to_string(Protocol::kUdp), "udp");
  EXPECT_EQ(to_string(Protocol::kSctp), "sctp");
}

TEST(AddressProperty, TextReadsBack) {
  EXPECT_TRUE(rc::check([](uint32_t host, uint16_t port, uint64_t mac_bits) {
    Ipv6 v6;
    std::memcpy(v6.bytes.data(), &mac_bits, sizeof(mac_bits));
    const Address address = host % 2 == 0 ? Address(Ipv4::from_host(host)) : Address(v6);
    const Prefix prefix{address, static_cast<uint8_t>(port % (address.bits() + 1U))};
    const Endpoint endpoint{address, Be16::from_host(port)};
    Mac mac;
    for (uint8_t& byte : mac.bytes) {
      byte = static_cast<uint8_t>(mac_bits);
      mac_bits >>= 8;
    }
    RC_ASSERT(Address::parse(address.to_string()) == address);
    RC_ASSERT(Prefix::parse(prefix.to_string()) == prefix);
    RC_ASSERT(Endpoint::parse(endpoint.to_string()) == endpoint);
    RC_ASSERT(Mac::parse(mac.to_string()) == mac);
  }));
}

TEST(AddressProperty, APrefixHoldsExactlyNetworkToLast) {
  EXPECT_TRUE(rc::check([](uint32_t host, uint8_t bits, uint32_t other, bool is_v4) {
    const auto make = [is_v4](uint32_t value) {
      Ipv6 v6;
      std::memcpy(v6.bytes.data() + 2, &value, sizeof(value));
      return is_v4 ? Address(Ipv4::from_host(value)) : Address(v6);
    };
    const Prefix prefix{make(host), static_cast<uint8_t>(bits % (is_v4 ? 33 : 129))};
    // Half of the time an address close to the prefix.
    const Address address = make(other % 2 == 0 ? host ^ other >> (bits % 32) : other);
    RC_ASSERT(
        (prefix.contains(address) == (prefix.network() <= address && address <= prefix.last())));
  }));
}

}  // namespace
}  // namespace sluice::net

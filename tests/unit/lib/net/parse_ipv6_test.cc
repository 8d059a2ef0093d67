// SPDX-License-Identifier: BSD-3-Clause
// IPv6 frames: extension headers, lies, and every length cut off. Tests.
#include <gtest/gtest.h>

#include <tuple>

#include "lib/net/parse.h"
#include "tests/support/frame.h"

namespace sluice::net {
namespace {

using test::Frame;
using test::FrameBuilder;

const Mac kPortMac = test::mac("02:00:00:00:00:01");
const Mac kPeerMac = test::mac("02:00:00:00:01:01");
const Endpoint kFrom = test::endpoint("[2001:db8:f::7]:40000");
const Endpoint kTo = test::endpoint("[2001:db8::10]:80");

struct Parsed {
  ParseVerdict verdict;
  FlowKey4 key4;
  FlowKey6 key;
  PacketFields fields;
};

// The bytes lie alone in a heap block of their size, so that a sanitizer sees every byte too many.
Parsed parse_segment(const Frame& frame, size_t contiguous) {
  const Frame exact(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(contiguous));
  Parsed parsed{};
  parsed.verdict =
      parse(exact.data(), static_cast<uint32_t>(contiguous), static_cast<uint32_t>(frame.size()),
            kPortMac, parsed.key4, parsed.key, parsed.fields);
  return parsed;
}

Parsed parse_all(const Frame& frame) { return parse_segment(frame, frame.size()); }
ParseVerdict verdict_of(FrameBuilder frame) {
  return parse_all(frame.link(kPeerMac, kPortMac)).verdict;
}

FrameBuilder tcp_to_us() { return test::tcp(kFrom, kTo).link(kPeerMac, kPortMac); }
FrameBuilder udp_to_us() { return test::udp(kFrom, kTo).link(kPeerMac, kPortMac); }

// 8 bytes but for the first, which the builder fills in.
const Frame kPadding = {0, 0, 1, 4, 0, 0, 0, 0};

TEST(ParseIpv6, ReadsATcpSegment) {
  const Parsed parsed =
      parse_all(tcp_to_us().flags(table::kTcpSyn).ttl(17).payload_bytes(10).pad_to(100));
  ASSERT_EQ(parsed.verdict, ParseVerdict::kFlow);
  EXPECT_TRUE(parsed.fields.is_v6);
  EXPECT_EQ(parsed.key,
            (FlowKey6{kFrom.address.v6(), kTo.address.v6(), kFrom.port, kTo.port, IPPROTO_TCP}));
  EXPECT_EQ(parsed.fields.ip_bytes, 70U);
  EXPECT_EQ(parsed.fields.l4_offset, 54);
  EXPECT_EQ(parsed.fields.tcp_flags, table::kTcpSyn);
  EXPECT_EQ(parsed.fields.ttl, 17);
}

TEST(ParseIpv6, FindsTheDatagramBehindExtensionHeaders) {
  FrameBuilder frame = udp_to_us();
  frame.extension(IPPROTO_HOPOPTS, kPadding);
  for (uint32_t headers = 1; headers <= 8; ++headers) {
    const Parsed parsed = parse_all(frame);
    ASSERT_EQ(parsed.verdict, ParseVerdict::kFlow) << headers;
    EXPECT_EQ(parsed.fields.l4_offset, 54 + headers * 8);
    EXPECT_EQ(parsed.key.destination_port, kTo.port);
    frame.extension(IPPROTO_DSTOPTS, kPadding);
  }
  EXPECT_EQ(parse_all(frame).verdict, ParseVerdict::kBadIpHeader) << "nine headers";
}

TEST(ParseIpv6, RefusesSourceRoutesAndTakesSpentOnes) {
  constexpr uint8_t kType0 = 0, kMobility = 2;
  const auto routed = [](uint8_t type, uint8_t segments_left) {
    return verdict_of(
        tcp_to_us().extension(IPPROTO_ROUTING, {0, 0, type, segments_left, 0, 0, 0, 0}));
  };
  EXPECT_EQ(routed(kType0, 1), ParseVerdict::kSourceRoute);
  EXPECT_EQ(routed(kType0, 0), ParseVerdict::kSourceRoute);
  EXPECT_EQ(routed(kMobility, 1), ParseVerdict::kSourceRoute);
  EXPECT_EQ(routed(kMobility, 0), ParseVerdict::kFlow);
}

TEST(ParseIpv6, TellsFragments) {
  const Parsed parsed =
      parse_all(udp_to_us().extension(IPPROTO_FRAGMENT, {0, 0, 0, 1, 0, 0, 0, 9}));
  EXPECT_EQ(parsed.verdict, ParseVerdict::kFragment);
  EXPECT_EQ(parsed.key.destination, kTo.address.v6());
}

TEST(ParseIpv6, TakesAnAtomicFragmentForTheWholePacketItIs) {
  const auto with_place = [](uint8_t high, uint8_t low) {
    return verdict_of(udp_to_us().extension(IPPROTO_FRAGMENT, {0, 0xFF, high, low, 0, 0, 0, 9}));
  };
  EXPECT_EQ(with_place(0, 0), ParseVerdict::kFlow);
  EXPECT_EQ(with_place(0, 6), ParseVerdict::kFlow) << "reserved bits";
  EXPECT_EQ(with_place(0, 1), ParseVerdict::kFragment);
  EXPECT_EQ(with_place(0, 8), ParseVerdict::kFragment);
  EXPECT_EQ(with_place(0x80, 0), ParseVerdict::kFragment);
}

TEST(ParseIpv6, RefusesAddressesNoHostHas) {
  const auto from_to = [](const char* from, const char* to) {
    return verdict_of(test::tcp({test::address(from), kFrom.port}, {test::address(to), kTo.port}));
  };
  EXPECT_EQ(from_to("ff02::1", "2001:db8::10"), ParseVerdict::kBadAddress);
  EXPECT_EQ(from_to("::1", "2001:db8::10"), ParseVerdict::kBadAddress);
  EXPECT_EQ(from_to("2001:db8::10", "2001:db8::10"), ParseVerdict::kBadAddress) << "land";
  EXPECT_EQ(from_to("::", "2001:db8::10"), ParseVerdict::kOther);
  EXPECT_EQ(from_to("fe80::1", "2001:db8::10"), ParseVerdict::kFlow) << "the kernel may want it";
}

// An IPv4-mapped address would look like IPv4 everywhere behind the parser.
TEST(ParseIpv6, RefusesMappedAddresses) {
  for (const size_t address_at : {14U + 8, 14U + 24}) {
    Frame frame = tcp_to_us();
    const Ipv6 mapped = Address(*Ipv4::parse("192.0.2.10")).v6();
    std::copy(mapped.bytes.begin(), mapped.bytes.end(),
              frame.begin() + static_cast<ptrdiff_t>(address_at));
    EXPECT_EQ(parse_all(frame).verdict, ParseVerdict::kBadAddress) << address_at;
  }
}

TEST(ParseIpv6, SortsIcmpByWhoWantsIt) {
  const auto icmp = [](uint8_t type, uint8_t hop_limit) {
    return verdict_of(
        test::icmpv6(kFrom.address, kTo.address, {type, 0, 0, 0, 0, 0, 0, 0}).ttl(hop_limit));
  };
  EXPECT_EQ(icmp(135, 255), ParseVerdict::kArp);
  EXPECT_EQ(icmp(136, 255), ParseVerdict::kArp);
  EXPECT_EQ(icmp(135, 254), ParseVerdict::kOther) << "neighbour discovery from afar";
  EXPECT_EQ(icmp(128, 64), ParseVerdict::kIcmp);
  EXPECT_EQ(icmp(2, 64), ParseVerdict::kIcmp);
  EXPECT_EQ(icmp(130, 1), ParseVerdict::kControl);
  EXPECT_EQ(icmp(143, 1), ParseVerdict::kControl);
  EXPECT_EQ(icmp(143, 2), ParseVerdict::kOther) << "a report from afar";
}

TEST(ParseIpv6, SortsMulticasts) {
  const Mac all_nodes = test::mac("33:33:00:00:00:01");
  const auto multicast = [&](FrameBuilder frame) {
    return parse_all(frame.link(kPeerMac, all_nodes)).verdict;
  };
  const Address group = test::address("ff02::1");
  EXPECT_EQ(multicast(test::icmpv6(kFrom.address, group, {135, 0, 0, 0}).ttl(255)),
            ParseVerdict::kArp);
  EXPECT_EQ(multicast(test::icmpv6(kFrom.address, group, {143, 0, 0, 0})
                          .ttl(1)
                          .extension(IPPROTO_HOPOPTS, kPadding)),
            ParseVerdict::kControl);
  EXPECT_EQ(multicast(test::ip_packet(kFrom.address, group, kProtocolVrrp).ttl(255)),
            ParseVerdict::kControl);
  EXPECT_EQ(multicast(test::udp(kFrom, {group, Be16::from_host(5353)})), ParseVerdict::kOther);
  const Frame query =
      test::icmpv6(kFrom.address, group, {135, 0, 0, 0}).ttl(255).link(kPeerMac, all_nodes);
  for (size_t bytes = 14; bytes <= query.size(); ++bytes) {
    EXPECT_EQ(parse_segment(query, bytes).verdict,
              bytes > 54 ? ParseVerdict::kArp : ParseVerdict::kOther);
  }
}

TEST(ParseIpv6, RefusesEveryFrameThatLostItsEnd) {
  for (const Frame& whole :
       {tcp_to_us().build(), udp_to_us().payload_bytes(1).build(),
        tcp_to_us().extension(IPPROTO_HOPOPTS, kPadding).payload_bytes(9).build(),
        test::icmp_echo(kFrom.address, kTo.address).link(kPeerMac, kPortMac).build()}) {
    for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
      const Frame cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes));
      EXPECT_EQ(parse_all(cut).verdict, ParseVerdict::kTruncated) << bytes;
    }
  }
}

// The header must lie in the first segment, whatever the length says.
TEST(ParseIpv6, ReadsNothingBehindTheFirstSegment) {
  const Frame whole =
      tcp_to_us().extension(IPPROTO_HOPOPTS, kPadding).extension(IPPROTO_DSTOPTS, kPadding);
  for (size_t contiguous = 0; contiguous < whole.size(); ++contiguous) {
    EXPECT_NE(parse_segment(whole, contiguous).verdict, ParseVerdict::kFlow) << contiguous;
  }
  EXPECT_EQ(parse_segment(whole, whole.size()).verdict, ParseVerdict::kFlow);
}

TEST(ParseIpv6, RefusesLies) {
  EXPECT_EQ(verdict_of(tcp_to_us().version(4)), ParseVerdict::kBadIpHeader);
  EXPECT_EQ(verdict_of(tcp_to_us().total_length(19)), ParseVerdict::kBadL4Header);
  EXPECT_EQ(verdict_of(tcp_to_us().total_length(21)), ParseVerdict::kTruncated);
  EXPECT_EQ(verdict_of(tcp_to_us().tcp_data_offset(6)), ParseVerdict::kBadL4Header);
  EXPECT_EQ(verdict_of(udp_to_us().udp_length(7)), ParseVerdict::kBadL4Header);
  // An extension header that claims to be longer than the packet.
  EXPECT_EQ(verdict_of(udp_to_us().extension(IPPROTO_DSTOPTS, {0, 9, 0, 0, 0, 0, 0, 0})),
            ParseVerdict::kBadIpHeader);
}

}  // namespace
}  // namespace sluice::net

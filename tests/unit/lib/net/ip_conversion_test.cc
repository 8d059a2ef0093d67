// SPDX-License-Identifier: BSD-3-Clause
// Headers from one IP version to the other, byte for byte; checksums against full sums. Tests.
#include "lib/net/ip_conversion.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/unit/lib/net/ip_packets.h"

namespace sluice::net {
namespace {

using test::address;
using test::Bytes;
using test::Flow;

const Flow kFlow4 = test::flow("10.0.0.100", 1'024, "10.0.0.1", 8'080);
const Flow kFlow6 = test::flow("2001:db8::7", 40'000, "2001:db8:1::10", 80);

Bytes converted(const Bytes& packet, const ConvertedHeader& to) {
  IpHeader from;
  EXPECT_EQ(read_ip_header(packet, from), IpHeaderVerdict::kOk);
  std::array<uint8_t, kMaxConvertedHeaderBytes> out;
  const uint32_t bytes = convert_ip_header(from, to, out);
  return {out.begin(), out.begin() + bytes};
}

ConvertedHeader to6(uint8_t hop_limit = 63) { return {kFlow6.addresses, hop_limit, 0}; }
ConvertedHeader to4(uint8_t hop_limit = 63) { return {kFlow4.addresses, hop_limit, 0x4321}; }

TEST(ConvertIpHeader, ToIpv6KeepsTheClassAndLeavesOptionsOut) {
  const Bytes packet = test::packet_of(
      kFlow4, 6, 5, {.traffic_class = 0xB9, .fragment = 0x4000, .extra = Bytes(8, 1)});
  const Bytes expected = {0x6B, 0x90, 0x00, 0x00, 0x00, 0x19, 0x06, 0x3F,  //
                          0x20, 0x01, 0x0D, 0xB8, 0,    0,    0,    0,    0,    0,   0,
                          0,    0,    0,    0,    7,    0x20, 0x01, 0x0D, 0xB8, 0,   1,
                          0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
  EXPECT_EQ(converted(packet, to6()), expected);
}

// RFC 7915 dropped the fragment header of packets that are whole, with DF or without.
TEST(ConvertIpHeader, ToIpv6HasAFragmentHeaderOnlyForFragments) {
  EXPECT_EQ(converted(test::packet_of(kFlow4, 17, 8, {.fragment = 0x0000}), to6()).size(), 40U);
  const Bytes first = converted(
      test::packet_of(kFlow4, 17, 8, {.identification = 0xABCD, .fragment = 0x2000}), to6());
  ASSERT_EQ(first.size(), 48U);
  EXPECT_EQ(first[5], 24);  // 8 of the fragment header, 16 of UDP
  EXPECT_EQ(first[6], IPPROTO_FRAGMENT);
  EXPECT_EQ(Bytes(first.begin() + 40, first.end()), (Bytes{17, 0, 0, 1, 0, 0, 0xAB, 0xCD}));
  const Bytes last = converted(
      test::packet_of(kFlow4, 17, 8, {.identification = 0xABCD, .fragment = 0x00B9}), to6());
  EXPECT_EQ(Bytes(last.begin() + 40, last.end()), (Bytes{17, 0, 0x05, 0xC8, 0, 0, 0xAB, 0xCD}));
}

TEST(ConvertIpHeader, ToIpv4WritesTheseBytes) {
  const Bytes packet =
      test::packet_of(kFlow6, 6, 5, {.traffic_class = 0xB9, .extra = {6, 0, 1, 4, 0, 0, 0, 0}});
  const Bytes expected = {0x45, 0xB9, 0x00, 0x2D, 0x43, 0x21, 0x00, 0x00, 0x3F, 0x06,
                          0x23, 0x8D, 0x0A, 0x00, 0x00, 0x64, 0x0A, 0x00, 0x00, 0x01};
  EXPECT_EQ(converted(packet, to4()), expected);
}

TEST(ConvertIpHeader, ToIpv4ForbidsFragmentsAbove1260Bytes) {
  EXPECT_EQ(converted(test::packet_of(kFlow6, 6, 1'220), to4())[6], 0x00);  // 1260
  EXPECT_EQ(converted(test::packet_of(kFlow6, 6, 1'221), to4())[6], 0x40);
}

TEST(ConvertIpHeader, ToIpv4TakesTheFragmentHeader) {
  const auto shape = [](uint8_t high, uint8_t low) {
    return test::IpShape{.extra = {17, 0, high, low, 0x12, 0x34, 0xAB, 0xCD},
                         .first_extension = IPPROTO_FRAGMENT};
  };
  const Bytes first = converted(test::packet_of(kFlow6, 17, 1'400, shape(0, 1)), to4());
  EXPECT_EQ(Bytes(first.begin() + 4, first.begin() + 8), (Bytes{0xAB, 0xCD, 0x20, 0x00}));
  const Bytes last = converted(test::packet_of(kFlow6, 17, 8, shape(0x05, 0xC8)), to4());
  EXPECT_EQ(Bytes(last.begin() + 4, last.begin() + 8), (Bytes{0xAB, 0xCD, 0x00, 0xB9}));
  const Bytes whole = converted(test::packet_of(kFlow6, 17, 8, shape(0, 0)), to4());
  EXPECT_EQ(Bytes(whole.begin() + 4, whole.begin() + 8), (Bytes{0xAB, 0xCD, 0x00, 0x00}));
}

TEST(ConvertIpHeader, ToIpv4RefusesWhatIsTooLarge) {
  Bytes packet = test::packet_of(kFlow6, 17, 8);
  test::put16(packet, 4, 65'515);
  EXPECT_EQ(converted(packet, to4()).size(), 20U);
  test::put16(packet, 4, 65'516);
  EXPECT_TRUE(converted(packet, to4()).empty());
}

TEST(ConvertIpHeader, GivesIcmpItsOtherNumber) {
  EXPECT_EQ(converted(test::packet_of(kFlow4, 1, 8), to6())[6], 58);
  EXPECT_EQ(converted(test::packet_of(kFlow6, 58, 8), to4())[9], 1);
}

Flow flow_from(const std::array<uint32_t, 9>& seed, bool is_v4) {
  const auto address_from = [&](size_t at) -> Address {
    if (is_v4) {
      return Ipv4::from_host(seed[at]);
    }
    Ipv6 address;
    std::memcpy(address.bytes.data(), seed.data() + at, 16);
    address.bytes[0] = 0x20;  // not a mapped one
    return address;
  };
  return {{address_from(0), address_from(4)},
          static_cast<uint16_t>(seed[8]),
          static_cast<uint16_t>(seed[8] >> 16)};
}

// All four ways: 4 to 4, 4 to 6, 6 to 4, 6 to 6.
TEST(PseudoHeaderDeltaProperty, GivesWhatSummingAnewGives) {
  EXPECT_TRUE(rc::check([](const std::array<uint32_t, 9>& a, const std::array<uint32_t, 9>& b,
                           uint16_t payload_bytes, uint8_t ways) {
    const Flow before = flow_from(a, ways % 2 == 0), after = flow_from(b, ways / 2 % 2 == 0);
    const Flow same_ports{after.addresses, before.source_port, before.destination_port};
    const ChecksumDelta delta = pseudo_header_delta(before.addresses, after.addresses);
    const Bytes data = test::payload(payload_bytes % 64);
    const Bytes tcp = test::tcp_segment(before, data), udp = test::udp_datagram(before, data);
    uint16_t checksum, expected;
    std::memcpy(&checksum, tcp.data() + 16, 2);
    std::memcpy(&expected, test::tcp_segment(same_ports, data).data() + 16, 2);
    RC_ASSERT(delta.apply(checksum) == expected);
    std::memcpy(&checksum, udp.data() + 6, 2);
    std::memcpy(&expected, test::udp_datagram(same_ports, data).data() + 6, 2);
    RC_ASSERT(delta.apply_udp(checksum) == expected);
  }));
}

// What a UDP datagram without checksum needs on its way to IPv6.
TEST(FullL4Checksum, IsDpdks) {
  for (const Flow& flow : {kFlow4, kFlow6}) {
    for (size_t payload_bytes = 0; payload_bytes < 1'500; payload_bytes += 7) {
      Bytes udp = test::udp_datagram(flow, test::payload(payload_bytes));
      uint16_t expected;
      std::memcpy(&expected, udp.data() + 6, 2);
      test::put16(udp, 6, 0);
      const uint16_t checksum = full_l4_checksum(flow.addresses, IPPROTO_UDP, udp);
      EXPECT_EQ(checksum == 0 ? 0xFFFF : checksum, expected);
    }
  }
}

}  // namespace
}  // namespace sluice::net

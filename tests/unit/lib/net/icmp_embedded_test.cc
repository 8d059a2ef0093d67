// SPDX-License-Identifier: BSD-3-Clause
// The packet an ICMP error quotes, of each protocol and cut anywhere. Tests.
#include "lib/net/icmp_embedded.h"

#include <gtest/gtest.h>

#include "tests/unit/lib/net/ip_packets.h"

namespace sluice::net {
namespace {

using test::address;
using test::Bytes;
using test::Flow;
using test::join;

const AddressPair kV4{address("203.0.113.1"), address("10.0.0.100")};
const AddressPair kV6{address("2001:db8:ff::1"), address("2001:db8::64")};
const Flow kFlow4 = test::flow("10.0.0.100", 1'024, "10.0.0.1", 80);
const Flow kFlow6 = test::flow("2001:db8::64", 1'024, "2001:db8:2::1", 80);

Bytes error_about(const Bytes& quote, uint32_t parameter = 0) {
  const bool is_v4 = quote.empty() || quote[0] >> 4 == 4;
  return test::icmp_packet(is_v4 ? kV4 : kV6, is_v4 ? 3 : 1, 1, parameter, quote);
}

// Reads from a buffer of its own size, so that a sanitizer sees every byte read behind it.
EmbeddedVerdict find(const Bytes& packet, EmbeddedPacket& embedded) {
  const Bytes copy = packet;
  IcmpMessage message;
  EXPECT_EQ(read_icmp(copy, message), IcmpVerdict::kError);
  return find_embedded(copy, message, embedded);
}

EmbeddedVerdict verdict_of(const Bytes& quote) {
  EmbeddedPacket embedded;
  return find(error_about(quote), embedded);
}

TEST(EmbeddedPacket, HasTheKeyOfItsFlow) {
  for (const uint8_t protocol : {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP}) {
    EmbeddedPacket embedded;
    const Bytes l4 = test::udp_datagram(kFlow4, test::payload(20));
    ASSERT_EQ(find(error_about(test::ip_packet(kFlow4.addresses, protocol, l4)), embedded),
              EmbeddedVerdict::kFlow);
    EXPECT_EQ(embedded.key4(),
              (FlowKey4{kFlow4.addresses.source.v4(), kFlow4.addresses.destination.v4(),
                        Be16::from_host(1'024), Be16::from_host(80), protocol}));
    EXPECT_EQ(embedded.offset, 28U);
    EXPECT_EQ(embedded.l4_offset(), 48U);
    EXPECT_EQ(embedded.l4_bytes(), 28U);
  }
  EmbeddedPacket embedded;
  ASSERT_EQ(find(error_about(test::packet_of(kFlow6, IPPROTO_TCP, 5)), embedded),
            EmbeddedVerdict::kFlow);
  EXPECT_EQ(embedded.key6(),
            (FlowKey6{kFlow6.addresses.source.v6(), kFlow6.addresses.destination.v6(),
                      Be16::from_host(1'024), Be16::from_host(80), IPPROTO_TCP}));
  EXPECT_EQ(embedded.offset, 48U);
}

TEST(EmbeddedPacket, IsFoundBehindOptionsAndExtensionHeaders) {
  EmbeddedPacket embedded;
  ASSERT_EQ(
      find(error_about(test::packet_of(kFlow4, IPPROTO_TCP, 5, {.extra = Bytes(40, 1)})), embedded),
      EmbeddedVerdict::kFlow);
  EXPECT_EQ(embedded.l4_offset(), 28U + 60);
  ASSERT_EQ(find(error_about(test::packet_of(
                     kFlow6, IPPROTO_UDP, 5,
                     {.extra = {17, 0, 1, 4, 0, 0, 0, 0}, .first_extension = IPPROTO_DSTOPTS})),
                 embedded),
            EmbeddedVerdict::kFlow);
  EXPECT_EQ(embedded.l4_offset(), 48U + 48);
  EXPECT_EQ(embedded.source_port.host(), 1'024);
}

// The key of a reply is the key of its request turned around.
TEST(EmbeddedPacket, OfAnEchoHasItsIdentifierAsThePortOfWhoAsked) {
  for (const Flow& flow : {kFlow4, kFlow6}) {
    const bool is_v4 = flow.is_v4();
    EmbeddedPacket embedded;
    const uint32_t parameter = 0xABCD0001;
    ASSERT_EQ(
        find(error_about(test::icmp_packet(flow.addresses, is_v4 ? 8 : 128, 0, parameter, {})),
             embedded),
        EmbeddedVerdict::kFlow);
    EXPECT_EQ(embedded.source_port.host(), 0xABCD);
    EXPECT_EQ(embedded.destination_port.host(), 0);
    ASSERT_EQ(
        find(error_about(test::icmp_packet(flow.addresses, is_v4 ? 0 : 129, 0, parameter, {})),
             embedded),
        EmbeddedVerdict::kFlow);
    EXPECT_EQ(embedded.source_port.host(), 0);
    EXPECT_EQ(embedded.destination_port.host(), 0xABCD);
  }
}

TEST(EmbeddedPacket, OfOtherKindsHasNoPorts) {
  EXPECT_EQ(verdict_of(test::ip_packet(kFlow4.addresses, 50, Bytes(20))),
            EmbeddedVerdict::kNoPorts);
  EXPECT_EQ(verdict_of(test::icmp_packet(kFlow4.addresses, 13, 0, 0, Bytes(12))),
            EmbeddedVerdict::kNoPorts);
  EXPECT_EQ(verdict_of(test::icmp_packet(kFlow6.addresses, 135, 0, 0, Bytes(20))),
            EmbeddedVerdict::kNoPorts);
}

TEST(EmbeddedPacket, TellsFirstFragmentsFromLaterOnes) {
  EmbeddedPacket embedded;
  ASSERT_EQ(
      find(error_about(test::packet_of(kFlow4, IPPROTO_UDP, 16, {.fragment = 0x2000})), embedded),
      EmbeddedVerdict::kFlow);
  EXPECT_TRUE(embedded.ip.is_fragment());
  EXPECT_TRUE(embedded.has_ports);
  ASSERT_EQ(
      find(error_about(test::packet_of(kFlow4, IPPROTO_UDP, 16, {.fragment = 0x0001})), embedded),
      EmbeddedVerdict::kLaterFragment);
  EXPECT_FALSE(embedded.has_ports);
  EXPECT_EQ(embedded.ip.addresses, kFlow4.addresses);
}

TEST(EmbeddedPacket, CutAnywhereHasPortsOrNot) {
  const std::vector<std::pair<Bytes, size_t>> quotes = {
      {test::packet_of(kFlow4, IPPROTO_TCP, 5), 20 + 4},
      {test::packet_of(kFlow4, IPPROTO_UDP, 5, {.extra = Bytes(8, 1)}), 28 + 4},
      {test::packet_of(kFlow4, IPPROTO_ICMP, 5), 20 + 6},
      {test::packet_of(kFlow6, IPPROTO_TCP, 5), 40 + 4},
      {test::packet_of(kFlow6, IPPROTO_ICMPV6, 5), 40 + 6},
      {test::packet_of(kFlow6, IPPROTO_UDP, 5,
                       {.extra = {17, 0, 0, 1, 1, 2, 3, 4}, .first_extension = IPPROTO_FRAGMENT}),
       48 + 4}};
  for (const auto& [quote, least] : quotes) {
    for (size_t bytes = 1; bytes <= quote.size(); ++bytes) {
      EmbeddedPacket embedded;
      const EmbeddedVerdict verdict = find(error_about(test::first(quote, bytes)), embedded);
      EXPECT_EQ(verdict, bytes < least ? EmbeddedVerdict::kTruncated : EmbeddedVerdict::kFlow);
      EXPECT_TRUE(verdict != EmbeddedVerdict::kFlow || embedded.bytes == bytes);
    }
  }
  EXPECT_EQ(verdict_of({}), EmbeddedVerdict::kTruncated);
}

TEST(EmbeddedPacket, WithAWrongIpChecksumIsNone) {
  Bytes quote = test::packet_of(kFlow4, IPPROTO_TCP, 5);
  ++quote[12];
  EXPECT_EQ(verdict_of(quote), EmbeddedVerdict::kBadHeader);
}

TEST(EmbeddedPacket, OfTheOtherIpVersionIsNone) {
  EmbeddedPacket embedded;
  EXPECT_EQ(find(test::icmp_packet(kV4, 3, 1, 0, test::packet_of(kFlow6, 6, 5)), embedded),
            EmbeddedVerdict::kBadHeader);
  EXPECT_EQ(find(test::icmp_packet(kV6, 1, 0, 0, test::packet_of(kFlow4, 6, 5)), embedded),
            EmbeddedVerdict::kBadHeader);
}

TEST(EmbeddedPacket, EndsWhereItsOwnLengthSays) {
  EmbeddedPacket embedded;
  const Bytes quote = test::packet_of(kFlow4, IPPROTO_UDP, 3);
  ASSERT_EQ(find(error_about(join(quote, Bytes(40, 0xEE))), embedded), EmbeddedVerdict::kFlow);
  EXPECT_EQ(embedded.bytes, quote.size());
}

// RFC 4884: 128 bytes of quote, then an extension structure.
TEST(EmbeddedPacket, EndsBeforeExtensions) {
  for (const Flow& flow : {kFlow4, kFlow6}) {
    EmbeddedPacket embedded;
    const Bytes quote = test::first(test::packet_of(flow, IPPROTO_TCP, 500), 128);
    const uint32_t length = flow.is_v4() ? 128 / 4 << 16 : 128 / 8 << 24;
    ASSERT_EQ(find(error_about(join(quote, Bytes(20, 0x20)), length), embedded),
              EmbeddedVerdict::kFlow);
    EXPECT_EQ(embedded.bytes, 128U);
    // A length that lies about more than is there is not believed.
    const uint32_t lie = flow.is_v4() ? 0xFFU << 16 : 0xFFU << 24;
    ASSERT_EQ(find(error_about(quote, lie), embedded), EmbeddedVerdict::kFlow);
    EXPECT_EQ(embedded.bytes, 128U);
  }
}

TEST(ReportedMtu, IsThePlateauBelowWhenTheRouterDoesNotTell) {
  for (const auto& [total, mtu] : std::vector<std::pair<uint16_t, uint32_t>>{{1'500, 1'492},
                                                                             {1'492, 1'006},
                                                                             {9'000, 8'166},
                                                                             {65'535, 32'000},
                                                                             {297, 296},
                                                                             {60, 68}}) {
    Bytes l4(total - 20U);
    const Bytes quote = test::first(test::ip_packet(kFlow4.addresses, IPPROTO_UDP, l4), 28);
    const Bytes packet = test::icmp_packet(kV4, 3, 4, 0, quote);
    IcmpMessage message;
    EmbeddedPacket embedded;
    ASSERT_EQ(read_icmp(packet, message), IcmpVerdict::kError);
    ASSERT_EQ(find_embedded(packet, message, embedded), EmbeddedVerdict::kFlow);
    EXPECT_EQ(reported_mtu(message, embedded), mtu) << total;
  }
}

}  // namespace
}  // namespace sluice::net

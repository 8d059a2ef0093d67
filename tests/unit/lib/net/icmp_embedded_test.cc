// SPDX-License-Identifier: BSD-3-Clause
// The packet an ICMP error quotes, of each protocol, cut anywhere and inside tunnels. Tests.
#include "lib/net/icmp_embedded.h"

#include <gtest/gtest.h>

#include "lib/net/icmp_tunnel.h"
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

// Tunnels.

const Be16 kGuePort = Be16::from_host(6'080);
const AddressPair kTunnel4{address("192.0.2.1"), address("10.0.0.1")};
const AddressPair kTunnel6{address("2001:db8::1"), address("2001:db8:2::1")};

struct Tunnel {
  const char* name;
  uint8_t protocol;
  Bytes headers;  // behind IP
};

std::vector<Tunnel> tunnels(bool inner_is_v4) {
  const uint8_t inner = inner_is_v4 ? 4 : 41;
  const Bytes type = inner_is_v4 ? Bytes{0x08, 0x00} : Bytes{0x86, 0xDD};
  const Bytes udp = {0x12, 0x34, 0x17, 0xC0, 0, 0, 0, 0};
  return {{"ipip", inner, {}},
          {"gre", 47, join({0x00, 0x00}, type)},
          {"gre with checksum", 47, join({0x80, 0x00}, type, Bytes(4))},
          {"gre with key and sequence", 47, join({0x30, 0x00}, type, Bytes(8))},
          {"gue", 17, join(udp, Bytes{0x00, inner, 0, 0})},
          {"gue with private data", 17, join(udp, Bytes{0x02, inner, 0, 0}, Bytes(8))},
          {"fou", 17, udp}};
}

EmbeddedVerdict find_inner(const Bytes& packet, EmbeddedPacket& inner) {
  const Bytes copy = packet;
  IcmpMessage message;
  EmbeddedPacket outer;
  EXPECT_EQ(read_icmp(copy, message), IcmpVerdict::kError);
  const EmbeddedVerdict verdict = find_embedded(copy, message, outer);
  if (verdict != EmbeddedVerdict::kFlow && verdict != EmbeddedVerdict::kNoPorts) {
    return verdict;
  }
  return find_tunnelled(copy, outer, kGuePort, inner);
}

TEST(FindTunnelled, FindsThePacketInEveryTunnel) {
  for (const AddressPair& ends : {kTunnel4, kTunnel6}) {
    for (const Flow& flow : {kFlow4, kFlow6}) {
      for (const Tunnel& tunnel : tunnels(flow.is_v4())) {
        const Bytes quote = test::ip_packet(
            ends, tunnel.protocol, join(tunnel.headers, test::packet_of(flow, IPPROTO_TCP, 30)));
        EmbeddedPacket inner;
        ASSERT_EQ(find_inner(error_about(quote), inner), EmbeddedVerdict::kFlow) << tunnel.name;
        EXPECT_EQ(inner.ip.addresses, flow.addresses) << tunnel.name;
        EXPECT_EQ(inner.source_port.host(), 1'024) << tunnel.name;
        EXPECT_EQ(inner.l4_bytes(), 50U) << tunnel.name;
        // Cut anywhere it is there or it is not.
        for (size_t bytes = 1; bytes < quote.size(); ++bytes) {
          const EmbeddedVerdict verdict = find_inner(error_about(test::first(quote, bytes)), inner);
          const bool has_ports = bytes >= quote.size() - 46;
          EXPECT_EQ(verdict == EmbeddedVerdict::kFlow, has_ports) << tunnel.name << bytes;
        }
      }
    }
  }
}

TEST(FindTunnelled, FindsNothingInPacketsThatAreNoTunnel) {
  EmbeddedPacket inner;
  EXPECT_EQ(find_inner(error_about(test::packet_of(kFlow4, IPPROTO_UDP, 30)), inner),
            EmbeddedVerdict::kNoPorts);
  EXPECT_EQ(find_inner(error_about(test::packet_of(kFlow4, IPPROTO_TCP, 30)), inner),
            EmbeddedVerdict::kNoPorts);
  for (const Bytes& gre : {Bytes{0x00, 0x01, 0x08, 0x00}, Bytes{0x40, 0x00, 0x08, 0x00},
                           Bytes{0x00, 0x00, 0x65, 0x58}}) {
    const Bytes quote = test::ip_packet(kTunnel4, 47, join(gre, Bytes(60, 0x45)));
    EXPECT_EQ(find_inner(error_about(quote), inner), EmbeddedVerdict::kNoPorts);
  }
}

std::optional<TunnelError> relayed(uint8_t type, uint8_t code, uint32_t parameter,
                                   const AddressPair& ends, const Flow& flow) {
  const Bytes quote = test::ip_packet(ends, flow.is_v4() ? 4 : 41, test::packet_of(flow, 6, 30));
  const Bytes packet =
      test::icmp_packet(ends.source.is_v4() ? kV4 : kV6, type, code, parameter, quote);
  IcmpMessage message;
  EmbeddedPacket outer, inner;
  EXPECT_EQ(read_icmp(packet, message), IcmpVerdict::kError);
  EXPECT_EQ(find_embedded(packet, message, outer), EmbeddedVerdict::kNoPorts);
  EXPECT_EQ(find_tunnelled(packet, outer, kGuePort, inner), EmbeddedVerdict::kFlow);
  return relay_tunnel_error(message, outer, inner);
}

TEST(RelayTunnelError, TakesTheTunnelsHeadersOffTheMtu) {
  EXPECT_EQ(relayed(3, 4, 1'500, kTunnel4, kFlow4)->kind, IcmpErrorKind::kPacketTooBig);
  EXPECT_EQ(relayed(3, 4, 1'500, kTunnel4, kFlow4)->mtu, 1'480U);
  EXPECT_EQ(relayed(2, 0, 1'500, kTunnel6, kFlow4)->mtu, 1'460U);
  EXPECT_EQ(relayed(3, 4, 1'500, kTunnel4, kFlow6)->mtu, 1'480U);
  // A lie cannot go below what the inner packet's IP version promises.
  EXPECT_EQ(relayed(3, 4, 19, kTunnel4, kFlow4)->mtu, 68U);
  EXPECT_EQ(relayed(2, 0, 1'280, kTunnel6, kFlow6)->mtu, 1'280U);
}

TEST(RelayTunnelError, MakesTheTunnelALinkThatEndsOrRefuses) {
  for (const auto& [type, code, kind] : std::vector<std::tuple<uint8_t, uint8_t, IcmpErrorKind>>{
           {3, 0, IcmpErrorKind::kHostUnreachable},
           {3, 2, IcmpErrorKind::kHostUnreachable},
           {3, 3, IcmpErrorKind::kHostUnreachable},
           {3, 13, IcmpErrorKind::kAdminProhibited},
           {11, 0, IcmpErrorKind::kHostUnreachable}}) {
    EXPECT_EQ(relayed(type, code, 0, kTunnel4, kFlow4)->kind, kind);
  }
  EXPECT_EQ(relayed(1, 1, 0, kTunnel6, kFlow4)->kind, IcmpErrorKind::kAdminProhibited);
  EXPECT_EQ(relayed(3, 0, 0, kTunnel6, kFlow6)->kind, IcmpErrorKind::kHostUnreachable);
  EXPECT_FALSE(relayed(12, 0, 0, kTunnel4, kFlow4).has_value());
}

}  // namespace
}  // namespace sluice::net

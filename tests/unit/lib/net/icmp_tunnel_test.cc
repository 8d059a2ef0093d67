// SPDX-License-Identifier: BSD-3-Clause
// Errors about tunnel packets: the packet inside every tunnel, and what its sender is told. Tests.
#include "lib/net/icmp_tunnel.h"

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

Bytes error_about(const Bytes& quote) {
  const bool is_v4 = quote.empty() || quote[0] >> 4 == 4;
  return test::icmp_packet(is_v4 ? kV4 : kV6, is_v4 ? 3 : 1, 1, 0, quote);
}

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

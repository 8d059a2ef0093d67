// SPDX-License-Identifier: BSD-3-Clause
// A translated error is the error that would have been built about the other packet. Tests.
#include "lib/net/icmp_error.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/unit/lib/net/ip_packets.h"

namespace sluice::net {
namespace {

using test::address;
using test::Bytes;
using test::Flow;
using test::IpShape;

// One session of each version: what the client's side sees, what the server's side sees.
const Flow kClient4 = test::flow("198.51.100.7", 40'000, "192.0.2.10", 80);
const Flow kServer4 = test::flow("10.0.0.100", 1'024, "10.0.0.1", 8'080);
const Flow kClient6 = test::flow("2001:db8::7", 40'000, "2001:db8:1::10", 80);
const Flow kServer6 = test::flow("fd00::64", 1'024, "fd00::1", 8'080);

// A router on the server's side tells the local address; the VIP tells the client.
AddressPair outer_before(bool is_v4) {
  return is_v4 ? AddressPair{address("10.0.0.254"), kServer4.addresses.source}
               : AddressPair{address("fd00::254"), kServer6.addresses.source};
}
AddressPair outer_after(bool is_v4) {
  return is_v4 ? AddressPair{kClient4.addresses.destination, kClient4.addresses.source}
               : AddressPair{kClient6.addresses.destination, kClient6.addresses.source};
}

struct Error {
  uint8_t type = 3;
  uint8_t code = 1;
  uint32_t parameter = 0;
  uint8_t hop_limit = 64;
};

Bytes error_about(const Bytes& quote, const AddressPair& outer, const Error& error) {
  return test::icmp_packet(outer, error.type, error.code, error.parameter, quote,
                           {.hop_limit = error.hop_limit});
}

Bytes translated(Bytes packet, const IcmpErrorTarget& target) {
  IcmpMessage message;
  EmbeddedPacket embedded;
  EXPECT_EQ(read_icmp(packet, message), IcmpVerdict::kError);
  const EmbeddedVerdict verdict = find_embedded(packet, message, embedded);
  EXPECT_TRUE(verdict == EmbeddedVerdict::kFlow || verdict == EmbeddedVerdict::kLaterFragment);
  translate_icmp_error(packet, message, embedded, target);
  return packet;
}

// Half a checksum cannot be known and is left.
bool ends_within_checksum(uint8_t protocol, size_t l4_bytes) {
  const size_t checksum_at = protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 2;
  return l4_bytes == checksum_at + 1;
}

constexpr std::array<uint8_t, 3> kProtocols = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};

uint8_t protocol_of(uint8_t protocol, bool is_v4) {
  return protocol == IPPROTO_ICMP && !is_v4 ? uint8_t{IPPROTO_ICMPV6} : protocol;
}

// Wherever the quote is cut, what is left of it is what the client sent.
TEST(TranslateIcmpError, CutAnywhereIsTheErrorBuiltAnew) {
  for (const bool is_v4 : {true, false}) {
    const Flow &client = is_v4 ? kClient4 : kClient6, &server = is_v4 ? kServer4 : kServer6;
    for (const uint8_t kind : kProtocols) {
      const uint8_t protocol = protocol_of(kind, is_v4);
      const Bytes sent = test::packet_of(client, protocol, 30);
      const Bytes forwarded = test::packet_of(server, protocol, 30);
      const size_t header = is_v4 ? 20 : 40;
      const size_t least = kind == IPPROTO_ICMP ? 6 : 4;
      for (size_t bytes = header + least; bytes <= sent.size(); ++bytes) {
        if (ends_within_checksum(protocol, bytes - header)) {
          continue;
        }
        const IcmpErrorTarget target{outer_after(is_v4), client.embedded()};
        ASSERT_EQ(
            translated(error_about(test::first(forwarded, bytes), outer_before(is_v4), {}), target),
            error_about(test::first(sent, bytes), outer_after(is_v4), {.hop_limit = 63}))
            << int{protocol} << " of " << bytes << " bytes";
      }
    }
  }
}

Flow flow_from(uint64_t a, uint64_t b, bool is_v4) {
  Ipv6 source, destination;
  std::memcpy(source.bytes.data() + 4, &a, 8);
  std::memcpy(destination.bytes.data() + 8, &b, 8);
  source.bytes[0] = destination.bytes[0] = 0x20;
  const auto ports = static_cast<uint32_t>(a ^ b);
  return {is_v4 ? AddressPair{Ipv4::from_host(static_cast<uint32_t>(a)),
                              Ipv4::from_host(static_cast<uint32_t>(b))}
                : AddressPair{source, destination},
          static_cast<uint16_t>(ports >> 16), static_cast<uint16_t>(ports)};
}

TEST(TranslateIcmpErrorProperty, IsTheErrorBuiltAnewAndBackIsTheSame) {
  EXPECT_TRUE(rc::check([](uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint16_t shape) {
    const bool is_v4 = shape % 2 == 0;
    const uint8_t protocol = protocol_of(kProtocols[shape / 2 % 3], is_v4);
    const Flow before = flow_from(a, b, is_v4), after = flow_from(c, d, is_v4);
    const AddressPair outer = flow_from(b, c, is_v4).addresses;
    const AddressPair other = flow_from(d, a, is_v4).addresses;
    const IpShape ip{.hop_limit = 7, .extra = Bytes(is_v4 ? shape / 6 % 11 * 4 : 0, 1)};
    const size_t payload_bytes = shape % 50;
    const Bytes arriving =
        error_about(test::packet_of(before, protocol, payload_bytes, ip), outer, {});
    const Bytes leaving =
        error_about(test::packet_of(after, protocol, payload_bytes, ip), other, {.hop_limit = 63});
    RC_ASSERT(translated(arriving, {other, after.embedded()}) == leaving);
    RC_ASSERT(translated(leaving, {outer, before.embedded()}) ==
              error_about(test::packet_of(before, protocol, payload_bytes, ip), outer,
                          {.hop_limit = 62}));
  }));
}

TEST(TranslateIcmpError, GivesAnEchoReplyItsIdentifier) {
  const Bytes reply_in = test::icmp_packet(kServer4.addresses, 0, 0, 0x11110001, Bytes(9));
  const Bytes reply_out = test::icmp_packet(kClient4.addresses, 0, 0, 0x22220001, Bytes(9));
  EmbeddedFlow flow{.addresses = kClient4.addresses};
  flow.destination_port = Be16::from_host(0x2222);
  EXPECT_EQ(translated(error_about(reply_in, outer_before(true), {}), {outer_after(true), flow}),
            error_about(reply_out, outer_after(true), {.hop_limit = 63}));
}

Bytes tcp_quote(const Flow& flow, uint32_t sequence, uint32_t acknowledgement, uint8_t flags) {
  return test::ip_packet(
      flow.addresses, IPPROTO_TCP,
      test::tcp_segment(flow, test::payload(9), sequence, acknowledgement, flags));
}

TEST(TranslateIcmpError, ShiftsTcpNumbersThatAreThere) {
  EmbeddedFlow flow = kClient4.embedded();
  flow.sequence_shift = -5;
  flow.acknowledgement_shift = 0x7FFFFFFF;
  const Bytes forwarded = tcp_quote(kServer4, 3, 0x90000000, 0x10);
  const Bytes sent = tcp_quote(kClient4, 0xFFFFFFFE, 0x0FFFFFFF, 0x10);
  for (const size_t bytes : {20U + 8, 20U + 12, 20U + 13, 20U + 18, 20U + 29}) {
    EXPECT_EQ(translated(error_about(test::first(forwarded, bytes), outer_before(true), {}),
                         {outer_after(true), flow}),
              error_about(test::first(sent, bytes), outer_after(true), {.hop_limit = 63}))
        << bytes;
  }
  // A SYN acknowledges nothing.
  EXPECT_EQ(
      translated(error_about(tcp_quote(kServer4, 3, 0, 0x02), outer_before(true), {}),
                 {outer_after(true), flow}),
      error_about(tcp_quote(kClient4, 0xFFFFFFFE, 0, 0x02), outer_after(true), {.hop_limit = 63}));
}

TEST(TranslateIcmpError, KeepsUdpWithoutChecksum) {
  Bytes forwarded = test::packet_of(kServer4, IPPROTO_UDP, 9),
        sent = test::packet_of(kClient4, 17, 9);
  test::put16(forwarded, 26, 0);
  test::put16(sent, 26, 0);
  EXPECT_EQ(translated(error_about(forwarded, outer_before(true), {}),
                       {outer_after(true), kClient4.embedded()}),
            error_about(sent, outer_after(true), {.hop_limit = 63}));
}

TEST(TranslateIcmpError, KeepsSctpsChecksum) {
  Bytes sctp(30, 0x33);
  test::put16(sctp, 0, kServer4.source_port);
  test::put16(sctp, 2, kServer4.destination_port);
  Bytes expected = sctp;
  test::put16(expected, 0, kClient4.source_port);
  test::put16(expected, 2, kClient4.destination_port);
  EXPECT_EQ(translated(
                error_about(test::ip_packet(kServer4.addresses, 132, sctp), outer_before(true), {}),
                {outer_after(true), kClient4.embedded()}),
            error_about(test::ip_packet(kClient4.addresses, 132, expected), outer_after(true),
                        {.hop_limit = 63}));
}

TEST(TranslateIcmpError, GivesALaterFragmentOnlyAddresses) {
  const IpShape shape{.identification = 7, .fragment = 0x0010};
  const Bytes data(16, 0x77);
  EXPECT_EQ(translated(error_about(test::ip_packet(kServer4.addresses, 17, data, shape),
                                   outer_before(true), {}),
                       {outer_after(true), kClient4.embedded()}),
            error_about(test::ip_packet(kClient4.addresses, 17, data, shape), outer_after(true),
                        {.hop_limit = 63}));
}

TEST(TranslateIcmpError, KeepsExtensionsAndMtu) {
  const Bytes extension = {0x20, 0x00, 0x12, 0x34, 0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x11, 0x01};
  const auto with_extension = [&](const Flow& flow, const AddressPair& outer, uint8_t hop_limit) {
    return error_about(
        test::join(test::first(test::packet_of(flow, IPPROTO_TCP, 200), 128), extension), outer,
        {.code = 4, .parameter = 32U << 16 | 1'400, .hop_limit = hop_limit});
  };
  EXPECT_EQ(translated(with_extension(kServer4, outer_before(true), 64),
                       {outer_after(true), kClient4.embedded()}),
            with_extension(kClient4, outer_after(true), 63));
}

// From one IP version to the other.

constexpr ConversionPath kPath{.ipv4_mtu = 1'500, .ipv6_mtu = 1'500, .identification = 0x4321};

std::optional<IcmpFields> fields_of(bool is_v4, const Error& error, size_t payload_bytes = 30,
                                    const ConversionPath& path = kPath, const IpShape& shape = {}) {
  const Bytes quote =
      test::packet_of(is_v4 ? kServer4 : kServer6, IPPROTO_UDP, payload_bytes, shape);
  const Bytes packet = error_about(quote, outer_before(is_v4), error);
  IcmpMessage message;
  EmbeddedPacket embedded;
  EXPECT_EQ(read_icmp(packet, message), IcmpVerdict::kError);
  EXPECT_EQ(find_embedded(packet, message, embedded), EmbeddedVerdict::kFlow);
  return convert_icmp_fields(message, embedded, path);
}

constexpr auto kDropped = std::nullopt;

TEST(ConvertIcmpFields, OfIpv4AreThoseOfRfc7915Section42) {
  const std::array<std::optional<IcmpFields>, 17> unreachable = {IcmpFields{1, 0, 0},
                                                                 IcmpFields{1, 0, 0},
                                                                 IcmpFields{4, 1, 6},
                                                                 IcmpFields{1, 4, 0},
                                                                 IcmpFields{2, 0, 1'420},
                                                                 IcmpFields{1, 0, 0},
                                                                 IcmpFields{1, 0, 0},
                                                                 IcmpFields{1, 0, 0},
                                                                 IcmpFields{1, 0, 0},
                                                                 IcmpFields{1, 1, 0},
                                                                 IcmpFields{1, 1, 0},
                                                                 IcmpFields{1, 0, 0},
                                                                 IcmpFields{1, 0, 0},
                                                                 IcmpFields{1, 1, 0},
                                                                 kDropped,
                                                                 IcmpFields{1, 1, 0},
                                                                 kDropped};
  for (uint8_t code = 0; code < unreachable.size(); ++code) {
    EXPECT_EQ(fields_of(true, {3, code, code == 4 ? 1'400U : 0U}), unreachable[code]) << int{code};
  }
  EXPECT_EQ(fields_of(true, {11, 0}), (IcmpFields{3, 0, 0}));
  EXPECT_EQ(fields_of(true, {11, 1}), (IcmpFields{3, 1, 0}));
}

TEST(ConvertIcmpFields, OfIpv4PointTheWayOfFigure3) {
  constexpr int kNone = -1;
  constexpr std::array<int, 21> pointers = {0,     1, 4,  4,     kNone, kNone, kNone,
                                            kNone, 7, 6,  kNone, kNone, 8,     8,
                                            8,     8, 24, 24,    24,    24,    kNone};
  for (uint32_t at = 0; at < pointers.size(); ++at) {
    const auto expected =
        pointers[at] == kNone
            ? std::nullopt
            : std::optional(IcmpFields{4, 0, static_cast<uint32_t>(pointers[at])});
    EXPECT_EQ(fields_of(true, {12, 0, at << 24}), expected) << at;
    EXPECT_EQ(fields_of(true, {12, 2, at << 24}), expected) << at;
    EXPECT_EQ(fields_of(true, {12, 1, at << 24}), kDropped) << at;
  }
}

TEST(ConvertIcmpFields, OfIpv6AreThoseOfRfc7915Section52) {
  EXPECT_EQ(fields_of(false, {1, 0}), (IcmpFields{3, 1, 0}));
  EXPECT_EQ(fields_of(false, {1, 1}), (IcmpFields{3, 10, 0}));
  EXPECT_EQ(fields_of(false, {1, 2}), (IcmpFields{3, 1, 0}));
  EXPECT_EQ(fields_of(false, {1, 3}), (IcmpFields{3, 1, 0}));
  EXPECT_EQ(fields_of(false, {1, 4}), (IcmpFields{3, 3, 0}));
  EXPECT_EQ(fields_of(false, {1, 5}), kDropped);
  EXPECT_EQ(fields_of(false, {2, 0, 1'400}), (IcmpFields{3, 4, 1'380}));
  EXPECT_EQ(fields_of(false, {3, 0}), (IcmpFields{11, 0, 0}));
  EXPECT_EQ(fields_of(false, {3, 1}), (IcmpFields{11, 1, 0}));
  EXPECT_EQ(fields_of(false, {4, 1, 6}), (IcmpFields{3, 2, 0}));
  EXPECT_EQ(fields_of(false, {4, 2, 40}), kDropped);
  EXPECT_EQ(fields_of(false, {100, 0}), kDropped);
}

TEST(ConvertIcmpFields, OfIpv6PointTheWayOfFigure6) {
  const auto expected = [](uint32_t at) -> std::optional<IcmpFields> {
    constexpr std::array<int, 8> head = {0, 1, -1, -1, 2, 2, 9, 8};
    const int pointer = at < 8 ? head[at] : at < 24 ? 12 : at < 40 ? 16 : -1;
    return pointer < 0 ? std::nullopt
                       : std::optional(IcmpFields{12, 0, static_cast<uint32_t>(pointer) << 24});
  };
  for (uint32_t at = 0; at < 42; ++at) {
    EXPECT_EQ(fields_of(false, {4, 0, at}), expected(at)) << at;
  }
  EXPECT_EQ(fields_of(false, {4, 0, 0xFFFFFFFF}), kDropped);
}

uint32_t mtu_of(bool is_v4, uint32_t reported, const ConversionPath& path,
                const IpShape& shape = {}) {
  const Error error = is_v4 ? Error{3, 4, reported} : Error{2, 0, reported};
  return fields_of(is_v4, error, 1'472, path, shape)->parameter;
}

TEST(ConvertIcmpFields, TellTheLeastMtuOfTheWay) {
  const ConversionPath jumbo{.ipv4_mtu = 9'000, .ipv6_mtu = 9'000};
  EXPECT_EQ(mtu_of(true, 1'400, jumbo), 1'420U);
  EXPECT_EQ(mtu_of(true, 1'490, {.ipv4_mtu = 1'500, .ipv6_mtu = 1'500}), 1'500U);
  EXPECT_EQ(mtu_of(true, 8'000, {.ipv4_mtu = 1'400, .ipv6_mtu = 9'000}), 1'420U);
  EXPECT_EQ(mtu_of(true, 576, jumbo), 1'280U);
  EXPECT_EQ(mtu_of(true, 0, jumbo), 1'512U);  // 1492 is the plateau below 1500
  EXPECT_EQ(mtu_of(false, 1'400, jumbo), 1'380U);
  EXPECT_EQ(mtu_of(false, 1'400, jumbo,
                   {.extra = {17, 0, 0, 1, 0, 0, 0, 9}, .first_extension = IPPROTO_FRAGMENT}),
            1'372U);
  EXPECT_EQ(mtu_of(false, 8'000, {.ipv4_mtu = 9'000, .ipv6_mtu = 1'500}), 1'480U);
  EXPECT_EQ(mtu_of(false, 8'000, {.ipv4_mtu = 1'400, .ipv6_mtu = 9'000}), 1'400U);
  EXPECT_EQ(mtu_of(false, 100, jumbo), 1'260U);
  EXPECT_EQ(mtu_of(false, 0xFFFFFFFF, {.ipv4_mtu = 0xFFFFFF, .ipv6_mtu = 0xFFFFFF}), 0xFFFFU);
}

Bytes converted(const Bytes& packet, const IcmpErrorTarget& target) {
  const Bytes copy = packet;  // of its own size
  IcmpMessage message;
  EmbeddedPacket embedded;
  EXPECT_EQ(read_icmp(copy, message), IcmpVerdict::kError);
  const EmbeddedVerdict verdict = find_embedded(copy, message, embedded);
  EXPECT_TRUE(verdict == EmbeddedVerdict::kFlow || verdict == EmbeddedVerdict::kLaterFragment);
  std::array<uint8_t, kMaxIcmpv6ErrorBytes> out;
  out.fill(0xEE);
  const uint32_t bytes = convert_icmp_error(copy, message, embedded, target, kPath, out);
  return {out.begin(), out.begin() + bytes};
}

// An IPv6 client, an IPv4 server: the error about the IPv4 packet becomes one about the client's.
TEST(ConvertIcmpError, ToIpv6IsTheErrorBuiltAnew) {
  const IcmpErrorTarget target{outer_after(false), kClient6.embedded()};
  for (const uint8_t protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
    const size_t header = protocol == IPPROTO_TCP ? 20 : 8;
    const Bytes forwarded = test::packet_of(kServer4, protocol, 200, {.extra = Bytes(4, 1)});
    const Bytes sent = test::packet_of(kClient6, protocol, 200);
    for (size_t l4 = 4; l4 <= header + 200; ++l4) {
      if (ends_within_checksum(protocol, l4)) {
        continue;
      }
      ASSERT_EQ(
          converted(error_about(test::first(forwarded, 24 + l4), outer_before(true), {}), target),
          error_about(test::first(sent, 40 + l4), outer_after(false),
                      {.type = 1, .code = 0, .hop_limit = 63}))
          << l4;
    }
  }
}

// RFC 1812 4.3.2.3: no more than 576 bytes.
TEST(ConvertIcmpError, ToIpv4IsTheErrorBuiltAnew) {
  const IcmpErrorTarget target{outer_after(true), kClient4.embedded()};
  const IpShape outer{.hop_limit = 63, .identification = 0x4321};
  for (const uint8_t protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
    const size_t header = protocol == IPPROTO_TCP ? 20 : 8;
    const Bytes forwarded = test::packet_of(kServer6, protocol, 1'000);
    const Bytes sent = test::packet_of(kClient4, protocol, 1'000);
    for (size_t l4 = 4; l4 <= header + 1'000; l4 += l4 < 30 ? 1 : 97) {
      if (ends_within_checksum(protocol, l4)) {
        continue;
      }
      const Bytes quote = test::first(sent, std::min<size_t>(20 + l4, 576 - 28));
      ASSERT_EQ(converted(error_about(test::first(forwarded, 40 + l4), outer_before(false),
                                      {.type = 2, .code = 0, .parameter = 1'400}),
                          target),
                test::icmp_packet(outer_after(true), 3, 4, 1'380, quote, outer))
          << l4;
    }
  }
}

TEST(ConvertIcmpError, ToIpv6IsCutAt1280Bytes) {
  const Bytes forwarded = test::packet_of(kServer4, IPPROTO_UDP, 1'400);
  const Bytes error = converted(error_about(forwarded, outer_before(true), {}),
                                {outer_after(false), kClient6.embedded()});
  EXPECT_EQ(error.size(), 1'280U);
  EXPECT_EQ(error, error_about(test::first(test::packet_of(kClient6, IPPROTO_UDP, 1'400), 1'232),
                               outer_after(false), {.type = 1, .code = 0, .hop_limit = 63}));
}

TEST(ConvertIcmpError, LeavesExtensionsOut) {
  const Bytes quote = test::first(test::packet_of(kServer4, IPPROTO_TCP, 200), 128);
  EXPECT_EQ(converted(error_about(test::join(quote, Bytes(12, 0x20)), outer_before(true),
                                  {.type = 11, .code = 0, .parameter = 32U << 16}),
                      {outer_after(false), kClient6.embedded()}),
            error_about(test::first(test::packet_of(kClient6, IPPROTO_TCP, 200), 148),
                        outer_after(false), {.type = 3, .code = 0, .hop_limit = 63}));
}

TEST(ConvertIcmpError, QuotesFragmentsAsFragments) {
  const Bytes forwarded = test::ip_packet(kServer4.addresses, 17, test::payload(16),
                                          {.identification = 0xABCD, .fragment = 0x0010});
  const Bytes sent =
      test::ip_packet(kClient6.addresses, 17, test::payload(16),
                      {.extra = {17, 0, 0, 0x80, 0, 0, 0xAB, 0xCD}, .first_extension = 44});
  EXPECT_EQ(converted(error_about(forwarded, outer_before(true), {}),
                      {outer_after(false), kClient6.embedded()}),
            error_about(sent, outer_after(false), {.type = 1, .code = 0, .hop_limit = 63}));
}

TEST(ConvertIcmpError, HasNothingForErrorsWithoutCounterpart) {
  const IcmpErrorTarget target{outer_after(false), kClient6.embedded()};
  const Bytes tcp = test::packet_of(kServer4, IPPROTO_TCP, 9);
  EXPECT_TRUE(converted(error_about(tcp, outer_before(true), {.code = 14}), target).empty());
  const Bytes echo = test::packet_of(kServer4, IPPROTO_ICMP, 9);
  EXPECT_TRUE(converted(error_about(echo, outer_before(true), {}), target).empty());
}

}  // namespace
}  // namespace sluice::net

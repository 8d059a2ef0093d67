// SPDX-License-Identifier: BSD-3-Clause
// An error in the other IP version: RFC 7915's tables, and the error built anew. Tests.
#include "lib/net/icmp_conversion.h"

#include <gtest/gtest.h>

#include "tests/unit/lib/net/icmp_session.h"

namespace sluice::net {
namespace {

using test::Bytes;
using test::ends_within_checksum;
using test::Error;
using test::error_about;
using test::IpShape;
using test::kClient4;
using test::kClient6;
using test::kServer4;
using test::kServer6;
using test::outer_after;
using test::outer_before;

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

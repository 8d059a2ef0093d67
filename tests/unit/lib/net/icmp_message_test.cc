// SPDX-License-Identifier: BSD-3-Clause
// What an ICMP message is taken for, and echo replies byte for byte. Tests.
#include "lib/net/icmp_message.h"

#include <gtest/gtest.h>

#include "tests/unit/lib/net/ip_packets.h"

namespace sluice::net {
namespace {

using test::address;
using test::Bytes;

const AddressPair kV4{address("198.51.100.7"), address("192.0.2.10")};
const AddressPair kV6{address("2001:db8::7"), address("2001:db8:1::10")};

AddressPair turned(const AddressPair& addresses) {
  return {addresses.destination, addresses.source};
}

IcmpVerdict read(const Bytes& packet, IcmpMessage& message) {
  return read_icmp(Bytes(packet), message);  // in a buffer of its own size
}

IcmpVerdict verdict_of(const Bytes& packet) {
  IcmpMessage message;
  return read(packet, message);
}

TEST(IcmpMessage, OfEveryIpv4TypeIsWhatTheRfcsSay) {
  for (uint32_t type = 0; type < 256; ++type) {
    IcmpVerdict expected = IcmpVerdict::kOther;
    if (type == 8) {
      expected = IcmpVerdict::kEchoRequest;
    } else if (type == 0) {
      expected = IcmpVerdict::kEchoReply;
    } else if (type == 3 || type == 11 || type == 12) {
      expected = IcmpVerdict::kError;
    } else if (type == 4) {
      expected = IcmpVerdict::kObsoleteError;
    }
    EXPECT_EQ(verdict_of(test::icmp_packet(kV4, static_cast<uint8_t>(type), 0, 0, Bytes(28))),
              expected)
        << type;
  }
}

TEST(IcmpMessage, OfEveryIpv6TypeIsWhatTheRfcsSay) {
  for (uint32_t type = 0; type < 256; ++type) {
    const IcmpVerdict expected = type == 128   ? IcmpVerdict::kEchoRequest
                                 : type == 129 ? IcmpVerdict::kEchoReply
                                 : type < 128  ? IcmpVerdict::kError
                                               : IcmpVerdict::kOther;
    EXPECT_EQ(verdict_of(test::icmp_packet(kV6, static_cast<uint8_t>(type), 0, 0, Bytes(28))),
              expected)
        << type;
  }
}

TEST(IcmpMessage, HasItsFields) {
  IcmpMessage message;
  ASSERT_EQ(read(test::icmp_packet(kV4, 3, 4, 1'400, Bytes(28), {.extra = Bytes(8, 1)}), message),
            IcmpVerdict::kError);
  EXPECT_TRUE(message.is_packet_too_big());
  EXPECT_EQ(message.offset(), 28U);
  EXPECT_EQ(message.bytes(), 36U);
  EXPECT_EQ(message.parameter.host(), 1'400U);
  ASSERT_EQ(read(test::icmp_packet(kV6, 128, 0, 0xABCD0001, {}), message),
            IcmpVerdict::kEchoRequest);
  EXPECT_EQ(message.identifier().host(), 0xABCD);
}

TEST(IcmpMessage, WithAWrongChecksumIsNoError) {
  for (const AddressPair& addresses : {kV4, kV6}) {
    Bytes packet = test::icmp_packet(addresses, addresses.source.is_v4() ? 3 : 1, 1, 0, Bytes(28));
    ++packet.back();
    EXPECT_EQ(verdict_of(packet), IcmpVerdict::kBadChecksum);
  }
}

TEST(IcmpMessage, Ipv6ChecksumCountsTheAddresses) {
  Bytes packet = test::icmp_packet(kV6, 1, 0, 0, Bytes(40));
  ++packet[23];
  EXPECT_EQ(verdict_of(packet), IcmpVerdict::kBadChecksum);
}

TEST(IcmpMessage, IgnoresEthernetPadding) {
  for (const AddressPair& addresses : {kV4, kV6}) {
    const Bytes packet = test::icmp_packet(addresses, addresses.source.is_v4() ? 3 : 1, 1, 0, {9});
    EXPECT_EQ(verdict_of(test::join(packet, Bytes(17, 0xEE))), IcmpVerdict::kError);
  }
}

TEST(IcmpMessage, CutAnywhereIsTruncated) {
  for (const AddressPair& addresses : {kV4, kV6}) {
    const Bytes packet =
        test::icmp_packet(addresses, addresses.source.is_v4() ? 3 : 1, 1, 0, Bytes(28));
    for (size_t bytes = 0; bytes < packet.size(); ++bytes) {
      EXPECT_EQ(verdict_of(test::first(packet, bytes)), IcmpVerdict::kTruncated) << bytes;
    }
  }
  EXPECT_EQ(verdict_of(test::ip_packet(kV4, IPPROTO_ICMP, Bytes(7, 8))), IcmpVerdict::kTruncated);
}

TEST(IcmpMessage, IsNotReadFromFragmentsOrOtherPackets) {
  EXPECT_EQ(verdict_of(test::icmp_packet(kV4, 8, 0, 0, {}, {.fragment = 0x2000})),
            IcmpVerdict::kFragment);
  EXPECT_EQ(verdict_of(test::ip_packet(kV4, IPPROTO_ICMPV6, Bytes(8))), IcmpVerdict::kBadIpHeader);
  EXPECT_EQ(verdict_of(test::ip_packet(kV6, IPPROTO_ICMP, Bytes(8))), IcmpVerdict::kBadIpHeader);
}

Bytes answered(Bytes packet) {
  IcmpMessage message;
  EXPECT_EQ(read_icmp(packet, message), IcmpVerdict::kEchoRequest);
  EXPECT_TRUE(answer_echo(packet, message));
  return packet;
}

TEST(AnswerEcho, IsTheReplyBuiltAnew) {
  for (uint32_t seed = 0; seed < 5'000; ++seed) {
    const uint32_t parameter = seed * 2'654'435'761U;
    const Bytes data = test::payload(seed % 60);
    for (const AddressPair& addresses : {kV4, kV6}) {
      const bool is_v4 = addresses.source.is_v4();
      const test::IpShape shape{.hop_limit = static_cast<uint8_t>(seed), .traffic_class = 0x10};
      const test::IpShape reply_shape{.hop_limit = 64, .traffic_class = 0x10};
      Bytes reply =
          test::icmp_packet(turned(addresses), is_v4 ? 0 : 129, 0, parameter, data, reply_shape);
      if (reply[is_v4 ? 22 : 42] == 0 && reply[is_v4 ? 23 : 43] == 0) {
        test::put16(reply, is_v4 ? 22 : 42, 0xFFFF);  // the other zero
      }
      ASSERT_EQ(answered(test::icmp_packet(addresses, is_v4 ? 8 : 128, 0, parameter, data, shape)),
                reply);
    }
  }
}

TEST(AnswerEcho, OfAMessageOfZerosHasAChecksumThatVerifies) {
  const Bytes reply = answered(test::icmp_packet(kV4, 8, 0, 0, Bytes(8)));
  EXPECT_EQ(rte_raw_cksum(reply.data() + 20, reply.size() - 20), 0xFFFF);
}

TEST(AnswerEcho, KeepsOptionsAndAWrongChecksum) {
  Bytes request = test::icmp_packet(kV4, 8, 0, 0x00010002, Bytes(8), {.extra = {7, 3, 4, 0}});
  Bytes reply = test::icmp_packet(turned(kV4), 0, 0, 0x00010002, Bytes(8), {.extra = {7, 3, 4, 0}});
  EXPECT_EQ(answered(request), reply);
  ++request[27];
  ++reply[27];
  EXPECT_EQ(answered(request), reply);
}

TEST(AnswerEcho, LeavesExtensionHeadersToOthers) {
  Bytes packet = test::icmp_packet(kV6, 128, 0, 1, {},
                                   {.extra = {58, 0, 1, 4, 0, 0, 0, 0}, .first_extension = 0});
  const Bytes before = packet;
  IcmpMessage message;
  ASSERT_EQ(read_icmp(packet, message), IcmpVerdict::kEchoRequest);
  EXPECT_FALSE(answer_echo(packet, message));
  EXPECT_EQ(packet, before);
}

}  // namespace
}  // namespace sluice::net

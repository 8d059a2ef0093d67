// SPDX-License-Identifier: BSD-3-Clause
// A translated error is the error that would have been built about the other packet. Tests.
#include "lib/net/icmp_error.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/unit/lib/net/icmp_session.h"

namespace sluice::net {
namespace {

using test::address;
using test::Bytes;
using test::ends_within_checksum;
using test::error_about;
using test::Flow;
using test::IpShape;
using test::kClient4;
using test::kClient6;
using test::kServer4;
using test::kServer6;
using test::outer_after;
using test::outer_before;

Bytes translated(Bytes packet, const IcmpErrorTarget& target) {
  IcmpMessage message;
  EmbeddedPacket embedded;
  EXPECT_EQ(read_icmp(packet, message), IcmpVerdict::kError);
  const EmbeddedVerdict verdict = find_embedded(packet, message, embedded);
  EXPECT_TRUE(verdict == EmbeddedVerdict::kFlow || verdict == EmbeddedVerdict::kLaterFragment);
  translate_icmp_error(packet, message, embedded, target);
  return packet;
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

// The MTU falls by what we add, but not below what every link has; the length attribute stays.
TEST(LowerReportedMtu, TakesBytesOffTooBigErrorsAlone) {
  const auto told = [](bool is_v4, uint8_t type, uint8_t code, uint32_t parameter, uint32_t bytes) {
    const Flow& flow = is_v4 ? kServer4 : kServer6;
    Bytes packet = test::icmp_packet(outer_before(is_v4), type, code, parameter,
                                     test::packet_of(flow, IPPROTO_TCP, 30));
    IcmpMessage message;
    EmbeddedPacket embedded;
    EXPECT_EQ(read_icmp(packet, message), IcmpVerdict::kError);
    EXPECT_EQ(find_embedded(packet, message, embedded), EmbeddedVerdict::kFlow);
    lower_reported_mtu(packet, message, embedded, bytes);
    Be32 written;
    std::memcpy(&written.raw, packet.data() + message.offset() + 4, sizeof(written.raw));
    EXPECT_EQ(written, message.parameter);
    return written.host();
  };
  EXPECT_EQ(told(true, 3, 4, 1'400, 8), 1'392U);
  EXPECT_EQ(told(true, 3, 4, 1'400, 0), 1'400U);
  EXPECT_EQ(told(true, 3, 4, 70, 8), 68U);
  EXPECT_EQ(told(true, 3, 4, 5U << 16 | 1'400, 8), 5U << 16 | 1'392U);
  EXPECT_EQ(told(true, 3, 1, 1'400, 8), 1'400U);
  EXPECT_EQ(told(false, 2, 0, 1'400, 20), 1'380U);
  EXPECT_EQ(told(false, 2, 0, 1'290, 20), 1'280U);
  EXPECT_EQ(told(false, 1, 0, 1'400, 20), 1'400U);
}

}  // namespace
}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// Which client segments the PROXY header goes with, step by step. Tests.
#include "lib/net/proxy_insert.h"

#include <gtest/gtest.h>

#include "tests/unit/lib/net/raw_packet.h"

namespace sluice::net {
namespace {

using test::Bytes;
using test::IpVersion;
using test::PacketSpec;
using test::RawPacket;

constexpr uint8_t kHeaderBytes = 28;
constexpr uint32_t kFirst = 1'001;        // client space
constexpr uint32_t kHeaderStart = 5'001;  // server space
constexpr uint32_t kHeaderEnd = kHeaderStart + kHeaderBytes;
constexpr uint8_t kAck = RTE_TCP_ACK_FLAG;

constexpr ClientPlan kPlain(uint32_t sequence) { return {sequence, HeaderPlacement::kNone}; }

/// One session, told in segments.
struct Session {
  SequenceShift shift = [] {
    const RawPacket syn({.seq = kFirst - 1, .flags = RTE_TCP_SYN_FLAG});
    return begin_shift(syn.tcp(), kHeaderStart - 1, std::nullopt, kHeaderBytes);
  }();

  void expect(const PacketSpec& spec, ClientPlan expected, uint32_t mtu = 1'500) {
    RawPacket packet(spec, mtu);
    const ClientPlan plan = plan_client_segment(shift, packet.room);
    EXPECT_EQ(plan.sequence, expected.sequence);
    EXPECT_EQ(static_cast<int>(plan.placement), static_cast<int>(expected.placement));
  }
  void server_acks(uint32_t ack) {
    const RawPacket packet(PacketSpec{.ack = ack});
    shift_server_segment(shift, packet.tcp());
  }
};

PacketSpec segment(uint32_t seq, size_t payload_bytes, uint8_t flags = kAck) {
  return {.seq = seq, .flags = flags, .payload = test::pattern(payload_bytes)};
}

constexpr ClientPlan kJoined{kHeaderStart, HeaderPlacement::kInSegment};

TEST(ProxyInsert, TheAckOfTheHandshakeCarriesTheHeader) {
  Session session;
  session.expect(segment(kFirst - 1, 0, RTE_TCP_SYN_FLAG), kPlain(kHeaderStart - 1));
  session.expect(segment(kFirst, 0), kJoined);
  session.expect(segment(kFirst, 100), kPlain(kHeaderEnd));
  session.expect(segment(kFirst + 100, 100), kPlain(kHeaderEnd + 100));
}

TEST(ProxyInsert, ARequestThatOvertookTheHandshakesAckCarriesItToo) {
  Session session;
  session.expect(segment(kFirst, 100), kJoined);
}

TEST(ProxyInsert, ARepeatedFirstSegmentCarriesTheHeaderAgain) {
  Session session;
  session.expect(segment(kFirst, 100), kJoined);
  session.expect(segment(kFirst, 100), kJoined);
  session.server_acks(kHeaderEnd);
  session.expect(segment(kFirst, 100), kPlain(kHeaderEnd));
}

TEST(ProxyInsert, AfterTheServerMissedItTheNextSegmentBringsIt) {
  Session session;
  session.expect(segment(kFirst, 0), kJoined);
  session.expect(segment(kFirst, 100), kPlain(kHeaderEnd));
  session.server_acks(kHeaderStart);
  session.expect(segment(kFirst + 100, 100), {kHeaderEnd + 100, HeaderPlacement::kOwnSegmentFirst});
  session.expect(segment(kFirst + 200, 100), kPlain(kHeaderEnd + 200));
}

TEST(ProxyInsert, AServerThatRepeatsItsSynAckGetsTheHeaderWithTheNextAck) {
  Session session;
  session.expect(segment(kFirst, 0), kJoined);
  session.expect(segment(kFirst, 0), kPlain(kHeaderEnd));
  session.server_acks(kHeaderStart);
  session.expect(segment(kFirst, 0), kJoined);
}

TEST(ProxyInsert, ASegmentTooLongForBothIsPrecededByTheHeader) {
  Session session;
  session.expect(segment(kFirst, 1'460 - 27), {kHeaderEnd, HeaderPlacement::kOwnSegmentFirst});
  Session exact;
  exact.expect(segment(kFirst, 1'460 - 28), kJoined);
}

TEST(ProxyInsert, AnEmptyStreamEndsBehindTheHeader) {
  Session session;
  session.expect(segment(kFirst, 0, kAck | RTE_TCP_FIN_FLAG), kJoined);
  session.expect(segment(kFirst, 0, kAck | RTE_TCP_FIN_FLAG), kJoined);
  session.server_acks(kHeaderEnd + 1);
  session.expect(segment(kFirst + 1, 0), kPlain(kHeaderEnd + 1));
}

TEST(ProxyInsert, ARstStandsWhereTheServerExpectsIt) {
  Session session;
  session.expect(segment(kFirst, 0, RTE_TCP_RST_FLAG), kPlain(kHeaderStart));
  session.expect(segment(kFirst, 0), kJoined);
  session.expect(segment(kFirst, 0, RTE_TCP_RST_FLAG), kPlain(kHeaderEnd));
  session.server_acks(kHeaderStart);  // a challenge: the header never came
  session.expect(segment(kFirst, 0, RTE_TCP_RST_FLAG), kPlain(kHeaderStart));
}

TEST(ProxyInsert, AKeepAliveProbeBringsAMissingHeader) {
  Session session;
  session.expect(segment(kFirst - 1, 0), {kHeaderStart - 1, HeaderPlacement::kOwnSegmentFirst});
}

TEST(ProxyInsert, ASynWithDataIsRefused) {
  Session session;
  session.expect(segment(kFirst - 1, 10, RTE_TCP_SYN_FLAG),
                 {kHeaderStart - 1, HeaderPlacement::kRefuse});
}

TEST(ProxyInsert, WithoutAHeaderEverySegmentIsPlain) {
  Session session;
  session.shift.header = HeaderState::kNone;
  session.shift.header_bytes = 0;
  session.expect(segment(kFirst - 1, 10, RTE_TCP_SYN_FLAG), kPlain(kHeaderStart - 1));
  session.expect(segment(kFirst, 10), kPlain(kHeaderStart));
}

TEST(ProxyInsert, TheHeadersOwnSegmentIsARightPacket) {
  for (const IpVersion version : {IpVersion::kV4, IpVersion::kV6}) {
    for (const size_t payload_bytes : {0, 99, 1'400}) {
      for (const size_t header_bytes : {28, 45}) {
        Session session;
        const Bytes header = test::pattern(header_bytes);
        PacketSpec spec = segment(kFirst + 7, payload_bytes, kAck | RTE_TCP_FIN_FLAG);
        spec.version = version;
        spec.urgent = 5;
        spec.options = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
        RawPacket packet(spec);
        Bytes out(header_segment_bytes(packet.room, header));
        write_header_segment(session.shift, packet.room, sum_words(spec.payload), header,
                             out.data());
        spec.seq = kHeaderStart;
        spec.flags = kAck | RTE_TCP_PSH_FLAG;
        spec.urgent = 0;
        spec.payload = header;
        EXPECT_EQ(out, RawPacket::wire_bytes(spec));
      }
    }
  }
}

TEST(ProxyInsert, TheHeadersOwnSegmentHidesNoWrongChecksum) {
  Session session;
  RawPacket packet(segment(kFirst + 7, 50));
  packet.tcp()[8] ^= 1;  // the ack number was damaged on the way
  const Bytes header = test::pattern(28);
  Bytes out(header_segment_bytes(packet.room, header));
  write_header_segment(session.shift, packet.room, sum_words(test::pattern(50)), header,
                       out.data());
  EXPECT_FALSE(test::is_right(out));
}

}  // namespace
}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// SCTP packets: what is read of them, at every length; ports and checksum when they change. Tests.
#include "lib/net/sctp.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rte_hash_crc.h>

#include <string_view>

#include "lib/net/parse.h"
#include "lib/net/sctp_checksum.h"
#include "lib/table/tcp_state.h"
#include "tests/support/sctp.h"

namespace sluice::net {
namespace {

using test::Frame;
using test::FrameBuilder;
using test::sctp;
using test::sctp_chunk;

const Mac kPortMac = test::mac("02:00:00:00:00:01");
const Mac kPeerMac = test::mac("02:00:00:00:01:01");
const Endpoint kFrom = test::endpoint("198.51.100.7:40000");
const Endpoint kTo = test::endpoint("192.0.2.10:2905");
const Endpoint kFrom6 = test::endpoint("[2001:db8:f::7]:40000");
const Endpoint kTo6 = test::endpoint("[2001:db8::10]:2905");
constexpr size_t kSctpAt4 = 14 + 20;

struct Parsed {
  ParseVerdict verdict;
  Flow flow;
  PacketFields fields;
};

// The bytes lie alone in a heap block of their size, so that a sanitizer sees every byte too many.
Parsed parse_segment(const FrameBuilder& builder, size_t contiguous) {
  const Frame frame = FrameBuilder(builder).link(kPeerMac, kPortMac);
  const Frame exact(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(contiguous));
  FlowKey4 key4{};
  FlowKey6 key6{};
  Parsed parsed{};
  parsed.verdict = parse(exact.data(), static_cast<uint32_t>(contiguous),
                         static_cast<uint32_t>(frame.size()), kPortMac, key4, key6, parsed.fields);
  parsed.flow = parsed.fields.is_v6 ? Flow(key6) : Flow(key4);
  return parsed;
}

Parsed parse_all(const FrameBuilder& builder) {
  return parse_segment(builder, builder.build().size());
}

SctpEvent event_of(const Frame& chunks) {
  const Parsed parsed = parse_all(sctp(kFrom, kTo, chunks));
  EXPECT_EQ(parsed.verdict, ParseVerdict::kFlow);
  return sctp_event(parsed.fields.tcp_flags);
}

TEST(Sctp, IsAFlowInBothIpVersions) {
  const Parsed v4 = parse_all(sctp(kFrom, kTo, test::kSctpData).pad_to(100));
  EXPECT_EQ(v4.verdict, ParseVerdict::kFlow);
  EXPECT_EQ(v4.flow, (Flow{kFrom, kTo, IPPROTO_SCTP}));
  EXPECT_EQ(v4.fields.ip_bytes, 20U + 12 + 20);
  const Parsed v6 = parse_all(sctp(kFrom6, kTo6, test::kSctpData));
  EXPECT_EQ(v6.verdict, ParseVerdict::kFlow);
  EXPECT_EQ(v6.flow, (Flow{kFrom6, kTo6, IPPROTO_SCTP}));
}

TEST(Sctp, TellsEventsByTheFirstChunk) {
  const std::map<uint8_t, SctpEvent> expected = {
      {test::kSctpInit, SctpEvent::kInit},
      {test::kSctpInitAck, SctpEvent::kInitAck},
      {test::kSctpAbort, SctpEvent::kAbort},
      {test::kSctpShutdown, SctpEvent::kShutdown},
      {test::kSctpShutdownAck, SctpEvent::kShutdownAck},
      {test::kSctpError, SctpEvent::kError},
      {test::kSctpCookieEcho, SctpEvent::kCookieEcho},
      {test::kSctpCookieAck, SctpEvent::kCookieAck},
      {test::kSctpShutdownComplete, SctpEvent::kShutdownComplete}};
  for (uint32_t type = 0; type < 256; ++type) {
    const auto found = expected.find(static_cast<uint8_t>(type));
    EXPECT_EQ(event_of(sctp_chunk(static_cast<uint8_t>(type))),
              found == expected.end() ? SctpEvent::kData : found->second)
        << type;
  }
}

Frame both(const Frame& first, const Frame& second) {
  Frame chunks = first;
  for (const uint8_t byte : second) {
    chunks.push_back(byte);
  }
  return chunks;
}

TEST(Sctp, SeesAnAbortBehindACookie) {
  const Frame abort = sctp_chunk(test::kSctpAbort, 0);
  for (const size_t bytes : {0, 1, 7, 100}) {
    EXPECT_EQ(event_of(both(sctp_chunk(test::kSctpCookieEcho, bytes), abort)), SctpEvent::kAbort);
    EXPECT_EQ(event_of(both(sctp_chunk(test::kSctpCookieAck, bytes), abort)), SctpEvent::kAbort);
    EXPECT_EQ(event_of(both(sctp_chunk(test::kSctpData, bytes), abort)), SctpEvent::kData);
  }
  EXPECT_EQ(event_of(both(sctp_chunk(test::kSctpCookieEcho), sctp_chunk(test::kSctpData))),
            SctpEvent::kCookieEcho);
}

TEST(Sctp, LooksLikeASynWhenItIsAnInitOnly) {
  for (size_t i = 0; i < kSctpEventCount; ++i) {
    const auto event = static_cast<SctpEvent>(i);
    EXPECT_EQ(sctp_event(as_tcp_flags(event)), event);
    EXPECT_EQ(as_tcp_flags(event) == table::kTcpSyn, event == SctpEvent::kInit);
    EXPECT_EQ((as_tcp_flags(event) & table::kTcpSyn) != 0, event == SctpEvent::kInit);
  }
}

TEST(Sctp, IsRefusedWithoutAWholeFirstChunk) {
  FrameBuilder whole = sctp(kFrom, kTo, test::kSctpData);
  const Frame bytes = whole.payload();
  for (size_t left = 0; left < kLeastSctpBytes; ++left) {
    const Frame cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(left));
    EXPECT_EQ(parse_all(FrameBuilder(whole).payload(cut)).verdict, ParseVerdict::kBadL4Header);
    // The wire has it, the first segment of the packet buffer has not.
    EXPECT_EQ(parse_segment(whole, kSctpAt4 + left).verdict, ParseVerdict::kBadL4Header) << left;
  }
  EXPECT_EQ(parse_segment(whole, kSctpAt4 + kLeastSctpBytes).verdict, ParseVerdict::kFlow);
  for (const uint8_t length : {0, 1, 2, 3, 21, 255}) {
    Frame lying = bytes;
    lying[15] = length;
    EXPECT_EQ(parse_all(FrameBuilder(whole).payload(lying)).verdict, ParseVerdict::kBadL4Header)
        << int{length};
  }
}

TEST(Sctp, ReadsACookieThatIsCutAtEveryByte) {
  const FrameBuilder whole =
      sctp(kFrom, kTo, both(sctp_chunk(test::kSctpCookieEcho, 9), sctp_chunk(test::kSctpAbort, 0)));
  const size_t end = whole.build().size();
  for (size_t contiguous = kSctpAt4 + kLeastSctpBytes; contiguous <= end; ++contiguous) {
    const Parsed parsed = parse_segment(whole, contiguous);
    ASSERT_EQ(parsed.verdict, ParseVerdict::kFlow);
    const bool is_abort_there = contiguous > kSctpAt4 + 12 + 16;
    EXPECT_EQ(sctp_event(parsed.fields.tcp_flags),
              is_abort_there ? SctpEvent::kAbort : SctpEvent::kCookieEcho);
  }
}

Frame pattern(size_t bytes, uint8_t first, int step) {
  Frame frame;
  for (size_t i = 0; i < bytes; ++i) {
    frame.push_back(static_cast<uint8_t>(first + static_cast<int>(i) * step));
  }
  return frame;
}

// The vectors of RFC 3720 B.4; DPDK's instruction computes the same.
TEST(SctpChecksum, IsJudgedByTheVectorsOfTheRfc) {
  const std::pair<Frame, uint32_t> vectors[] = {{pattern(32, 0, 0), 0x8A9136AA},
                                                {pattern(32, 0xFF, 0), 0x62A8AB43},
                                                {pattern(32, 0, 1), 0x46DD794E},
                                                {pattern(32, 31, -1), 0x113FDB5C}};
  for (const auto& [bytes, crc] : vectors) {
    EXPECT_EQ(test::reference_crc32c(bytes), crc);
    EXPECT_EQ(~rte_hash_crc(bytes.data(), static_cast<uint32_t>(bytes.size()), 0xFFFFFFFF), crc);
  }
}

// Every length of a first page, and lengths on both sides of others up to the largest.
TEST(SctpChecksum, ChangesAsIfComputedAnew) {
  std::vector<size_t> lengths = {1'479,  1'480,  4'096,  8'960, 65'279,
                                 65'280, 65'281, 65'515, 65'535};
  for (size_t bytes = 12; bytes < 600; ++bytes) {
    lengths.push_back(bytes);
  }
  for (const size_t bytes : lengths) {
    const Frame before = pattern(bytes, 7, 3);
    Frame after = before;
    after[0] ^= 0xA5;
    after[3] ^= 0x11;
    EXPECT_EQ(sctp_checksum_change(0x110000A5, static_cast<uint32_t>(bytes)),
              test::reference_crc32c(before) ^ test::reference_crc32c(after))
        << bytes;
  }
}

Frame rewritten(Frame packet, const Endpoint& from, const Endpoint& to) {
  rewrite_sctp(packet.data(), static_cast<uint32_t>(packet.size()), {from.port, to.port});
  return packet;
}

TEST(SctpChecksumProperty, IsThatOfThePacketBuiltAnew) {
  EXPECT_TRUE(rc::check([](uint16_t a, uint16_t b, uint16_t c, uint16_t d, uint16_t shape) {
    const auto at = [](uint16_t port) { return Endpoint{kFrom.address, Be16::from_host(port)}; };
    const Frame chunk = sctp_chunk(static_cast<uint8_t>(shape), shape % 1'500);
    const Frame before = sctp(at(a), at(b), chunk).payload();
    RC_ASSERT(rewritten(before, at(c), at(d)) == sctp(at(c), at(d), chunk).payload());
    RC_ASSERT(rewritten(rewritten(before, at(c), at(d)), at(a), at(b)) == before);
  }));
}

TEST(SctpChecksum, StaysWrongByTheSameBits) {
  const Endpoint server = test::endpoint("10.0.0.1:2906");
  EXPECT_EQ(rewritten(with_bit_error(sctp(kFrom, kTo, test::kSctpData)).payload(), kFrom, server),
            with_bit_error(sctp(kFrom, server, test::kSctpData)).payload());
}

TEST(SctpChecksum, OfZeroStaysZero) {
  const Endpoint server = test::endpoint("10.0.0.1:2906");
  const Frame packet = with_sctp_checksum(sctp(kFrom, kTo, test::kSctpData), 0).payload();
  EXPECT_EQ(rewritten(packet, kFrom, server),
            with_sctp_checksum(sctp(kFrom, server, test::kSctpData), 0).payload());
}

TEST(SctpChecksum, IsLeftWhereNoPortChanges) {
  const Frame packet = with_sctp_checksum(sctp(kFrom, kTo, test::kSctpData), 0x12345678).payload();
  EXPECT_EQ(rewritten(packet, kFrom, kTo), packet);
}

}  // namespace
}  // namespace sluice::net

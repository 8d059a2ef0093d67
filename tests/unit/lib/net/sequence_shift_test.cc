// SPDX-License-Identifier: BSD-3-Clause
// Sequence numbers, SACK blocks, windows and timestamps between client and server. Tests.
#include "lib/net/sequence_shift.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/unit/lib/net/raw_packet.h"

namespace sluice::net {
namespace {

using test::Bytes;
using test::IpVersion;
using test::PacketSpec;
using test::RawPacket;

constexpr uint8_t kHeaderBytes = 28;
constexpr uint32_t kClientIsn = 1'000;
constexpr uint32_t kNewIsn = 5'000;

Bytes timestamps(uint32_t value, uint32_t echo) {
  Bytes options = {1, 1, 8, 10};
  test::append32(options, value);
  test::append32(options, echo);
  return options;
}

SequenceShift started(uint8_t header_bytes, uint32_t client_isn = kClientIsn,
                      uint32_t isn = kNewIsn) {
  const RawPacket syn({.seq = client_isn, .ack = 0, .flags = RTE_TCP_SYN_FLAG});
  return begin_shift(syn.tcp(), isn, std::nullopt, header_bytes);
}

PacketSpec to_client(SequenceShift& shift, const PacketSpec& spec) {
  const RawPacket packet(spec);
  shift_server_segment(shift, packet.tcp());
  EXPECT_TRUE(test::is_right(packet.bytes()));
  return RawPacket::spec_of(packet.bytes());
}

PacketSpec to_server(const SequenceShift& shift, const PacketSpec& spec) {
  const RawPacket packet(spec);
  shift_client_segment(shift, packet.tcp(), shift.to_server(spec.seq));
  EXPECT_TRUE(test::is_right(packet.bytes()));
  return RawPacket::spec_of(packet.bytes());
}

TEST(InitialSequence, RisesWithTheClockAndHidesItsSecret) {
  const SipKey secret = {1, 2};
  FlowKey4 key{Ipv4::from_host(1), Ipv4::from_host(2), Be16::from_host(3), Be16::from_host(4), 6};
  const uint32_t first = initial_sequence(secret, key, 1'000'000);
  EXPECT_EQ(initial_sequence(secret, key, 2'000'000) - first, 250'000U) << "one in 4 us";
  EXPECT_NE(initial_sequence(SipKey{1, 3}, key, 1'000'000), first);
  key.source_port = Be16::from_host(5);
  EXPECT_NE(initial_sequence(secret, key, 1'000'000), first);
  EXPECT_NE(initial_sequence(secret, FlowKey6{}, 0), initial_sequence({}, FlowKey6{}, 0));
}

TEST(TimestampClock, IsFasterThanTheFastestClient) {
  constexpr uint64_t kDayUs = 86'400'000'000;
  EXPECT_GT(timestamp_clock(kDayUs), 86'400'000U);
  EXPECT_LT(timestamp_clock(kDayUs), 86'400'000U / 100 * 103);
}

TEST(SequenceShift, FollowsTheExampleOfItsDescription) {
  SequenceShift shift = started(kHeaderBytes);
  EXPECT_EQ(shift.to_server(1'000), 5'000U);
  EXPECT_EQ(shift.to_server(1'001), 5'029U);
  EXPECT_EQ(to_client(shift, {.ack = 5'129}).ack, 1'101U);
}

TEST(SequenceShift, AnAckInsideTheHeaderStaysAtTheFirstByte) {
  for (const auto& [ack, seen] : {std::pair{5'000U, 1'000U},
                                  {5'001U, 1'001U},
                                  {5'002U, 1'001U},
                                  {5'028U, 1'001U},
                                  {5'029U, 1'001U},
                                  {5'030U, 1'002U}}) {
    SequenceShift shift = started(kHeaderBytes);
    EXPECT_EQ(to_client(shift, {.ack = ack}).ack, seen) << ack;
  }
}

TEST(SequenceShift, ASegmentWithoutAckKeepsItsMeaninglessFields) {
  SequenceShift shift = started(kHeaderBytes);
  const PacketSpec rst{.ack = 0, .flags = RTE_TCP_RST_FLAG, .options = timestamps(5, 0)};
  EXPECT_EQ(to_client(shift, rst), rst);
}

TEST(SequenceShift, TranslatesBothEdgesOfEachSackBlock) {
  SequenceShift shift = started(kHeaderBytes);
  Bytes options = {1, 5, 18};  // at an odd offset
  Bytes expected = options;
  for (const uint32_t edge : {5'129U, 5'229U, 5'329U, 5'429U}) {
    test::append32(options, edge);
    test::append32(expected, edge - 4'028);
  }
  options.push_back(1);
  expected.push_back(1);
  options.resize(20, 0);
  expected.resize(20, 0);
  EXPECT_EQ(to_client(shift, {.ack = 5'029, .options = options}).options, expected);
}

TEST(SequenceShift, ASackOfTheHeaderItselfIsEmptyToTheClient) {
  SequenceShift shift = started(kHeaderBytes);
  Bytes options = {1, 1, 5, 10}, expected = options;
  test::append32(options, 5'001);
  test::append32(options, 5'029);
  test::append32(expected, 1'001);
  test::append32(expected, 1'001);
  EXPECT_EQ(to_client(shift, {.ack = 5'029, .options = options}).options, expected);
}

TEST(SequenceShift, ACutSackOptionIsTranslatedAsFarAsItGoes) {
  SequenceShift shift = started(0);
  const Bytes options = {5, 8, 0, 0, 0x17, 0x70, 0xAA, 0xBB};
  EXPECT_EQ(to_client(shift, {.ack = 5'001, .options = options}).options,
            (Bytes{5, 8, 0, 0, 0x07, 0xD0, 0xAA, 0xBB}));
}

TEST(SequenceShift, TheWindowIsShownWithoutTheHeadersOpenPart) {
  SequenceShift shift = started(kHeaderBytes);
  constexpr uint8_t kSynAck = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG;
  EXPECT_EQ(
      to_client(
          shift,
          {.seq = 8'999, .ack = 5'001, .flags = kSynAck, .window = 1'000, .options = {1, 3, 3, 3}})
          .window,
      1'000 - 28)
      << "a SYN's window is not scaled";
  EXPECT_EQ(shift.server_first_byte, 9'000U);
  EXPECT_EQ(to_client(shift, {.ack = 5'001, .window = 1'000}).window, 1'000 - 4) << "28 bytes";
  EXPECT_EQ(to_client(shift, {.ack = 5'020, .window = 1'000}).window, 1'000 - 2) << "9 bytes";
  EXPECT_EQ(to_client(shift, {.ack = 5'001, .window = 3}).window, 0);
  EXPECT_EQ(to_client(shift, {.ack = 5'029, .window = 1'000}).window, 1'000);
}

TEST(SequenceShift, TheServersAcksTellWhetherTheHeaderArrived) {
  SequenceShift shift = started(kHeaderBytes);
  shift.header = HeaderState::kSent;
  to_client(shift, {.ack = 5'001});
  EXPECT_EQ(shift.header, HeaderState::kPending) << "a duplicate ACK: it was lost";
  shift.header = HeaderState::kSent;
  to_client(shift, {.ack = 5'028});
  EXPECT_EQ(shift.header, HeaderState::kPending) << "a part is not enough";
  to_client(shift, {.ack = 5'029});
  EXPECT_EQ(shift.header, HeaderState::kAcked);
  to_client(shift, {.ack = 5'001});
  EXPECT_EQ(shift.header, HeaderState::kAcked) << "an old ACK that was overtaken";
}

TEST(SequenceShift, StaysTheSameThroughFourWrapsOfTheNumbers) {
  SequenceShift shift = started(kHeaderBytes, 0xFFFFFF00U, 0x7FFFFFF0U);
  shift.header = HeaderState::kSent;
  constexpr uint32_t kStep = 1U << 23;
  uint32_t client_number = 0xFFFFFF01U, server_number = 0x7FFFFFF1U + kHeaderBytes;
  for (uint32_t i = 0; i < 4 * 512 + 5; ++i) {
    ASSERT_EQ(shift.to_server(client_number), server_number) << i;
    ASSERT_EQ(to_client(shift, {.ack = server_number}).ack, client_number) << i;
    client_number += kStep;
    server_number += kStep;
  }
  EXPECT_EQ(shift.header, HeaderState::kNone) << "far behind, one addition does it all";
}

TEST(SequenceShift, ARepeatedSynGoesOnAndAnotherStartsAnew) {
  const SequenceShift shift = started(0);
  const RawPacket repeated({.seq = kClientIsn, .flags = RTE_TCP_SYN_FLAG});
  const RawPacket another({.seq = kClientIsn + 1, .flags = RTE_TCP_SYN_FLAG});
  EXPECT_TRUE(is_repeated_syn(shift, repeated.tcp()));
  EXPECT_FALSE(is_repeated_syn(shift, another.tcp()));
}

TEST(SequenceShift, TimestampsStartAtOurClockAndAreEchoedAtTheClients) {
  const RawPacket syn(
      {.seq = kClientIsn, .flags = RTE_TCP_SYN_FLAG, .options = timestamps(0xFFFFFFF0U, 0)});
  SequenceShift shift = begin_shift(syn.tcp(), kNewIsn, 70'000, 0);
  EXPECT_EQ(to_server(shift, RawPacket::spec_of(syn.bytes())).options, timestamps(70'000, 0));
  EXPECT_EQ(to_client(shift, {.ack = 5'001, .options = timestamps(333, 70'000)}).options,
            timestamps(333, 0xFFFFFFF0U));
  EXPECT_EQ(to_server(shift, {.options = timestamps(0x10, 333)}).options, timestamps(70'032, 333))
      << "the server's own timestamps stay";
}

TEST(SequenceShift, WithoutTimestampsInTheSynNoneAreShifted) {
  const RawPacket syn({.seq = kClientIsn, .flags = RTE_TCP_SYN_FLAG});
  EXPECT_EQ(begin_shift(syn.tcp(), kNewIsn, 70'000, 0).timestamp_delta, 0U);
}

TEST(SequenceShift, AClientsOwnAddressOptionNeverPasses) {
  const SequenceShift shift = started(0);
  const RawPacket packet({.options = {254, 8, 0, 1, 2, 3, 4, 5}});
  EXPECT_TRUE(shift_client_segment(shift, packet.tcp(), 1));
  EXPECT_EQ(RawPacket::spec_of(packet.bytes()).options, Bytes(8, 1));
  EXPECT_TRUE(test::is_right(packet.bytes()));
  EXPECT_FALSE(shift_client_segment(shift, packet.tcp(), 1));
}

TEST(SequenceShift, WithAHeaderASynOffersNeitherFastOpenNorMptcp) {
  const PacketSpec syn{
      .seq = kClientIsn, .flags = RTE_TCP_SYN_FLAG, .options = {34, 2, 30, 4, 0, 0, 4, 2}};
  EXPECT_EQ(to_server(started(kHeaderBytes), syn).options, (Bytes{1, 1, 1, 1, 1, 1, 4, 2}));
  EXPECT_EQ(to_server(started(0), syn).options, syn.options);
}

TEST(SequenceShift, ToaIsForSegmentsThatAcknowledgeTheSynAlone) {
  SequenceShift shift = started(0);
  const auto wants = [&](uint8_t flags, uint32_t ack) {
    return wants_toa(shift, RawPacket({.ack = ack, .flags = flags}).tcp());
  };
  EXPECT_FALSE(wants(RTE_TCP_ACK_FLAG, 0)) << "the server's number is not known yet";
  to_client(shift, {.seq = 8'999, .ack = 5'001, .flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG});
  EXPECT_TRUE(wants(RTE_TCP_ACK_FLAG, 9'000));
  EXPECT_TRUE(wants(RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG | RTE_TCP_FIN_FLAG, 9'000));
  EXPECT_FALSE(wants(RTE_TCP_ACK_FLAG, 9'001));
  EXPECT_FALSE(wants(RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG, 9'000));
  EXPECT_FALSE(wants(RTE_TCP_SYN_FLAG, 9'000));
}

TEST(SequenceShiftProperty, HostileOptionsLeaveTheChecksumsOfAFullComputation) {
  EXPECT_TRUE(
      rc::check([](Bytes options, const Bytes& payload, uint32_t seq, uint8_t flags, bool is_v4) {
        options.resize(options.size() % 11 * 4);
        SequenceShift shift = started(kHeaderBytes);
        shift.timestamp_delta = 0x12345678;
        const PacketSpec spec{.version = is_v4 ? IpVersion::kV4 : IpVersion::kV6,
                              .seq = seq,
                              .ack = ~seq,
                              .flags = flags,
                              .options = options,
                              .payload = payload};
        to_server(shift, spec);
        to_client(shift, spec);
      }));
}

}  // namespace
}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// Bytes put in front of a payload: lengths, checksums of every parity, refusals. Tests.
#include "lib/net/packet_room.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/unit/lib/net/raw_packet.h"

namespace sluice::net {
namespace {

using test::Bytes;
using test::IpVersion;
using test::PacketSpec;
using test::RawPacket;

PacketSpec any_spec(uint8_t kind, const Bytes& payload) {
  PacketSpec spec{.version = kind % 2 == 0 ? IpVersion::kV4 : IpVersion::kV6,
                  .protocol = kind / 2 % 2 == 0 ? uint8_t{IPPROTO_TCP} : uint8_t{IPPROTO_UDP},
                  .payload = payload,
                  .is_tagged = kind / 4 % 2 != 0};
  if (spec.protocol == IPPROTO_TCP) {
    spec.options.assign(kind / 8 % 11 * 4U, 1);
  } else {
    spec.seq = PacketSpec{}.seq;
  }
  if (spec.version == IpVersion::kV4) {
    spec.ip_options.assign(kind / 8 % 3 * 4U, 1);
  }
  return spec;
}

TEST(PacketRoomProperty, WhatIsPutInFrontOfAPayloadLeavesARightPacket) {
  EXPECT_TRUE(rc::check([](uint8_t kind, const Bytes& payload, Bytes inserted) {
    inserted.resize(inserted.size() % 108);
    const PacketSpec spec = any_spec(kind, payload);
    RawPacket packet(spec);
    RC_ASSERT((insert_before_payload(packet.room, spec.protocol, inserted) == Insertion::kDone));
    PacketSpec expected = spec;
    expected.payload = inserted;
    test::append(expected.payload, payload);
    RC_ASSERT((RawPacket::spec_of(packet.bytes()) == expected));
    RC_ASSERT(test::is_right(packet.bytes()));
  }));
}

TEST(PacketRoomProperty, AWrongChecksumStaysWrong) {
  EXPECT_TRUE(rc::check([](uint8_t kind, const Bytes& payload, Bytes inserted, uint8_t error) {
    RC_PRE(error != 0);
    inserted.resize(inserted.size() % 108);
    const PacketSpec spec = any_spec(kind, payload);
    RawPacket packet(spec);
    packet.room.l4()[spec.protocol == IPPROTO_TCP ? 17 : 7] ^= error;
    // Not the other zero of one's complement, and not UDP's "none".
    RC_PRE(test::read16(packet.room.l4() + (spec.protocol == IPPROTO_TCP ? 16 : 6)) % 0xFFFF != 0);
    (void)insert_before_payload(packet.room, spec.protocol, inserted);
    RC_ASSERT(!test::is_right(packet.bytes()));
  }));
}

TEST(PacketRoom, UdpWithoutAChecksumStaysWithout) {
  RawPacket packet({.protocol = IPPROTO_UDP, .payload = test::pattern(5)});
  packet.room.l4()[6] = packet.room.l4()[7] = 0;
  ASSERT_EQ(insert_before_payload(packet.room, IPPROTO_UDP, test::pattern(28)), Insertion::kDone);
  EXPECT_EQ(test::read16(packet.room.l4() + 4), 8U + 28 + 5);
  EXPECT_EQ(test::read16(packet.room.l4() + 6), 0U);
}

TEST(PacketRoom, AnUrgentPointerPointsToTheSameByte) {
  RawPacket packet(
      {.flags = RTE_TCP_ACK_FLAG | RTE_TCP_URG_FLAG, .urgent = 3, .payload = test::pattern(5)});
  ASSERT_EQ(insert_before_payload(packet.room, IPPROTO_TCP, test::pattern(45)), Insertion::kDone);
  EXPECT_EQ(RawPacket::spec_of(packet.bytes()).urgent, 48);
  EXPECT_TRUE(test::is_right(packet.bytes()));
}

TEST(PacketRoom, RefusesWhatPassesTheMtuOrTheHeadroom) {
  const PacketSpec spec{.payload = test::pattern(100)};  // 140 bytes of IP
  RawPacket exact(spec, 150, 10);
  EXPECT_EQ(insert_before_payload(exact.room, IPPROTO_TCP, test::pattern(10)), Insertion::kDone);
  RawPacket packet(spec, 150, 10);
  const Bytes before = packet.bytes();
  EXPECT_EQ(insert_before_payload(packet.room, IPPROTO_TCP, test::pattern(11)),
            Insertion::kOverMtu);
  packet.room.mtu_bytes = 100'000;
  EXPECT_EQ(insert_before_payload(packet.room, IPPROTO_TCP, test::pattern(11)),
            Insertion::kNoHeadroom);
  EXPECT_EQ(packet.bytes(), before);
}

TEST(PacketRoom, NoIpPacketPassesItsLengthField) {
  RawPacket packet({.payload = test::pattern(65'535 - 40)}, 100'000);
  EXPECT_EQ(insert_before_payload(packet.room, IPPROTO_TCP, test::pattern(1)), Insertion::kOverMtu);
}

}  // namespace
}  // namespace sluice::net

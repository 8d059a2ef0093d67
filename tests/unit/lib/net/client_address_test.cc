// SPDX-License-Identifier: BSD-3-Clause
// TOA and UOA: exact bytes, where they do not fit, and checksums. Tests.
#include "lib/net/client_address.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/unit/lib/net/raw_packet.h"

namespace sluice::net {
namespace {

using test::Bytes;
using test::IpVersion;
using test::PacketSpec;
using test::RawPacket;

const Endpoint kClient4{*Address::parse("198.51.100.7"), Be16::from_host(51'234)};
const Endpoint kClient6{*Address::parse("2001:db8::7"), Be16::from_host(51'234)};
const Bytes kToa4 = {254, 8, 0xC8, 0x22, 198, 51, 100, 7};
const Bytes kToa6 = {254, 20, 0xC8, 0x22, 0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
const Bytes kTimestamps = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};

TEST(Toa, StandsInFrontOfTheOtherOptions) {
  for (const IpVersion version : {IpVersion::kV4, IpVersion::kV6}) {
    for (const auto& [client, option] : {std::pair{kClient4, kToa4}, {kClient6, kToa6}}) {
      PacketSpec spec{.version = version, .options = kTimestamps, .payload = test::pattern(3)};
      RawPacket packet(spec);
      ASSERT_EQ(insert_toa(packet.room, client), Insertion::kDone);
      spec.options = option;
      test::append(spec.options, kTimestamps);
      EXPECT_EQ(packet.bytes(), RawPacket::wire_bytes(spec));
    }
  }
}

TEST(Toa, IsLeftOutWhenTheHeaderIsFull) {
  const auto insertion = [](size_t option_bytes, const Endpoint& client) {
    RawPacket packet(PacketSpec{.options = Bytes(option_bytes, 1)});
    const Bytes before = packet.bytes();
    const Insertion done = insert_toa(packet.room, client);
    EXPECT_EQ(packet.bytes() == before, done != Insertion::kDone);
    return done;
  };
  EXPECT_EQ(insertion(32, kClient4), Insertion::kDone);
  EXPECT_EQ(insertion(36, kClient4), Insertion::kHeaderFull);
  EXPECT_EQ(insertion(20, kClient6), Insertion::kDone);
  EXPECT_EQ(insertion(24, kClient6), Insertion::kHeaderFull);
}

TEST(Toa, IsLeftOutWhenTheSegmentIsFull) {
  RawPacket full(PacketSpec{.payload = test::pattern(1'460 - 7)});
  EXPECT_EQ(insert_toa(full.room, kClient4), Insertion::kOverMtu);
  RawPacket lowered(PacketSpec{.payload = test::pattern(1'460 - 8)});
  EXPECT_EQ(insert_toa(lowered.room, kClient4), Insertion::kDone);
  RawPacket cramped(PacketSpec{}, 1'500, 7);
  EXPECT_EQ(insert_toa(cramped.room, kClient4), Insertion::kNoHeadroom);
}

TEST(ToaProperty, LeavesTheChecksumsOfAFullComputation) {
  EXPECT_TRUE(rc::check([](const Bytes& payload, uint32_t address, uint16_t port, uint8_t words,
                           bool is_v4, bool is_tagged) {
    RawPacket packet(PacketSpec{.version = is_v4 ? IpVersion::kV4 : IpVersion::kV6,
                                .options = Bytes(words % 9 * 4U, 1),
                                .payload = payload,
                                .is_tagged = is_tagged});
    RC_ASSERT((insert_toa(packet.room, {Ipv4::from_host(address), Be16::from_host(port)}) ==
               Insertion::kDone));
    RC_ASSERT(test::is_right(packet.bytes()));
  }));
}

const PacketSpec kDatagram{.protocol = IPPROTO_UDP, .payload = test::pattern(9)};

TEST(Uoa, AsAnOptionStandsBehindTheFixedHeader) {
  PacketSpec spec = kDatagram;
  spec.ip_options = {7, 7, 4, 0, 0, 0, 0, 1};  // record route
  RawPacket packet(spec);
  ASSERT_EQ(insert_uoa_option(packet.room, kClient4), Insertion::kDone);
  spec.ip_options.insert(spec.ip_options.begin(), {31, 8, 0xC8, 0x22, 198, 51, 100, 7});
  EXPECT_EQ(packet.bytes(), RawPacket::wire_bytes(spec));
  EXPECT_EQ(packet.room.l4_offset, 14 + 20 + 16);
  EXPECT_EQ(test::read16(packet.room.l4()), 51'234U);
}

TEST(Uoa, AsAnOptionNeedsIpv4AndRoom) {
  PacketSpec spec = kDatagram;
  spec.ip_options.assign(36, 1);
  RawPacket full(spec);
  EXPECT_EQ(insert_uoa_option(full.room, kClient4), Insertion::kHeaderFull);
  RawPacket packet(kDatagram, 20 + 8 + 9 + 7);
  EXPECT_EQ(insert_uoa_option(packet.room, kClient6), Insertion::kWrongFamily);
  EXPECT_EQ(insert_uoa_option(packet.room, kClient4), Insertion::kOverMtu);
  spec = kDatagram;
  spec.version = IpVersion::kV6;
  RawPacket other(spec);
  EXPECT_EQ(insert_uoa_option(other.room, kClient4), Insertion::kWrongFamily);
}

TEST(Uoa, AsAProtocolStandsBetweenIpAndUdp) {
  for (const IpVersion version : {IpVersion::kV4, IpVersion::kV6}) {
    for (const auto& [client, header] :
         {std::pair{kClient4, Bytes{0x10, 17, 0, 12, 31}}, {kClient6, {0x20, 17, 0, 24, 31}}}) {
      PacketSpec spec = kDatagram;
      spec.version = version;
      RawPacket packet(spec);
      const Bytes plain = packet.bytes();
      ASSERT_EQ(insert_uoa_protocol(packet.room, client), Insertion::kDone);
      const size_t ip_end = version == IpVersion::kV4 ? 34 : 54;
      const Bytes frame = packet.bytes();
      EXPECT_EQ(frame[version == IpVersion::kV4 ? 23 : 20], 248);
      EXPECT_TRUE(std::equal(header.begin(), header.end(), frame.begin() + ip_end));
      const Bytes& option = client.address.is_v4() ? kToa4 : kToa6;
      EXPECT_TRUE(std::equal(option.begin() + 1, option.end(), frame.begin() + ip_end + 5));
      EXPECT_TRUE(std::equal(plain.begin() + ip_end, plain.end(),
                             frame.begin() + ip_end + 4 + option.size()))
          << "UDP with its checksum stays";
      EXPECT_EQ(packet.room.ip_bytes(), frame.size() - 14);
      if (version == IpVersion::kV4) {
        EXPECT_EQ(test::reference_sum({frame.data() + 14, 20}), 0xFFFF);
      }
    }
  }
}

TEST(Uoa, OfAClientItselfIsBlanked) {
  PacketSpec spec = kDatagram;
  spec.ip_options = {1, 31, 8, 0xC8, 0x22, 198, 51, 100, 7, 31, 2, 1};
  const RawPacket packet(spec);
  EXPECT_TRUE(strip_uoa_option(packet.room));
  spec.ip_options.assign(12, 1);
  EXPECT_EQ(packet.bytes(), RawPacket::wire_bytes(spec));
  EXPECT_FALSE(strip_uoa_option(packet.room));
}

TEST(Uoa, IsNotLookedForBehindABadLength) {
  PacketSpec spec = kDatagram;
  for (const uint8_t length : {0, 1, 8, 255}) {
    spec.ip_options = {1, 1, 31, length};
    EXPECT_FALSE(strip_uoa_option(RawPacket(spec).room));
  }
}

}  // namespace
}  // namespace sluice::net

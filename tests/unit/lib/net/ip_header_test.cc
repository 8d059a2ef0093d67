// SPDX-License-Identifier: BSD-3-Clause
// IP headers of both versions, whole, cut anywhere and hostile. Tests.
#include "lib/net/ip_header.h"

#include <gtest/gtest.h>

#include "tests/unit/lib/net/ip_packets.h"

namespace sluice::net {
namespace {

using test::address;
using test::Bytes;
using test::IpShape;

const AddressPair kV4{address("198.51.100.7"), address("192.0.2.10")};
const AddressPair kV6{address("2001:db8::7"), address("2001:db8:1::10")};

const Bytes kHopByHop = {43, 0, 1, 4, 0, 0, 0, 0};  // padding, then a routing header
const Bytes kRouting = {60, 0, 4, 0, 0, 0, 0, 0};   // no segments left, then destination options
const Bytes kDestination = {6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};  // 16 bytes, then TCP

IpHeaderVerdict read(const Bytes& bytes, IpHeader& header) {
  return read_ip_header(Bytes(bytes), header);  // in a buffer of its own size
}

IpHeaderVerdict verdict_of(const Bytes& bytes) {
  IpHeader header;
  return read(bytes, header);
}

TEST(IpHeader, OfIpv4WithOptions) {
  IpHeader header;
  const Bytes packet = test::ip_packet(kV4, IPPROTO_TCP, Bytes(30),
                                       {.hop_limit = 9,
                                        .traffic_class = 0xB8,
                                        .identification = 0xABCD,
                                        .fragment = 0x4000,
                                        .extra = {7, 7, 4, 0, 0, 0, 0, 0}});
  ASSERT_EQ(read(packet, header), IpHeaderVerdict::kOk);
  EXPECT_TRUE(header.is_v4());
  EXPECT_EQ(header.addresses, kV4);
  EXPECT_EQ(header.header_bytes, 28U);
  EXPECT_EQ(header.total_bytes, 58U);
  EXPECT_EQ(header.l4_bytes(), 30U);
  EXPECT_EQ(header.identification, 0xABCDU);
  EXPECT_EQ(header.protocol, IPPROTO_TCP);
  EXPECT_EQ(header.hop_limit, 9);
  EXPECT_EQ(header.traffic_class, 0xB8);
  EXPECT_TRUE(header.dont_fragment);
  EXPECT_FALSE(header.is_fragment());
}

TEST(IpHeader, OfIpv4Fragments) {
  IpHeader header;
  ASSERT_EQ(read(test::ip_packet(kV4, IPPROTO_UDP, Bytes(16), {.fragment = 0x2000}), header),
            IpHeaderVerdict::kOk);
  EXPECT_TRUE(header.is_fragment());
  EXPECT_FALSE(header.is_later_fragment());
  ASSERT_EQ(read(test::ip_packet(kV4, IPPROTO_UDP, Bytes(16), {.fragment = 0x1FFF}), header),
            IpHeaderVerdict::kOk);
  EXPECT_TRUE(header.is_later_fragment());
  EXPECT_FALSE(header.more_fragments);
  EXPECT_EQ(header.fragment_offset, 65'528);
}

TEST(IpHeader, OfIpv6WithExtensionHeaders) {
  IpHeader header;
  const Bytes packet = test::ip_packet(kV6, IPPROTO_TCP, Bytes(30),
                                       {.traffic_class = 0xB8,
                                        .extra = test::join(kHopByHop, kRouting, kDestination),
                                        .first_extension = 0});
  ASSERT_EQ(read(packet, header), IpHeaderVerdict::kOk);
  EXPECT_FALSE(header.is_v4());
  EXPECT_EQ(header.addresses, kV6);
  EXPECT_EQ(header.header_bytes, 40U + 32);
  EXPECT_EQ(header.l4_bytes(), 30U);
  EXPECT_EQ(header.protocol, IPPROTO_TCP);
  EXPECT_EQ(header.traffic_class, 0xB8);
  EXPECT_FALSE(header.is_source_routed);
}

TEST(IpHeader, OfIpv6Fragments) {
  IpHeader header;
  const IpShape first{.extra = {17, 0, 0, 1, 1, 2, 3, 4}, .first_extension = IPPROTO_FRAGMENT};
  ASSERT_EQ(read(test::ip_packet(kV6, IPPROTO_UDP, Bytes(16), first), header),
            IpHeaderVerdict::kOk);
  EXPECT_TRUE(header.more_fragments);
  EXPECT_FALSE(header.is_later_fragment());
  EXPECT_EQ(header.identification, 0x01020304U);
  EXPECT_EQ(header.protocol, IPPROTO_UDP);
  // Behind the header of a later fragment there is data, whatever it looks like.
  const IpShape later{.extra = {60, 0, 0xFF, 0xF8, 1, 2, 3, 4},
                      .first_extension = IPPROTO_FRAGMENT};
  ASSERT_EQ(read(test::ip_packet(kV6, IPPROTO_UDP, Bytes(16, 0xFF), later), header),
            IpHeaderVerdict::kOk);
  EXPECT_EQ(header.fragment_offset, 0xFFF8);
  EXPECT_EQ(header.header_bytes, 48U);
  EXPECT_EQ(header.protocol, IPPROTO_DSTOPTS);
}

TEST(IpHeader, TellsSegmentsLeft) {
  IpHeader header;
  const IpShape shape{.extra = {6, 0, 4, 1, 0, 0, 0, 0}, .first_extension = IPPROTO_ROUTING};
  ASSERT_EQ(read(test::ip_packet(kV6, IPPROTO_TCP, Bytes(20), shape), header),
            IpHeaderVerdict::kOk);
  EXPECT_TRUE(header.is_source_routed);
}

TEST(IpHeader, CutAnywhereIsTruncatedUntilItIsWhole) {
  const std::vector<Bytes> packets = {
      test::ip_packet(kV4, IPPROTO_TCP, Bytes(20), {.extra = Bytes(40, 1)}),
      test::ip_packet(
          kV6, IPPROTO_TCP, Bytes(20),
          {.extra = test::join(kHopByHop, kRouting, kDestination), .first_extension = 0}),
      test::ip_packet(kV6, IPPROTO_UDP, Bytes(20),
                      {.extra = {17, 0, 0, 1, 1, 2, 3, 4}, .first_extension = IPPROTO_FRAGMENT})};
  for (const Bytes& packet : packets) {
    for (size_t bytes = 0; bytes <= packet.size(); ++bytes) {
      const bool is_whole = bytes >= packet.size() - 20;
      EXPECT_EQ(verdict_of(test::first(packet, bytes)),
                is_whole ? IpHeaderVerdict::kOk : IpHeaderVerdict::kTruncated)
          << bytes << " of " << packet.size();
    }
  }
}

TEST(IpHeader, RefusesLengthsThatContradictEachOther) {
  Bytes packet = test::ip_packet(kV4, IPPROTO_TCP, Bytes(20));
  packet[0] = 0x44;  // 16 bytes of header
  EXPECT_EQ(verdict_of(packet), IpHeaderVerdict::kBadHeader);
  packet = test::ip_packet(kV4, IPPROTO_TCP, {});
  test::put16(packet, 2, 19);  // 19 bytes of packet
  EXPECT_EQ(verdict_of(packet), IpHeaderVerdict::kBadHeader);
  packet = test::ip_packet(kV6, IPPROTO_TCP, Bytes(20),
                           {.extra = {6, 9, 1, 4, 0, 0, 0, 0}, .first_extension = 60});
  EXPECT_EQ(verdict_of(packet), IpHeaderVerdict::kBadHeader);  // 80 bytes of options in 28
  packet[0] = 0x55;
  EXPECT_EQ(verdict_of(packet), IpHeaderVerdict::kBadHeader);
}

TEST(IpHeader, RefusesAWrongChecksum) {
  Bytes packet = test::ip_packet(kV4, IPPROTO_TCP, Bytes(20));
  ++packet[8];
  EXPECT_EQ(verdict_of(packet), IpHeaderVerdict::kBadChecksum);
}

TEST(IpHeader, RefusesMappedAddresses) {
  Bytes packet = test::ip_packet(kV6, IPPROTO_TCP, Bytes(20));
  std::memcpy(packet.data() + 24, Address(address("192.0.2.10")).v6().bytes.data(), 16);
  EXPECT_EQ(verdict_of(packet), IpHeaderVerdict::kBadAddress);
}

TEST(IpHeader, TakesEightExtensionHeadersAndNoMore) {
  for (const size_t count : {8U, 9U}) {
    Bytes chain;
    for (size_t i = 0; i < count; ++i) {
      chain = test::join(chain,
                         Bytes{static_cast<uint8_t>(i + 1 == count ? 6 : 60), 0, 1, 4, 0, 0, 0, 0});
    }
    EXPECT_EQ(
        verdict_of(test::ip_packet(kV6, 6, Bytes(20), {.extra = chain, .first_extension = 60})),
        count == 8 ? IpHeaderVerdict::kOk : IpHeaderVerdict::kBadHeader);
  }
}

TEST(IpHeader, RefusesASecondFragmentHeader) {
  const Bytes fragment = {44, 0, 0, 1, 0, 0, 0, 1};
  EXPECT_EQ(verdict_of(test::ip_packet(
                kV6, IPPROTO_UDP, Bytes(20),
                {.extra = test::join(fragment, fragment), .first_extension = IPPROTO_FRAGMENT})),
            IpHeaderVerdict::kBadHeader);
}

}  // namespace
}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// Errors of our own: the bytes, the sizes, and when none may be sent. Tests.
#include "lib/net/icmp_build.h"

#include <gtest/gtest.h>

#include "tests/unit/lib/net/ip_packets.h"

namespace sluice::net {
namespace {

using test::address;
using test::Bytes;
using test::Flow;

const Flow kFlow4 = test::flow("198.51.100.7", 40'000, "192.0.2.10", 80);
const Flow kFlow6 = test::flow("2001:db8::7", 40'000, "2001:db8:1::10", 80);

Bytes built(const OwnIcmpError& error, const Bytes& offending) {
  const Bytes packet = offending;  // of its own size
  IpHeader ip;
  EXPECT_EQ(read_ip_header(packet, ip), IpHeaderVerdict::kOk);
  std::array<uint8_t, kMaxIcmpv6ErrorBytes> out;
  out.fill(0xEE);
  const uint32_t bytes = build_icmp_error(error, packet, ip, out);
  return {out.begin(), out.begin() + bytes};
}

TEST(BuildIcmpError, WritesTheseBytes) {
  const Bytes offending = test::packet_of(test::flow("192.0.2.1", 1, "192.0.2.2", 2), 17, 0);
  const Bytes expected = {0x45, 0xC0, 0x00, 0x38, 0x00, 0x00, 0x40, 0x00, 0x40, 0x01,
                          0xB5, 0xF9, 0xC0, 0x00, 0x02, 0x0A, 0xC0, 0x00, 0x02, 0x01,  // IP
                          0x03, 0x03, 0x81, 0x1A, 0x00, 0x00, 0x00, 0x00};             // ICMP
  EXPECT_EQ(built({IcmpErrorKind::kPortUnreachable, address("192.0.2.10")}, offending),
            test::join(expected, offending));
}

TEST(BuildIcmpError, HasTypeCodeAndMtuOfItsKind) {
  struct Row {
    IcmpErrorKind kind;
    uint8_t type4, code4, type6, code6;
  };
  for (const Row& row : {Row{IcmpErrorKind::kTimeExceeded, 11, 0, 3, 0},
                         Row{IcmpErrorKind::kPacketTooBig, 3, 4, 2, 0},
                         Row{IcmpErrorKind::kPortUnreachable, 3, 3, 1, 4},
                         Row{IcmpErrorKind::kHostUnreachable, 3, 1, 1, 3},
                         Row{IcmpErrorKind::kAdminProhibited, 3, 13, 1, 1}}) {
    const uint32_t mtu = row.kind == IcmpErrorKind::kPacketTooBig ? 1'400 : 0;
    const Bytes offending4 = test::packet_of(kFlow4, 6, 100),
                offending6 = test::packet_of(kFlow6, 6, 100);
    const Address vip4 = kFlow4.addresses.destination, vip6 = kFlow6.addresses.destination;
    EXPECT_EQ(built({row.kind, vip4, mtu}, offending4),
              test::icmp_packet({vip4, kFlow4.addresses.source}, row.type4, row.code4, mtu,
                                offending4, {.traffic_class = 0xC0, .fragment = 0x4000}));
    EXPECT_EQ(built({row.kind, vip6, mtu}, offending6),
              test::icmp_packet({vip6, kFlow6.addresses.source}, row.type6, row.code6, mtu,
                                offending6, {.traffic_class = 0xC0}));
  }
}

TEST(BuildIcmpError, QuotesWhatFitsAndNoPadding) {
  for (const size_t payload : {0U, 1U, 500U, 527U, 528U, 529U, 1'191U, 1'192U, 1'193U, 8'900U}) {
    for (const Flow& flow : {kFlow4, kFlow6}) {
      const Bytes offending = test::packet_of(flow, 17, payload);
      const size_t header = flow.is_v4() ? 28 : 48, limit = flow.is_v4() ? 576 : 1'280;
      const Bytes error = built({IcmpErrorKind::kTimeExceeded, flow.addresses.destination},
                                test::join(offending, Bytes(7, 0xEE)));
      EXPECT_EQ(error.size(), std::min(limit, header + offending.size()));
      IcmpMessage message;
      ASSERT_EQ(read_icmp(error, message), IcmpVerdict::kError);
      EXPECT_TRUE(std::equal(error.begin() + static_cast<ptrdiff_t>(header), error.end(),
                             offending.begin()));
    }
  }
}

TEST(BuildIcmpError, CutsAnMtuThatIpv4CannotTell) {
  const Bytes error = built({IcmpErrorKind::kPacketTooBig, kFlow4.addresses.destination, 70'000},
                            test::packet_of(kFlow4, 17, 9));
  EXPECT_EQ(error[26], 0xFF);
  EXPECT_EQ(error[27], 0xFF);
}

bool may_send(const Bytes& packet, IcmpErrorKind kind = IcmpErrorKind::kTimeExceeded,
              LinkDestination link = LinkDestination::kUnicast) {
  IpHeader ip;
  EXPECT_EQ(read_ip_header(packet, ip), IpHeaderVerdict::kOk);
  return may_send_error_about(packet, ip, kind, link);
}

TEST(MaySendErrorAbout, PacketsOfSingleHosts) {
  for (const Flow& flow : {kFlow4, kFlow6}) {
    EXPECT_TRUE(may_send(test::packet_of(flow, 6, 0)));
    EXPECT_TRUE(may_send(test::packet_of(flow, 17, 0)));
    EXPECT_TRUE(may_send(test::packet_of(flow, flow.is_v4() ? 1 : 58, 0)));
  }
  EXPECT_TRUE(may_send(test::packet_of(kFlow4, 17, 16, {.fragment = 0x2000})));
}

TEST(MaySendErrorAbout, NoErrorNorUnknownIcmp) {
  const std::vector<uint32_t> queries4 = {0, 8, 13, 14, 15, 16, 17, 18};
  for (uint32_t type = 0; type < 256; ++type) {
    const auto icmp = static_cast<uint8_t>(type);
    EXPECT_EQ(may_send(test::icmp_packet(kFlow4.addresses, icmp, 0, 0, {})),
              std::find(queries4.begin(), queries4.end(), type) != queries4.end())
        << type;
    EXPECT_EQ(may_send(test::icmp_packet(kFlow6.addresses, icmp, 0, 0, {})),
              type >= 128 && type != 137)
        << type;
  }
  EXPECT_FALSE(may_send(test::ip_packet(kFlow4.addresses, 1, {})));  // no type to see
}

TEST(MaySendErrorAbout, NoLaterFragment) {
  EXPECT_FALSE(may_send(test::packet_of(kFlow4, 17, 16, {.fragment = 0x0001})));
  EXPECT_FALSE(may_send(test::packet_of(
      kFlow6, 17, 16, {.extra = {17, 0, 0, 8, 0, 0, 0, 1}, .first_extension = IPPROTO_FRAGMENT})));
}

TEST(MaySendErrorAbout, NoGroup) {
  for (const char* group : {"224.0.0.1", "255.255.255.255", "0.0.0.0", "127.0.0.1"}) {
    EXPECT_FALSE(may_send(test::packet_of(test::flow("192.0.2.1", 1, group, 2), 17, 0))) << group;
    EXPECT_FALSE(may_send(test::packet_of(test::flow(group, 1, "192.0.2.1", 2), 17, 0))) << group;
  }
  for (const char* group : {"ff02::1", "::", "::1"}) {
    EXPECT_FALSE(may_send(test::packet_of(test::flow("2001:db8::1", 1, group, 2), 17, 0))) << group;
    EXPECT_FALSE(may_send(test::packet_of(test::flow(group, 1, "2001:db8::1", 2), 17, 0))) << group;
  }
  EXPECT_FALSE(may_send(test::packet_of(kFlow4, 17, 0), IcmpErrorKind::kTimeExceeded,
                        LinkDestination::kGroup));
  // RFC 4443 2.4 e.3: path MTU discovery of IPv6 multicast.
  const Bytes multicast = test::packet_of(test::flow("2001:db8::1", 1, "ff0e::1", 2), 17, 0);
  EXPECT_TRUE(may_send(multicast, IcmpErrorKind::kPacketTooBig, LinkDestination::kGroup));
}

}  // namespace
}  // namespace sluice::net

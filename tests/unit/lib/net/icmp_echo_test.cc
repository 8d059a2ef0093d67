// SPDX-License-Identifier: BSD-3-Clause
// A translated echo message is the one its host would have sent from there. Tests.
#include "lib/net/icmp_echo.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <rapidcheck.h>

#include "tests/support/frame.h"
#include "tests/support/reference_checksum.h"

namespace sluice::net {
namespace {

constexpr size_t kIpAt = 14;

struct Ends {
  Address from, to;
};

test::FrameBuilder echo(const Ends& ends, EchoKind kind, uint16_t id, const test::Frame& data) {
  const bool is_v4 = ends.from.is_v4();
  const bool is_request = kind == EchoKind::kRequest;
  const auto type = static_cast<uint8_t>(is_v4 ? (is_request ? 8 : 0) : (is_request ? 128 : 129));
  test::Frame message = {type, 0, 0, 0, static_cast<uint8_t>(id >> 8), static_cast<uint8_t>(id),
                         0,    7};
  message.insert(message.end(), data.begin(), data.end());
  if (!is_v4) {
    return test::icmpv6(ends.from, ends.to, message);
  }
  const uint16_t checksum = test::reference_checksum(message);
  message[2] = static_cast<uint8_t>(checksum >> 8);
  message[3] = static_cast<uint8_t>(checksum);
  return test::ip_packet(ends.from, ends.to, IPPROTO_ICMP).payload(message);
}

void expect_translated(const Ends& before, const Ends& after, EchoKind kind, uint16_t old_id,
                       uint16_t new_id, const test::Frame& data) {
  test::Frame frame = echo(before, kind, old_id, data).ttl(9);
  const std::span<uint8_t> packet = std::span(frame).subspan(kIpAt);
  IcmpMessage message;
  RC_ASSERT(read_icmp(packet, message) ==
            (kind == EchoKind::kRequest ? IcmpVerdict::kEchoRequest : IcmpVerdict::kEchoReply));
  const Flow received = echo_flow(message, kind);
  RC_ASSERT(received.source.address == before.from);
  RC_ASSERT((kind == EchoKind::kRequest ? received.source : received.destination).port.host() ==
            old_id);
  Flow sent{{after.from, {}}, {after.to, {}}, received.protocol};
  (kind == EchoKind::kRequest ? sent.source : sent.destination).port = Be16::from_host(new_id);
  translate_echo(packet, message, kind, sent);
  RC_ASSERT(frame == echo(after, kind, new_id, data).ttl(8).build());
}

TEST(IcmpEchoProperty, TranslatesAsIfSentFromThere) {
  const Ends before4{test::address("10.0.0.1"), test::address("198.51.100.7")};
  const Ends after4{test::address("192.0.2.100"), test::address("198.51.100.7")};
  const Ends before6{test::address("2001:db8:a::1"), test::address("2001:db8:f::7")};
  const Ends after6{test::address("2001:db8::100"), test::address("2001:db8:f::7")};
  EXPECT_TRUE(rc::check([&](uint16_t old_id, uint16_t new_id, bool is_v4, bool is_request,
                            const std::vector<uint8_t>& data) {
    expect_translated(is_v4 ? before4 : before6, is_v4 ? after4 : after6,
                      is_request ? EchoKind::kRequest : EchoKind::kReply, old_id, new_id, data);
  }));
}

TEST(IcmpEcho, AReplysFlowIsTheRequestsTurnedAround) {
  const Ends there{test::address("10.0.0.1"), test::address("198.51.100.7")};
  const Ends back{there.to, there.from};
  const test::Frame request = echo(there, EchoKind::kRequest, 77, {1});
  const test::Frame reply = echo(back, EchoKind::kReply, 77, {1});
  IcmpMessage asked, answered;
  ASSERT_EQ(read_icmp(std::span(request).subspan(kIpAt), asked), IcmpVerdict::kEchoRequest);
  ASSERT_EQ(read_icmp(std::span(reply).subspan(kIpAt), answered), IcmpVerdict::kEchoReply);
  EXPECT_EQ(echo_flow(answered, EchoKind::kReply),
            echo_flow(asked, EchoKind::kRequest).turned_around());
}

}  // namespace
}  // namespace sluice::net

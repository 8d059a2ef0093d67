// SPDX-License-Identifier: BSD-3-Clause
// A packet translated to any IP version is the packet built anew. Tests.
#include "lib/net/translate.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/frame.h"

namespace sluice::net {
namespace {

using test::Frame;
using test::FrameBuilder;

constexpr size_t kEthernet = 14, kHeadroom = 40;
constexpr uint16_t kId = 0x4711;

Endpoint endpoint_of(uint64_t seed, bool is_v4) {
  const auto port = Be16::from_host(static_cast<uint16_t>(seed));
  if (is_v4) {
    return {Ipv4::from_host(static_cast<uint32_t>(seed >> 16)), port};
  }
  Ipv6 address{{0x20, 0x01, 0x0D, 0xB8}};
  std::memcpy(address.bytes.data() + 6, &seed, sizeof(seed));
  return {address, port};
}

FrameBuilder packet(const Flow& flow) {
  return FrameBuilder(flow.source, flow.destination, flow.protocol).identification(kId);
}

// The IP packet of `frame` as it leaves.
Frame translated(const Frame& frame, size_t l4_at, const Flow& before, const Flow& after) {
  Frame room(kHeadroom);
  room.insert(room.end(), frame.begin() + kEthernet, frame.end());
  uint8_t* ip = room.data() + kHeadroom;
  uint8_t* l4 = ip + (l4_at - kEthernet);
  const auto delta = ChecksumDelta().change16(before.checksum_part(), after.checksum_part());
  const auto l4_bytes = static_cast<uint32_t>(frame.size() - l4_at);
  const uint8_t* leaves = translate({after, delta}, ip, l4, l4_bytes, kId);
  return {leaves, static_cast<const uint8_t*>(room.data()) + room.size()};
}

Frame ip_packet_of(const Frame& frame) { return {frame.begin() + kEthernet, frame.end()}; }

struct Versions {
  bool from_v4, to_v4;
};

TEST(TranslateProperty, IsThePacketBuiltAnew) {
  EXPECT_TRUE(rc::check([](uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint32_t shape) {
    const Versions versions{(shape & 1) != 0, (shape & 2) != 0};
    const uint8_t protocol = (shape & 4) != 0 ? IPPROTO_TCP : IPPROTO_UDP;
    const Flow before{endpoint_of(a, versions.from_v4), endpoint_of(b, versions.from_v4), protocol};
    const Flow after{endpoint_of(c, versions.to_v4), endpoint_of(d, versions.to_v4), protocol};
    const auto ttl = static_cast<uint8_t>(shape % 254 + 2);
    const auto traffic_class = static_cast<uint8_t>(shape >> 8);
    const size_t payload_bytes = shape % 1'400;
    const size_t options = (shape >> 16) % 11 * 4;
    FrameBuilder in = packet(before).ttl(ttl).traffic_class(traffic_class);
    FrameBuilder out =
        packet(after).ttl(static_cast<uint8_t>(ttl - 1)).traffic_class(traffic_class);
    in.payload_bytes(payload_bytes);
    out.payload_bytes(payload_bytes);
    size_t l4_at = kEthernet + (versions.from_v4 ? 20 : 40);
    if (versions.from_v4) {
      in.ip_options(Frame(options, 1));
      l4_at += options;
      if (versions.to_v4) {
        out.ip_options(Frame(options, 1));
      }
    } else if (versions.to_v4) {
      // Small packets may be fragmented on their way, so they need an identification.
      const size_t bytes = 20 + (protocol == IPPROTO_TCP ? 20 : 8) + payload_bytes;
      bytes > 1'260 ? out.identification(0) : out.may_be_fragmented();
    }
    RC_ASSERT(translated(in, l4_at, before, after) == ip_packet_of(out));
  }));
}

TEST(Translate, LeavesExtensionHeadersBehindOnTheWayToIpv4) {
  const Flow before{test::endpoint("[2001:db8::1]:1"), test::endpoint("[2001:db8::2]:2"), 17};
  const Flow after{test::endpoint("192.0.2.1:3"), test::endpoint("192.0.2.2:4"), 17};
  const Frame with_option =
      packet(before).extension(IPPROTO_HOPOPTS, {0, 0, 1, 4, 0, 0, 0, 0}).payload_bytes(5);
  EXPECT_EQ(translated(with_option, kEthernet + 48, before, after),
            ip_packet_of(packet(after).ttl(63).may_be_fragmented().payload_bytes(5)));
}

}  // namespace
}  // namespace sluice::net

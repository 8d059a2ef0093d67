// SPDX-License-Identifier: BSD-3-Clause
// A translated packet is the packet that would have been built with the new addresses. Tests.
#include "lib/net/rewrite.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "lib/net/parse.h"
#include "tests/support/frame.h"

namespace sluice::net {
namespace {

using test::Frame;
using test::FrameBuilder;

constexpr size_t kIpAt = 14;

Endpoint endpoint_of(uint64_t seed) {
  return {Ipv4::from_host(static_cast<uint32_t>(seed >> 16)),
          Be16::from_host(static_cast<uint16_t>(seed))};
}

FlowKey4 key_of(const Endpoint& from, const Endpoint& to, Protocol protocol) {
  return {from.address.v4(), to.address.v4(), from.port, to.port, static_cast<uint32_t>(protocol)};
}

Frame rewritten(Frame frame, const FlowKey4& before, const FlowKey4& after) {
  const size_t header_bytes = (frame[kIpAt] & 0xF) * 4U;
  apply_rewrite(Rewrite::between(before, after), frame.data() + kIpAt,
                frame.data() + kIpAt + header_bytes, static_cast<Protocol>(before.protocol));
  return frame;
}

TEST(RewriteProperty, IsThePacketBuiltAnew) {
  EXPECT_TRUE(rc::check([](uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint16_t shape) {
    const Endpoint from = endpoint_of(a), to = endpoint_of(b);
    const Endpoint new_from = endpoint_of(c), new_to = endpoint_of(d);
    const Protocol protocol = shape % 2 == 0 ? Protocol::kTcp : Protocol::kUdp;
    const auto ttl = static_cast<uint8_t>(shape % 254 + 2);
    const auto build = [&](const Endpoint& source, const Endpoint& destination, uint8_t hops) {
      return (protocol == Protocol::kTcp ? test::tcp(source, destination)
                                         : test::udp(source, destination))
          .ttl(hops)
          .ip_options(Frame(shape / 256 % 11 * 4, 1))
          .payload_bytes(shape % 50)
          .build();
    };
    RC_ASSERT(rewritten(build(from, to, ttl), key_of(from, to, protocol),
                        key_of(new_from, new_to, protocol)) ==
              build(new_from, new_to, static_cast<uint8_t>(ttl - 1)));
  }));
}

TEST(RewriteProperty, ThereAndBackIsTheSamePacketTwoHopsOn) {
  EXPECT_TRUE(rc::check([](uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    const FlowKey4 outside = key_of(endpoint_of(a), endpoint_of(b), Protocol::kUdp);
    const FlowKey4 inside = key_of(endpoint_of(c), endpoint_of(d), Protocol::kUdp);
    FrameBuilder packet = test::udp(endpoint_of(a), endpoint_of(b)).payload_bytes(9);
    const Frame there = rewritten(packet, outside, inside);
    RC_ASSERT(rewritten(there, inside, outside) == packet.ttl(62).build());
  }));
}

TEST(Rewrite, KeepsUdpWithoutChecksum) {
  const Endpoint from = test::endpoint("198.51.100.7:40000"), to = test::endpoint("192.0.2.10:53");
  const Endpoint local = test::endpoint("10.0.0.100:1024"), server = test::endpoint("10.0.0.1:53");
  EXPECT_EQ(rewritten(test::udp(from, to).no_udp_checksum(), key_of(from, to, Protocol::kUdp),
                      key_of(local, server, Protocol::kUdp)),
            test::udp(local, server).no_udp_checksum().ttl(63).build());
}

// Both zeros of one's complement, before and after, for both protocols.
TEST(Rewrite, MeetsChecksumCorners) {
  const Endpoint from = test::endpoint("198.51.100.7:40000"), to = test::endpoint("192.0.2.10:53");
  const Endpoint local = test::endpoint("10.0.0.100:1024"), server = test::endpoint("10.0.0.1:53");
  for (const uint16_t target : {0x0000, 0x0001, 0xFFFE}) {
    for (const auto& make : {test::tcp, test::udp}) {
      const Protocol protocol = make == test::tcp ? Protocol::kTcp : Protocol::kUdp;
      // Once the packet that arrives has the checksum, once the one that leaves.
      FrameBuilder arriving = make(from, to).payload_bytes(8).solve_payload_for_checksum(target);
      FrameBuilder leaving = make(local, server).payload(arriving.payload()).ttl(63);
      EXPECT_EQ(rewritten(arriving, key_of(from, to, protocol), key_of(local, server, protocol)),
                leaving.build());
      leaving.solve_payload_for_checksum(target);
      arriving.payload(leaving.payload());
      EXPECT_EQ(rewritten(arriving, key_of(from, to, protocol), key_of(local, server, protocol)),
                leaving.build());
    }
  }
}

}  // namespace
}  // namespace sluice::net

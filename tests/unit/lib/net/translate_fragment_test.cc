// SPDX-License-Identifier: BSD-3-Clause
// The fragments of a datagram, translated, are the fragments of the datagram translated. Tests.
#include "lib/net/translate_fragment.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/frame.h"

namespace sluice::net {
namespace {

using test::Frame;
using test::FrameBuilder;

constexpr size_t kEthernet = 14, kHeadroom = 40;
constexpr uint32_t kClientsId = 0xABCD1234, kNewId = 0x56784321;

Endpoint endpoint_of(uint64_t seed, bool is_v4) {
  const auto port = Be16::from_host(static_cast<uint16_t>(seed));
  if (is_v4) {
    return {Ipv4::from_host(static_cast<uint32_t>(seed >> 16)), port};
  }
  Ipv6 address{{0x20, 0x01, 0x0D, 0xB8}};
  std::memcpy(address.bytes.data() + 6, &seed, sizeof(seed));
  return {address, port};
}

Frame ip_packet_of(const Frame& frame) { return {frame.begin() + kEthernet, frame.end()}; }

FragmentVerdict read(const Frame& packet, Fragment& fragment) {
  const auto bytes = static_cast<uint32_t>(packet.size());
  return packet[0] >> 4 == 4 ? read_fragment4(packet, bytes, fragment)
                             : read_fragment6(packet, bytes, fragment);
}

// The fragment as it leaves; empty when it cannot.
Frame translated(const Frame& packet, const Flow& before, const Flow& after) {
  Frame room(kHeadroom);
  room.insert(room.end(), packet.begin(), packet.end());
  Fragment fragment;
  if (read(packet, fragment) != FragmentVerdict::kFragment) {
    return {};
  }
  const auto delta = ChecksumDelta().change16(before.checksum_part(), after.checksum_part());
  const uint8_t* leaves =
      translate_fragment({after, delta, kNewId, after.protocol}, fragment, room.data() + kHeadroom);
  const uint32_t header_bytes = translated_header_bytes(fragment, before.is_v4(), after.is_v4());
  const uint8_t* l4 = room.data() + kHeadroom + fragment.l4_at;
  RC_ASSERT(leaves + header_bytes == l4);
  return {leaves, static_cast<const uint8_t*>(room.data()) + room.size()};
}

TEST(TranslateFragmentProperty, IsTheFragmentOfTheTranslatedDatagram) {
  EXPECT_TRUE(rc::check([](uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint32_t shape) {
    const bool from_v4 = (shape & 1) != 0, to_v4 = (shape & 2) != 0;
    const uint8_t protocol = (shape & 4) != 0 ? IPPROTO_TCP : IPPROTO_UDP;
    const bool keeps_source = (shape & 8) != 0 && from_v4 == to_v4;
    const Flow before{endpoint_of(a, from_v4), endpoint_of(b, from_v4), protocol};
    const Flow after{keeps_source ? before.source : endpoint_of(c, to_v4), endpoint_of(d, to_v4),
                     protocol};
    const auto ttl = static_cast<uint8_t>(shape % 254 + 2);
    const auto traffic_class = static_cast<uint8_t>(shape >> 8);
    const size_t payload_bytes = 100 + shape % 3'000;
    const Frame options((shape >> 16) % 11 * 4, 1);
    FrameBuilder in(before.source, before.destination, protocol);
    FrameBuilder out(after.source, after.destination, protocol);
    in.ttl(ttl).traffic_class(traffic_class).payload_bytes(payload_bytes);
    out.ttl(static_cast<uint8_t>(ttl - 1)).traffic_class(traffic_class);
    out.payload_bytes(payload_bytes);
    if (from_v4) {
      in.ip_options(options);
      out.ip_options(to_v4 ? options : Frame{});
    }
    const size_t step = 24 + (shape >> 20) % 100 * 8;
    const auto fragments = fragments_of(in, step, kClientsId);
    const bool same_source = before.source.address == after.source.address;
    const auto expected = fragments_of(out, step, same_source ? kClientsId : kNewId);
    if (fragments.size() == 1) {
      return;  // not a fragment
    }
    for (size_t i = 0; i < fragments.size(); ++i) {
      RC_ASSERT(translated(ip_packet_of(fragments[i]), before, after) == ip_packet_of(expected[i]));
    }
  }));
}

TEST(TranslateFragment, TakesTheProtocolFromTheFirstOne) {
  const Flow before{test::endpoint("[2001:db8::1]:1"), test::endpoint("[2001:db8::2]:2"), 17};
  const Flow after{test::endpoint("192.0.2.1:3"), test::endpoint("192.0.2.2:4"), 17};
  const auto whole = [](const Flow& flow) {
    return FrameBuilder(flow.source, flow.destination, flow.protocol).payload_bytes(100);
  };
  Frame later = fragments_of(whole(before), 48, kClientsId).at(1);
  later.at(kEthernet + 40) = IPPROTO_TCP;  // its fragment header names another next header
  EXPECT_EQ(translated(ip_packet_of(later), before, after),
            ip_packet_of(fragments_of(whole(after).ttl(63), 48, kNewId).at(1)));
}

TEST(TranslateFragment, LeavesExtensionHeadersBehindOnTheWayToIpv4) {
  const Flow before{test::endpoint("[2001:db8::1]:1"), test::endpoint("[2001:db8::2]:2"), 17};
  const Flow after{test::endpoint("192.0.2.1:3"), test::endpoint("192.0.2.2:4"), 17};
  const auto whole = [](const Flow& flow) {
    return FrameBuilder(flow.source, flow.destination, flow.protocol).payload_bytes(100);
  };
  Frame later = ip_packet_of(fragments_of(whole(before), 48, kClientsId).at(1));
  later[5] = static_cast<uint8_t>(later[5] + 8);
  const Frame hop_by_hop = {std::exchange(later[6], uint8_t{IPPROTO_HOPOPTS}), 0, 1, 4, 0, 0, 0, 0};
  for (size_t i = 0; i < hop_by_hop.size(); ++i) {
    later.insert(later.begin() + static_cast<ptrdiff_t>(40 + i), hop_by_hop[i]);
  }
  EXPECT_EQ(translated(later, before, after),
            ip_packet_of(fragments_of(whole(after).ttl(63), 48, kNewId).at(1)));
}

}  // namespace
}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// Where fragments of both IP versions belong, and which are refused. Tests.
#include "lib/net/fragment.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <rapidcheck.h>

#include <set>
#include <string>
#include <vector>

#include "lib/net/parse.h"
#include "tests/support/frame.h"

namespace sluice::net {
namespace {

using Bytes = std::vector<uint8_t>;

const Ipv4 kClient = test::ipv4("198.51.100.7");
const Ipv4 kVip = test::ipv4("192.0.2.10");
const Ipv6 kClient6 = *Ipv6::parse("2001:db8::7");
const Ipv6 kVip6 = *Ipv6::parse("2001:db8::10");
const FragmentPorts kPorts{Be16::from_host(0x1389), Be16::from_host(0x0035)};

struct Read {
  FragmentVerdict verdict;
  Fragment fragment;
};

// The bytes lie alone in a heap block of their size, so that a sanitizer sees every byte too many.
Read read(const Bytes& packet, size_t contiguous, size_t total) {
  const Bytes exact(packet.begin(), packet.begin() + static_cast<ptrdiff_t>(contiguous));
  Read read{};
  const bool is_v4 = !packet.empty() && packet[0] >> 4 == 4;
  read.verdict =
      (is_v4 ? read_fragment4 : read_fragment6)(exact, static_cast<uint32_t>(total), read.fragment);
  return read;
}
Read read(const Bytes& packet) { return read(packet, packet.size(), packet.size()); }
FragmentVerdict verdict_of(const Bytes& packet) { return read(packet).verdict; }

// Payload that begins with the ports and, for TCP, has a header of `tcp_words`.
Bytes l4(size_t bytes, uint8_t tcp_words = 5) {
  Bytes payload = {0x13, 0x89, 0x00, 0x35, 0, 0, 0, 0, 0, 0, 0, 0};
  payload.push_back(static_cast<uint8_t>(tcp_words << 4));
  payload.resize(bytes);
  return payload;
}

// The builder would put an L4 header of its own before the payload of the protocols it knows.
Bytes packet4(uint8_t protocol, const Bytes& payload, uint16_t offset, bool more,
              const Bytes& options = {}) {
  constexpr uint8_t kUnknown = 253;
  auto frame = test::ip_packet(kClient, kVip, kUnknown).identification(0xBEEF).payload(payload);
  Bytes bytes = frame.fragment(offset, more).ip_options(options).build();
  bytes.erase(bytes.begin(), bytes.begin() + kEthernetBytes);
  bytes[offsetof(rte_ipv4_hdr, next_proto_id)] = protocol;
  return bytes;
}

// An extension header of kind `kind` before a header of kind `next`.
struct Extension {
  uint8_t kind;
  Bytes body;  // without the next-header byte
};
Extension options_header(uint8_t kind, uint8_t words = 0) {
  Extension extension{kind, Bytes(7 + words * size_t{8})};
  extension.body[0] = words;
  return extension;
}
Extension fragment_header(uint16_t offset, bool more, uint32_t id = 0xC0FFEE01) {
  const auto field = static_cast<uint16_t>(offset | (more ? 1 : 0));
  return {IPPROTO_FRAGMENT,
          {0, static_cast<uint8_t>(field >> 8), static_cast<uint8_t>(field),
           static_cast<uint8_t>(id >> 24), static_cast<uint8_t>(id >> 16),
           static_cast<uint8_t>(id >> 8), static_cast<uint8_t>(id)}};
}

Bytes packet6(const std::vector<Extension>& extensions, uint8_t protocol, const Bytes& payload) {
  Bytes packet = {0x60, 0, 0, 0, 0, 0, extensions.empty() ? protocol : extensions[0].kind, 64};
  packet.insert(packet.end(), kClient6.bytes.begin(), kClient6.bytes.end());
  packet.insert(packet.end(), kVip6.bytes.begin(), kVip6.bytes.end());
  for (size_t i = 0; i < extensions.size(); ++i) {
    packet.push_back(i + 1 < extensions.size() ? extensions[i + 1].kind : protocol);
    packet.insert(packet.end(), extensions[i].body.begin(), extensions[i].body.end());
  }
  packet.insert(packet.end(), payload.begin(), payload.end());
  packet[4] = static_cast<uint8_t>((packet.size() - 40) >> 8);
  packet[5] = static_cast<uint8_t>(packet.size() - 40);
  return packet;
}

TEST(Fragment4, ReadsFirstMiddleAndLast) {
  const Read first = read(packet4(IPPROTO_UDP, l4(24), 0, true, {1, 1, 1, 1}));
  ASSERT_EQ(first.verdict, FragmentVerdict::kFragment);
  EXPECT_EQ(first.fragment.key,
            (FragmentKey{Address(kClient).v6(), Address(kVip).v6(), 0xBEEF, IPPROTO_UDP}));
  EXPECT_TRUE(first.fragment.is_first());
  EXPECT_FALSE(first.fragment.is_last);
  EXPECT_EQ(first.fragment.payload_bytes, 24);
  EXPECT_EQ(first.fragment.l4_at, 24);
  EXPECT_EQ(first.fragment.ports, kPorts);
  EXPECT_EQ(first.fragment.protocol, IPPROTO_UDP);

  const Read middle = read(packet4(IPPROTO_UDP, Bytes(16), 24, true));
  ASSERT_EQ(middle.verdict, FragmentVerdict::kFragment);
  EXPECT_EQ(middle.fragment.key, first.fragment.key);
  EXPECT_EQ(middle.fragment.offset_bytes, 24);
  EXPECT_EQ(middle.fragment.end_bytes(), 40);
  EXPECT_FALSE(middle.fragment.is_first() || middle.fragment.is_last);

  const Read last = read(packet4(IPPROTO_UDP, Bytes(3), 65'512, false));
  ASSERT_EQ(last.verdict, FragmentVerdict::kFragment);
  EXPECT_EQ(last.fragment.end_bytes(), 65'515) << "all an IPv4 packet can carry";
  EXPECT_TRUE(last.fragment.is_last);
}

TEST(Fragment4, IsWholeWithoutOffsetAndMore) {
  const Read whole = read(packet4(IPPROTO_UDP, l4(9), 0, false));
  EXPECT_EQ(whole.verdict, FragmentVerdict::kWhole);
  EXPECT_EQ(whole.fragment.l4_at, 20);
}

TEST(Fragment4, RefusesWhatNoDatagramHas) {
  EXPECT_EQ(verdict_of(packet4(IPPROTO_UDP, l4(17), 0, true)), FragmentVerdict::kBadLength);
  EXPECT_EQ(verdict_of(packet4(IPPROTO_UDP, {}, 8, false)), FragmentVerdict::kEmpty);
  EXPECT_EQ(verdict_of(packet4(IPPROTO_UDP, {}, 0, true)), FragmentVerdict::kEmpty);
  EXPECT_EQ(verdict_of(packet4(IPPROTO_UDP, Bytes(4), 65'512, false)), FragmentVerdict::kTooLong);
  EXPECT_EQ(verdict_of(packet4(IPPROTO_UDP, Bytes(8), 65'528, true)), FragmentVerdict::kTooLong);
}

TEST(Fragment4, RefusesFirstFragmentsWithoutTheirL4Header) {
  const auto first = [](uint8_t protocol, size_t bytes, uint8_t tcp_words) {
    return verdict_of(packet4(protocol, l4(bytes, tcp_words), 0, true));
  };
  EXPECT_EQ(first(IPPROTO_TCP, 8, 5), FragmentVerdict::kTinyFragment);
  EXPECT_EQ(first(IPPROTO_TCP, 16, 5), FragmentVerdict::kTinyFragment);
  EXPECT_EQ(first(IPPROTO_TCP, 24, 5), FragmentVerdict::kFragment);
  EXPECT_EQ(first(IPPROTO_TCP, 24, 6), FragmentVerdict::kFragment);
  EXPECT_EQ(first(IPPROTO_TCP, 24, 7), FragmentVerdict::kTinyFragment);
  EXPECT_EQ(first(IPPROTO_TCP, 24, 4), FragmentVerdict::kBadHeader);
  EXPECT_EQ(first(IPPROTO_UDP, 8, 0), FragmentVerdict::kFragment);
  EXPECT_EQ(first(IPPROTO_SCTP, 8, 0), FragmentVerdict::kTinyFragment);
  EXPECT_EQ(first(IPPROTO_SCTP, 16, 0), FragmentVerdict::kFragment);
  EXPECT_EQ(first(IPPROTO_ICMP, 8, 0), FragmentVerdict::kFragment);
  EXPECT_EQ(read(packet4(IPPROTO_ICMP, l4(8), 0, true)).fragment.ports, FragmentPorts{});
}

TEST(Fragment4, RefusesTcpThatCouldOverwriteTheFlags) {
  EXPECT_EQ(verdict_of(packet4(IPPROTO_TCP, Bytes(16), 8, true)), FragmentVerdict::kTinyFragment);
  EXPECT_EQ(verdict_of(packet4(IPPROTO_TCP, Bytes(16), 16, true)), FragmentVerdict::kFragment);
  EXPECT_EQ(verdict_of(packet4(IPPROTO_UDP, Bytes(16), 8, true)), FragmentVerdict::kFragment);
}

TEST(Fragment4, RefusesLyingHeaders) {
  Bytes packet = packet4(IPPROTO_UDP, l4(16), 0, true);
  packet[0] = 0x44;
  EXPECT_EQ(verdict_of(packet), FragmentVerdict::kBadHeader);
  packet[0] = 0x4F;
  EXPECT_EQ(verdict_of(packet), FragmentVerdict::kBadHeader) << "longer than the packet";
  packet[0] = 0x45;
  packet[3] = 19;
  EXPECT_EQ(verdict_of(packet), FragmentVerdict::kBadHeader);
  packet[3] = 37;
  EXPECT_EQ(verdict_of(packet), FragmentVerdict::kTruncated);
  packet[3] = 28;
  EXPECT_EQ(read(packet).fragment.payload_bytes, 8) << "the rest is padding";
}

TEST(Fragment6, ReadsFirstAndLaterBehindOtherExtensions) {
  const Read first = read(packet6({options_header(IPPROTO_HOPOPTS), fragment_header(0, true),
                                   options_header(IPPROTO_DSTOPTS, 1)},
                                  IPPROTO_TCP, l4(24)));
  ASSERT_EQ(first.verdict, FragmentVerdict::kFragment);
  EXPECT_EQ(first.fragment.key, (FragmentKey{kClient6, kVip6, 0xC0FFEE01, IPPROTO_FRAGMENT}));
  EXPECT_EQ(first.fragment.payload_bytes, 16 + 24) << "options behind the header are in it";
  EXPECT_EQ(first.fragment.l4_at, 40 + 8 + 8 + 16);
  EXPECT_EQ(first.fragment.protocol, IPPROTO_TCP);
  EXPECT_EQ(first.fragment.ports, kPorts);

  // Its payload begins with what would be an extension header in a first fragment.
  const Read later = read(packet6({options_header(IPPROTO_HOPOPTS), fragment_header(40, false)},
                                  IPPROTO_DSTOPTS, Bytes(5, 0xFF)));
  ASSERT_EQ(later.verdict, FragmentVerdict::kFragment);
  EXPECT_EQ(later.fragment.key, first.fragment.key) << "whatever its next header says";
  EXPECT_EQ(later.fragment.offset_bytes, 40);
  EXPECT_EQ(later.fragment.payload_bytes, 5);
  EXPECT_EQ(later.fragment.l4_at, 56);
  EXPECT_TRUE(later.fragment.is_last);
}

TEST(Fragment6, TakesAtomicFragmentsForWholePackets) {
  const Read atomic = read(packet6({fragment_header(0, false)}, IPPROTO_UDP, l4(9)));
  EXPECT_EQ(atomic.verdict, FragmentVerdict::kWhole);
  EXPECT_EQ(atomic.fragment.l4_at, 48);
  EXPECT_EQ(atomic.fragment.protocol, IPPROTO_UDP);
  const Read plain = read(packet6({}, IPPROTO_UDP, l4(9)));
  EXPECT_EQ(plain.verdict, FragmentVerdict::kWhole);
  EXPECT_EQ(plain.fragment.l4_at, 40);
}

TEST(Fragment6, RefusesWhatNoDatagramHas) {
  const auto later = [](uint16_t offset, bool more, size_t bytes) {
    return verdict_of(packet6({fragment_header(offset, more)}, IPPROTO_UDP, Bytes(bytes)));
  };
  EXPECT_EQ(later(8, true, 9), FragmentVerdict::kBadLength);
  EXPECT_EQ(later(8, false, 0), FragmentVerdict::kEmpty);
  EXPECT_EQ(later(65'528, false, 7), FragmentVerdict::kFragment) << "65 535 bytes of payload";
  EXPECT_EQ(later(65'528, false, 8), FragmentVerdict::kTooLong);
  EXPECT_EQ(verdict_of(packet6({options_header(IPPROTO_HOPOPTS), fragment_header(65'528, false)},
                               IPPROTO_UDP, Bytes(1))),
            FragmentVerdict::kTooLong)
      << "the headers in front count";
}

TEST(Fragment6, RefusesFirstFragmentsWithoutAllTheirHeaders) {
  EXPECT_EQ(verdict_of(packet6({fragment_header(0, true)}, IPPROTO_TCP, l4(16))),
            FragmentVerdict::kTinyFragment);
  EXPECT_EQ(
      verdict_of(packet6({fragment_header(0, true)}, IPPROTO_DSTOPTS, {6, 1, 0, 0, 0, 0, 0, 0})),
      FragmentVerdict::kTinyFragment);
  EXPECT_EQ(
      verdict_of(packet6({fragment_header(0, true)}, IPPROTO_DSTOPTS, {6, 0, 0, 0, 0, 0, 0, 0})),
      FragmentVerdict::kTinyFragment);
  EXPECT_EQ(verdict_of(packet6({fragment_header(8, true)}, IPPROTO_TCP, Bytes(16))),
            FragmentVerdict::kTinyFragment);
}

TEST(Fragment6, RefusesChainsNoSenderWrites) {
  const auto option = options_header(IPPROTO_DSTOPTS);
  EXPECT_EQ(verdict_of(packet6(std::vector(kMaxExtensionHeaders, option), IPPROTO_UDP, l4(8))),
            FragmentVerdict::kWhole);
  EXPECT_EQ(verdict_of(packet6(std::vector(kMaxExtensionHeaders + 1, option), IPPROTO_UDP, l4(8))),
            FragmentVerdict::kBadHeader);
  EXPECT_EQ(
      verdict_of(packet6({fragment_header(0, true), fragment_header(8, true)}, IPPROTO_UDP, l4(8))),
      FragmentVerdict::kBadHeader);
  Extension routing = options_header(IPPROTO_ROUTING);
  EXPECT_EQ(verdict_of(packet6({routing}, IPPROTO_UDP, l4(8))), FragmentVerdict::kWhole);
  routing.body[2] = 1;  // segments left
  EXPECT_EQ(verdict_of(packet6({routing, fragment_header(0, true)}, IPPROTO_UDP, l4(8))),
            FragmentVerdict::kSourceRoute);
  EXPECT_EQ(verdict_of(packet6({}, IPPROTO_HOPOPTS, {17, 9, 0, 0, 0, 0, 0, 0})),
            FragmentVerdict::kBadHeader)
      << "goes on behind the packet";
}

TEST(Fragment6, WalksAuthenticationHeadersByTheirOwnUnit) {
  Extension authentication{IPPROTO_AH, Bytes(11)};
  authentication.body[0] = 1;  // (1 + 2) * 4 = 12 bytes
  EXPECT_EQ(read(packet6({authentication}, IPPROTO_UDP, l4(8))).fragment.l4_at, 52);
}

TEST(Fragment, NeedsTheHeadersInOnePieceAndAllOfThePacket) {
  const std::vector<std::pair<Bytes, size_t>> rows = {
      {packet4(IPPROTO_UDP, l4(16), 0, true, {1, 1, 1, 1}), 32},
      {packet4(IPPROTO_TCP, l4(24), 0, true), 40},
      {packet4(IPPROTO_UDP, l4(16), 8, true), 20},
      {packet6({options_header(IPPROTO_HOPOPTS), fragment_header(0, true)}, IPPROTO_UDP, l4(16)),
       64},
      {packet6({fragment_header(8, true)}, IPPROTO_UDP, l4(16)), 48},
  };
  for (const auto& [packet, needed] : rows) {
    for (size_t contiguous = 0; contiguous <= packet.size(); ++contiguous) {
      EXPECT_EQ(read(packet, contiguous, packet.size()).verdict,
                contiguous < needed ? FragmentVerdict::kTruncated : FragmentVerdict::kFragment)
          << contiguous << " of " << packet.size();
    }
    EXPECT_EQ(read(packet, packet.size() - 1, packet.size() - 1).verdict,
              FragmentVerdict::kTruncated);
  }
}

TEST(Fragment, NeverLiesAboutPlacesWhateverTheBytes) {
  rc::check("mutated packets", [] {
    Bytes packet = *rc::gen::element(
        packet4(IPPROTO_TCP, l4(24), 0, true), packet4(IPPROTO_UDP, Bytes(16), 24, false),
        packet6({options_header(IPPROTO_HOPOPTS), fragment_header(0, true)}, IPPROTO_UDP, l4(16)),
        packet6({fragment_header(16, true)}, IPPROTO_TCP, Bytes(16)));
    const auto changes = *rc::gen::container<std::vector<std::pair<size_t, uint8_t>>>(
        rc::gen::pair(rc::gen::inRange<size_t>(0, packet.size()), rc::gen::arbitrary<uint8_t>()));
    for (const auto& [at, value] : changes) {
      packet[at] = value;
    }
    const size_t contiguous = *rc::gen::inRange<size_t>(0, packet.size() + 1);
    const auto [verdict, fragment] = read(packet, contiguous, packet.size());
    if (verdict == FragmentVerdict::kFragment) {
      RC_ASSERT(fragment.payload_bytes > 0 && fragment.l4_at <= contiguous);
      RC_ASSERT(fragment.offset_bytes + uint32_t{fragment.payload_bytes} <= 65'535U);
      RC_ASSERT(fragment.offset_bytes % 8 == 0);
      RC_ASSERT((fragment.is_last || fragment.payload_bytes % 8 == 0));
      RC_ASSERT(!(fragment.is_first() && fragment.is_last));
    }
  });
}

TEST(FragmentOwner, SpreadsDatagramsOverAllWorkers) {
  const FlowHasher hasher({1, 2, 3, 4});
  for (const uint32_t workers : {1U, 3U, 7U}) {
    std::vector<uint32_t> counts(workers);
    for (uint32_t id = 0; id < 7'000; ++id) {
      const FragmentKey key{kClient6, kVip6, id, IPPROTO_FRAGMENT};
      ++counts.at(fragment_owner(key.hash(hasher), workers));
    }
    for (const uint32_t count : counts) {
      EXPECT_NEAR(count, 7'000.0 / workers, 7'000.0 / workers / 4);
    }
  }
}

}  // namespace
}  // namespace sluice::net

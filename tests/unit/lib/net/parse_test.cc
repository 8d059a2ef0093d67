// SPDX-License-Identifier: BSD-3-Clause
// The only bounds checks there are: every frame cut at every length, every field lying. Tests.
#include "lib/net/parse.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

#include "tests/support/frame.h"

namespace sluice::net {
namespace {

using test::Frame;
using test::FrameBuilder;

const Mac kPortMac = test::mac("02:00:00:00:00:01");
const Mac kPeerMac = test::mac("02:00:00:00:01:01");
const Endpoint kFrom = test::endpoint("198.51.100.7:40000");
const Endpoint kTo = test::endpoint("192.0.2.10:80");

struct Parsed {
  ParseVerdict verdict;
  FlowKey4 key;
  FlowKey6 key6;
  PacketFields fields;
};

// The bytes lie alone in a heap block of their size, so that a sanitizer sees every byte too many.
Parsed parse_segment(const Frame& frame, size_t contiguous) {
  const Frame exact(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(contiguous));
  Parsed parsed{};
  parsed.verdict =
      parse(exact.data(), static_cast<uint32_t>(contiguous), static_cast<uint32_t>(frame.size()),
            kPortMac, parsed.key, parsed.key6, parsed.fields);
  return parsed;
}

Parsed parse_all(const Frame& frame) { return parse_segment(frame, frame.size()); }

ParseVerdict verdict_of(const Frame& frame) { return parse_all(frame).verdict; }

FrameBuilder to_us(FrameBuilder frame) { return frame.link(kPeerMac, kPortMac); }

FrameBuilder tcp_to_us() { return to_us(test::tcp(kFrom, kTo)); }
FrameBuilder udp_to_us() { return to_us(test::udp(kFrom, kTo)); }

TEST(Parse, ReadsATcpSegment) {
  const Parsed parsed =
      parse_all(tcp_to_us().flags(table::kTcpSyn).ttl(17).payload_bytes(10).pad_to(100));
  ASSERT_EQ(parsed.verdict, ParseVerdict::kFlow);
  EXPECT_EQ(parsed.key, (FlowKey4{kFrom.address.v4(), kTo.address.v4(), kFrom.port, kTo.port, 6}));
  EXPECT_EQ(parsed.fields.ip_bytes, 50U);
  EXPECT_EQ(parsed.fields.l4_offset, 34);
  EXPECT_EQ(parsed.fields.tcp_flags, table::kTcpSyn);
  EXPECT_EQ(parsed.fields.ttl, 17);
}

TEST(Parse, ReadsADatagram) {
  const Parsed parsed = parse_all(udp_to_us().payload_bytes(3));
  ASSERT_EQ(parsed.verdict, ParseVerdict::kFlow);
  EXPECT_EQ(parsed.key, (FlowKey4{kFrom.address.v4(), kTo.address.v4(), kFrom.port, kTo.port, 17}));
  EXPECT_EQ(parsed.fields.ip_bytes, 31U);
  EXPECT_EQ(parsed.fields.tcp_flags, 0);
}

TEST(Parse, FindsTheSegmentBehindIpOptions) {
  for (size_t options = 0; options <= 40; options += 4) {
    const Parsed parsed = parse_all(tcp_to_us().ip_options(Frame(options, 1)));
    ASSERT_EQ(parsed.verdict, ParseVerdict::kFlow) << options;
    EXPECT_EQ(parsed.fields.l4_offset, 34 + options);
    EXPECT_EQ(parsed.key.source_port, kFrom.port);
  }
}

TEST(Parse, RefusesEveryFrameThatLostItsEnd) {
  for (const Frame& whole :
       {tcp_to_us().build(), udp_to_us().build(), tcp_to_us().payload_bytes(100).build(),
        udp_to_us().payload_bytes(1).build(), tcp_to_us().ip_options(Frame(40, 1)).build(),
        tcp_to_us().tcp_options(Frame(40, 1)).build()}) {
    ASSERT_EQ(verdict_of(whole), ParseVerdict::kFlow);
    for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
      const Frame cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes));
      EXPECT_EQ(verdict_of(cut), ParseVerdict::kTruncated) << bytes << " of " << whole.size();
    }
  }
}

TEST(Parse, NeedsTheHeadersInTheFirstSegment) {
  const Frame tcp = tcp_to_us().ip_options(Frame(8, 1)).payload_bytes(500);
  const Frame options = tcp_to_us().tcp_options(Frame(40, 1)).payload_bytes(500);
  const Frame udp = udp_to_us().payload_bytes(500);
  for (size_t bytes = 0; bytes <= 100; ++bytes) {
    EXPECT_EQ(parse_segment(tcp, bytes).verdict == ParseVerdict::kFlow, bytes >= 14 + 28 + 20)
        << bytes;
    EXPECT_EQ(parse_segment(options, bytes).verdict == ParseVerdict::kFlow, bytes >= 14 + 20 + 60)
        << bytes;
    EXPECT_EQ(parse_segment(udp, bytes).verdict == ParseVerdict::kFlow, bytes >= 14 + 20 + 8)
        << bytes;
  }
}

TEST(Parse, RefusesLyingIpHeaders) {
  for (uint8_t version = 0; version < 16; ++version) {
    EXPECT_EQ(verdict_of(tcp_to_us().version(version)),
              version == 4 ? ParseVerdict::kFlow : ParseVerdict::kBadIpHeader);
  }
  for (uint8_t words = 0; words < 5; ++words) {
    EXPECT_EQ(verdict_of(tcp_to_us().header_words(words)), ParseVerdict::kBadIpHeader);
  }
  for (uint8_t words = 11; words < 16; ++words) {
    EXPECT_EQ(verdict_of(tcp_to_us().header_words(words)), ParseVerdict::kBadIpHeader)
        << "longer than the packet";
  }
  for (uint16_t bytes = 0; bytes < 20; ++bytes) {
    EXPECT_EQ(verdict_of(tcp_to_us().total_length(bytes)), ParseVerdict::kBadIpHeader);
  }
  EXPECT_EQ(verdict_of(tcp_to_us().total_length(41)), ParseVerdict::kTruncated);
  EXPECT_EQ(verdict_of(tcp_to_us().total_length(65'535)), ParseVerdict::kTruncated);
}

TEST(Parse, RefusesEveryWrongIpChecksum) {
  const Frame right = tcp_to_us();
  for (size_t bit = 0; bit < 16; ++bit) {
    Frame frame = right;
    frame[24 + bit / 8] = static_cast<uint8_t>(frame[24 + bit / 8] ^ 1U << bit % 8);
    EXPECT_EQ(verdict_of(frame), ParseVerdict::kBadIpChecksum);
  }
}

TEST(Parse, RefusesLyingTcpHeaders) {
  for (uint8_t words = 0; words < 16; ++words) {
    EXPECT_EQ(verdict_of(tcp_to_us().payload_bytes(8).tcp_data_offset(words)),
              words >= 5 && words <= 7 ? ParseVerdict::kFlow : ParseVerdict::kBadL4Header)
        << int{words};
  }
  for (uint16_t bytes = 20; bytes < 40; ++bytes) {
    EXPECT_EQ(verdict_of(tcp_to_us().total_length(bytes)), ParseVerdict::kBadL4Header);
  }
}

TEST(Parse, RefusesLyingUdpHeaders) {
  for (uint16_t bytes = 0; bytes < 30; ++bytes) {
    EXPECT_EQ(verdict_of(udp_to_us().payload_bytes(10).udp_length(bytes)),
              bytes >= 8 && bytes <= 18 ? ParseVerdict::kFlow : ParseVerdict::kBadL4Header)
        << bytes;
  }
  EXPECT_EQ(verdict_of(udp_to_us().udp_length(65'535)), ParseVerdict::kBadL4Header);
  for (uint16_t bytes = 20; bytes < 28; ++bytes) {
    EXPECT_EQ(verdict_of(udp_to_us().total_length(bytes)), ParseVerdict::kBadL4Header);
  }
}

TEST(Parse, TellsFragmentsWithTheirDestination) {
  for (const auto& [offset, more] :
       std::vector<std::pair<uint16_t, bool>>{{0, true}, {8, true}, {8, false}, {65'528, false}}) {
    const Parsed parsed = parse_all(udp_to_us().payload_bytes(32).fragment(offset, more));
    EXPECT_EQ(parsed.verdict, ParseVerdict::kFragment) << offset;
    EXPECT_EQ(parsed.key.destination, kTo.address);
  }
  EXPECT_EQ(verdict_of(udp_to_us().fragment(0, false)), ParseVerdict::kFlow);
}

TEST(Parse, RefusesSourceRoutesWhereverTheyStand) {
  constexpr uint8_t kNop = 1, kEnd = 0, kRecordRoute = 7, kLsrr = 131, kSsrr = 137;
  for (const Frame& options :
       {Frame{kLsrr, 3, 4}, Frame{kSsrr, 3, 4}, Frame{kNop, kNop, kLsrr, 3, 4},
        Frame{kRecordRoute, 7, 4, 1, 2, 3, 4, kSsrr, 3, 4}, Frame{kNop, kNop, kNop, kLsrr}}) {
    EXPECT_EQ(verdict_of(tcp_to_us().ip_options(options)), ParseVerdict::kSourceRoute);
  }
  for (const Frame& options :
       {Frame{kEnd, kLsrr, 3, 4}, Frame{kRecordRoute, 7, 4, kLsrr, kLsrr, 3, 4},
        Frame{kRecordRoute, 0, kLsrr, 3}, Frame{kNop, kNop, kNop, kRecordRoute},
        Frame{kRecordRoute, 255, kLsrr, 3}}) {
    EXPECT_EQ(verdict_of(tcp_to_us().ip_options(options)), ParseVerdict::kFlow);
  }
}

// Only for what comes back from source NAT between two hosts behind one address.
TEST(Parse, TakesTheSameAddressTwiceWhenTold) {
  const Frame frame = to_us(test::udp({kTo.address, kFrom.port}, kTo));
  const auto bytes = static_cast<uint32_t>(frame.size());
  Parsed parsed{};
  EXPECT_EQ(verdict_of(frame), ParseVerdict::kBadAddress);
  EXPECT_EQ(parse<Land::kAllowed>(frame.data(), bytes, bytes, kPortMac, parsed.key, parsed.key6,
                                  parsed.fields),
            ParseVerdict::kFlow);
  EXPECT_EQ(parsed.key, (FlowKey4{kTo.address.v4(), kTo.address.v4(), kFrom.port, kTo.port, 17}));
  const Frame loopback = to_us(test::udp({test::ipv4("127.0.0.1"), kFrom.port}, kTo));
  EXPECT_EQ(parse<Land::kAllowed>(loopback.data(), bytes, bytes, kPortMac, parsed.key, parsed.key6,
                                  parsed.fields),
            ParseVerdict::kBadAddress);
}

TEST(Parse, RefusesSourcesNoHostCanHave) {
  for (const char* source :
       {"127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "0.0.0.1", "192.0.2.10"}) {
    EXPECT_EQ(verdict_of(to_us(test::udp({test::ipv4(source), kFrom.port}, kTo))),
              ParseVerdict::kBadAddress)
        << source;
  }
  EXPECT_EQ(verdict_of(to_us(test::udp({Ipv4{}, kFrom.port}, kTo))), ParseVerdict::kOther)
      << "DHCP";
}

TEST(Parse, GivesOtherProtocolsToTheKernelByClass) {
  const auto of = [](uint8_t protocol) {
    return verdict_of(to_us(test::ip_packet(kFrom.address, kTo.address, protocol)));
  };
  EXPECT_EQ(of(IPPROTO_ICMP), ParseVerdict::kIcmp);
  EXPECT_EQ(of(IPPROTO_IGMP), ParseVerdict::kControl);
  EXPECT_EQ(of(kProtocolOspf), ParseVerdict::kControl);
  EXPECT_EQ(of(kProtocolVrrp), ParseVerdict::kOther) << "its TTL says it was routed";
  EXPECT_EQ(of(47), ParseVerdict::kOther);
  EXPECT_EQ(of(33), ParseVerdict::kOther);
}

TEST(Parse, BelievesVrrpFromNextDoorOnly) {
  for (const uint8_t ttl : {1, 64, 254, 255}) {
    const Frame vrrp = to_us(test::ip_packet(kFrom.address, kTo.address, kProtocolVrrp)).ttl(ttl);
    EXPECT_EQ(verdict_of(vrrp), ttl == 255 ? ParseVerdict::kControl : ParseVerdict::kOther);
  }
}

TEST(Parse, TellsTheDestinationOfWhatIsTheKernels) {
  const auto destination_of = [](const Frame& frame) { return parse_all(frame).key.destination; };
  for (const uint8_t protocol : {kProtocolOspf, uint8_t{IPPROTO_IGMP}, uint8_t{IPPROTO_GRE}}) {
    EXPECT_EQ(destination_of(to_us(test::ip_packet(kFrom.address, kTo.address, protocol))),
              kTo.address.v4());
  }
  // The key is a place of the burst that an earlier packet may have used.
  const Mac broadcast = test::mac("ff:ff:ff:ff:ff:ff");
  for (const Frame& frame :
       {tcp_to_us().ether_type(0x88CC).build(), tcp_to_us().link(kPeerMac, broadcast).build()}) {
    FlowKey4 key{};
    FlowKey6 key6{};
    PacketFields fields;
    key.destination = kTo.address.v4();
    const auto bytes = static_cast<uint32_t>(frame.size());
    EXPECT_EQ(parse(frame.data(), bytes, bytes, kPortMac, key, key6, fields), ParseVerdict::kOther);
    EXPECT_TRUE(key.destination.is_unspecified());
  }
}

TEST(Parse, GivesOtherEtherTypesToTheKernel) {
  EXPECT_EQ(verdict_of(tcp_to_us().ether_type(0x0806)), ParseVerdict::kArp);
  // A VLAN tag (ports carry untagged frames), LLDP, a length.
  for (const uint16_t type : {0x8100, 0x88CC, 0x0026}) {
    EXPECT_EQ(verdict_of(tcp_to_us().ether_type(type)), ParseVerdict::kOther) << type;
  }
}

TEST(Parse, LooksAtTheMacFirst) {
  const Frame broken = {0xFF};
  EXPECT_EQ(verdict_of(broken), ParseVerdict::kTruncated);
  const FrameBuilder whole = test::tcp(kFrom, kTo);
  EXPECT_EQ(verdict_of(FrameBuilder(whole).link(kPeerMac, kPeerMac)), ParseVerdict::kNotOurMac);
  EXPECT_EQ(verdict_of(FrameBuilder(whole).link(kPortMac, kPeerMac)), ParseVerdict::kOwnFrame);
  const Mac broadcast = test::mac("ff:ff:ff:ff:ff:ff");
  EXPECT_EQ(verdict_of(FrameBuilder(whole).link(kPortMac, broadcast)), ParseVerdict::kOwnFrame);
  EXPECT_EQ(verdict_of(FrameBuilder(whole).link(kPeerMac, broadcast)), ParseVerdict::kOther);
  EXPECT_EQ(verdict_of(test::arp_request(kPeerMac, kFrom.address, kTo.address)),
            ParseVerdict::kArp);
}

TEST(Parse, ClassifiesMulticastCutAtEveryLength) {
  const Mac group = test::mac("01:00:5e:00:00:12");
  const Frame vrrp =
      test::ip_packet(kFrom.address, test::ipv4("224.0.0.18"), 112).link(kPeerMac, group).ttl(255);
  for (size_t bytes = 14; bytes <= vrrp.size(); ++bytes) {
    EXPECT_EQ(parse_segment(vrrp, bytes).verdict,
              bytes >= 34 ? ParseVerdict::kControl : ParseVerdict::kOther);
  }
}

// What later stages rely on without looking again.
void expect_safe(const Parsed& parsed, size_t contiguous, size_t total) {
  if (parsed.verdict != ParseVerdict::kFlow) {
    return;
  }
  const size_t header = parsed.key.protocol == 6 ? 20 : 8;
  RC_ASSERT((parsed.key.protocol == 6 || parsed.key.protocol == 17));
  RC_ASSERT((parsed.fields.l4_offset >= 34 && parsed.fields.l4_offset <= 74));
  RC_ASSERT(parsed.fields.l4_offset + header <= contiguous);
  RC_ASSERT(parsed.fields.l4_offset + header <= 14U + parsed.fields.ip_bytes);
  RC_ASSERT(14U + parsed.fields.ip_bytes <= total);
}

TEST(ParseProperty, ReadsNothingBehindTheFrameWhateverItSays) {
  EXPECT_TRUE(rc::check([](const std::vector<uint8_t>& noise, uint8_t cut) {
    Frame frame = noise.size() % 2 == 0 ? tcp_to_us().payload_bytes(20).build()
                                        : udp_to_us().ip_options(Frame(12, 1)).build();
    // Each pair of noise changes one byte; the IP checksum is then made right, or nothing would
    // come through.
    for (size_t i = 0; i + 1 < noise.size(); i += 2) {
      frame[12 + noise[i] % (frame.size() - 12)] = noise[i + 1];
    }
    const size_t header = std::min<size_t>((frame[14] & 0xF) * 4U, frame.size() - 14);
    frame[24] = frame[25] = 0;
    const auto checksum = static_cast<uint16_t>(~sum_words({frame.data() + 14, header}));
    std::memcpy(frame.data() + 24, &checksum, sizeof(checksum));
    const size_t contiguous = frame.size() - cut % frame.size();
    expect_safe(parse_segment(frame, contiguous), contiguous, frame.size());
  }));
}

}  // namespace
}  // namespace sluice::net

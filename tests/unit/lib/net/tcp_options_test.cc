// SPDX-License-Identifier: BSD-3-Clause
// TCP options: what is found, what a hostile length does, and checksums after edits. Tests.
#include "lib/net/tcp_options.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/unit/lib/net/raw_packet.h"

namespace sluice::net {
namespace {

using test::Bytes;
using test::PacketSpec;
using test::RawPacket;

// MSS 1460, SACK permitted, timestamps 1/2, NOP, window scale 7: a SYN of Linux.
const Bytes kSynOptions = {2, 4, 5, 0xB4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7};

Bytes kinds(const Bytes& options) {
  const RawPacket packet(PacketSpec{.options = options});
  Bytes found;
  for_each_tcp_option(packet.tcp(), [&](const TcpOption& option) { found.push_back(option.kind); });
  return found;
}

/// The options after `edit`; the packet must be right in full.
template <typename Edit>
Bytes edited(const Bytes& options, Edit edit) {
  RawPacket packet(PacketSpec{.options = options, .payload = test::pattern(7)});
  TcpEdit tcp(packet.tcp());
  edit(tcp);
  tcp.commit();
  EXPECT_TRUE(test::is_right(packet.bytes()));
  return RawPacket::spec_of(packet.bytes()).options;
}

TEST(TcpOptions, AreFoundInOrder) { EXPECT_EQ(kinds(kSynOptions), (Bytes{2, 4, 8, 3})); }

TEST(TcpOptions, EndAtTheEndOfListOption) {
  EXPECT_EQ(kinds({1, 4, 2, 0, 2, 4, 5, 0xB4}), (Bytes{4}));
}

TEST(TcpOptions, EndAtTheFirstImpossibleLength) {
  EXPECT_EQ(kinds({4, 2, 8, 0}), (Bytes{4})) << "length 0 would never end";
  EXPECT_EQ(kinds({4, 2, 8, 1}), (Bytes{4})) << "length 1 lies in the length itself";
  EXPECT_EQ(kinds({4, 2, 8, 3}), (Bytes{4})) << "one byte more than there is";
  EXPECT_EQ(kinds({1, 1, 1, 8}), (Bytes{})) << "no length byte";
  EXPECT_EQ(kinds({4, 2, 8, 255}), (Bytes{4}));
}

TEST(TcpOptions, OfTwoOfAKindTheLastCounts) {
  const RawPacket packet(PacketSpec{.options = {3, 3, 1, 3, 3, 9, 1, 1}});
  const auto option = find_tcp_option(packet.tcp(), TCPOPT_WINDOW, TCPOLEN_WINDOW);
  ASSERT_TRUE(option.has_value());
  EXPECT_EQ(option->offset, 23);
  EXPECT_FALSE(find_tcp_option(packet.tcp(), TCPOPT_WINDOW, 4).has_value());
}

TEST(TcpOptions, LowerEachMss) {
  const auto lower = [](TcpEdit& tcp) { lower_mss(tcp, 8); };
  EXPECT_EQ(edited({2, 4, 5, 0xB4}, lower), (Bytes{2, 4, 5, 0xAC}));
  EXPECT_EQ(edited({1, 2, 4, 5, 0xB4, 1, 1, 1}, lower), (Bytes{1, 2, 4, 5, 0xAC, 1, 1, 1}));
  EXPECT_EQ(edited({2, 4, 5, 0xB4, 2, 4, 2, 0}, lower), (Bytes{2, 4, 5, 0xAC, 2, 4, 1, 0xF8}));
  EXPECT_EQ(edited({2, 4, 0, 71}, lower), (Bytes{2, 4, 0, 71})) << "never to nothing";
  EXPECT_EQ(edited({2, 3, 5, 1}, lower), (Bytes{2, 3, 5, 1})) << "no MSS of that length";
}

TEST(TcpOptions, ClampTheMss) {
  const auto clamp = [](TcpEdit& tcp) { clamp_mss(tcp, 1'360); };
  EXPECT_EQ(edited({2, 4, 5, 0xB4}, clamp), (Bytes{2, 4, 5, 0x50}));
  EXPECT_EQ(edited({2, 4, 2, 0x18}, clamp), (Bytes{2, 4, 2, 0x18}));
}

TEST(TcpOptions, StripEveryClaimedClientAddress) {
  Bytes options = {1, 254, 8, 0xC8, 0x22, 198, 51, 100, 7, 254, 2, 1};
  test::append(options, {253, 20});
  test::append(options, Bytes(18, 9));
  test::append(options, {253, 4, 1, 2, 4, 2, 1, 1});
  bool stripped = false;
  const Bytes left = edited(options, [&](TcpEdit& tcp) { stripped = strip_client_address(tcp); });
  EXPECT_TRUE(stripped);
  Bytes expected(options.size() - 8, 1);
  test::append(expected, {253, 4, 1, 2, 4, 2, 1, 1});  // somebody else's experiment
  EXPECT_EQ(left, expected);
}

TEST(TcpOptions, BlankTimestampsAsLvsDoes) {
  Bytes expected = kSynOptions;
  std::fill_n(expected.begin() + 6, 10, uint8_t{1});
  EXPECT_EQ(edited(kSynOptions, [](TcpEdit& tcp) { blank_tcp_options(tcp, TCPOPT_TIMESTAMP); }),
            expected);
}

TEST(TcpOptionsProperty, AnEditLeavesTheChecksumOfAFullComputation) {
  EXPECT_TRUE(rc::check([](Bytes options, const Bytes& payload, uint16_t mss) {
    options.resize(options.size() % 11 * 4);
    RawPacket packet(PacketSpec{.options = options, .payload = payload});
    TcpEdit tcp(packet.tcp());
    clamp_mss(tcp, mss);
    (void)strip_client_address(tcp);
    blank_tcp_options(tcp, mss % 16);
    if (!options.empty()) {
      tcp.put32(20 + mss % (options.size() - 3), mss * 2'654'435'761U);
      tcp.put8(20 + mss % options.size(), static_cast<uint8_t>(mss));
    }
    tcp.commit();
    RC_ASSERT(test::is_right(packet.bytes()));
  }));
}

}  // namespace
}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// The PROXY header's exact bytes, and that a server reads what was meant. Tests.
#include "lib/net/proxy_header.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>

#include "tests/unit/lib/net/proxy_reader.h"
#include "tests/unit/lib/net/raw_packet.h"

namespace sluice::net {
namespace {

using test::Bytes;

Endpoint at(const char* address, uint16_t port) {
  return {*Address::parse(address), Be16::from_host(port)};
}

const Endpoint kClient4 = at("198.51.100.7", 51'234);
const Endpoint kVip4 = at("192.0.2.10", 80);
const Endpoint kClient6 = at("2001:db8::7", 51'234);
const Endpoint kVip6 = at("2001:db8:1::10", 443);

std::string text_of(const ProxyHeader& header) {
  return {header.bytes().begin(), header.bytes().end()};
}
Bytes bytes_of(const ProxyHeader& header) { return {header.bytes().begin(), header.bytes().end()}; }

TEST(ProxyHeader, Version1IsALineOfText) {
  EXPECT_EQ(text_of(make_proxy_header(ProxyVersion::kV1, Protocol::kTcp, kClient4, kVip4)),
            "PROXY TCP4 198.51.100.7 192.0.2.10 51234 80\r\n");
  EXPECT_EQ(text_of(make_proxy_header(ProxyVersion::kV1, Protocol::kTcp, kClient6, kVip6)),
            "PROXY TCP6 2001:db8::7 2001:db8:1::10 51234 443\r\n");
}

TEST(ProxyHeader, Version1FitsWithTheLongestAddresses) {
  const Endpoint longest = at("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65'535);
  EXPECT_EQ(make_proxy_header(ProxyVersion::kV1, Protocol::kTcp, longest, longest).size, 104);
}

TEST(ProxyHeader, Version2OfIpv4Has28Bytes) {
  const Bytes expected = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49,
                          0x54, 0x0A, 0x21, 0x11, 0x00, 0x0C, 198,  51,   100,  7,
                          192,  0,    2,    10,   0xC8, 0x22, 0x00, 0x50};
  EXPECT_EQ(bytes_of(make_proxy_header(ProxyVersion::kV2, Protocol::kTcp, kClient4, kVip4)),
            expected);
}

TEST(ProxyHeader, Version2OfIpv6Has52Bytes) {
  Bytes expected = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51,
                    0x55, 0x49, 0x54, 0x0A, 0x21, 0x22, 0x00, 0x24};
  test::append(expected, {0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7});
  test::append(expected, {0x20, 1, 0x0D, 0xB8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10});
  test::append(expected, {0xC8, 0x22, 0x01, 0xBB});
  EXPECT_EQ(bytes_of(make_proxy_header(ProxyVersion::kV2, Protocol::kUdp, kClient6, kVip6)),
            expected);
}

TEST(ProxyHeader, MixedFamiliesAreUnknown) {
  EXPECT_EQ(text_of(make_proxy_header(ProxyVersion::kV1, Protocol::kTcp, kClient6, kVip4)),
            "PROXY UNKNOWN\r\n");
  const Bytes unspecified = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51,
                             0x55, 0x49, 0x54, 0x0A, 0x21, 0x00, 0x00, 0x00};
  EXPECT_EQ(bytes_of(make_proxy_header(ProxyVersion::kV2, Protocol::kTcp, kClient4, kVip6)),
            unspecified);
}

TEST(ProxyHeader, ThereIsNoneForUdpInVersion1NorWithoutAVersion) {
  EXPECT_EQ(make_proxy_header(ProxyVersion::kV1, Protocol::kUdp, kClient4, kVip4).size, 0);
  EXPECT_EQ(make_proxy_header(ProxyVersion::kNone, Protocol::kTcp, kClient4, kVip4).size, 0);
}

TEST(ProxyHeaderProperty, AServerReadsWhatWasMeant) {
  using Address6 = std::array<uint8_t, 16>;
  EXPECT_TRUE(rc::check([](const Address6& from, const Address6& to, uint16_t from_port,
                           uint16_t to_port, uint8_t kind) {
    const bool is_v4 = kind % 2 == 0;
    const Protocol protocol = kind / 2 % 2 == 0 ? Protocol::kTcp : Protocol::kUdp;
    const ProxyVersion version =
        kind / 4 % 2 == 0 && protocol == Protocol::kTcp ? ProxyVersion::kV1 : ProxyVersion::kV2;
    const auto address = [&](const Address6& bytes) {
      return is_v4 ? test::read_address(bytes.data(), true) : Address(Ipv6{bytes});
    };
    RC_PRE((is_v4 || (!address(from).is_v4() && !address(to).is_v4())));
    const Endpoint client{address(from), Be16::from_host(from_port)};
    const Endpoint vip{address(to), Be16::from_host(to_port)};
    const ProxyHeader header = make_proxy_header(version, protocol, client, vip);
    Bytes stream = bytes_of(header);
    test::append(stream, test::pattern(kind));
    const auto peer = test::read_proxy_header(stream);
    RC_ASSERT(peer.has_value());
    RC_ASSERT(peer->header_bytes == header.size);
    RC_ASSERT((peer->protocol == protocol));
    RC_ASSERT((peer->client == client && peer->vip == vip));
  }));
}

}  // namespace
}  // namespace sluice::net

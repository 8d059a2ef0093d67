// SPDX-License-Identifier: BSD-3-Clause
// What neighbours hear of a new address, byte by byte.
#include "control/kernel/announcement.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::control {
namespace {

const net::Mac kMac = *net::Mac::parse("02:00:00:0a:0b:0c");

std::string hex(const std::vector<uint8_t>& bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

TEST(Announcement, OfIpv4IsAGratuitousArpRequest) {
  EXPECT_EQ(hex(announcement(kMac, *net::Address::parse("192.0.2.10"))),
            "ffffffffffff"
            "0200000a0b0c"
            "0806"
            "0001"
            "0800"
            "06"
            "04"
            "0001"
            "0200000a0b0c"
            "c000020a"
            "000000000000"
            "c000020a");
}

// The checksum was computed apart from this code.
TEST(Announcement, OfIpv6IsAnUnsolicitedAdvertisementToAllNodes) {
  EXPECT_EQ(hex(announcement(kMac, *net::Address::parse("2001:db8::80"))),
            "333300000001"
            "0200000a0b0c"
            "86dd"
            "60000000"
            "0020"
            "3a"
            "ff"
            "20010db8000000000000000000000080"
            "ff020000000000000000000000000001"
            "88"
            "00"
            "ed17"
            "20000000"
            "20010db8000000000000000000000080"
            "02"
            "01"
            "0200000a0b0c");
}

// RFC 4861 7.1.2: otherwise every node drops it. One's complement over pseudo header and message.
TEST(Announcement, HasAChecksumThatComesOutRightForAnyAddress) {
  for (const char* address : {"fe80::1", "2001:db8::ffff:ffff:ffff:ffff", "fd00::", "ffff::fffe"}) {
    const auto frame = announcement(kMac, *net::Address::parse(address));
    uint32_t sum = 32 + 58;
    for (size_t i = 14 + 8; i < frame.size(); i += 2) {
      sum += frame[i] * 256U + frame[i + 1];
    }
    while (sum > 0xFFFF) {
      sum = (sum & 0xFFFF) + (sum >> 16);
    }
    EXPECT_EQ(sum, 0xFFFFU) << address;
  }
}

// RFC 4291, appendix A, with its own example.
TEST(LinkLocalAddress, HoldsTheMacWithTheUniversalBitTurned) {
  EXPECT_EQ(link_local_address(*net::Mac::parse("34:56:78:9a:bc:de")),
            *net::Ipv6::parse("fe80::3656:78ff:fe9a:bcde"));
  EXPECT_EQ(link_local_address(kMac), *net::Ipv6::parse("fe80::ff:fe0a:b0c"));
}

}  // namespace
}  // namespace sluice::control

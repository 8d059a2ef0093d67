// SPDX-License-Identifier: BSD-3-Clause
// Network-order integers: bytes as in a packet, order as numbers. Tests.
#include "lib/net/byte_order.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace sluice::net {
namespace {

TEST(ByteOrder, LiesInMemoryAsInAPacket) {
  const Be16 port = Be16::from_host(0x1234);
  const Be32 address = Be32::from_host(0xC0000201);
  std::array<uint8_t, 6> bytes;
  std::memcpy(bytes.data(), &port, 2);
  std::memcpy(bytes.data() + 2, &address, 4);
  EXPECT_EQ(bytes, (std::array<uint8_t, 6>{0x12, 0x34, 192, 0, 2, 1}));
}

TEST(ByteOrder, OrdersAsTheNumbersDo) {
  // In raw form 0x0100 is the smaller one.
  EXPECT_LT(Be16::from_host(0x0001), Be16::from_host(0x0100));
  EXPECT_LT(Be32::from_host(1), Be32::from_host(0x01000000));
  EXPECT_EQ(Be16::from_host(80).host(), 80);
  EXPECT_EQ(Be32::from_host(80).host(), 80U);
}

}  // namespace
}  // namespace sluice::net

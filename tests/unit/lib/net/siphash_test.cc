// SPDX-License-Identifier: BSD-3-Clause
// SipHash-2-4 against the vectors its authors publish. Tests.
#include "lib/net/siphash.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace sluice::net {
namespace {

TEST(SipHash, GivesThePublishedValues) {
  const SipKey key = {0x0706050403020100, 0x0F0E0D0C0B0A0908};
  std::vector<uint8_t> bytes(15);
  std::iota(bytes.begin(), bytes.end(), uint8_t{0});
  EXPECT_EQ(siphash24(key, {}), 0x726FDB47DD0E0E31U);
  EXPECT_EQ(siphash24(key, std::span(bytes).first(1)), 0x74F839C593DC67FDU);
  EXPECT_EQ(siphash24(key, std::span(bytes).first(8)), 0x93F5F5799A932462U);
  EXPECT_EQ(siphash24(key, bytes), 0xA129CA6149BE45E5U);
}

}  // namespace
}  // namespace sluice::net

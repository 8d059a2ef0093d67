// SPDX-License-Identifier: BSD-3-Clause
// Who asks for a neighbour twice is heard once a tick. Tests.
#include "dataplane/context.h"

#include <gtest/gtest.h>

namespace sluice::dataplane {
namespace {

net::Ipv4 address(uint32_t host) { return net::Ipv4::from_host(0x0A000000 + host); }

TEST(ResolveMemory, HearsEachAddressOnceATick) {
  ResolveMemory memory;
  for (Tick now = 0; now < 3; ++now) {
    for (uint32_t host = 0; host < 64; ++host) {
      EXPECT_TRUE(memory.first_in_tick(address(host), now));
    }
    for (uint32_t host = 0; host < 64; ++host) {
      EXPECT_FALSE(memory.first_in_tick(address(host), now));
    }
  }
}

TEST(ResolveMemory, HearsTheFirstQuestionAboutAddressZero) {
  ResolveMemory memory;
  EXPECT_TRUE(memory.first_in_tick(net::Ipv4{}, 0));
  EXPECT_FALSE(memory.first_in_tick(net::Ipv4{}, 0));
}

// Two addresses in one slot are heard too often rather than never.
TEST(ResolveMemory, NeverSilencesAnAddressForAnother) {
  ResolveMemory memory;
  EXPECT_TRUE(memory.first_in_tick(address(1), 5));
  EXPECT_TRUE(memory.first_in_tick(address(65), 5));
  EXPECT_TRUE(memory.first_in_tick(address(1), 5));
}

}  // namespace
}  // namespace sluice::dataplane

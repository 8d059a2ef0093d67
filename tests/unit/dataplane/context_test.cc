// SPDX-License-Identifier: BSD-3-Clause
// The small parts of a worker's memory: identifications, notes, who asked for a neighbour. Tests.
#include "dataplane/context.h"

#include <gtest/gtest.h>

#include <set>

namespace sluice::dataplane {
namespace {

net::Ipv4 address(uint32_t host) { return net::Ipv4::from_host(0x0A000000 + host); }

TEST(PacketIds, OfAllWorkersAreDifferent) {
  constexpr uint32_t kWorkers = 3;
  std::set<uint16_t> seen;
  for (uint32_t worker = 0; worker < kWorkers; ++worker) {
    PacketIds ids(worker, kWorkers);
    for (uint32_t i = 0; i < 65'536 / kWorkers; ++i) {
      EXPECT_TRUE(seen.insert(ids.take()).second);
    }
    EXPECT_TRUE(seen.contains(ids.take())) << "from the beginning again";
  }
}

TEST(PacketIds, OfOneWorkerAreAll) {
  PacketIds ids(0, 1);
  for (uint32_t i = 0; i < 65'536; ++i) {
    EXPECT_EQ(ids.take(), i);
  }
  EXPECT_EQ(ids.take(), 0);
}

TEST(FragmentNotes, CrossARingOfPackets) {
  rte_mbuf packet{};
  const auto notes = FragmentNotes::create();
  const auto others = FragmentNotes::create();  // of another worker: the same field
  ASSERT_TRUE(notes && others);
  EXPECT_FALSE(notes->take(&packet));
  const FragmentNote note{{net::Be16::from_host(1), net::Be16::from_host(2)},
                          {.identification = 3, .owner = 4, .protocol = 17}};
  notes->attach(&packet, note);
  const auto taken = others->take(&packet);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->ports, note.ports);
  EXPECT_EQ(taken->decision, note.decision);
  EXPECT_FALSE(notes->take(&packet));
}

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

// SPDX-License-Identifier: BSD-3-Clause
// Every order of fragments is delivered whole and once; nothing breaks the table. Tests.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tests/unit/lib/table/fragment_player.h"

namespace sluice::table {
namespace {

using test::FragmentPlayer;
using test::fragments_of;
using test::OnFirst;
using test::part;

constexpr FragmentLimits kTiny{.datagrams = 16, .held_packets = 8, .held_per_datagram = 4};

TEST(FragmentTable, DeliversEveryOrderOnce) {
  FragmentPlayer player({.datagrams = 1'025, .held_packets = 1'024, .held_per_datagram = 64});
  uint32_t id = 0;
  for (const bool is_v6 : {false, true}) {
    // 64 KB in fragments of 1 280-byte links: any order has gaps and holds enough.
    auto parts = fragments_of(++id, 65'500, 1'232, is_v6);
    std::reverse(parts.begin(), parts.end());
    for (const auto& fragment : parts) {
      player.send(fragment);
    }
    EXPECT_EQ(player.bytes_of(player.sessions()), 65'500U);
    // Every second one first: as many gaps as there can be.
    parts = fragments_of(++id, 65'500, 1'232, is_v6);
    std::stable_partition(parts.begin(), parts.end(), [](const net::Fragment& fragment) {
      return fragment.offset_bytes / 1'232 % 2 == 1;
    });
    for (const auto& fragment : parts) {
      player.send(fragment);
    }
    EXPECT_EQ(player.bytes_of(player.sessions()), 65'500U);
    EXPECT_EQ(player.table().size(), 0U);
  }
  std::vector<uint32_t> order = {0, 1, 2, 3, 4};
  do {
    const auto parts = fragments_of(++id, 37, 8);
    for (const uint32_t i : order) {
      player.send(parts[i]);
    }
    ASSERT_EQ(player.bytes_of(player.sessions()), 37U);
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(player.forwarded(), player.sent());
}

TEST(FragmentTable, DeliversMixedPermutationsOnce) {
  rc::check("fragments of several datagrams in any order", [] {
    FragmentPlayer player({.datagrams = 1'025, .held_packets = 1'024, .held_per_datagram = 64});
    const auto datagrams = *rc::gen::inRange<uint32_t>(1, 12);
    std::vector<net::Fragment> all;
    std::vector<uint32_t> lengths;
    for (uint32_t id = 0; id < datagrams; ++id) {
      const auto step = *rc::gen::element<uint32_t>(8, 16, 552, 1'480);
      lengths.push_back(step + *rc::gen::inRange<uint32_t>(1, 40 * step));
      const auto parts = fragments_of(id, std::min(lengths.back(), 65'000U), step, id % 2 == 0);
      all.insert(all.end(), parts.begin(), parts.end());
    }
    std::mt19937 random(*rc::gen::arbitrary<uint32_t>());
    std::shuffle(all.begin(), all.end(), random);
    const auto late = *rc::gen::inRange<uint32_t>(0, 3);
    for (const auto& fragment : all) {
      player.send(fragment, random() % 3 < late ? OnFirst::kDecideLater : OnFirst::kDecide);
      if (random() % 4 == 0) {
        player.decide_one();
      }
    }
    while (player.decide_one()) {
    }
    RC_ASSERT(player.forwarded() == all.size());
    RC_ASSERT(player.sessions() == datagrams);
    RC_ASSERT(player.table().size() == 0U);
  });
}

// The player checks what must hold whatever is sent.
TEST(FragmentTable, KeepsItsPromisesUnderAnything) {
  rc::check("arbitrary fragments, decisions and time", [] {
    FragmentPlayer player(kTiny);
    std::mt19937 random(*rc::gen::arbitrary<uint32_t>());
    for (uint32_t i = 0; i < 500; ++i) {
      const uint32_t id = random() % 24, begin = random() % 6 * 8;
      player.send(part(id, begin, begin + 8 + random() % 3 * 8, random() % 4 == 0),
                  static_cast<OnFirst>(random() % 3));
      if (random() % 3 == 0) {
        player.decide_one();
      }
      if (random() % 8 == 0) {
        player.pass(random() % 3, random() % 4);
      }
    }
    player.finish();
  });
}

}  // namespace
}  // namespace sluice::table

// SPDX-License-Identifier: BSD-3-Clause
// What operators see of counters: names that scripts can rely on, units, help. Tests.
#include "dataplane/counters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace sluice::dataplane {
namespace {

TEST(CounterInfo, NamesAreSnakeCaseAndUnique) {
  std::set<std::string_view> names;
  for (const CounterInfo& info : kCounterInfo) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(std::all_of(info.name.begin(), info.name.end(), [](char c) {
      return c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    })) << info.name;
  }
}

TEST(CounterInfo, EveryCounterHasUnitAndHelp) {
  for (const CounterInfo& info : kCounterInfo) {
    EXPECT_FALSE(info.unit.empty()) << info.name;
    EXPECT_FALSE(info.help.empty()) << info.name;
  }
}

TEST(CounterInfo, IsInTheOrderOfTheIds) {
  EXPECT_EQ(kCounterInfo[static_cast<size_t>(CounterId::kRxPackets)].name, "rx_packets");
  EXPECT_EQ(kCounterInfo[static_cast<size_t>(CounterId::kDropTxFull)].name, "drop_tx_full");
  EXPECT_EQ(kCounterInfo[static_cast<size_t>(CounterId::kDropPuntFull)].name, "drop_punt_full");
}

TEST(Counters, StartAtZeroAndCountApart) {
  Counters counters;
  counters[CounterId::kRxPackets].add(3);
  counters[CounterId::kRxPackets].add(2);
  counters[CounterId::kRxPackets].subtract(1);
  for (size_t i = 0; i < kCounterCount; ++i) {
    const auto id = static_cast<CounterId>(i);
    EXPECT_EQ(counters[id].get(), id == CounterId::kRxPackets ? 4U : 0U);
  }
}

}  // namespace
}  // namespace sluice::dataplane

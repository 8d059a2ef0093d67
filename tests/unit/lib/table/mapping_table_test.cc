// SPDX-License-Identifier: BSD-3-Clause
// A mapping lives as long as sessions hold it, and belongs to two endpoints. Tests.
#include "lib/table/mapping_table.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <rapidcheck.h>
#include <rte_memory.h>

#include <algorithm>
#include <vector>

namespace sluice::table {
namespace {

constexpr uint16_t kGroup = 3;
constexpr std::array<uint64_t, 4> kSecret = {0x243F6A8885A308D3, 0x13198A2E03707344,
                                             0xA4093822299F31D0, 0x082EFA98EC4E6C89};

net::Endpoint inside(uint32_t index) {
  return {net::Ipv4::from_host(0x0A010000 + index / 4), net::Be16::from_host(5000 + index % 4)};
}

net::Endpoint outside(uint32_t index) {
  return {net::Ipv4::from_host(0xCB007101), net::Be16::from_host(static_cast<uint16_t>(index))};
}

Mapping mapping_of(const net::Endpoint& from, const net::Endpoint& to, uint16_t group = kGroup,
                   uint8_t protocol = IPPROTO_UDP) {
  Mapping mapping;
  mapping.inside = from;
  mapping.outside = to;
  mapping.group = group;
  mapping.protocol = protocol;
  return mapping;
}

MappingTable make_table(uint32_t capacity) {
  auto table =
      MappingTable::create("mapping_test", capacity, net::FlowHasher(kSecret), SOCKET_ID_ANY);
  EXPECT_TRUE(table) << (table ? "" : table.error().message);
  return std::move(*table);
}

TEST(MappingTable, FindsAMappingByEitherEndpoint) {
  MappingTable table = make_table(4);
  const MappingIndex index = table.open(mapping_of(inside(1), outside(2'000)));
  ASSERT_NE(index, kNoMapping);
  EXPECT_EQ(table.find_inside(kGroup, IPPROTO_UDP, inside(1)), index);
  EXPECT_EQ(table.find_outside(IPPROTO_UDP, outside(2'000)), index);
  EXPECT_EQ(table[index].outside, outside(2'000));
  for (const MappingIndex other : {table.find_inside(kGroup, IPPROTO_TCP, inside(1)),
                                   table.find_inside(kGroup + 1, IPPROTO_UDP, inside(1)),
                                   table.find_inside(kGroup, IPPROTO_UDP, inside(2)),
                                   table.find_inside(kGroup, IPPROTO_UDP, outside(2'000)),
                                   table.find_outside(IPPROTO_TCP, outside(2'000)),
                                   table.find_outside(IPPROTO_UDP, inside(1))}) {
    EXPECT_EQ(other, kNoMapping);
  }
}

TEST(MappingTable, TellsWhenTheLastSessionLetsGo) {
  MappingTable table = make_table(4);
  const MappingIndex index = table.open(mapping_of(inside(1), outside(2'000)));
  table.hold(index);
  table.hold(index);
  EXPECT_FALSE(table.let_go(index));
  EXPECT_TRUE(table.let_go(index));
  table.erase(index);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.find_inside(kGroup, IPPROTO_UDP, inside(1)), kNoMapping);
  EXPECT_EQ(table.find_outside(IPPROTO_UDP, outside(2'000)), kNoMapping);
}

TEST(MappingTable, GivesNewSessionsAnotherMappingOnceOneIsRetired) {
  MappingTable table = make_table(4);
  const MappingIndex old = table.open(mapping_of(inside(1), outside(2'000)));
  table.hold(old);
  table.retire(old);
  EXPECT_EQ(table.find_inside(kGroup, IPPROTO_UDP, inside(1)), kNoMapping);
  EXPECT_EQ(table.find_outside(IPPROTO_UDP, outside(2'000)), old);
  const MappingIndex next = table.open(mapping_of(inside(1), outside(2'001)));
  EXPECT_TRUE(table.let_go(old));
  table.erase(old);
  EXPECT_EQ(table.find_inside(kGroup, IPPROTO_UDP, inside(1)), next) << "the old one took no key";
}

TEST(MappingTable, HoldsSoManyAndNoMore) {
  for (const uint32_t capacity : {0U, 1U, 5U, 1'000U}) {
    MappingTable table = make_table(capacity);
    for (uint32_t i = 0; i < capacity; ++i) {
      ASSERT_NE(table.open(mapping_of(inside(i), outside(i))), kNoMapping) << i;
    }
    EXPECT_TRUE(table.is_full());
    EXPECT_EQ(table.open(mapping_of(inside(capacity), outside(capacity))), kNoMapping);
    EXPECT_EQ(table.size(), capacity);
  }
}

// Against a list of mappings that is searched.
TEST(MappingTableProperty, BehavesAsAListOfPairs) {
  EXPECT_TRUE(rc::check([](const std::vector<uint16_t>& commands) {
    constexpr uint32_t kCapacity = 8;
    struct Entry {
      MappingIndex index;
      uint32_t in;
      uint32_t out;
      bool is_retired;
    };
    MappingTable table = make_table(kCapacity);
    std::vector<Entry> model;
    for (const uint16_t command : commands) {
      const uint32_t in = command / 4 % 16;
      const uint32_t out = command / 64 % 16;
      const auto current = std::find_if(model.begin(), model.end(), [&](const Entry& entry) {
        return entry.in == in && !entry.is_retired;
      });
      const auto of_public = std::find_if(model.begin(), model.end(),
                                          [&](const Entry& entry) { return entry.out == out; });
      const bool is_known = current != model.end();
      RC_ASSERT(table.find_inside(kGroup, IPPROTO_UDP, inside(in)) ==
                (is_known ? current->index : kNoMapping));
      RC_ASSERT(table.find_outside(IPPROTO_UDP, outside(out)) ==
                (of_public == model.end() ? kNoMapping : of_public->index));
      if (!is_known && of_public == model.end()) {
        const MappingIndex index = table.open(mapping_of(inside(in), outside(out)));
        RC_ASSERT((index == kNoMapping) == (model.size() == kCapacity));
        if (index != kNoMapping) {
          model.push_back({index, in, out, false});
        }
      } else if (is_known && command % 4 == 0) {
        table.retire(current->index);
        current->is_retired = true;
      } else if (of_public != model.end() && command % 4 == 1) {
        table.erase(of_public->index);
        model.erase(of_public);
      }
      RC_ASSERT(table.size() == model.size());
    }
  }));
}

}  // namespace
}  // namespace sluice::table

// SPDX-License-Identifier: BSD-3-Clause
// Neighbours: slots that stay, MACs that change, a table that is full. Tests.
#include "lib/snapshot/next_hop_table.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::snapshot {
namespace {

net::Address address(uint32_t host) { return net::Ipv4::from_host(0x0A000000 + host); }
net::Mac mac(uint8_t last) { return {{0xFE, 0xDC, 0xBA, 0x98, 0x76, last}}; }

TEST(NextHopTable, AddsUnresolvedAndKeepsTheSlot) {
  NextHopTable table(8);
  const NextHopIndex index = table.find_or_add(3, address(1));
  ASSERT_NE(index, kNoNextHop);
  EXPECT_FALSE(table.get(index).is_resolved);
  EXPECT_EQ(table.get(index).port, 3);
  EXPECT_EQ(table.find_or_add(3, address(1)), index);
  EXPECT_EQ(table.find(3, address(1)), index);
  EXPECT_EQ(table.size(), 1U);
}

TEST(NextHopTable, TellsIpVersionsAndLinkLocalAddressesOfPortsApart) {
  NextHopTable table(8);
  const net::Address router = *net::Address::parse("fe80::1");
  const NextHopIndex first = table.find_or_add(0, router);
  EXPECT_NE(first, table.find_or_add(1, router));
  EXPECT_NE(first, table.find_or_add(0, *net::Address::parse("::10.0.0.1")));
  EXPECT_EQ(table.find(0, address(1)), kNoNextHop);
  EXPECT_EQ(table.find(0, router), first);
}

// Whoever chooses addresses cannot know which ones share a place of the index.
TEST(NextHopTable, PlacesNeighboursByItsSecret) {
  const auto places = [](const std::array<uint64_t, 4>& secret) {
    NextHopTable table(64, secret);
    for (uint8_t host = 1; host <= 64; ++host) {
      table.find_or_add(0, address(host));
    }
    std::vector<net::Address> order;
    for (const NextHopTable::Entry& entry : table.entries()) {
      order.push_back(entry.address);
    }
    return order;
  };
  constexpr std::array<uint64_t, 4> kOther = {0x9216D5D98979FB1B, 0xD1310BA698DFB5AC,
                                              0x2FFD72DBD01ADFB7, 0xB8E1AFED6A267E96};
  EXPECT_EQ(places(kOther), places(kOther));
  EXPECT_NE(places(kOther), places(NextHopTable::kPublicSecret));
}

TEST(NextHopTable, TellsPortsApart) {
  NextHopTable table(8);
  EXPECT_NE(table.find_or_add(0, address(1)), table.find_or_add(1, address(1)));
  EXPECT_EQ(table.find(2, address(1)), kNoNextHop);
}

TEST(NextHopTable, ShowsAChangedMacInTheSameSlot) {
  NextHopTable table(8);
  const NextHopIndex index = table.find_or_add(255, address(1));
  table.set_resolved(index, mac(1));
  EXPECT_TRUE(table.get(index).is_resolved);
  EXPECT_EQ(table.get(index).mac, mac(1));
  table.set_resolved(index, mac(2));
  EXPECT_EQ(table.get(index).mac, mac(2));
  EXPECT_EQ(table.get(index).port, 255) << "a MAC with all bits set must not reach the port";
  table.set_unresolved(index);
  EXPECT_FALSE(table.get(index).is_resolved);
  EXPECT_EQ(table.get(index).port, 255);
}

TEST(NextHopTable, ShowsInItsWordWhatTheFastPathReads) {
  NextHopTable table(8);
  const NextHopIndex index = table.find_or_add(7, address(1));
  table.set_resolved(index, {{1, 2, 3, 4, 5, 6}});
  EXPECT_EQ(table.word(index),
            NextHopTable::kResolvedBit | 7ULL << NextHopTable::kPortShift | 0x060504030201ULL);
}

TEST(NextHopTable, HoldsAsManyAsPromisedAndRefusesTheNext) {
  for (const uint32_t capacity : {1U, 2U, 100U, 16'384U}) {
    NextHopTable table(capacity);
    ASSERT_EQ(table.capacity(), capacity);
    std::set<NextHopIndex> slots;
    for (uint32_t host = 0; host < capacity; ++host) {
      slots.insert(table.find_or_add(0, address(host)));
    }
    EXPECT_EQ(slots.size(), capacity);
    EXPECT_FALSE(slots.contains(kNoNextHop));
    EXPECT_EQ(table.find_or_add(0, address(capacity)), kNoNextHop);
    EXPECT_EQ(table.find(0, address(capacity)), kNoNextHop) << "must end, not search for ever";
    EXPECT_NE(table.find_or_add(0, address(0)), kNoNextHop);
  }
}

TEST(NextHopTable, HasAnAddressOfAllZeros) {
  NextHopTable table(4);
  const NextHopIndex index = table.find_or_add(0, net::Ipv4{});
  EXPECT_EQ(table.find(0, net::Ipv4{}), index);
}

TEST(NextHopTable, ForgetsTheUnresolvedAndKeepsTheSlotsOfOthers) {
  NextHopTable table(4);
  const NextHopIndex resolved = table.find_or_add(1, address(1));
  table.set_resolved(resolved, mac(1));
  const NextHopIndex excepted = table.find_or_add(1, address(2));
  table.find_or_add(1, address(3));
  EXPECT_EQ(table.retire_unresolved({&excepted, 1}), 1U);
  EXPECT_EQ(table.find(1, address(1)), resolved);
  EXPECT_EQ(table.get(resolved).mac, mac(1));
  EXPECT_EQ(table.find(1, address(2)), excepted);
  EXPECT_EQ(table.find(1, address(3)), kNoNextHop);
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(table.entries().size(), 2U);
}

// A session that has not seen the new route epoch still goes by the slot's number.
TEST(NextHopTable, ReusesNoSlotBeforeItIsTold) {
  NextHopTable table(2);
  const NextHopIndex kept = table.find_or_add(0, address(1));
  table.set_resolved(kept, mac(1));
  const NextHopIndex forgotten = table.find_or_add(0, address(2));
  ASSERT_EQ(table.retire_unresolved({}), 1U);
  EXPECT_TRUE(table.has_retired());
  EXPECT_EQ(table.find_or_add(0, address(3)), kNoNextHop);
  EXPECT_FALSE(table.get(forgotten).is_resolved);
  table.reuse_retired();
  EXPECT_FALSE(table.has_retired());
  EXPECT_EQ(table.find_or_add(0, address(3)), forgotten);
  EXPECT_EQ(table.find(0, address(1)), kept);
}

TEST(NextHopTable, WithNothingToForgetNothingChanges) {
  NextHopTable table(2);
  const NextHopIndex kept = table.find_or_add(0, address(1));
  table.set_resolved(kept, mac(1));
  EXPECT_EQ(table.retire_unresolved({}), 0U);
  EXPECT_FALSE(table.has_retired());
  EXPECT_EQ(table.find(0, address(1)), kept);
}

// Readers search all the time while neighbours come, are resolved and are forgotten.
TEST(NextHopTable, GivesReadersTheRightNeighbourOrNone) {
  constexpr uint32_t kStranger = 1'000;
  NextHopTable table(16);
  const NextHopIndex server = table.find_or_add(0, address(1));
  table.set_resolved(server, mac(1));
  std::atomic<bool> is_done{false};
  std::atomic<uint32_t> wrong{0};
  std::thread reader([&] {
    for (uint32_t host = 2; !is_done; host = host % 40 + 1) {
      wrong += table.find(0, address(1)) != server ? 1U : 0U;
      wrong += table.get(server).mac != mac(1) ? 1U : 0U;
      wrong += table.find(0, address(kStranger)) != kNoNextHop ? 1U : 0U;
      const NextHopIndex found = table.find(0, address(host));
      wrong += found != kNoNextHop && found >= table.capacity() ? 1U : 0U;
    }
  });
  for (uint32_t round = 0; round < 2'000; ++round) {
    for (uint32_t host = 2; host < 20; ++host) {
      table.find_or_add(0, address(host + round % 20));
    }
    table.retire_unresolved({});
    table.reuse_retired();
  }
  is_done = true;
  reader.join();
  EXPECT_EQ(wrong, 0U);
}

TEST(NextHopTableProperty, BehavesAsAMap) {
  EXPECT_TRUE(rc::check([](uint8_t capacity, const std::vector<uint16_t>& commands) {
    NextHopTable table(capacity % 20 + 1U);
    std::map<std::pair<uint8_t, uint32_t>, std::pair<NextHopIndex, std::optional<net::Mac>>> model;
    for (const uint16_t command : commands) {
      const auto port = static_cast<uint8_t>(command & 1);
      const uint32_t host = command >> 1 & 0xF;
      const NextHopIndex index = table.find_or_add(port, address(host));
      const auto known = model.find({port, host});
      if (known == model.end()) {
        RC_ASSERT((index == kNoNextHop) == (model.size() == table.capacity()));
        if (index == kNoNextHop) {
          continue;
        }
        model[{port, host}].first = index;
      } else {
        RC_ASSERT(index == known->second.first);
      }
      const auto last = static_cast<uint8_t>(command >> 8);
      if (last % 4 == 0) {
        table.set_unresolved(index);
        model[{port, host}].second.reset();
      } else {
        table.set_resolved(index, mac(last));
        model[{port, host}].second = mac(last);
      }
    }
    RC_ASSERT(table.size() == model.size());
    RC_ASSERT(table.entries().size() == model.size());
    for (const NextHopTable::Entry& entry : table.entries()) {
      const auto& [index, resolved] =
          model.at({entry.next_hop.port, entry.address.v4().host() - address(0).v4().host()});
      RC_ASSERT(entry.index == index);
      RC_ASSERT(entry.next_hop.is_resolved == resolved.has_value());
      RC_ASSERT((!resolved || entry.next_hop.mac == *resolved));
    }
  }));
}

}  // namespace
}  // namespace sluice::snapshot

// SPDX-License-Identifier: BSD-3-Clause
// Sessions found by both keys, up to the last record, against a map. Tests.
#include "lib/table/session_table.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace sluice::table {
namespace {

const net::FlowHasher kHasher({0x0123456789ABCDEF, 0xFEDCBA9876543210, 0x0F1E2D3C4B5A6978,
                               0x8796A5B4C3D2E1F0});

SessionTable make_table(uint32_t capacity, const net::FlowHasher& hasher = kHasher) {
  auto table = SessionTable::create("test_sessions", capacity, hasher, SOCKET_ID_ANY);
  EXPECT_TRUE(table) << (table ? "" : table.error().message);
  return std::move(*table);
}

net::FlowKey4 client_key(uint32_t id) {
  return {net::Ipv4::from_host(0xC6336400 + id / 50'000), net::Ipv4::from_host(0xC000020A),
          net::Be16::from_host(static_cast<uint16_t>(1'024 + id % 50'000)),
          net::Be16::from_host(80), 6};
}

net::FlowKey4 server_key(uint32_t id) {
  return {net::Ipv4::from_host(0x0A000001 + id / 50'000), net::Ipv4::from_host(0x0A000064),
          net::Be16::from_host(8'080),
          net::Be16::from_host(static_cast<uint16_t>(1'024 + id % 50'000)), 6};
}

void fill(Session& session, uint32_t id) {
  const net::FlowKey4 in = client_key(id), back = server_key(id);
  session.protocol = net::Protocol::kTcp;
  session.server_id = id;
  session.server_address = back.source;
  session.rewrite(Direction::kToServer) = net::Rewrite::between(
      in, {back.destination, back.source, back.destination_port, back.source_port, 6});
  session.rewrite(Direction::kToClient) = net::Rewrite::between(
      back, {in.destination, in.source, in.destination_port, in.source_port, 6});
}

SessionIndex add(SessionTable& table, uint32_t id) {
  const SessionIndex index = table.allocate();
  if (index == kNoSession) {
    return index;
  }
  fill(table[index], id);
  EXPECT_EQ(table.insert(index), SessionTable::Insertion::kDone) << id;
  return index;
}

SessionRef find(const SessionTable& table, const net::FlowKey4& key) {
  return table.find(key, table.hash(key));
}

TEST(Session, TellsItsFourEndpointsAndBothKeys) {
  Session session;
  fill(session, 5);
  EXPECT_EQ(session.client().to_string(), "198.51.100.0:1029");
  EXPECT_EQ(session.vip().to_string(), "192.0.2.10:80");
  EXPECT_EQ(session.local().to_string(), "10.0.0.100:1029");
  EXPECT_EQ(session.server().to_string(), "10.0.0.1:8080");
  EXPECT_EQ(session.key(Direction::kToServer), client_key(5));
  EXPECT_EQ(session.key(Direction::kToClient), server_key(5));
}

TEST(SessionRef, SurvivesAsData) {
  for (const SessionIndex index : {0U, 1U, 77U, kNoSession - 1}) {
    for (const Direction direction : {Direction::kToServer, Direction::kToClient}) {
      const SessionRef back = SessionRef::from_data(SessionRef{index, direction}.to_data());
      EXPECT_EQ(back.index, index);
      EXPECT_EQ(back.direction, direction);
    }
  }
}

TEST(SessionTable, FindsASessionByBothKeysWithTheDirection) {
  SessionTable table = make_table(8);
  const SessionIndex index = add(table, 1);
  EXPECT_EQ(find(table, client_key(1)).index, index);
  EXPECT_EQ(find(table, client_key(1)).direction, Direction::kToServer);
  EXPECT_EQ(find(table, server_key(1)).index, index);
  EXPECT_EQ(find(table, server_key(1)).direction, Direction::kToClient);
  EXPECT_EQ(find(table, client_key(2)).index, kNoSession);
}

TEST(SessionTable, LeavesAnswersToTheSessionThatHasTheirKey) {
  SessionTable table = make_table(8);
  const SessionIndex first = add(table, 1);
  const SessionIndex second = table.allocate();
  fill(table[second], 1);
  table[second].rewrite(Direction::kToClient).destination_port = net::Be16::from_host(99);
  EXPECT_EQ(table.insert(second), SessionTable::Insertion::kTaken);
  EXPECT_EQ(find(table, server_key(1)).index, first);
  EXPECT_EQ(find(table, table[second].key(Direction::kToServer)).index, kNoSession);
  table.discard(second);
}

TEST(SessionTable, TellsFlowsApartByEveryPartOfTheKey) {
  SessionTable table = make_table(8);
  add(table, 1);
  std::vector<net::FlowKey4> others(5, client_key(1));
  others[0].source = net::Ipv4::from_host(1);
  others[1].destination = net::Ipv4::from_host(1);
  others[2].source_port = net::Be16::from_host(1);
  others[3].destination_port = net::Be16::from_host(1);
  others[4].protocol = 17;
  for (const net::FlowKey4& other : others) {
    EXPECT_EQ(find(table, other).index, kNoSession);
  }
}

TEST(SessionTable, FillsToTheLastRecordAndRefusesTheNext) {
  for (const uint32_t capacity : {8U, 9U, 64U, 1'000U, 20'000U}) {
    SessionTable table = make_table(capacity);
    ASSERT_EQ(table.capacity(), capacity);
    for (uint32_t id = 0; id < capacity; ++id) {
      ASSERT_NE(add(table, id), kNoSession) << id << " of " << capacity;
    }
    EXPECT_EQ(table.size(), capacity);
    EXPECT_EQ(table.allocate(), kNoSession);
    for (uint32_t id = 0; id < capacity; ++id) {
      ASSERT_EQ(table[find(table, client_key(id)).index].server_id, id);
      ASSERT_EQ(table[find(table, server_key(id)).index].server_id, id);
    }
    const SessionIndex freed = find(table, client_key(capacity / 2)).index;
    table.erase(freed);
    EXPECT_EQ(add(table, capacity), freed);
  }
}

TEST(SessionTable, ForgetsBothKeysOfAnErasedSession) {
  SessionTable table = make_table(8);
  table.erase(add(table, 1));
  EXPECT_EQ(find(table, client_key(1)).index, kNoSession);
  EXPECT_EQ(find(table, server_key(1)).index, kNoSession);
  EXPECT_EQ(table.size(), 0U);
}

TEST(SessionTable, TakesBackADiscardedRecord) {
  SessionTable table = make_table(4);
  const SessionIndex index = table.allocate();
  EXPECT_EQ(table.size(), 1U);
  table.discard(index);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_FALSE(table[index].is_used());
  EXPECT_EQ(table.allocate(), index);
}

TEST(SessionTable, LooksUpABurstAtOnce) {
  SessionTable table = make_table(64);
  std::vector<net::FlowKey4> keys;
  for (uint32_t id = 0; id < SessionTable::kMaxBulk; ++id) {
    if (id % 3 == 0) {
      add(table, id);
    }
    keys.push_back(id % 2 == 0 ? client_key(id) : server_key(id));
  }
  for (uint32_t count = 1; count <= SessionTable::kMaxBulk; ++count) {
    std::vector<const void*> pointers;
    std::vector<uint32_t> hashes;
    std::vector<void*> found(count);
    for (uint32_t i = 0; i < count; ++i) {
      pointers.push_back(&keys[i]);
      hashes.push_back(table.hash(keys[i]));
    }
    const uint64_t hits = table.find_bulk(pointers.data(), hashes.data(), count, found.data());
    for (uint32_t i = 0; i < count; ++i) {
      ASSERT_EQ((hits >> i & 1) != 0, i % 3 == 0);
      if (i % 3 == 0) {
        const SessionRef ref = SessionRef::from_data(found[i]);
        EXPECT_EQ(table[ref.index].server_id, i);
        EXPECT_EQ(ref.direction, i % 2 == 0 ? Direction::kToServer : Direction::kToClient);
      }
    }
    EXPECT_EQ(count < 64 ? hits >> count : 0, 0U);
  }
}

TEST(SessionTable, IsRefusedWithTheSizeWhenMemoryLacks) {
  const auto table = SessionTable::create("too_large", 500'000'000, kHasher, SOCKET_ID_ANY);
  ASSERT_FALSE(table);
  EXPECT_NE(table.error().message.find("sessions"), std::string::npos) << table.error().message;
}

// Model: an unordered map from id to record. The hasher's secret is random too.
TEST(SessionTableProperty, BehavesAsAMap) {
  EXPECT_TRUE(rc::check([](const std::array<uint64_t, 4>& secret,
                           const std::vector<uint16_t>& commands) {
    constexpr uint32_t kCapacity = 20, kIds = 40;
    SessionTable table = make_table(kCapacity, net::FlowHasher(secret));
    std::unordered_map<uint32_t, SessionIndex> model;
    for (const uint16_t command : commands) {
      const uint32_t id = command % kIds;
      if (const auto known = model.find(id); known != model.end()) {
        table.erase(known->second);
        model.erase(known);
      } else {
        const SessionIndex index = add(table, id);
        RC_ASSERT((index != kNoSession) == (model.size() < kCapacity));
        if (index != kNoSession) {
          model[id] = index;
        }
      }
      RC_ASSERT(table.size() == model.size());
      for (uint32_t any = 0; any < kIds; ++any) {
        const auto known = model.find(any);
        const SessionIndex expected = known == model.end() ? kNoSession : known->second;
        RC_ASSERT(find(table, client_key(any)).index == expected);
        RC_ASSERT(find(table, server_key(any)).index == expected);
      }
      RC_ASSERT(std::count_if(table.records().begin(), table.records().end(), [](const Session& s) {
                  return s.is_used();
                }) == static_cast<ptrdiff_t>(model.size()));
    }
  }));
}

}  // namespace
}  // namespace sluice::table

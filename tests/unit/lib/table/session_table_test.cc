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

SessionTable make_table(uint32_t capacity, const net::FlowHasher& hasher = kHasher,
                        uint32_t extended = 16) {
  auto table = SessionTable::create("test_sessions", {capacity, extended}, hasher, SOCKET_ID_ANY);
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

net::Flow client_flow(uint32_t id) { return net::Flow(client_key(id)); }
net::Flow server_flow(uint32_t id) { return net::Flow(server_key(id)); }

/// Makes the record at `index` a session of these flows, as they arrive.
void fill(SessionTable& table, SessionIndex index, const net::Flow& from_client,
          const net::Flow& from_server) {
  table[index].protocol = net::Protocol::kTcp;
  EXPECT_TRUE(
      table.set_flows(index, from_client, from_server.turned_around(), from_server.source.address));
}

/// Session `id` is the server's `id` too. Until then the record counts as unused.
SessionTable::Insertion insert(SessionTable& table, SessionIndex index, uint32_t id) {
  const auto insertion = table.insert(index);
  if (insertion == SessionTable::Insertion::kDone) {
    table[index].server_id = id;
  }
  return insertion;
}

SessionIndex add(SessionTable& table, uint32_t id) {
  const SessionIndex index = table.allocate();
  if (index == kNoSession) {
    return index;
  }
  fill(table, index, client_flow(id), server_flow(id));
  EXPECT_EQ(insert(table, index, id), SessionTable::Insertion::kDone) << id;
  return index;
}

SessionRef find(const SessionTable& table, const net::FlowKey4& key) {
  return table.find(net::Flow(key));
}

TEST(SessionTable, TellsFourEndpointsAndBothFlowsOfASession) {
  SessionTable table = make_table(8);
  const Session& session = table[add(table, 5)];
  const SessionEndpoints endpoints = table.endpoints(session);
  EXPECT_EQ(endpoints.client.to_string(), "198.51.100.0:1029");
  EXPECT_EQ(endpoints.vip.to_string(), "192.0.2.10:80");
  EXPECT_EQ(endpoints.local.to_string(), "10.0.0.100:1029");
  EXPECT_EQ(endpoints.server.to_string(), "10.0.0.1:8080");
  EXPECT_EQ(table.received(session, Direction::kToServer), client_flow(5));
  EXPECT_EQ(table.received(session, Direction::kToClient), server_flow(5));
  EXPECT_EQ(table.sent(session, Direction::kToServer), server_flow(5).turned_around());
  EXPECT_EQ(table.next_address(session, Direction::kToServer).to_string(), "10.0.0.1");
  EXPECT_EQ(table.next_address(session, Direction::kToClient).to_string(), "198.51.100.0");
}

net::Flow flow(const char* from, const char* to) {
  return {*net::Endpoint::parse(from), *net::Endpoint::parse(to), 6};
}

// Every pair of IP versions, and a tunnel for IPv4 packets to a server of IPv6.
TEST(SessionTable, KeepsFlowsOfAnyIpVersion) {
  const net::Flow client4 = flow("198.51.100.7:4000", "192.0.2.10:80");
  const net::Flow client6 = flow("[2001:db8:f::7]:4000", "[2001:db8::10]:80");
  const net::Flow server4 = flow("10.0.0.1:8080", "10.0.0.100:1024");
  const net::Flow server6 = flow("[2001:db8:a::1]:8080", "[2001:db8:a::100]:1024");
  SessionTable table = make_table(8);
  for (const auto& [from_client, from_server] :
       {std::pair(client4, server4), std::pair(client4, server6), std::pair(client6, server4),
        std::pair(client6, server6)}) {
    const SessionIndex index = table.allocate();
    fill(table, index, from_client, from_server);
    ASSERT_EQ(insert(table, index, 1), SessionTable::Insertion::kDone);
    EXPECT_EQ(table[index].is_extended, !(from_client.is_v4() && from_server.is_v4()));
    EXPECT_EQ(table.received(table[index], Direction::kToServer), from_client);
    EXPECT_EQ(table.received(table[index], Direction::kToClient), from_server);
    EXPECT_EQ(table.find(from_client).direction, Direction::kToServer);
    EXPECT_EQ(table.find(from_server).index, index);
    EXPECT_EQ(table.find(from_server).direction, Direction::kToClient);
    table.erase(index);
    EXPECT_EQ(table.find(from_client).index, kNoSession);
    EXPECT_EQ(table.find(from_server).index, kNoSession);
  }
  const SessionIndex tunnelled = table.allocate();
  EXPECT_TRUE(table.set_flows(tunnelled, client4, client4, server6.source.address));
  EXPECT_EQ(table.endpoints(table[tunnelled]).server.to_string(), "[2001:db8:a::1]:80");
}

TEST(SessionTable, RefusesWhatNeedsAnExtensionWhenNoneIsFree) {
  SessionTable table = make_table(64, kHasher, 8);
  const net::Flow client6 = flow("[2001:db8:f::7]:4000", "[2001:db8::10]:80");
  std::vector<SessionIndex> taken;
  for (uint32_t i = 0; i < 8; ++i) {
    taken.push_back(table.allocate());
    ASSERT_TRUE(table.set_flows(taken.back(), client6, client6, client6.source.address));
  }
  const SessionIndex refused = table.allocate();
  EXPECT_FALSE(table.set_flows(refused, client6, client6, client6.source.address));
  EXPECT_TRUE(table.set_flows(refused, client_flow(1), client_flow(1), net::Ipv4{}));
  table.discard(refused);
  table.discard(taken.front());
  const SessionIndex again = table.allocate();
  EXPECT_TRUE(table.set_flows(again, client6, client6, client6.source.address));
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
  fill(table, second, client_flow(2), server_flow(1));
  EXPECT_EQ(insert(table, second, 2), SessionTable::Insertion::kTaken);
  EXPECT_EQ(find(table, server_key(1)).index, first);
  EXPECT_EQ(find(table, client_key(2)).index, kNoSession);
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
      hashes.push_back(table.hasher()(keys[i]));
    }
    const uint64_t hits = table.find_bulk4(pointers.data(), hashes.data(), count, found.data());
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
  const auto table = SessionTable::create("too_large", {500'000'000, 8}, kHasher, SOCKET_ID_ANY);
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

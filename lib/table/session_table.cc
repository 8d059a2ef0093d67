// SPDX-License-Identifier: BSD-3-Clause
// Creating, inserting and erasing sessions. Worker thread.
#include "lib/table/session_table.h"

#include <bit>
#include <string>

namespace sluice::table {
namespace {

// rte_hash's own hash is never called: every call passes the keyed hash. It only must not be null.
uint32_t unused_hash(const void* /*key*/, uint32_t /*length*/, uint32_t /*seed*/) { return 0; }

// Two keys a session, at most 80 % load so that insertion stays short; 2^k - 1 because rte_hash
// doubles its free ring for 2^k.
uint32_t hash_entries(uint32_t sessions) {
  const uint64_t wanted = static_cast<uint64_t>(sessions) * 2 * 5 / 4;
  return static_cast<uint32_t>(std::bit_ceil(wanted + 1) - 1);
}

Result<HashPtr> create_hash(const std::string& name, uint32_t entries, uint32_t key_bytes,
                            int numa_node) {
  rte_hash_parameters parameters{};
  parameters.name = name.c_str();
  parameters.entries = entries;
  parameters.key_len = key_bytes;
  parameters.hash_func = unused_hash;
  parameters.socket_id = numa_node;
  HashPtr hash(rte_hash_create(&parameters));
  if (!hash) {
    return fail("not enough DPDK memory for the session hash of " + std::to_string(entries) +
                " entries");
  }
  return hash;
}

// Calls `f(key, is_v4)` with the key of the flow's IP version.
template <typename F>
auto with_key(const net::Flow& flow, F&& f) {
  return flow.is_v4() ? f(flow.key4(), true) : f(flow.key6(), false);
}

}  // namespace

Result<SessionTable> SessionTable::create(const char* name, SessionCapacity capacity,
                                          const net::FlowHasher& hasher, int numa_node) {
  SessionTable table(hasher);
  table.capacity_ = capacity;
  auto sessions = DpdkArray<Session>::create(capacity.sessions, numa_node, "sessions");
  if (!sessions) {
    return tl::unexpected(sessions.error());
  }
  table.sessions_ = std::move(*sessions);
  auto extensions =
      DpdkArray<SessionExtension>::create(capacity.extended, numa_node, "extended sessions");
  if (!extensions) {
    return tl::unexpected(extensions.error());
  }
  table.extensions_ = std::move(*extensions);
  auto hash4 = create_hash(name, hash_entries(capacity.sessions), sizeof(net::FlowKey4), numa_node);
  if (!hash4) {
    return tl::unexpected(hash4.error());
  }
  table.hash4_ = std::move(*hash4);
  auto hash6 = create_hash(std::string(name) + "_v6", hash_entries(capacity.extended),
                           sizeof(net::FlowKey6), numa_node);
  if (!hash6) {
    return tl::unexpected(hash6.error());
  }
  table.hash6_ = std::move(*hash6);
  for (SessionIndex index = capacity.sessions; index-- > 0;) {
    table.sessions_[index].server_id = kUnused;
    table.sessions_[index].wheel_next = table.free_;
    table.free_ = index;
  }
  for (uint32_t index = capacity.extended; index-- > 0;) {
    table.extensions_[index].free_next = table.free_extension_;
    table.free_extension_ = index;
  }
  return table;
}

SessionRef SessionTable::find(const net::Flow& flow) const {
  void* data = nullptr;
  const int found = with_key(flow, [&](const auto& key, bool is_v4) {
    return rte_hash_lookup_with_hash_data((is_v4 ? hash4_ : hash6_).get(), &key, hasher_(key),
                                          &data);
  });
  return found < 0 ? SessionRef{} : SessionRef::from_data(data);
}

SessionIndex SessionTable::allocate() {
  const SessionIndex index = free_;
  if (index != kNoSession) {
    free_ = sessions_[index].wheel_next;
    ++size_;
  }
  return index;
}

void SessionTable::discard(SessionIndex index) {
  Session& session = sessions_[index];
  if (session.is_extended) {
    extensions_[session.extension_or_server].free_next = free_extension_;
    free_extension_ = session.extension_or_server;
    session.is_extended = false;
  }
  session.server_id = kUnused;
  session.wheel_next = free_;
  free_ = index;
  --size_;
}

bool SessionTable::set_flows(SessionIndex index, const net::Flow& from_client,
                             const net::Flow& to_server, const net::Address& server,
                             const Disclosure& disclosure) {
  Session& session = sessions_[index];
  const std::array<net::Flow, 2> received = {from_client, to_server.turned_around()};
  const std::array<net::Flow, 2> sent = {to_server, from_client.turned_around()};
  if (from_client.is_v4() && to_server.is_v4() && server.is_v4() && !disclosure.is_any()) {
    for (size_t i = 0; i < sent.size(); ++i) {
      session.rewrites[i] = net::Rewrite::between(received[i].key4(), sent[i].key4());
    }
    session.extension_or_server = server.v4().value.raw;
    return true;
  }
  if (free_extension_ == kUnused) {
    return false;
  }
  session.is_extended = true;
  session.extension_or_server = free_extension_;
  SessionExtension& extension = extensions_[free_extension_];
  free_extension_ = extension.free_next;
  for (size_t i = 0; i < sent.size(); ++i) {
    extension.flows[i] = sent[i];
    extension.l4_deltas[i] =
        net::ChecksumDelta().change16(received[i].checksum_part(), sent[i].checksum_part());
  }
  extension.server_address = server;
  extension.shift = {};
  extension.disclosure = disclosure;
  extension.told_datagrams = 0;
  return true;
}

net::Flow SessionTable::sent(const Session& session, Direction direction) const {
  if (session.is_extended) {
    return extension(session).flow(direction);
  }
  const net::Rewrite& rewrite = session.rewrite(direction);
  return {{rewrite.source, rewrite.source_port},
          {rewrite.destination, rewrite.destination_port},
          static_cast<uint8_t>(session.protocol)};
}

net::Address SessionTable::server_address(const Session& session) const {
  return session.is_extended ? extension(session).server_address
                             : net::Ipv4{net::Be32{session.extension_or_server}};
}

net::Address SessionTable::next_address(const Session& session, Direction direction) const {
  return direction == Direction::kToServer ? server_address(session)
                                           : sent(session, direction).destination.address;
}

SessionEndpoints SessionTable::endpoints(const Session& session) const {
  const net::Flow to_server = sent(session, Direction::kToServer);
  const net::Flow to_client = sent(session, Direction::kToClient);
  return {.client = to_client.destination,
          .vip = to_client.source,
          .local = to_server.source,
          .server = {server_address(session), to_server.destination.port}};
}

// rte_hash would give a key that is taken to the new session, and the old one's packets with it.
SessionTable::Insertion SessionTable::add_key(SessionIndex index, Direction direction) {
  const net::Flow flow = received(sessions_[index], direction);
  if (find(flow).index != kNoSession) {
    return Insertion::kTaken;
  }
  const int added = with_key(flow, [&](const auto& key, bool is_v4) {
    return rte_hash_add_key_with_hash_data((is_v4 ? hash4_ : hash6_).get(), &key, hasher_(key),
                                           SessionRef{index, direction}.to_data());
  });
  return added == 0 ? Insertion::kDone : Insertion::kFull;
}

void SessionTable::delete_key(SessionIndex index, Direction direction) {
  with_key(received(sessions_[index], direction), [&](const auto& key, bool is_v4) {
    return rte_hash_del_key_with_hash((is_v4 ? hash4_ : hash6_).get(), &key, hasher_(key));
  });
}

SessionTable::Insertion SessionTable::insert(SessionIndex index) {
  if (answers_pass(sessions_[index].mode)) {
    if (const Insertion answers = add_key(index, Direction::kToClient);
        answers != Insertion::kDone) {
      return answers;
    }
  }
  const Insertion requests = add_key(index, Direction::kToServer);
  if (requests != Insertion::kDone && answers_pass(sessions_[index].mode)) {
    delete_key(index, Direction::kToClient);
  }
  return requests;
}

void SessionTable::erase(SessionIndex index) {
  delete_key(index, Direction::kToServer);
  if (answers_pass(sessions_[index].mode)) {
    delete_key(index, Direction::kToClient);
  }
  discard(index);
}

}  // namespace sluice::table

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

}  // namespace

Result<SessionTable> SessionTable::create(const char* name, uint32_t capacity,
                                          const net::FlowHasher& hasher, int numa_node) {
  SessionTable table(hasher);
  table.capacity_ = capacity;
  auto sessions = DpdkArray<Session>::create(capacity, numa_node, "sessions");
  if (!sessions) {
    return tl::unexpected(sessions.error());
  }
  table.sessions_ = std::move(*sessions);

  rte_hash_parameters parameters{};
  parameters.name = name;
  parameters.entries = hash_entries(capacity);
  parameters.key_len = sizeof(net::FlowKey4);
  parameters.hash_func = unused_hash;
  parameters.socket_id = numa_node;
  table.hash_.reset(rte_hash_create(&parameters));
  if (!table.hash_) {
    return fail("not enough DPDK memory for the session hash of " +
                std::to_string(parameters.entries) + " entries");
  }
  for (SessionIndex index = capacity; index-- > 0;) {
    table.sessions_[index].server_id = kUnused;
    table.sessions_[index].wheel_next = table.free_;
    table.free_ = index;
  }
  return table;
}

SessionRef SessionTable::find(const net::FlowKey4& key, uint32_t key_hash) const {
  void* data = nullptr;
  if (rte_hash_lookup_with_hash_data(hash_.get(), &key, key_hash, &data) < 0) {
    return {};
  }
  return SessionRef::from_data(data);
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
  sessions_[index].server_id = kUnused;
  sessions_[index].wheel_next = free_;
  free_ = index;
  --size_;
}

// rte_hash would give a key that is taken to the new session, and the old one's packets with it.
SessionTable::Insertion SessionTable::add_key(SessionIndex index, Direction direction) {
  const net::FlowKey4 key = sessions_[index].key(direction);
  const uint32_t key_hash = hash(key);
  if (find(key, key_hash).index != kNoSession) {
    return Insertion::kTaken;
  }
  return rte_hash_add_key_with_hash_data(hash_.get(), &key, key_hash,
                                         SessionRef{index, direction}.to_data()) == 0
             ? Insertion::kDone
             : Insertion::kFull;
}

void SessionTable::delete_key(SessionIndex index, Direction direction) {
  const net::FlowKey4 key = sessions_[index].key(direction);
  rte_hash_del_key_with_hash(hash_.get(), &key, hash(key));
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

// SPDX-License-Identifier: BSD-3-Clause
// One worker's sessions and the rte_hash that finds them by either direction's key.
#pragma once

#include <cstdint>
#include <span>

#include "lib/base/dpdk_ptr.h"
#include "lib/net/flow_key.h"
#include "lib/table/session.h"

namespace sluice::table {

/// A session and the direction of the packet that found it.
struct SessionRef {
  SessionIndex index = kNoSession;
  Direction direction = Direction::kToServer;

  /// The form rte_hash stores as a key's data.
  [[nodiscard]] void* to_data() const {
    return reinterpret_cast<void*>(static_cast<uintptr_t>(index) << 1 |
                                   static_cast<uintptr_t>(direction));
  }
  static SessionRef from_data(const void* data) {
    const auto value = reinterpret_cast<uintptr_t>(data);
    return {static_cast<SessionIndex>(value >> 1), static_cast<Direction>(value & 1)};
  }
};

/// Sessions in one flat array plus one hash with an entry for each direction that passes the
/// director, so that one bulk look-up serves bursts that mix directions.
/// Owner: one worker; no locks, no flags.  Memory: all taken at creation.
class SessionTable {
 public:
  static constexpr uint32_t kMaxBulk = RTE_HASH_LOOKUP_BULK_MAX;

  /// `name` must be unique in the process.  Errors: not enough DPDK memory.
  static Result<SessionTable> create(const char* name, uint32_t capacity,
                                     const net::FlowHasher& hasher, int numa_node);

  [[nodiscard]] uint32_t hash(const net::FlowKey4& key) const { return hasher_(key); }

  /// Looks up `count` <= kMaxBulk net::FlowKey4; bit i of the result is set when data[i] is a
  /// session's.
  uint64_t find_bulk(const void** keys, uint32_t* hashes, uint32_t count, void** data) const {
    uint64_t hits = 0;
    rte_hash_lookup_with_hash_bulk_data(hash_.get(), keys, hashes, count, &hits, data);
    return hits;
  }

  /// The session that packets with `key` belong to; index kNoSession if none.
  [[nodiscard]] SessionRef find(const net::FlowKey4& key, uint32_t key_hash) const;

  /// Takes an unused record; kNoSession when the table is full. Fill it, then insert() or give it
  /// back with discard().
  [[nodiscard]] SessionIndex allocate();
  void discard(SessionIndex index);

  enum class Insertion : uint8_t {
    kDone,
    kFull,   // the hash has no room
    kTaken,  // another session has one of the keys
  };
  /// Makes an allocated, filled session findable by the keys of its mode. When that fails, the
  /// record stays allocated.
  [[nodiscard]] Insertion insert(SessionIndex index);

  /// Forgets an inserted session.
  void erase(SessionIndex index);

  Session& operator[](SessionIndex index) { return sessions_[index]; }
  const Session& operator[](SessionIndex index) const { return sessions_[index]; }

  [[nodiscard]] std::span<Session> records() { return {sessions_.data(), capacity_}; }
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] uint32_t capacity() const { return capacity_; }

 private:
  explicit SessionTable(const net::FlowHasher& hasher) : hasher_(hasher) {}
  [[nodiscard]] Insertion add_key(SessionIndex index, Direction direction);
  void delete_key(SessionIndex index, Direction direction);

  net::FlowHasher hasher_;
  HashPtr hash_;
  DpdkArray<Session> sessions_;
  uint32_t capacity_ = 0;
  uint32_t size_ = 0;
  SessionIndex free_ = kNoSession;  // linked through wheel_next, the last freed first
};

}  // namespace sluice::table

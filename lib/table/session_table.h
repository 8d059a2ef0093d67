// SPDX-License-Identifier: BSD-3-Clause
// One worker's sessions and the two rte_hash that find them by either direction's key.
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

/// How many sessions a table holds.
struct SessionCapacity {
  uint32_t sessions = 0;
  uint32_t extended = 0;  // of them, with an IPv6 address
};

/// Sessions in one flat array plus one hash for each IP version, with an entry for each direction
/// that passes the director, so that one bulk look-up serves bursts that mix directions.
/// Owner: one worker; no locks, no flags.  Memory: all taken at creation.
class SessionTable {
 public:
  static constexpr uint32_t kMaxBulk = RTE_HASH_LOOKUP_BULK_MAX;

  /// `name` must be unique in the process.  Errors: not enough DPDK memory.
  static Result<SessionTable> create(const char* name, SessionCapacity capacity,
                                     const net::FlowHasher& hasher, int numa_node);

  [[nodiscard]] const net::FlowHasher& hasher() const { return hasher_; }

  /// Looks up `count` <= kMaxBulk keys; bit i of the result is set when data[i] is a session's.
  uint64_t find_bulk4(const void** keys, uint32_t* hashes, uint32_t count, void** data) const {
    return find_bulk(hash4_, keys, hashes, count, data);
  }
  uint64_t find_bulk6(const void** keys, uint32_t* hashes, uint32_t count, void** data) const {
    return find_bulk(hash6_, keys, hashes, count, data);
  }

  /// The session that packets of `flow` belong to; index kNoSession if none.
  [[nodiscard]] SessionRef find(const net::Flow& flow) const;

  /// Takes an unused record; kNoSession when the table is full. Set its mode, protocol and flows,
  /// then insert() or give it back with discard().
  [[nodiscard]] SessionIndex allocate();
  void discard(SessionIndex index);

  /// Packets of `from_client` shall leave as `to_server` toward `server`, answers the same way
  /// back. Errors: false when a session of such addresses, or with a disclosure, needs an extension
  /// and none is free.
  [[nodiscard]] bool set_flows(SessionIndex index, const net::Flow& from_client,
                               const net::Flow& to_server, const net::Address& server,
                               const Disclosure& disclosure = {});

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

  /// Precondition: session.is_extended.
  [[nodiscard]] const SessionExtension& extension(const Session& session) const {
    return extensions_[session.extension_or_server];
  }
  [[nodiscard]] SessionExtension& extension(const Session& session) {
    return extensions_[session.extension_or_server];
  }

  /// How packets of one direction arrive, and how they leave.
  [[nodiscard]] net::Flow received(const Session& session, Direction direction) const {
    return sent(session, opposite(direction)).turned_around();
  }
  [[nodiscard]] net::Flow sent(const Session& session, Direction direction) const;
  [[nodiscard]] SessionEndpoints endpoints(const Session& session) const;

  /// The address whose route packets of `direction` take: the server's, or the client's.
  [[nodiscard]] net::Address next_address(const Session& session, Direction direction) const;

  [[nodiscard]] std::span<Session> records() { return {sessions_.data(), capacity_.sessions}; }
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] uint32_t capacity() const { return capacity_.sessions; }

 private:
  explicit SessionTable(const net::FlowHasher& hasher) : hasher_(hasher) {}

  static uint64_t find_bulk(const HashPtr& hash, const void** keys, uint32_t* hashes,
                            uint32_t count, void** data) {
    uint64_t hits = 0;
    rte_hash_lookup_with_hash_bulk_data(hash.get(), keys, hashes, count, &hits, data);
    return hits;
  }
  [[nodiscard]] net::Address server_address(const Session& session) const;
  [[nodiscard]] Insertion add_key(SessionIndex index, Direction direction);
  void delete_key(SessionIndex index, Direction direction);

  net::FlowHasher hasher_;
  HashPtr hash4_;
  HashPtr hash6_;
  DpdkArray<Session> sessions_;
  DpdkArray<SessionExtension> extensions_;
  SessionCapacity capacity_;
  uint32_t size_ = 0;
  SessionIndex free_ = kNoSession;     // linked through wheel_next, the last freed first
  uint32_t free_extension_ = kUnused;  // linked through free_next
};

}  // namespace sluice::table

// SPDX-License-Identifier: BSD-3-Clause
// One worker's source NAT mappings: which public endpoint an inside endpoint has, for as long as
// sessions use it.
#pragma once

#include <cstdint>
#include <type_traits>

#include "lib/base/dpdk_ptr.h"
#include "lib/net/flow_key.h"

namespace sluice::table {

using MappingIndex = uint32_t;
inline constexpr MappingIndex kNoMapping = UINT32_MAX;

/// An inside endpoint and what the outside knows it as. ICMP: identifiers stand for ports.
struct alignas(64) Mapping {
  net::Endpoint inside;
  net::Endpoint outside;
  uint32_t sessions = 0;   // that use it
  uint32_t server_id = 0;  // snapshot::ServerId of the rule it was made for
  uint32_t free_next = 0;  // the free list while unused
  uint16_t port_pool = 0;  // that lent the public port
  uint16_t group = 0;      // rules of one group share mappings
  uint8_t protocol = 0;
  bool is_retired = false;  // its sessions keep it, new ones do not get it
};

static_assert(sizeof(Mapping) == 64 && std::is_trivially_copyable_v<Mapping>);

/// Makes the mapping of an inside endpoint independent of where its packets go (RFC 4787 REQ-1).
///
/// Example: 10.1.0.7:5000 sends UDP to two servers. The first packet opens mapping 10.1.0.7:5000 ->
/// 203.0.113.1:5000 and a session, the second a session that holds the same mapping. When the last
/// of them has ended the mapping ends, too, and gives its port back: its idle time is theirs. One
/// hash has two entries a mapping, by its inside and by its public endpoint.
/// Invariant: no two mappings have the same public endpoint and protocol; no two that are not
/// retired have the same inside endpoint, protocol and group.
/// Owner: one worker.  Memory: all taken at creation.
class MappingTable {
 public:
  /// `name` must be unique in the process.  Errors: not enough DPDK memory.
  static Result<MappingTable> create(const char* name, uint32_t capacity,
                                     const net::FlowHasher& hasher, int numa_node);

  /// The mapping that new sessions of an inside endpoint use, or kNoMapping.
  [[nodiscard]] MappingIndex find_inside(uint16_t group, uint8_t protocol,
                                         const net::Endpoint& inside) const;
  /// The mapping of a public endpoint, retired or not, or kNoMapping.
  [[nodiscard]] MappingIndex find_outside(uint8_t protocol, const net::Endpoint& outside) const;

  /// Whether open() has room.
  [[nodiscard]] bool is_full() const { return free_ == kNoMapping; }

  /// Adds a mapping that no session holds yet.
  /// Precondition: neither endpoint has one.  Errors: kNoMapping when the table is full.
  [[nodiscard]] MappingIndex open(const Mapping& mapping);

  void hold(MappingIndex index) { ++mappings_[index].sessions; }
  /// Returns whether no session holds it any more: the caller gives its port back and erases it.
  [[nodiscard]] bool let_go(MappingIndex index) { return --mappings_[index].sessions == 0; }

  /// New sessions of its inside endpoint shall have another one: the configuration has changed.
  void retire(MappingIndex index);
  void erase(MappingIndex index);

  const Mapping& operator[](MappingIndex index) const { return mappings_[index]; }

  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] uint32_t capacity() const { return capacity_; }

 private:
  explicit MappingTable(const net::FlowHasher& hasher) : hasher_(hasher) {}

  [[nodiscard]] MappingIndex find(const net::FlowKey6& key) const;
  [[nodiscard]] bool add_key(const net::FlowKey6& key, MappingIndex index);
  void delete_key(const net::FlowKey6& key);

  net::FlowHasher hasher_;
  HashPtr hash_;
  DpdkArray<Mapping> mappings_;
  uint32_t capacity_ = 0;
  uint32_t size_ = 0;
  MappingIndex free_ = kNoMapping;
};

}  // namespace sluice::table

// SPDX-License-Identifier: BSD-3-Clause
// Finding, opening and erasing mappings. Worker thread.
#include "lib/table/mapping_table.h"

#include <algorithm>
#include <bit>
#include <string>

namespace sluice::table {
namespace {

// rte_hash's own hash is never called: every call passes the keyed hash. It only must not be null.
uint32_t unused_hash(const void* /*key*/, uint32_t /*length*/, uint32_t /*seed*/) { return 0; }

// An inside endpoint stands as source, a public one as destination: their keys never meet.
net::FlowKey6 inside_key(uint16_t group, uint8_t protocol, const net::Endpoint& inside) {
  return {inside.address.v6(), {}, inside.port, {group}, protocol};
}

net::FlowKey6 outside_key(uint8_t protocol, const net::Endpoint& outside) {
  return {{}, outside.address.v6(), {}, outside.port, protocol};
}

net::FlowKey6 inside_key(const Mapping& mapping) {
  return inside_key(mapping.group, mapping.protocol, mapping.inside);
}

void* to_data(MappingIndex index) { return reinterpret_cast<void*>(uintptr_t{index}); }

}  // namespace

Result<MappingTable> MappingTable::create(const char* name, uint32_t capacity,
                                          const net::FlowHasher& hasher, int numa_node) {
  // Two keys a mapping, at most 80 % load so that insertion stays short.
  constexpr uint64_t kLeastEntries = 15;
  const uint64_t wanted = std::max(uint64_t{capacity} * 2 * 5 / 4, kLeastEntries);
  MappingTable table(hasher);
  table.capacity_ = capacity;
  auto mappings = DpdkArray<Mapping>::create(std::max(capacity, 1U), numa_node, "SNAT mappings");
  if (!mappings) {
    return tl::unexpected(mappings.error());
  }
  table.mappings_ = std::move(*mappings);
  rte_hash_parameters parameters{};
  parameters.name = name;
  parameters.entries = static_cast<uint32_t>(std::bit_ceil(wanted + 1) - 1);
  parameters.key_len = sizeof(net::FlowKey6);
  parameters.hash_func = unused_hash;
  parameters.socket_id = numa_node;
  table.hash_.reset(rte_hash_create(&parameters));
  if (!table.hash_) {
    return fail("not enough DPDK memory for the hash of " + std::to_string(capacity) +
                " SNAT mappings");
  }
  for (MappingIndex index = capacity; index-- > 0;) {
    table.mappings_[index].free_next = table.free_;
    table.free_ = index;
  }
  return table;
}

MappingIndex MappingTable::find(const net::FlowKey6& key) const {
  void* data = nullptr;
  const int found = rte_hash_lookup_with_hash_data(hash_.get(), &key, hasher_(key), &data);
  return found < 0 ? kNoMapping : static_cast<MappingIndex>(reinterpret_cast<uintptr_t>(data));
}

MappingIndex MappingTable::find_inside(uint16_t group, uint8_t protocol,
                                       const net::Endpoint& inside) const {
  return find(inside_key(group, protocol, inside));
}

MappingIndex MappingTable::find_outside(uint8_t protocol, const net::Endpoint& outside) const {
  return find(outside_key(protocol, outside));
}

bool MappingTable::add_key(const net::FlowKey6& key, MappingIndex index) {
  return rte_hash_add_key_with_hash_data(hash_.get(), &key, hasher_(key), to_data(index)) == 0;
}

void MappingTable::delete_key(const net::FlowKey6& key) {
  rte_hash_del_key_with_hash(hash_.get(), &key, hasher_(key));
}

MappingIndex MappingTable::open(const Mapping& mapping) {
  const MappingIndex index = free_;
  if (index == kNoMapping || !add_key(inside_key(mapping), index)) {
    return kNoMapping;
  }
  if (!add_key(outside_key(mapping.protocol, mapping.outside), index)) {
    delete_key(inside_key(mapping));
    return kNoMapping;
  }
  free_ = mappings_[index].free_next;
  mappings_[index] = mapping;
  ++size_;
  return index;
}

void MappingTable::retire(MappingIndex index) {
  Mapping& mapping = mappings_[index];
  if (!mapping.is_retired) {
    mapping.is_retired = true;
    delete_key(inside_key(mapping));
  }
}

void MappingTable::erase(MappingIndex index) {
  retire(index);
  Mapping& mapping = mappings_[index];
  delete_key(outside_key(mapping.protocol, mapping.outside));
  mapping.free_next = free_;
  free_ = index;
  --size_;
}

}  // namespace sluice::table

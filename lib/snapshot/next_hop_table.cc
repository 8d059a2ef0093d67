// SPDX-License-Identifier: BSD-3-Clause
// The neighbour table. Control thread writes, workers read.
#include "lib/snapshot/next_hop_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sluice::snapshot {

namespace {

constexpr int kKeyShift = 16;
constexpr uint64_t kSlotMask = (1ULL << kKeyShift) - 1;

uint32_t clamped(uint32_t capacity) { return std::clamp(capacity, 1U, 16'384U); }

// Twice the capacity: half empty at worst, so probes stay short and end.
uint32_t index_size(uint32_t capacity) { return std::bit_ceil(clamped(capacity) * 2); }

uint32_t first_place(uint64_t mark, size_t size) {
  return static_cast<uint32_t>(mark >> 20) & static_cast<uint32_t>(size - 1);
}

}  // namespace

NextHopTable::NextHopTable(uint32_t capacity, const std::array<uint64_t, 4>& secret)
    : hasher_(secret),
      slots_(clamped(capacity)),
      keys_(clamped(capacity)),
      indexes_{Index(index_size(capacity)), Index(index_size(capacity))} {
  for (uint32_t slot = this->capacity(); slot-- > 0;) {
    free_.push_back(static_cast<NextHopIndex>(slot));
  }
}

// 48 bits, never 0.
uint64_t NextHopTable::mark_of(const Key& key) const {
  const uint32_t hash = hasher_(net::FlowKey6{key.address.v6(), {}, {}, {}, key.port});
  return uint64_t{hash} << kKeyShift | 1;
}

NextHop NextHopTable::unpack(uint64_t word) {
  NextHop hop;
  std::memcpy(hop.mac.bytes.data(), &word, hop.mac.bytes.size());
  hop.port = static_cast<uint8_t>(word >> kPortShift);
  hop.is_resolved = (word & kResolvedBit) != 0;
  return hop;
}

NextHopIndex NextHopTable::find(uint8_t port, const net::Address& address) const {
  const Index& index = this->index();
  const Key key{address, port};
  const uint64_t mark = mark_of(key);
  for (size_t place = first_place(mark, index.size());; place = (place + 1) % index.size()) {
    const uint64_t entry = index[place].load(std::memory_order_acquire);
    if (entry >> kKeyShift == mark && keys_[entry & kSlotMask] == key) {
      return static_cast<NextHopIndex>(entry & kSlotMask);
    }
    if (entry == 0) {
      return kNoNextHop;
    }
  }
}

void NextHopTable::insert(Index& index, uint64_t entry, std::memory_order order) {
  size_t place = first_place(entry >> kKeyShift, index.size());
  while (index[place].load(std::memory_order_relaxed) != 0) {
    place = (place + 1) % index.size();
  }
  index[place].store(entry, order);
}

NextHopIndex NextHopTable::find_or_add(uint8_t port, const net::Address& address) {
  const NextHopIndex existing = find(port, address);
  if (existing != kNoNextHop || free_.empty()) {
    return existing;
  }
  const NextHopIndex slot = free_.back();
  free_.pop_back();
  slots_[slot].store(static_cast<uint64_t>(port) << kPortShift, std::memory_order_relaxed);
  keys_[slot] = {address, port};
  insert(indexes_[active_], mark_of(keys_[slot]) << kKeyShift | slot, std::memory_order_release);
  return slot;
}

void NextHopTable::set_resolved(NextHopIndex index, const net::Mac& mac) {
  uint64_t word = slots_[index].load(std::memory_order_relaxed) & 0xFFULL << kPortShift;
  std::memcpy(&word, mac.bytes.data(), mac.bytes.size());
  slots_[index].store(word | kResolvedBit, std::memory_order_relaxed);
}

void NextHopTable::set_unresolved(NextHopIndex index) {
  const uint64_t word = slots_[index].load(std::memory_order_relaxed);
  slots_[index].store(word & ~kResolvedBit, std::memory_order_relaxed);
}

uint32_t NextHopTable::retire_unresolved(std::span<const NextHopIndex> except) {
  std::vector<bool> is_excepted(capacity());
  for (const NextHopIndex slot : except) {
    is_excepted[slot] = true;
  }
  std::vector<uint64_t> kept;
  for (const std::atomic<uint64_t>& place : index()) {
    const uint64_t entry = place.load(std::memory_order_relaxed);
    const auto slot = static_cast<NextHopIndex>(entry & kSlotMask);
    if (entry != 0 && (get(slot).is_resolved || is_excepted[slot])) {
      kept.push_back(entry);
    } else if (entry != 0) {
      retired_.push_back(slot);
    }
  }
  if (retired_.empty()) {
    return 0;  // the other index may have readers: switching again takes a new route epoch
  }
  Index& next = indexes_[1 - active_];
  for (std::atomic<uint64_t>& place : next) {
    place.store(0, std::memory_order_relaxed);
  }
  for (const uint64_t entry : kept) {
    insert(next, entry, std::memory_order_relaxed);
  }
  active_.store(1 - active_, std::memory_order_release);
  return static_cast<uint32_t>(retired_.size());
}

void NextHopTable::reuse_retired() {
  free_.insert(free_.begin(), retired_.begin(), retired_.end());
  retired_.clear();
}

std::vector<NextHopTable::Entry> NextHopTable::entries() const {
  std::vector<Entry> result;
  for (const std::atomic<uint64_t>& place : index()) {
    const uint64_t entry = place.load(std::memory_order_relaxed);
    if (entry != 0) {
      const auto slot = static_cast<NextHopIndex>(entry & kSlotMask);
      result.push_back({slot, keys_[slot].address, get(slot)});
    }
  }
  return result;
}

}  // namespace sluice::snapshot

// SPDX-License-Identifier: BSD-3-Clause
// The neighbour table. Control thread writes, workers read.
#include "lib/snapshot/next_hop_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sluice::snapshot {

// Twice the capacity in slots: half empty at worst, so probes stay short.
NextHopTable::NextHopTable(uint32_t capacity)
    : capacity_(std::clamp(capacity, 1U, 16'384U)),
      mask_(std::bit_ceil(capacity_ * 2) - 1),
      slots_(mask_ + 1) {}

uint64_t NextHopTable::pack_key(uint8_t port, net::Ipv4 address) {
  return 1ULL << 63 | static_cast<uint64_t>(port) << 32 | address.value.raw;
}

uint32_t NextHopTable::first_slot(uint64_t key) const {
  return static_cast<uint32_t>(key * 0x9E3779B97F4A7C15ULL >> 40) & mask_;
}

NextHop NextHopTable::unpack(uint64_t word) {
  NextHop hop;
  std::memcpy(hop.mac.bytes.data(), &word, hop.mac.bytes.size());
  hop.port = static_cast<uint8_t>(word >> kPortShift);
  hop.is_resolved = (word & kResolvedBit) != 0;
  return hop;
}

NextHopIndex NextHopTable::find(uint8_t port, net::Ipv4 address) const {
  const uint64_t key = pack_key(port, address);
  for (uint32_t slot = first_slot(key);; slot = (slot + 1) & mask_) {
    const uint64_t found = slots_[slot].key.load(std::memory_order_acquire);
    if (found == key) {
      return static_cast<NextHopIndex>(slot);
    }
    if (found == 0) {
      return kNoNextHop;
    }
  }
}

NextHopIndex NextHopTable::find_or_add(uint8_t port, net::Ipv4 address) {
  const NextHopIndex existing = find(port, address);
  if (existing != kNoNextHop || size_ == capacity_) {
    return existing;
  }
  const uint64_t key = pack_key(port, address);
  uint32_t slot = first_slot(key);
  while (slots_[slot].key.load(std::memory_order_relaxed) != 0) {
    slot = (slot + 1) & mask_;
  }
  slots_[slot].hop.store(static_cast<uint64_t>(port) << kPortShift, std::memory_order_relaxed);
  slots_[slot].key.store(key, std::memory_order_release);
  ++size_;
  return static_cast<NextHopIndex>(slot);
}

void NextHopTable::set_resolved(NextHopIndex index, const net::Mac& mac) {
  uint64_t word = slots_[index].hop.load(std::memory_order_relaxed) & 0xFFULL << kPortShift;
  std::memcpy(&word, mac.bytes.data(), mac.bytes.size());
  slots_[index].hop.store(word | kResolvedBit, std::memory_order_relaxed);
}

void NextHopTable::set_unresolved(NextHopIndex index) {
  const uint64_t word = slots_[index].hop.load(std::memory_order_relaxed);
  slots_[index].hop.store(word & ~kResolvedBit, std::memory_order_relaxed);
}

void NextHopTable::clear() {
  for (Slot& slot : slots_) {
    slot.hop.store(0, std::memory_order_relaxed);
    slot.key.store(0, std::memory_order_release);
  }
  size_ = 0;
}

std::vector<NextHopTable::Entry> NextHopTable::entries() const {
  std::vector<Entry> result;
  for (uint32_t slot = 0; slot <= mask_; ++slot) {
    const uint64_t key = slots_[slot].key.load(std::memory_order_relaxed);
    if (key != 0) {
      const auto index = static_cast<NextHopIndex>(slot);
      result.push_back({index, net::Ipv4{net::Be32{static_cast<uint32_t>(key)}}, get(index)});
    }
  }
  return result;
}

}  // namespace sluice::snapshot

// SPDX-License-Identifier: BSD-3-Clause
// Judging, holding and forgetting fragments. Worker thread.
#include "lib/table/fragment_table.h"

#include <bit>

namespace sluice::table {
namespace {

FragmentOutcome drop(FragmentDrop reason) {
  return {.kind = FragmentOutcome::Kind::kDrop, .reason = reason};
}

}  // namespace

Result<FragmentTable> FragmentTable::create(const FragmentLimits& limits, int numa_node) {
  if (limits.datagrams <= limits.held_packets || limits.held_packets == 0) {
    return fail("a fragment table needs room for more datagrams than held packets");
  }
  FragmentTable table;
  table.limits_ = limits;
  auto datagrams = DpdkArray<Datagram>::create(limits.datagrams, numa_node, "fragmented datagrams");
  if (!datagrams) {
    return tl::unexpected(datagrams.error());
  }
  auto chains = DpdkArray<uint32_t>::create(std::bit_ceil(limits.datagrams), numa_node,
                                            "chains of fragmented datagrams");
  if (!chains) {
    return tl::unexpected(chains.error());
  }
  // As many places again for packets that are released and wait for collect().
  auto places =
      DpdkArray<Place>::create(size_t{2} * limits.held_packets, numa_node, "held fragments");
  if (!places) {
    return tl::unexpected(places.error());
  }
  table.datagrams_ = std::move(*datagrams);
  table.chains_ = std::move(*chains);
  table.places_ = std::move(*places);
  table.chain_mask_ = static_cast<uint32_t>(table.chains_.size() - 1);
  for (uint32_t chain = 0; chain <= table.chain_mask_; ++chain) {
    table.chains_[chain] = kNone;
  }
  for (uint32_t index = limits.datagrams; index-- > 0;) {
    table.datagrams_[index].next_in_chain = table.free_datagram_;
    table.free_datagram_ = index;
  }
  for (uint32_t place = 2 * limits.held_packets; place-- > 0;) {
    table.places_[place].next = table.free_place_;
    table.free_place_ = place;
  }
  return table;
}

FragmentOutcome FragmentTable::on_fragment(const net::Fragment& fragment, uint32_t key_hash,
                                           Tick now, rte_mbuf* packet) {
  uint32_t index = find(fragment.key, key_hash);
  if (index != kNone && is_overdue(datagrams_[index], now)) {
    forget(index, FragmentDrop::kTimedOut);
    index = kNone;
  }
  if (index == kNone) {
    index = begin(fragment.key, key_hash, now);
  }
  Datagram& datagram = datagrams_[index];
  if (datagram.state == State::kPoisoned) {
    return drop(datagram.reason);
  }
  if (const FragmentDrop fault = note(datagram, fragment); fault != FragmentDrop::kNone) {
    if (fault != FragmentDrop::kDuplicate) {
      poison(index, fault, now);
    }
    return drop(fault);
  }
  if (fragment.is_first()) {
    return {.kind = FragmentOutcome::Kind::kFirst, .datagram = {index, datagram.generation}};
  }
  return datagram.state == State::kDecided ? forward(index, now) : hold(index, now, packet);
}

// Enters the fragment into what is known of its datagram, unless it does not fit.
FragmentDrop FragmentTable::note(Datagram& datagram, const net::Fragment& fragment) {
  const uint16_t end = fragment.end_bytes();
  if (fragment.is_first() && datagram.first_bytes != 0) {
    // A second first fragment that is another one wants other ports or flags (RFC 1858 4).
    return fragment.payload_bytes == datagram.first_bytes && fragment.ports == datagram.ports
               ? FragmentDrop::kDuplicate
               : FragmentDrop::kOverlap;
  }
  const bool is_behind_end = datagram.total_bytes != 0 && end > datagram.total_bytes;
  const bool is_other_end =
      fragment.is_last &&
      ((datagram.total_bytes != 0 && end != datagram.total_bytes) || end < datagram.ranges.end());
  if (is_behind_end || is_other_end) {
    return FragmentDrop::kOverlap;
  }
  switch (datagram.ranges.add(fragment.offset_bytes, end)) {
    case ByteRanges::Addition::kNew:
      break;
    case ByteRanges::Addition::kDuplicate:
      return FragmentDrop::kDuplicate;
    case ByteRanges::Addition::kOverlap:
      return FragmentDrop::kOverlap;
    case ByteRanges::Addition::kFull:
      return FragmentDrop::kTooManyRanges;
  }
  if (fragment.is_last) {
    datagram.total_bytes = end;
  }
  if (fragment.is_first()) {
    datagram.first_bytes = fragment.payload_bytes;
    datagram.ports = fragment.ports;
  }
  return FragmentDrop::kNone;
}

FragmentOutcome FragmentTable::forward(uint32_t index, Tick now) {
  Datagram& datagram = datagrams_[index];
  const FragmentOutcome outcome{.kind = FragmentOutcome::Kind::kForward,
                                .decision = datagram.decision,
                                .ports = datagram.ports};
  if (datagram.total_bytes != 0 && datagram.ranges.is_whole(datagram.total_bytes)) {
    forget(index, FragmentDrop::kNone);
  } else if (datagram.since != now && now - datagram.created < kLongestTicks) {
    leave_queue(index);
    join_queue(index, now);
  }
  return outcome;
}

FragmentOutcome FragmentTable::hold(uint32_t index, Tick now, rte_mbuf* packet) {
  Datagram& datagram = datagrams_[index];
  if (datagram.held_count == limits_.held_per_datagram) {
    poison(index, FragmentDrop::kTooManyHeld, now);
    return drop(FragmentDrop::kTooManyHeld);
  }
  if (held_ == limits_.held_packets && holding_.oldest != index) {
    push_out(holding_.oldest, FragmentDrop::kHoldFull);
  }
  if (held_ == limits_.held_packets || free_place_ == kNone) {
    push_out(index, FragmentDrop::kHoldFull);
    return drop(FragmentDrop::kHoldFull);
  }
  const uint32_t place = free_place_;
  free_place_ = places_[place].next;
  places_[place] = {.fragment = {.packet = packet}, .next = kNone};
  if (datagram.held_count == 0) {
    leave_queue(index);
    datagram.first_held = place;
    datagram.held_count = 1;
    join_queue(index, now);
  } else {
    places_[datagram.last_held].next = place;
    ++datagram.held_count;
  }
  datagram.last_held = place;
  ++held_;
  return {.kind = FragmentOutcome::Kind::kHeld};
}

bool FragmentTable::names(DatagramHandle handle) const {
  return handle.index < limits_.datagrams &&
         datagrams_[handle.index].generation == handle.generation &&
         datagrams_[handle.index].state == State::kWaiting &&
         datagrams_[handle.index].first_bytes != 0;
}

bool FragmentTable::decide(DatagramHandle handle, const FragmentDecision& decision, Tick now) {
  if (!names(handle)) {
    return false;
  }
  Datagram& datagram = datagrams_[handle.index];
  datagram.state = State::kDecided;
  datagram.decision = decision;
  leave_queue(handle.index);
  release_held(datagram, FragmentDrop::kNone);
  if (datagram.total_bytes != 0 && datagram.ranges.is_whole(datagram.total_bytes)) {
    retire(handle.index);
  } else {
    join_queue(handle.index, now);
  }
  return true;
}

void FragmentTable::refuse(DatagramHandle handle, Tick now) {
  if (!names(handle)) {
    return;
  }
  const Datagram& datagram = datagrams_[handle.index];
  if (datagram.total_bytes != 0 && datagram.ranges.is_whole(datagram.total_bytes)) {
    forget(handle.index, FragmentDrop::kRefused);
  } else {
    poison(handle.index, FragmentDrop::kRefused, now);
  }
}

uint32_t FragmentTable::expire(Tick now, uint32_t budget) {
  uint32_t looked_at = 0;
  for (const Queue* queue : {&holding_, &passing_}) {
    while (looked_at < budget && queue->oldest != kNone &&
           is_overdue(datagrams_[queue->oldest], now)) {
      looked_at += 1U + datagrams_[queue->oldest].held_count;
      forget(queue->oldest, FragmentDrop::kTimedOut);
    }
  }
  return looked_at;
}

uint32_t FragmentTable::collect(std::span<ReleasedFragment> out) {
  uint32_t count = 0;
  for (; count < out.size() && released_.oldest != kNone; ++count) {
    const uint32_t place = released_.oldest;
    out[count] = places_[place].fragment;
    released_.oldest = places_[place].next;
    places_[place].next = free_place_;
    free_place_ = place;
  }
  return count;
}

void FragmentTable::clear() {
  for (const Queue* queue : {&holding_, &passing_}) {
    while (queue->oldest != kNone) {
      forget(queue->oldest, FragmentDrop::kTimedOut);
    }
  }
}

uint32_t FragmentTable::find(const net::FragmentKey& key, uint32_t key_hash) const {
  uint32_t index = chains_[key_hash & chain_mask_];
  while (index != kNone &&
         (datagrams_[index].key_hash != key_hash || datagrams_[index].key != key)) {
    index = datagrams_[index].next_in_chain;
  }
  return index;
}

// A record for a new datagram, if need be that of the one least likely to be completed.
uint32_t FragmentTable::begin(const net::FragmentKey& key, uint32_t key_hash, Tick now) {
  if (free_datagram_ == kNone) {
    push_out(passing_.oldest != kNone ? passing_.oldest : holding_.oldest,
             FragmentDrop::kTableFull);
  }
  const uint32_t index = free_datagram_;
  Datagram& datagram = datagrams_[index];
  free_datagram_ = datagram.next_in_chain;
  datagram.key = key;
  datagram.key_hash = key_hash;
  datagram.next_in_chain = chains_[key_hash & chain_mask_];
  chains_[key_hash & chain_mask_] = index;
  datagram.held_count = 0;
  datagram.state = State::kWaiting;
  datagram.created = now;
  datagram.decision = {};
  datagram.ports = {};
  datagram.total_bytes = 0;
  datagram.first_bytes = 0;
  datagram.ranges.clear();
  join_queue(index, now);
  ++size_;
  return index;
}

// Gives a record back that is in no queue and holds nothing.
void FragmentTable::retire(uint32_t index) {
  Datagram& datagram = datagrams_[index];
  uint32_t* link = &chains_[datagram.key_hash & chain_mask_];
  while (*link != index) {
    link = &datagrams_[*link].next_in_chain;
  }
  *link = datagram.next_in_chain;
  ++datagram.generation;
  datagram.next_in_chain = free_datagram_;
  free_datagram_ = index;
  --size_;
}

void FragmentTable::forget(uint32_t index, FragmentDrop reason) {
  leave_queue(index);
  release_held(datagrams_[index], reason);
  retire(index);
}

void FragmentTable::push_out(uint32_t index, FragmentDrop reason) {
  ++pushed_out_;
  forget(index, reason);
}

void FragmentTable::poison(uint32_t index, FragmentDrop reason, Tick now) {
  Datagram& datagram = datagrams_[index];
  leave_queue(index);
  release_held(datagram, reason);
  datagram.state = State::kPoisoned;
  datagram.reason = reason;
  join_queue(index, now);
}

// Precondition: the datagram is in no queue.
void FragmentTable::release_held(Datagram& datagram, FragmentDrop reason) {
  if (datagram.held_count == 0) {
    return;
  }
  for (uint32_t place = datagram.first_held; place != kNone; place = places_[place].next) {
    ReleasedFragment& fragment = places_[place].fragment;
    fragment.reason = reason;
    fragment.decision = datagram.decision;
    fragment.ports = datagram.ports;
  }
  (released_.oldest == kNone ? released_.oldest : places_[released_.newest].next) =
      datagram.first_held;
  released_.newest = datagram.last_held;
  held_ -= datagram.held_count;
  datagram.held_count = 0;
}

void FragmentTable::join_queue(uint32_t index, Tick now) {
  Datagram& datagram = datagrams_[index];
  Queue& queue = queue_of(datagram);
  datagram.since = now;
  datagram.older = queue.newest;
  datagram.newer = kNone;
  (queue.newest == kNone ? queue.oldest : datagrams_[queue.newest].newer) = index;
  queue.newest = index;
}

void FragmentTable::leave_queue(uint32_t index) {
  const Datagram& datagram = datagrams_[index];
  Queue& queue = queue_of(datagram);
  (datagram.older == kNone ? queue.oldest : datagrams_[datagram.older].newer) = datagram.newer;
  (datagram.newer == kNone ? queue.newest : datagrams_[datagram.newer].older) = datagram.older;
}

}  // namespace sluice::table

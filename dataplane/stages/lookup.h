// SPDX-License-Identifier: BSD-3-Clause
// Stage 2: all keys of the burst to sessions in one bulk look-up.
#pragma once

#include <rte_prefetch.h>

#include <algorithm>
#include <bit>

#include "dataplane/burst.h"
#include "dataplane/context.h"

namespace sluice::dataplane {

// The records of one chunk come from memory while the next chunk is looked up. A core keeps only so
// many lines on their way: 8 keys at a time and 32 are both slower at a million sessions.
inline constexpr uint32_t kLookupChunk = 16;

/// Sets `found` and the bits of `live` for packets of known sessions, and prefetches the records.
inline void lookup_stage(Context& context, Burst& burst) {
  std::array<const void*, kBurstSize> keys;
  for (uint32_t i = 0; i < burst.count; ++i) {
    keys[i] = &burst.keys[i];
    burst.hashes[i] = context.sessions.hash(burst.keys[i]);
  }
  burst.live = 0;
  for (uint32_t first = 0; first < burst.count; first += kLookupChunk) {
    const uint32_t count = std::min(kLookupChunk, burst.count - first);
    const uint64_t found = context.sessions.find_bulk(
        keys.data() + first, burst.hashes.data() + first, count, burst.found.data() + first);
    for (uint64_t hits = found; hits != 0; hits &= hits - 1) {
      rte_prefetch0(&context.sessions[burst.session(first + std::countr_zero(hits)).index]);
    }
    burst.live |= found << first;
  }
}

}  // namespace sluice::dataplane

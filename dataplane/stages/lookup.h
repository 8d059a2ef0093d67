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

inline void prefetch_records(const Context& context, const Burst& burst, uint32_t first,
                             uint64_t found) {
  for (uint64_t hits = found; hits != 0; hits &= hits - 1) {
    rte_prefetch0(&context.sessions[burst.session(first + std::countr_zero(hits)).index]);
  }
}

/// The usual burst: all IPv4, keys and results in the order of the packets.
inline void look_up_v4(const Context& context, Burst& burst) {
  std::array<const void*, kBurstSize> keys;
  for (uint32_t i = 0; i < burst.count; ++i) {
    keys[i] = &burst.keys4[i];
    burst.hashes[i] = context.sessions.hasher()(burst.keys4[i]);
  }
  for (uint32_t first = 0; first < burst.count; first += kLookupChunk) {
    const uint32_t count = std::min(kLookupChunk, burst.count - first);
    const uint64_t found = context.sessions.find_bulk4(
        keys.data() + first, burst.hashes.data() + first, count, burst.found.data() + first);
    prefetch_records(context, burst, first, found);
    burst.live |= found << first;
  }
}

/// The packets of one IP version, picked out of a burst that has others.
template <bool kIsV4>
void look_up_some(const Context& context, Burst& burst, uint64_t packets) {
  while (packets != 0) {
    std::array<const void*, kLookupChunk> keys;
    std::array<uint32_t, kLookupChunk> hashes;
    std::array<void*, kLookupChunk> data;
    std::array<uint8_t, kLookupChunk> places;
    uint32_t count = 0;
    for (; packets != 0 && count < kLookupChunk; packets &= packets - 1, ++count) {
      const auto i = static_cast<uint8_t>(std::countr_zero(packets));
      places[count] = i;
      if constexpr (kIsV4) {
        keys[count] = &burst.keys4[i];
        hashes[count] = context.sessions.hasher()(burst.keys4[i]);
      } else {
        keys[count] = &burst.keys6[i];
        hashes[count] = context.sessions.hasher()(burst.keys6[i]);
      }
    }
    uint64_t found =
        kIsV4 ? context.sessions.find_bulk4(keys.data(), hashes.data(), count, data.data())
              : context.sessions.find_bulk6(keys.data(), hashes.data(), count, data.data());
    for (; found != 0; found &= found - 1) {
      const auto hit = static_cast<uint32_t>(std::countr_zero(found));
      burst.found[places[hit]] = data[hit];
      burst.live |= 1ULL << places[hit];
      rte_prefetch0(&context.sessions[burst.session(places[hit]).index]);
    }
  }
}

/// The extensions of the sessions found of those packets, once their records are near.
inline void prefetch_extensions(const Context& context, const Burst& burst, uint64_t packets) {
  for (uint64_t live = burst.live & packets; live != 0; live &= live - 1) {
    const table::Session& session =
        context.sessions[burst.session(static_cast<uint32_t>(std::countr_zero(live))).index];
    if (session.is_extended) {
      const auto* extension =
          reinterpret_cast<const uint8_t*>(&context.sessions.extension(session));
      rte_prefetch0(extension);
      rte_prefetch0(extension + RTE_CACHE_LINE_SIZE);
    }
  }
}

/// Sets `found` and the bits of `live` for packets of known sessions, and prefetches the records.
inline void lookup_stage(const Context& context, Burst& burst) {
  burst.live = 0;
  const uint64_t all = burst.count == 64 ? ~0ULL : (1ULL << burst.count) - 1;
  if (burst.v6 == 0) {
    look_up_v4(context, burst);
    if (context.has_extended4) {
      prefetch_extensions(context, burst, all);
    }
    return;
  }
  look_up_some<true>(context, burst, all & ~burst.v6);
  look_up_some<false>(context, burst, burst.v6);
  prefetch_extensions(context, burst, context.has_extended4 ? all : burst.v6);
}

}  // namespace sluice::dataplane

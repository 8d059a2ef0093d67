// SPDX-License-Identifier: BSD-3-Clause
// Stage 2: all keys of the burst to sessions in one bulk look-up.
#pragma once

#include <rte_prefetch.h>

#include <bit>

#include "dataplane/burst.h"
#include "dataplane/context.h"

namespace sluice::dataplane {

/// Sets `found` and the bits of `live` for packets of known sessions, and prefetches the records.
inline void lookup_stage(Context& context, Burst& burst) {
  std::array<const void*, kBurstSize> keys;
  for (uint32_t i = 0; i < burst.count; ++i) {
    keys[i] = &burst.keys[i];
    burst.hashes[i] = context.sessions.hash(burst.keys[i]);
  }
  burst.live =
      context.sessions.find_bulk(keys.data(), burst.hashes.data(), burst.count, burst.found.data());
  for (uint64_t hits = burst.live; hits != 0; hits &= hits - 1) {
    rte_prefetch0(&context.sessions[burst.session(std::countr_zero(hits)).index]);
  }
}

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// List surgery of the timing wheel. Worker thread.
#include "lib/table/expiry_wheel.h"

#include <algorithm>

namespace sluice::table {

Result<ExpiryWheel> ExpiryWheel::create(std::span<Session> sessions, Tick now, int numa_node) {
  auto heads = DpdkArray<uint32_t>::create(kSlots, numa_node, "expiry wheel");
  if (!heads) {
    return tl::unexpected(heads.error());
  }
  std::fill_n(heads->data(), kSlots, kNoSession);
  return ExpiryWheel(sessions, std::move(*heads), now);
}

void ExpiryWheel::schedule(SessionIndex index, Tick deadline) {
  // The slot being worked on would be asked again at once, and a slot a whole turn away is this
  // one.
  const auto distance = std::clamp(static_cast<int32_t>(deadline - processed_), int32_t{1},
                                   static_cast<int32_t>(kSlots - 1));
  const uint32_t slot = (processed_ + static_cast<uint32_t>(distance)) % kSlots;
  Session& session = sessions_[index];
  session.wheel_next = heads_[slot];
  session.wheel_previous = kHeadFlag | slot;
  if (session.wheel_next != kNoSession) {
    sessions_[session.wheel_next].wheel_previous = index;
  }
  heads_[slot] = index;
}

void ExpiryWheel::cancel(SessionIndex index) {
  const Session& session = sessions_[index];
  if ((session.wheel_previous & kHeadFlag) != 0) {
    heads_[session.wheel_previous & ~kHeadFlag] = session.wheel_next;
  } else {
    sessions_[session.wheel_previous].wheel_next = session.wheel_next;
  }
  if (session.wheel_next != kNoSession) {
    sessions_[session.wheel_next].wheel_previous = session.wheel_previous;
  }
}

}  // namespace sluice::table

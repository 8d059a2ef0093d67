// SPDX-License-Identifier: BSD-3-Clause
// What happened in the last minute: how busy workers were and which drop counters rose. Control
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "control/director.h"
#include "dataplane/counters.h"

namespace sluice::control {

/// Counters only grow; "now" needs a past to compare with. The server's timer takes a sample every
/// kSamplePeriodSeconds and the oldest of the last minute is what `status` compares with.
class Activity {
 public:
  static constexpr unsigned kSamplePeriodSeconds = 10;
  static constexpr size_t kSamples = 7;  // six periods: one minute

  explicit Activity(const Director& director) : director_(director) { sample(); }

  /// Remembers the counters as they are now.
  void sample();

  /// How much `id` of one worker rose within the last minute.
  [[nodiscard]] uint64_t recent(uint32_t worker, dataplane::CounterId id) const;
  /// The same, all workers.
  [[nodiscard]] uint64_t recent(dataplane::CounterId id) const;

 private:
  using WorkerSample = std::array<uint64_t, dataplane::kCounterCount>;

  const Director& director_;
  std::deque<std::vector<WorkerSample>> samples_;
};

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Samples of the workers' counters. Control thread.
#include "control/server/activity.h"

#include <utility>

namespace sluice::control {

using dataplane::CounterId;

void Activity::sample() {
  std::vector<WorkerSample> now(director_.worker_count());
  for (uint32_t worker = 0; worker < now.size(); ++worker) {
    for (size_t id = 0; id < dataplane::kCounterCount; ++id) {
      now[worker][id] = director_.worker_counter(worker, static_cast<CounterId>(id));
    }
  }
  samples_.push_back(std::move(now));
  if (samples_.size() > kSamples) {
    samples_.pop_front();
  }
}

uint64_t Activity::recent(uint32_t worker, CounterId id) const {
  const std::vector<WorkerSample>& oldest = samples_.front();
  const uint64_t before = worker < oldest.size() ? oldest[worker][static_cast<size_t>(id)] : 0;
  return director_.worker_counter(worker, id) - before;
}

uint64_t Activity::recent(CounterId id) const {
  uint64_t sum = 0;
  for (uint32_t worker = 0; worker < director_.worker_count(); ++worker) {
    sum += recent(worker, id);
  }
  return sum;
}

}  // namespace sluice::control

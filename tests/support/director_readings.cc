// SPDX-License-Identifier: BSD-3-Clause
// What can be read off a director under test: counters and session lists. Tests.
#include <stdexcept>

#include "tests/support/director.h"

namespace sluice::test {

uint64_t Director::count(dataplane::CounterId id) const {
  uint64_t sum = 0;
  for (uint32_t worker = 0; worker < workers_.size(); ++worker) {
    sum += count(id, worker);
  }
  return sum;
}

uint64_t Director::count(dataplane::CounterId id, uint32_t worker) const {
  return workers_[worker]->counters()[id].get();
}

dataplane::ServerTotals Director::server(snapshot::ServerId id) const {
  dataplane::ServerTotals totals;
  for (const auto& worker : workers_) {
    const dataplane::ServerCounters& counters = worker->server_counters(id);
    totals.packets_in += counters.packets_in.get();
    totals.bytes_in += counters.bytes_in.get();
    totals.packets_out += counters.packets_out.get();
    totals.bytes_out += counters.bytes_out.get();
    totals.sessions_created += counters.sessions_created.get();
    totals.active += counters.active.get();
    totals.inactive += counters.inactive.get();
  }
  return totals;
}

uint64_t Director::session_count() const {
  uint64_t sum = 0;
  for (const auto& worker : workers_) {
    sum += worker->session_count();
  }
  return sum;
}

uint32_t Director::run_listing(uint32_t worker, dataplane::ListSessions& listing) {
  const dataplane::WorkerRings& rings = workers_[worker]->rings();
  if (rte_ring_enqueue(rings.listings.get(), static_cast<dataplane::Command*>(&listing)) != 0) {
    throw std::runtime_error("listing ring is full");
  }
  void* answer = nullptr;
  for (uint32_t polls = 1; polls < 100'000; ++polls) {
    poll_worker(worker);
    if (rte_ring_dequeue(rings.completions.get(), &answer) == 0) {
      return polls;
    }
  }
  throw std::runtime_error("a listing was not answered");
}

std::vector<dataplane::SessionInfo> Director::list_sessions(const dataplane::SessionFilter& filter,
                                                            size_t page) {
  std::vector<dataplane::SessionInfo> all;
  std::vector<dataplane::SessionInfo> room(page);
  for (uint32_t worker = 0; worker < workers_.size(); ++worker) {
    dataplane::ListSessions listing;
    listing.filter = filter;
    listing.out = room;
    while (!listing.is_done) {
      listing.count = 0;
      run_listing(worker, listing);
      all.insert(all.end(), room.begin(), room.begin() + listing.count);
    }
  }
  return all;
}

}  // namespace sluice::test

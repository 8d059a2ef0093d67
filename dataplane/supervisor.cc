// SPDX-License-Identifier: BSD-3-Clause
// Starting, stopping and talking to workers. Control thread.
#include "dataplane/supervisor.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

namespace sluice::dataplane {
namespace {

int run_worker(void* worker) {
  static_cast<Worker*>(worker)->run();
  return 0;
}

Steering steering_of(std::span<const Port> ports, uint32_t workers) {
  std::vector<Rss> spread;
  std::ranges::transform(ports, std::back_inserter(spread), &Port::rss);
  return workers == 1 ? Steering::kByDevice : steering_over(spread);
}

}  // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::create(const SupervisorConfig& config,
                                                       std::span<const Port> ports,
                                                       const snapshot::NextHopTable& next_hops) {
  std::unique_ptr<Supervisor> supervisor(new Supervisor);
  for (uint32_t id = 0; id < config.workers; ++id) {
    auto worker = Worker::create(
        WorkerConfig{
            .id = id,
            .workers = config.workers,
            .limits = config.limits,
            .poll = config.poll,
            .punt = config.punt,
            .local_ports = config.local_ports,
            .hash_secret = config.hash_secret,
            .local_port_seed = config.local_port_seed + id,
            .sequence_secret = config.sequence_secret,
            .steering = steering_of(ports, config.workers),
            .tsc_per_second = rte_get_tsc_hz(),
            .start_tsc = rte_rdtsc(),
        },
        ports, next_hops);
    if (!worker) {
      return fail("worker " + std::to_string(id) + ": " + worker.error().message);
    }
    supervisor->workers_.push_back(std::move(*worker));
  }
  supervisor->snapshots_.answered.resize(config.workers);
  supervisor->routes_.answered.resize(config.workers);
  supervisor->finished_.resize(config.workers);
  for (const auto& worker : supervisor->workers_) {
    worker->set_peers(supervisor->workers_);
  }
  return supervisor;
}

Supervisor::~Supervisor() { stop(); }

Status Supervisor::start() {
  uint32_t lcore = rte_get_next_lcore(-1, /*skip_main=*/1, /*wrap=*/0);
  for (const auto& worker : workers_) {
    if (lcore >= RTE_MAX_LCORE) {
      stop();
      return fail("fewer worker lcores than workers: give dpdk.worker_cores one core per worker");
    }
    is_running_ = true;
    rte_eal_remote_launch(run_worker, worker.get(), lcore);
    lcore = rte_get_next_lcore(lcore, /*skip_main=*/1, /*wrap=*/0);
  }
  return {};
}

void Supervisor::stop() {
  if (!std::exchange(is_running_, false)) {
    return;
  }
  for (const auto& worker : workers_) {
    worker->stop();
  }
  rte_eal_mp_wait_lcore();
}

bool Supervisor::send(uint32_t worker, ListSessions& listing) {
  return rte_ring_sp_enqueue(workers_[worker]->rings().listings.get(),
                             static_cast<Command*>(&listing)) == 0;
}

template <typename T, typename Install>
Status Supervisor::publish_on(Channel<T, Install>& channel, std::unique_ptr<const T> next) {
  for (uint32_t worker = 0; worker < worker_count(); ++worker) {
    collect_completions(worker);
    if (rte_ring_full(workers_[worker]->rings().commands.get()) != 0) {
      return fail("worker " + std::to_string(worker) + " does not answer: nothing was changed");
    }
  }
  channel.alive.push_back({.value = std::move(next), .commands = {}});
  auto& publication = channel.alive.back();
  publication.commands.assign(workers_.size(), Install(publication.value.get()));
  ++channel.published;
  for (uint32_t worker = 0; worker < worker_count(); ++worker) {
    // Has room, seen above.
    rte_ring_sp_enqueue(workers_[worker]->rings().commands.get(),
                        static_cast<Command*>(&publication.commands[worker]));
  }
  return {};
}

Status Supervisor::publish(std::unique_ptr<const snapshot::Snapshot> next) {
  return publish_on(snapshots_, std::move(next));
}

Status Supervisor::publish(std::unique_ptr<const snapshot::RouteTable> next) {
  return publish_on(routes_, std::move(next));
}

// The second oldest value has number published - alive.size() + 2; once all workers have answered
// for it nobody reads the oldest.
template <typename T, typename Install>
void Supervisor::reap(Channel<T, Install>& channel) {
  while (channel.alive.size() > 1) {
    const uint64_t successor = channel.published - channel.alive.size() + 2;
    for (const uint64_t answered : channel.answered) {
      if (answered < successor) {
        return;
      }
    }
    channel.alive.pop_front();
  }
}

void Supervisor::collect_completions(uint32_t worker) {
  void* message = nullptr;
  while (rte_ring_sc_dequeue(workers_[worker]->rings().completions.get(), &message) == 0) {
    auto* command = static_cast<Command*>(message);
    switch (command->kind) {
      case Command::Kind::kInstallSnapshot:
        ++snapshots_.answered[worker];
        reap(snapshots_);
        break;
      case Command::Kind::kInstallRoutes:
        ++routes_.answered[worker];
        reap(routes_);
        break;
      case Command::Kind::kListSessions:
        finished_[worker].push_back(command);
        break;
    }
  }
}

bool Supervisor::has_answered_all(uint32_t worker) const {
  return snapshots_.answered[worker] == snapshots_.published &&
         routes_.answered[worker] == routes_.published;
}

bool Supervisor::is_installed() {
  bool has_everything = true;
  for (uint32_t worker = 0; worker < worker_count(); ++worker) {
    collect_completions(worker);
    has_everything = has_everything && has_answered_all(worker);
  }
  return has_everything;
}

Status Supervisor::wait_until_installed(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (uint32_t worker = 0; worker < worker_count(); ++worker) {
    for (collect_completions(worker); !has_answered_all(worker); collect_completions(worker)) {
      if (std::chrono::steady_clock::now() > deadline) {
        return fail("worker " + std::to_string(worker) + " has not taken the change within " +
                    std::to_string(timeout.count()) + " ms; it will when it answers again");
      }
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }
  return {};
}

Command* Supervisor::take_completion(uint32_t worker) {
  collect_completions(worker);
  if (finished_[worker].empty()) {
    return nullptr;
  }
  Command* command = finished_[worker].front();
  finished_[worker].pop_front();
  return command;
}

bool Supervisor::take_event(Event& event) {
  for (const auto& worker : workers_) {
    if (rte_ring_sc_dequeue_elem(worker->rings().events.get(), &event, sizeof(event)) == 0) {
      return true;
    }
  }
  return false;
}

uint32_t Supervisor::take_punted(std::span<rte_mbuf*> packets) {
  uint32_t taken = 0;
  const auto take_from = [&](rte_ring* ring) {
    taken += rte_ring_sc_dequeue_burst(ring, reinterpret_cast<void**>(packets.data() + taken),
                                       static_cast<uint32_t>(packets.size()) - taken, nullptr);
  };
  for (const auto& worker : workers_) {
    take_from(worker->rings().punt_control.get());
  }
  for (const auto& worker : workers_) {
    take_from(worker->rings().punt_other.get());
  }
  return taken;
}

bool Supervisor::inject(rte_mbuf* packet) {
  return rte_ring_sp_enqueue(workers_.front()->rings().inject.get(), packet) == 0;
}

uint64_t Supervisor::total(CounterId id) const {
  uint64_t sum = 0;
  for (const auto& worker : workers_) {
    sum += worker->counters()[id].get();
  }
  return sum;
}

ServerTotals Supervisor::server_totals(snapshot::ServerId server) const {
  ServerTotals totals;
  for (const auto& worker : workers_) {
    const ServerCounters& counters = worker->server_counters(server);
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

bool Supervisor::lends_ports_of(snapshot::LocalAddressId address) const {
  return std::ranges::any_of(workers_,
                             [&](const auto& worker) { return worker->lends_ports_of(address); });
}

uint64_t Supervisor::lent_ports(snapshot::LocalAddressId address) const {
  uint64_t sum = 0;
  for (const auto& worker : workers_) {
    sum += worker->lent_ports(address);
  }
  return sum;
}

uint64_t Supervisor::session_count() const {
  uint64_t sum = 0;
  for (const auto& worker : workers_) {
    sum += worker->session_count();
  }
  return sum;
}

uint64_t Supervisor::session_capacity() const {
  uint64_t sum = 0;
  for (const auto& worker : workers_) {
    sum += worker->session_capacity();
  }
  return sum;
}

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// Builds the workers, runs each on its lcore and is the control thread's only way to reach them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/counters.h"
#include "dataplane/mailbox.h"
#include "dataplane/port.h"
#include "dataplane/worker.h"
#include "lib/base/result.h"
#include "lib/snapshot/next_hop_table.h"

namespace sluice::dataplane {

struct SupervisorConfig {
  uint32_t workers = 1;
  WorkerLimits limits;
  PollPolicy poll;
  PuntLimits punt;
  snapshot::PortRange local_ports;
  std::array<uint64_t, 4> hash_secret{};  // from getrandom(2)
  uint64_t local_port_seed = 0;           // from getrandom(2)
  net::SipKey sequence_secret{};          // from getrandom(2)
};

/// Owner of the workers, of the snapshots they read and of the rings to and from them.
///
/// A snapshot or route table is published by one pointer through each worker's ring. Workers answer
/// in order, so a value is freed once every worker has acknowledged a later one.
/// Thread: control, all methods.
class Supervisor {
 public:
  /// Builds `config.workers` workers over `ports` (each port has a queue pair per worker).
  /// Ownership: `ports` and `next_hops` outlive the supervisor.
  /// Errors: not enough DPDK memory, with the amount.
  static Result<std::unique_ptr<Supervisor>> create(const SupervisorConfig& config,
                                                    std::span<const Port> ports,
                                                    const snapshot::NextHopTable& next_hops);
  ~Supervisor();

  /// Starts worker i on the i-th worker lcore.  Errors: fewer lcores than workers.
  Status start();
  /// Stops and joins all workers. Idempotent.
  void stop();

  /// Sends `next` to all workers, or to none when a worker's ring is full (it hangs).
  Status publish(std::unique_ptr<const snapshot::Snapshot> next);
  Status publish(std::unique_ptr<const snapshot::RouteTable> next);
  /// Whether all workers read what was published last; what was before it no worker touches.
  [[nodiscard]] bool is_installed();
  /// Waits until is_installed().
  /// Errors: a worker did not answer in time; it will take the value when it wakes.
  Status wait_until_installed(std::chrono::milliseconds timeout = std::chrono::seconds(2));

  /// Sends a listing to one worker.  Returns false when its ring is full (try again later).
  [[nodiscard]] bool send(uint32_t worker, ListSessions& listing);
  /// The next listing that a worker has finished, or null.
  [[nodiscard]] Command* take_completion(uint32_t worker);
  /// The next event of any worker.  Returns false when there is none.
  [[nodiscard]] bool take_event(Event& event);

  /// Packets for the kernel, control traffic first. Fills `packets`, whose mbufs the caller then
  /// owns; mbuf->port is the index of the port they came in by.
  uint32_t take_punted(std::span<rte_mbuf*> packets);
  /// Queues a packet of the kernel for sending by the port with index mbuf->port, unchanged.
  /// Returns false when the ring is full; the caller keeps the mbuf.
  [[nodiscard]] bool inject(rte_mbuf* packet);

  [[nodiscard]] uint32_t worker_count() const { return static_cast<uint32_t>(workers_.size()); }
  [[nodiscard]] const Worker& worker(uint32_t index) const { return *workers_[index]; }
  [[nodiscard]] Worker& worker(uint32_t index) { return *workers_[index]; }

  /// Sums over all workers.
  [[nodiscard]] uint64_t total(CounterId id) const;
  [[nodiscard]] ServerTotals server_totals(snapshot::ServerId server) const;
  [[nodiscard]] bool lends_ports_of(snapshot::LocalAddressId address) const;
  [[nodiscard]] uint64_t lent_ports(snapshot::LocalAddressId address) const;
  [[nodiscard]] uint64_t session_count() const;
  [[nodiscard]] uint64_t session_capacity() const;

 private:
  /// Values of one kind on their way to the workers or in use, oldest first.
  template <typename T, typename Install>
  struct Channel {
    struct Publication {
      std::unique_ptr<const T> value;
      std::vector<Install> commands;  // by worker
    };
    std::deque<Publication> alive;   // the last one is what workers read or will read
    uint64_t published = 0;          // values ever published; alive holds the newest of them
    std::vector<uint64_t> answered;  // by worker: how many of them it has installed
  };

  Supervisor() = default;
  template <typename T, typename Install>
  Status publish_on(Channel<T, Install>& channel, std::unique_ptr<const T> next);
  template <typename T, typename Install>
  static void reap(Channel<T, Install>& channel);
  void collect_completions(uint32_t worker);
  [[nodiscard]] bool has_answered_all(uint32_t worker) const;

  std::vector<std::unique_ptr<Worker>> workers_;
  Channel<snapshot::Snapshot, InstallSnapshot> snapshots_;
  Channel<snapshot::RouteTable, InstallRoutes> routes_;
  std::vector<std::deque<Command*>> finished_;  // by worker: listings, not yet taken
  bool is_running_ = false;
};

}  // namespace sluice::dataplane

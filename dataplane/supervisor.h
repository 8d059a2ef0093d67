// SPDX-License-Identifier: BSD-3-Clause
// Builds the workers, runs each on its lcore and is the control thread's only way to reach them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/counters.h"
#include "dataplane/mailbox.h"
#include "dataplane/port.h"
#include "dataplane/worker.h"
#include "lib/base/dpdk_ptr.h"
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
};

/// Owner of the workers and of the rings to and from them.
/// Thread: control, all methods.
class Supervisor {
 public:
  /// Builds `config.workers` workers over `ports` (each port has a queue pair per worker).
  /// Ownership: `ports` and `next_hops` outlive the supervisor.
  /// Errors: not enough DPDK memory, with the amount.
  static Result<std::unique_ptr<Supervisor>> create(const SupervisorConfig& config,
                                                    std::span<Port> ports,
                                                    const snapshot::NextHopTable& next_hops,
                                                    rte_mempool* packet_buffers);
  ~Supervisor();

  /// Starts worker i on the i-th worker lcore.  Errors: fewer lcores than workers.
  Status start();
  /// Stops and joins all workers; they free the packets they hold. Idempotent.
  void stop();

  /// Hands `snapshot` to all workers and waits until each has left the previous one, which is then
  /// freed.  Errors: a worker did not answer within `timeout` (both snapshots are kept alive).
  Status install(std::unique_ptr<const snapshot::Snapshot> snapshot,
                 std::chrono::milliseconds timeout = std::chrono::seconds(2));
  Status install(std::unique_ptr<const snapshot::RouteTable> routes,
                 std::chrono::milliseconds timeout = std::chrono::seconds(2));

  /// Sends a command to one worker.  Returns false when its ring is full (try again later).
  [[nodiscard]] bool send(uint32_t worker, Command& command);
  /// The next command that a worker has finished, or null.
  [[nodiscard]] Command* take_completion(uint32_t worker);
  /// The next event of any worker.  Returns false when there is none.
  [[nodiscard]] bool take_event(Event& event);

  /// Packets for the kernel, control traffic first. Fills `packets`, whose mbufs the caller then
  /// owns; mbuf->port is the DPDK port they came in by.
  uint32_t take_punted(std::span<rte_mbuf*> packets);
  /// Queues a packet of the kernel for sending by DPDK port mbuf->port, unchanged.
  /// Returns false when the ring is full; the caller keeps the mbuf.
  [[nodiscard]] bool inject(rte_mbuf* packet);

  [[nodiscard]] uint32_t worker_count() const { return static_cast<uint32_t>(workers_.size()); }
  [[nodiscard]] const Worker& worker(uint32_t index) const { return *workers_[index]; }
  /// Sum over all workers.
  [[nodiscard]] uint64_t total(CounterId id) const;
  using ServerTotals = dataplane::ServerTotals;
  [[nodiscard]] ServerTotals server_totals(snapshot::ServerId server) const;
  [[nodiscard]] uint64_t session_count() const;

 private:
  Supervisor() = default;
  template <typename Install, typename T>
  Status install_on_all(const T* next, std::chrono::milliseconds timeout);

  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<const snapshot::Snapshot> snapshot_;
  std::unique_ptr<const snapshot::RouteTable> routes_;
  std::vector<std::unique_ptr<const snapshot::Snapshot>> stuck_snapshots_;
  std::vector<std::unique_ptr<const snapshot::RouteTable>> stuck_routes_;
  bool is_running_ = false;
};

}  // namespace sluice::dataplane

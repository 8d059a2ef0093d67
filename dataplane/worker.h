// SPDX-License-Identifier: BSD-3-Clause
// One worker: a poll loop over its queues with everything it needs as its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/burst.h"
#include "dataplane/context.h"
#include "dataplane/port.h"
#include "dataplane/worker_memory.h"
#include "lib/base/result.h"
#include "lib/base/ticks.h"

namespace sluice::dataplane {

/// Runs the packet path over queue `id` of every port.
///
/// poll() is one turn of the loop and takes the time as an argument, so tests drive it by hand;
/// run() is poll() until stop(), with naps while idle if the policy allows them.
/// Thread: after start(), everything but stop() and the const methods belongs to the worker's
/// lcore.
class Worker {
 public:
  /// Ownership: `ports` and `next_hops` outlive the worker.  Errors: not enough DPDK memory.
  static Result<std::unique_ptr<Worker>> create(const WorkerConfig& config,
                                                std::span<const Port> ports,
                                                const snapshot::NextHopTable& next_hops);
  ~Worker();  // frees the packets left in its rings and buffers

  /// Makes the workers' hand-off rings known to each other, before the first poll.
  void set_peers(std::span<const std::unique_ptr<Worker>> workers);

  /// One turn: receive, run the pipeline, take over hand-offs, send injected packets, obey a
  /// command, continue a listing, release fragments, expire sessions, transmit.  Returns how much
  /// there was to do: packets, sessions and commands; 0 allows a nap.
  uint32_t poll(uint64_t now_tsc);

  /// Polls until stop().  Thread: the worker's lcore.
  void run();
  /// Asks run() to return after the current turn.  Thread: any.
  void stop() { should_stop_.store(true, std::memory_order_relaxed); }

  [[nodiscard]] const Counters& counters() const { return context_.counters; }
  [[nodiscard]] const ServerCounters& server_counters(snapshot::ServerId server) const {
    return context_.servers[server];
  }
  /// Whether sessions use ports of a local address.
  [[nodiscard]] bool lends_ports_of(snapshot::LocalAddressId address) const;
  /// How many of them.
  [[nodiscard]] uint64_t lent_ports(snapshot::LocalAddressId address) const;
  /// Sessions now. Exact on the worker's thread, a moment old elsewhere.
  [[nodiscard]] uint64_t session_count() const {
    return session_count_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] uint32_t session_capacity() const { return context_.sessions.capacity(); }
  [[nodiscard]] const WorkerRings& rings() const { return context_.rings; }

 private:
  Worker(WorkerMemory memory, const WorkerConfig& config, std::span<const Port> ports,
         const snapshot::NextHopTable& next_hops);

  uint32_t poll_ports();
  void run_by_vlan(const PortView& device);
  uint32_t poll_hand_off();
  uint32_t poll_inject();
  uint32_t poll_commands();
  uint32_t poll_listings();
  void nap(uint32_t& idle_polls) const;
  void free_held_fragments();

  Context context_;
  Burst burst_;  // the one being worked on
  TickClock clock_;
  PollPolicy policy_;
  ListSessions* listing_ = nullptr;         // in progress, a slice per turn
  std::atomic<uint64_t> session_count_{0};  // worker writes, control reads
  std::atomic<bool> should_stop_{false};    // control writes, worker reads
};

}  // namespace sluice::dataplane

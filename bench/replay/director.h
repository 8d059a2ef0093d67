// SPDX-License-Identifier: BSD-3-Clause
// A director of one real worker that the main thread drives by hand. Main thread.
#pragma once

#include <memory>
#include <vector>

#include "bench/replay/replay_port.h"
#include "bench/support/topology.h"
#include "bench/support/traffic.h"
#include "dataplane/supervisor.h"

namespace sluice::bench {

/// All counters at one moment.
using CounterValues = std::array<uint64_t, dataplane::kCounterCount>;

class Director {
 public:
  /// Builds the worker over `port`, which must be open, and installs the configuration.
  static Result<Director> create(Topology& topology, const dataplane::Port& port);

  /// One turn of the worker's loop.
  void poll();

  /// Opens session i with the opening packet of client i, for all i, through the rings of `port`.
  /// Returns the answers' flows by session. Errors: a packet did not come out, or came out wrong.
  Result<std::vector<net::FlowKey4>> open_sessions(ReplayPort& port);

  /// Sends one answer of each of the first sessions and checks what the client would get.
  Status check_answers(ReplayPort& port, const std::vector<net::FlowKey4>& answer_flows);

  [[nodiscard]] uint64_t counter(dataplane::CounterId id) const {
    return supervisor_->worker(0).counters()[id].get();
  }
  [[nodiscard]] CounterValues counters() const;
  [[nodiscard]] uint64_t session_count() const { return supervisor_->worker(0).session_count(); }

 private:
  Director(Topology& topology, std::unique_ptr<dataplane::Supervisor> supervisor)
      : topology_(&topology), supervisor_(std::move(supervisor)) {}

  Topology* topology_;
  std::unique_ptr<dataplane::Supervisor> supervisor_;
};

/// Checks that between two moments every received packet was forwarded and nothing else happened.
/// Errors: the counters that say otherwise, with their help.
Status check_all_forwarded(const CounterValues& before, const CounterValues& after);

}  // namespace sluice::bench

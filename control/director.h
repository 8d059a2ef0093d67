// SPDX-License-Identifier: BSD-3-Clause
// The running director as the control socket and signals see it: its configuration, the one
// transaction that changes it, and what it counted. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control/config/diff.h"
#include "control/config/model.h"
#include "control/config/problem.h"
#include "control/draining_address.h"
#include "dataplane/counters.h"
#include "dataplane/mailbox.h"
#include "dataplane/port.h"
#include "lib/net/address.h"
#include "lib/snapshot/next_hop_table.h"
#include "lib/snapshot/snapshot.h"

namespace sluice::control {

struct ApplyReport {
  uint64_t generation = 0;
  std::vector<config::Difference> changes;
  std::string warning;  // in force, but something is not as it should be; empty: all is well
};

/// One page of a session listing. `cursor` is opaque: pass it back for the next page.
struct SessionPage {
  std::vector<dataplane::SessionInfo> sessions;
  uint64_t next_cursor = 0;
  bool is_last = false;
};

/// All methods: control thread.  Everything that changes the configuration goes through apply().
class Director {
 public:
  virtual ~Director() = default;

  /// The configuration in force, edits of the socket included.
  [[nodiscard]] virtual const config::Model& running() const = 0;
  [[nodiscard]] virtual uint64_t generation() const = 0;
  [[nodiscard]] virtual const std::string& config_path() const = 0;

  /// Validates, compiles and publishes `next` to all workers, or changes nothing.
  /// Errors: every problem, as for a file; a change that needs a restart is one too.
  [[nodiscard]] virtual config::Checked<ApplyReport> apply(config::Model next) = 0;
  /// Reads the configuration file again and applies it.
  [[nodiscard]] virtual config::Checked<ApplyReport> reload() = 0;

  /// Finds at most `limit` sessions (1..1000) from `cursor` (0 at first) on and calls `done` later
  /// on this thread. A page may be empty and still not be the last.
  virtual void list_sessions(const dataplane::SessionFilter& filter, uint64_t cursor,
                             uint32_t limit, std::function<void(SessionPage)> done) = 0;

  // What the data plane counts and holds. Workers are numbered from 0; reading disturbs none.
  [[nodiscard]] virtual uint32_t worker_count() const = 0;
  [[nodiscard]] virtual uint64_t worker_counter(uint32_t worker, dataplane::CounterId id) const = 0;
  [[nodiscard]] virtual uint64_t worker_session_count(uint32_t worker) const = 0;
  /// Sums over all workers.
  [[nodiscard]] virtual dataplane::ServerTotals server_totals(snapshot::ServerId server) const = 0;
  /// The counters' index of a configured server; nothing for an unknown one.
  [[nodiscard]] virtual std::optional<snapshot::ServerId> server_id(
      const config::Service& service, const config::Server& server) const = 0;
  /// As server_id, of a configured source NAT rule.
  [[nodiscard]] virtual std::optional<snapshot::ServerId> snat_id(
      const config::SnatRule& rule) const = 0;
  /// Ports of a local address that sessions have, of all protocols and toward all servers.
  [[nodiscard]] virtual uint64_t lent_ports(const net::Address& local) const = 0;
  /// Local addresses that left their pools while sessions have ports of them.
  [[nodiscard]] virtual std::vector<DrainingAddress> draining() const = 0;
  [[nodiscard]] virtual const snapshot::NextHopTable& next_hops() const = 0;
  [[nodiscard]] virtual uint64_t uptime_seconds() const = 0;
  /// Each port's DPDK state, in the configuration's order.
  struct PortStatus {
    std::string name;
    net::Mac mac;
    uint16_t vlan = 0;  // 0: has a device, whose statistics these are
    bool is_link_up = false;
    dataplane::PortStatistics statistics;
  };
  [[nodiscard]] virtual std::vector<PortStatus> ports() const = 0;
};

}  // namespace sluice::control

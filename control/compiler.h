// SPDX-License-Identifier: BSD-3-Clause
// Model to snapshot, with ids that stay the same from one configuration to the next. Control
// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/config/model.h"
#include "control/draining_address.h"
#include "dataplane/counters.h"
#include "lib/base/result.h"
#include "lib/snapshot/snapshot.h"
#include "lib/snapshot/snat_rules.h"

namespace sluice::control {

/// Gives every service, real server and local address its id and compiles snapshots.
///
/// A removed real server keeps its id and its pool of local ports until its last session has ended:
/// added again it has its sessions and counters back, and no port is lent twice toward it. The
/// first compilation without it never gives the id back: workers open sessions with it until they
/// have that snapshot.
///
/// The same holds for a local address: taken out of its pools it drains. Workers go on to recognise
/// answers to it, and nobody gets its id, until they have all its ports back. Otherwise the address
/// could come back under another id and lend a port that a live session of its uses.
class Compiler {
 public:
  /// What the workers still hold, at this moment.
  struct Workers {
    /// Whether any has a session with a server or, not having the latest snapshot yet, may open
    /// one.
    std::function<bool(snapshot::ServerId)> have_sessions;
    /// What they counted under an id since they started, for whatever server had it.
    std::function<dataplane::ServerTotals(snapshot::ServerId)> counted;
    /// As have_sessions, for the ports of a local address.
    std::function<bool(snapshot::LocalAddressId)> lend_ports_of;
  };

  Compiler(const config::Limits& limits, snapshot::PortRange local_ports, uint32_t worker_count,
           Workers workers);

  /// Compiles a validated model.
  /// Errors: a limit is reached, counting what was removed by the last change or is still held.
  /// Some ids are given and taken by then: compile with a copy and keep it when its snapshot is in
  /// force.
  [[nodiscard]] Result<std::unique_ptr<const snapshot::Snapshot>> compile(
      const config::Model& model, uint64_t generation);

  /// Makes the local addresses of `next` draining ones: a compilation of the model in force then
  /// lets every worker recognise them before one of them lends a port. Returns whether any is new.
  /// Errors: as compile().
  [[nodiscard]] Result<bool> expect_local_addresses(const config::Model& next);
  /// Local addresses out of use that sessions may still have ports of, as of the last compilation.
  [[nodiscard]] std::vector<DrainingAddress> draining() const;
  /// Whether one of them has got its ports back: the next compilation forgets it.
  [[nodiscard]] bool has_drained() const;

  /// The id of a configured server, or nothing.
  [[nodiscard]] std::optional<snapshot::ServerId> server_id(const config::Service& service,
                                                            const config::Server& server) const;
  /// The id under which a configured source NAT rule is counted, or nothing.
  [[nodiscard]] std::optional<snapshot::ServerId> snat_id(const config::SnatRule& rule) const;
  /// The id of a local address in use or draining, or nothing.
  [[nodiscard]] std::optional<snapshot::LocalAddressId> local_address_id(
      const net::Address& address) const;
  /// What the workers counted for the server that has this id now.
  [[nodiscard]] dataplane::ServerTotals server_totals(snapshot::ServerId server) const;

 private:
  struct ServiceKey {
    net::Protocol protocol;
    net::Endpoint vip;
    friend auto operator<=>(const ServiceKey&, const ServiceKey&) = default;
  };
  struct ServerKey {
    ServiceKey service;
    net::Endpoint endpoint;
    friend auto operator<=>(const ServerKey&, const ServerKey&) = default;
  };
  struct ServerRecord {
    snapshot::ServerId id = 0;
    uint32_t changes_without = 0;   // 0: configured
    table::Timeouts timeouts = {};  // of the service that has or had it
    bool was_nat = false;           // its answers may still be those of NAT sessions
  };
  struct LocalAddressRecord {
    snapshot::LocalAddressId id = 0;
    uint32_t changes_without = 0;  // 0: services lend its ports
    std::string port = {};
  };
  struct ServiceRecord {
    snapshot::ServiceId id = 0;
    uint64_t servers_version = 0;
    bool is_steered_by_client =
        false;  // from the first NAT server on: sessions stay where they are
    // Of the last compilation: what a scheduler's memory in the workers depends on.
    const sched::SchedulerOps* scheduler = nullptr;
    std::vector<snapshot::ServiceSpec::ServerSpec> servers = {};
  };

  /// A source NAT rule is a service and a server to the workers, and keeps both ids as a server.
  struct SnatRecord {
    snapshot::ServiceId service_id = 0;
    snapshot::ServerId id = 0;
    uint32_t changes_without = 0;  // 0: configured
    table::Timeouts timeouts = {};
  };

  /// Hands out numbers below a limit: fresh ones as long as there are any, then the one that was
  /// given back first.
  class Ids {
   public:
    explicit Ids(uint32_t limit) : limit_(limit) {}
    std::optional<uint32_t> take();
    void give_back(uint32_t id) { free_.push_back(id); }

   private:
    uint32_t limit_;
    uint32_t next_ = 0;
    std::deque<uint32_t> free_;
  };

  void forget_removed(const config::Model& model);
  void forget_removed_rules(const config::Model& model);
  void forget_removed_local_addresses(const config::Model& model);
  Result<snapshot::ServiceId> take_service_id();
  Result<snapshot::ServerId> take_server_id();
  Result<snapshot::LocalAddressId> local_address_id(const net::Address& address,
                                                    const config::LocalPool& pool);
  uint16_t port_pool_of(const net::Endpoint& endpoint);
  Result<snapshot::ServiceSpec> compile_service(const config::Service& service,
                                                const config::Model& model);
  Result<snapshot::SnatRuleSpec> compile_rule(const config::SnatRule& rule,
                                              const config::Model& model);
  Result<std::vector<snapshot::LocalAddress>> local_addresses_of(const std::string& pool,
                                                                 const config::Model& model);

  config::Limits limits_;
  snapshot::PortRange local_ports_;
  uint32_t worker_count_;
  Workers workers_;
  Ids service_ids_;
  Ids server_ids_;
  Ids local_address_ids_;
  std::map<ServiceKey, ServiceRecord> services_;
  std::map<ServerKey, ServerRecord> servers_;
  std::map<std::string, SnatRecord> snat_rules_;  // by name
  // By id, what was counted under it before its server got it: workers never reset a counter.
  std::map<snapshot::ServerId, dataplane::ServerTotals> counted_before_;
  std::map<net::Address, LocalAddressRecord> local_addresses_;
  struct PortPool {
    uint16_t pool = 0;
    uint32_t users = 0;  // servers in servers_ with this endpoint
  };
  std::map<net::Endpoint, PortPool> port_pools_;
  std::array<uint32_t, snapshot::kPortPoolsPerAddress> endpoints_in_pool_{};
  uint64_t next_version_ = 1;
};

}  // namespace sluice::control

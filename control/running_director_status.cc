// SPDX-License-Identifier: BSD-3-Clause
// What the running director tells of itself. Control thread.
#include <chrono>

#include "control/running_director.h"

namespace sluice::control {

uint32_t RunningDirector::worker_count() const { return supervisor_->worker_count(); }

uint64_t RunningDirector::worker_counter(uint32_t worker, dataplane::CounterId id) const {
  return supervisor_->worker(worker).counters()[id].get();
}

uint64_t RunningDirector::worker_session_count(uint32_t worker) const {
  return supervisor_->worker(worker).session_count();
}

dataplane::ServerTotals RunningDirector::server_totals(snapshot::ServerId server) const {
  return compiler_.server_totals(server);
}

std::optional<snapshot::ServerId> RunningDirector::server_id(const config::Service& service,
                                                             const config::Server& server) const {
  return compiler_.server_id(service, server);
}

uint64_t RunningDirector::lent_ports(const net::Address& local) const {
  const auto id = compiler_.local_address_id(local);
  return id ? supervisor_->lent_ports(*id) : 0;
}

uint64_t RunningDirector::uptime_seconds() const {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_)
          .count());
}

std::vector<Director::PortStatus> RunningDirector::ports() const {
  std::vector<PortStatus> result;
  for (const dataplane::Port& port : ports_) {
    result.push_back({.name = port.name(),
                      .mac = port.mac(),
                      .vlan = port.vlan(),
                      .is_link_up = port.is_link_up(),
                      .statistics = port.statistics()});
  }
  return result;
}

}  // namespace sluice::control

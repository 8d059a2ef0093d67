// SPDX-License-Identifier: BSD-3-Clause
// The director that runs: ports, workers, kernel twin and the one transaction that changes them.
// Control thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "control/compiler.h"
#include "control/director.h"
#include "control/kernel/kernel.h"
#include "control/routing.h"
#include "control/session_lister.h"
#include "dataplane/port.h"
#include "dataplane/supervisor.h"
#include "lib/snapshot/next_hop_table.h"

namespace sluice::control {

/// Owns everything between the EAL and the control socket. Members are destroyed in reverse order:
/// workers stop first, then taps, ports and packet buffers go.
///
/// A change travels: model -> validate -> compile -> addresses up -> snapshot to all workers ->
/// acknowledged -> addresses that left go down. Whatever fails before the snapshot leaves changes
/// nothing; after that nothing can fail.
class RunningDirector : public Director {
 public:
  /// Opens ports and taps, builds and starts the workers with `model`'s services.
  /// Precondition: the EAL runs; `model` is validated.
  /// Errors: whatever a port, the memory or the kernel refuses, with the cure.
  static Result<std::unique_ptr<RunningDirector>> start(boost::asio::io_context& io,
                                                        config::Model model,
                                                        std::string config_path);
  ~RunningDirector() override;

  [[nodiscard]] const config::Model& running() const override { return model_; }
  [[nodiscard]] uint64_t generation() const override { return generation_; }
  [[nodiscard]] const std::string& config_path() const override { return config_path_; }
  [[nodiscard]] config::Checked<ApplyReport> apply(config::Model next) override;
  [[nodiscard]] config::Checked<ApplyReport> reload() override;
  void list_sessions(const dataplane::SessionFilter& filter, uint64_t cursor, uint32_t limit,
                     std::function<void(SessionPage)> done) override;
  [[nodiscard]] uint32_t worker_count() const override;
  [[nodiscard]] uint64_t worker_counter(uint32_t worker, dataplane::CounterId id) const override;
  [[nodiscard]] uint64_t worker_session_count(uint32_t worker) const override;
  [[nodiscard]] dataplane::ServerTotals server_totals(snapshot::ServerId server) const override;
  [[nodiscard]] std::optional<snapshot::ServerId> server_id(
      const config::Service& service, const config::Server& server) const override;
  [[nodiscard]] std::optional<snapshot::ServerId> snat_id(
      const config::SnatRule& rule) const override {
    return compiler_.snat_id(rule);
  }
  [[nodiscard]] uint64_t lent_ports(const net::Address& local) const override;
  [[nodiscard]] std::vector<DrainingAddress> draining() const override {
    return compiler_.draining();
  }
  [[nodiscard]] const snapshot::NextHopTable& next_hops() const override { return next_hops_; }
  [[nodiscard]] uint64_t uptime_seconds() const override;
  [[nodiscard]] std::vector<PortStatus> ports() const override;

 private:
  RunningDirector(boost::asio::io_context& io, config::Model model, std::string config_path);

  Status open_ports();
  Status open_device(const config::Port& port);
  void open_vlan(const config::Port& port);
  Status start_workers();
  Status open_kernel();
  void wait_for_routes();
  void log_kernel_warnings();
  /// Returns a warning when a worker has not confirmed the new snapshot; empty: all have.
  Result<std::string> publish(Compiler compiler, const config::Model& model, uint64_t generation);
  Status recognise_local_addresses(const config::Model& next);
  void finish_draining();
  void schedule_tick(std::chrono::microseconds delay);
  void tick();
  void handle_events();
  void follow_links();

  boost::asio::io_context& io_;
  config::Model model_;
  std::string config_path_;
  uint64_t generation_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();

  MempoolPtr packet_buffers_;
  std::vector<dataplane::Port> ports_;
  snapshot::NextHopTable next_hops_;
  std::unique_ptr<dataplane::Supervisor> supervisor_;
  Compiler compiler_;
  std::unique_ptr<SessionLister> lister_;
  std::unique_ptr<Kernel> kernel_;
  std::unique_ptr<Routing> routing_;
  boost::asio::steady_timer timer_;
  std::vector<bool> link_is_up_;
  uint64_t ticks_ = 0;
};

}  // namespace sluice::control

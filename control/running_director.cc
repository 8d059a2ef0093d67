// SPDX-License-Identifier: BSD-3-Clause
// Starting the director, its transaction and its loop. Control thread.
#include "control/running_director.h"

#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "control/config/device.h"
#include "control/config/validate.h"
#include "control/config/yaml_reader.h"
#include "control/kernel_state.h"

namespace sluice::control {
namespace {

using std::chrono::microseconds;

// How often the control thread looks for punted packets, events and answers: soon while there are
// any, and often enough for ARP and ping (under a millisecond) while there are none.
constexpr microseconds kBusyTick{50};
constexpr microseconds kIdleTick{1'000};
constexpr uint64_t kTicksPerLinkCheck = 256;
constexpr std::chrono::milliseconds kRoutesTimeout{1'000};

// Empty for devices the kernel has no part in.
std::string kernel_netdev(const config::Port& port) {
  const auto device = config::parse_device(port.device);
  return device ? std::string(device->kernel_netdev()) : std::string();
}

Result<dataplane::SupervisorConfig> supervisor_config(const config::Model& model) {
  dataplane::SupervisorConfig config{
      .workers = model.director.workers,
      .limits = {.sessions = model.limits.sessions_per_worker,
                 .extended_sessions = model.limits.extended_sessions_per_worker,
                 .services = model.limits.services,
                 .servers = model.limits.servers,
                 .local_addresses = model.limits.local_addresses,
                 .snat_mappings = model.limits.snat_mappings_per_worker},
      .poll = {.max_sleep_us = model.director.poll.mode == config::PollMode::kAdaptive
                                   ? model.director.poll.max_sleep_us
                                   : 0},
      .punt = {.control_pps = model.director.punt.control_pps,
               .icmp_pps = model.director.punt.icmp_pps,
               .other_pps = model.director.punt.other_pps},
      .local_ports = model.director.local_ports,
      .hash_secret = {},
      .local_port_seed = 0,
      .sequence_secret = {},
  };
  std::array<uint64_t, 7> random{};
  if (getrandom(random.data(), sizeof(random), 0) != sizeof(random)) {
    return fail(std::string("no random secret from getrandom(2): ") + std::strerror(errno) +
                "; without one sessions could be made to collide on purpose");
  }
  std::copy_n(random.begin(), config.hash_secret.size(), config.hash_secret.begin());
  config.local_port_seed = random[config.hash_secret.size()];
  std::copy_n(random.end() - config.sequence_secret.size(), config.sequence_secret.size(),
              config.sequence_secret.begin());
  return config;
}

std::array<uint64_t, 4> random_secret() {
  std::array<uint64_t, 4> secret{};
  const bool is_random = getrandom(secret.data(), sizeof(secret), 0) == sizeof(secret);
  return is_random ? secret : std::array<uint64_t, 4>{};
}

config::Problem problem(std::string key, std::string message) {
  config::Problem result;
  result.key = std::move(key);
  result.message = std::move(message);
  return result;
}

config::Problems restart_problems(const std::vector<config::Difference>& changes) {
  config::Problems problems;
  for (const config::Difference& change : changes) {
    if (change.needs_restart) {
      problems.push_back(
          problem(change.what, "cannot change while running (" + change.to_string() +
                                   "); restart sluiced for it: systemctl restart sluiced"));
    }
  }
  return problems;
}

}  // namespace

RunningDirector::RunningDirector(boost::asio::io_context& io, config::Model model,
                                 std::string config_path)
    : io_(io),
      model_(std::move(model)),
      config_path_(std::move(config_path)),
      next_hops_(model_.limits.neighbours, random_secret()),
      compiler_(
          model_.limits, model_.director.local_ports, model_.director.workers,
          {.have_sessions =
               [this](snapshot::ServerId server) {
                 const dataplane::ServerTotals totals = supervisor_->server_totals(server);
                 return !supervisor_->is_installed() || totals.active + totals.inactive != 0;
               },
           .counted =
               [this](snapshot::ServerId server) { return supervisor_->server_totals(server); },
           .lend_ports_of =
               [this](snapshot::LocalAddressId address) {
                 return !supervisor_->is_installed() || supervisor_->lends_ports_of(address);
               }}),
      timer_(io) {}

RunningDirector::~RunningDirector() {
  if (supervisor_ != nullptr) {
    supervisor_->stop();
  }
}

Result<std::unique_ptr<RunningDirector>> RunningDirector::start(boost::asio::io_context& io,
                                                                config::Model model,
                                                                std::string config_path) {
  std::unique_ptr<RunningDirector> director(
      new RunningDirector(io, std::move(model), std::move(config_path)));
  for (const auto step : {&RunningDirector::open_ports, &RunningDirector::start_workers,
                          &RunningDirector::open_kernel}) {
    if (auto status = (director.get()->*step)(); !status) {
      return tl::unexpected(status.error());
    }
  }
  director->schedule_tick(microseconds(0));
  return director;
}

Status RunningDirector::start_workers() {
  const auto config = supervisor_config(model_);
  if (!config) {
    return tl::unexpected(config.error());
  }
  auto supervisor = dataplane::Supervisor::create(*config, ports_, next_hops_);
  if (!supervisor) {
    return fail(supervisor.error().message + ": raise dpdk.memory_mb or lower limits");
  }
  supervisor_ = std::move(*supervisor);
  lister_ = std::make_unique<SessionLister>(*supervisor_);
  kernel_ = std::make_unique<Kernel>(
      io_,
      PacketExchange{
          .take_punted =
              [this](std::span<rte_mbuf*> packets) { return supervisor_->take_punted(packets); },
          .inject = [this](rte_mbuf* packet) { return supervisor_->inject(packet); },
          .packet_buffers = packet_buffers_.get()},
      next_hops_);
  routing_ = std::make_unique<Routing>(next_hops_, *supervisor_, *kernel_);
  if (auto started = supervisor_->start(); !started) {
    return started;
  }
  routing_->publish();
  if (auto published = publish(compiler_, model_, 1); !published) {
    return tl::unexpected(published.error());
  }
  return {};
}

Status RunningDirector::open_kernel() {
  std::vector<KernelPort> twins;
  for (size_t index = 0; index < ports_.size(); ++index) {
    twins.push_back({.name = model_.ports[index].name,
                     .mac = ports_[index].mac(),
                     .mtu = ports_[index].mtu(),
                     .packet_netdev = kernel_netdev(model_.ports[index])});
  }
  auto status = kernel_->open(std::move(twins), [this](std::span<const snapshot::Route> routes) {
    routing_->replace(routes, model_.services);
  });
  if (status) {
    status = kernel_->apply(kernel_state(model_));
  }
  log_kernel_warnings();
  if (status) {
    wait_for_routes();
  }
  return status;
}

// The kernel tells the routes of our own addresses some milliseconds later. Ready means that the
// first packet finds its way; without any address there is nothing to wait for.
void RunningDirector::wait_for_routes() {
  const auto deadline = std::chrono::steady_clock::now() + kRoutesTimeout;
  const bool expects_any = !kernel_state(model_).addresses.empty();
  while (expects_any && !routing_->has_routes() && std::chrono::steady_clock::now() < deadline) {
    io_.run_one_for(std::chrono::milliseconds(10));
  }
}

void RunningDirector::log_kernel_warnings() {
  for (const std::string& warning : kernel_->take_warnings()) {
    spdlog::warn("{}", warning);
  }
}

// With a copy of the compiler: ids that a refused change gave away are in use by the running one.
Result<std::string> RunningDirector::publish(Compiler compiler, const config::Model& model,
                                             uint64_t generation) {
  auto snapshot = compiler.compile(model, generation);
  if (!snapshot) {
    return tl::unexpected(snapshot.error());
  }
  if (auto sent = supervisor_->publish(std::move(*snapshot)); !sent) {
    return tl::unexpected(sent.error());
  }
  compiler_ = std::move(compiler);
  generation_ = generation;
  if (auto installed = supervisor_->wait_until_installed(); !installed) {
    // All workers have it in their ring: it is in force, only not confirmed.
    const std::string warning = "generation " + std::to_string(generation_) +
                                " is not confirmed: " + installed.error().message;
    spdlog::error("{}", warning);
    return warning;
  }
  return std::string();
}

// Answers to a new local address may reach a worker that has not got the change yet: all of them
// must know the address before the first one lends a port of it.
Status RunningDirector::recognise_local_addresses(const config::Model& next) {
  Compiler compiler = compiler_;
  const auto is_any_new = compiler.expect_local_addresses(next);
  if (!is_any_new) {
    return tl::unexpected(is_any_new.error());
  }
  if (*is_any_new) {
    if (auto sent = publish(std::move(compiler), model_, generation_); !sent) {
      return tl::unexpected(sent.error());
    }
  }
  return {};
}

// The last session with a port of an address that was taken out of its pool has ended: the address
// leaves the workers and its tap. The configuration, and so the generation, stays.
void RunningDirector::finish_draining() {
  if (!compiler_.has_drained()) {
    return;
  }
  if (auto sent = publish(compiler_, model_, generation_); !sent) {
    spdlog::error("local addresses that have drained: {}", sent.error().message);
    return;
  }
  if (auto applied = kernel_->apply(kernel_state(model_, compiler_.draining())); !applied) {
    spdlog::warn("local addresses that have drained: {}", applied.error().message);
  }
}

config::Checked<ApplyReport> RunningDirector::apply(config::Model next) {
  if (auto problems = config::validate(next); !problems.empty()) {
    return tl::unexpected(std::move(problems));
  }
  ApplyReport report{
      .generation = generation_, .changes = config::diff(model_, next), .warning = {}};
  if (report.changes.empty()) {
    return report;
  }
  if (auto problems = restart_problems(report.changes); !problems.empty()) {
    return tl::unexpected(std::move(problems));
  }
  const KernelState before = kernel_state(model_, compiler_.draining());
  auto published = kernel_->apply(transition(before, kernel_state(next)))
                       .and_then([&] { return recognise_local_addresses(next); })
                       .and_then([&] { return publish(compiler_, next, generation_ + 1); });
  if (!published) {
    (void)kernel_->apply(before);  // what was there before was accepted before
    return tl::unexpected(config::Problems{problem("", published.error().message)});
  }
  report.warning = *published;
  const auto after = kernel_state(next, compiler_.draining());
  if (auto removed = kernel_->apply(after); !removed) {
    spdlog::warn("addresses no longer wanted: {}", removed.error().message);
  }
  model_ = std::move(next);
  routing_->request_servers(model_.services);
  report.generation = generation_;
  for (const config::Difference& change : report.changes) {
    spdlog::info("generation {}: {}", generation_, change.to_string());
  }
  return report;
}

config::Checked<ApplyReport> RunningDirector::reload() {
  auto next = config::read_file(config_path_);
  if (!next) {
    return tl::unexpected(std::move(next.error()));
  }
  return apply(std::move(*next));
}

void RunningDirector::list_sessions(const dataplane::SessionFilter& filter, uint64_t cursor,
                                    uint32_t limit, std::function<void(SessionPage)> done) {
  lister_->list(filter, cursor, limit, std::move(done));
}

void RunningDirector::schedule_tick(microseconds delay) {
  timer_.expires_after(delay);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) {
      tick();
    }
  });
}

void RunningDirector::tick() {
  const uint32_t moved = kernel_->exchange_packets();
  routing_->reuse_forgotten();
  handle_events();
  lister_->poll();
  if (ticks_++ % kTicksPerLinkCheck == 0) {
    follow_links();
    log_kernel_warnings();
    finish_draining();
    routing_->publish_if_due();
  }
  schedule_tick(moved != 0 ? kBusyTick : kIdleTick);
}

void RunningDirector::handle_events() {
  constexpr uint32_t kMaxEventsPerTick = 256;
  dataplane::Event event;
  for (uint32_t i = 0; i < kMaxEventsPerTick && supervisor_->take_event(event); ++i) {
    switch (event.kind) {
      case dataplane::Event::Kind::kResolveNextHop:
        routing_->resolve(event.port, event.address, model_.services,
                          std::chrono::steady_clock::now());
        break;
      case dataplane::Event::Kind::kSessionTableFull:
        spdlog::warn(
            "worker {}: session table full, new sessions are refused: raise "
            "limits.sessions_per_worker, or with IPv6, SCTP, client_address or sequence_numbers "
            "limits.extended_sessions_per_worker",
            event.worker);
        break;
      case dataplane::Event::Kind::kNoLocalPort:
        spdlog::warn(
            "worker {}: no free local port toward {}, new sessions are refused: add "
            "local addresses",
            event.worker, event.address.to_string());
        break;
    }
  }
}

void RunningDirector::follow_links() {
  for (size_t index = 0; index < ports_.size(); ++index) {
    const bool is_up = ports_[index].is_link_up();
    if (is_up != link_is_up_[index]) {
      link_is_up_[index] = is_up;
      spdlog::warn("port {}: link {}", ports_[index].name(), is_up ? "up" : "down");
      kernel_->set_carrier(static_cast<uint8_t>(index), is_up);
    }
  }
}

}  // namespace sluice::control

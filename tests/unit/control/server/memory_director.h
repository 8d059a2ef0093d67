// SPDX-License-Identifier: BSD-3-Clause
// A Director in memory: real validation and differences, invented numbers. Test thread.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "control/config/defaults.h"
#include "control/config/validate.h"
#include "control/config/yaml_reader.h"
#include "control/director.h"

namespace sluice::control {

/// Two ports, a pool, "web" with two servers and "dns" with one.
inline const char* const kTestConfig = R"(
director: {workers: 2}
limits: {sessions_per_worker: 1000}
ports:
  - {name: wan0, device: "0000:01:00.0", addresses: [192.0.2.1/24]}
  - {name: lan0, device: "0000:01:00.1", addresses: [10.0.0.1/24]}
local_pools:
  - {name: lan, port: lan0, addresses: [10.0.0.100]}
services:
  - name: web
    protocol: tcp
    vip: 192.0.2.10
    port: 80
    local_pool: lan
    servers: [{address: 10.0.0.2, weight: 1}, {address: 10.0.0.3, weight: 2}]
  - name: dns
    protocol: udp
    vip: 192.0.2.10
    port: 53
    scheduler: rr
    local_pool: lan
    servers: [{address: 10.0.0.2}]
)";

class MemoryDirector final : public Director {
 public:
  MemoryDirector() {
    auto model = config::read_text(kTestConfig, "test.yaml");
    if (!model) {
      throw std::runtime_error(model.error().front().to_string());
    }
    running_ = *std::move(model);
    file_ = running_;
    const auto hop = next_hops_.find_or_add(1, *net::Ipv4::parse("10.0.0.2"));
    next_hops_.set_resolved(hop, *net::Mac::parse("02:00:00:00:00:02"));
    next_hops_.find_or_add(1, *net::Ipv4::parse("10.0.0.3"));
  }

  [[nodiscard]] const config::Model& running() const override { return running_; }
  [[nodiscard]] uint64_t generation() const override { return generation_; }
  [[nodiscard]] const std::string& config_path() const override { return config_path_; }

  config::Checked<ApplyReport> apply(config::Model next) override {
    if (throws_) {
      throw std::runtime_error("the test said so");
    }
    config::fill_defaults(next);
    if (auto problems = config::validate(next); !problems.empty()) {
      return tl::unexpected(problems);
    }
    ApplyReport report{generation_ + 1, config::diff(running_, next), warning_};
    running_ = std::move(next);
    ++generation_;
    return report;
  }
  config::Checked<ApplyReport> reload() override { return apply(file_); }

  void list_sessions(const dataplane::SessionFilter& filter, uint64_t cursor, uint32_t limit,
                     std::function<void(SessionPage)> done) override {
    last_filter_ = filter;
    waiting_.push_back([this, cursor, limit, done = std::move(done)] {
      SessionPage page;
      const uint64_t end = std::min<uint64_t>(sessions_.size(), cursor + limit);
      for (uint64_t i = cursor; i < end; ++i) {
        page.sessions.push_back(sessions_[i]);
      }
      page.next_cursor = end;
      page.is_last = end == sessions_.size();
      done(std::move(page));
    });
    if (!holds_sessions_) {
      answer_sessions();
    }
  }
  [[nodiscard]] bool is_asked_for_sessions() const { return !waiting_.empty(); }
  void answer_sessions() {
    while (!waiting_.empty()) {
      auto answer = std::move(waiting_.front());
      waiting_.pop_front();
      answer();
    }
  }

  [[nodiscard]] uint32_t worker_count() const override { return 2; }
  [[nodiscard]] uint64_t worker_counter(uint32_t worker, dataplane::CounterId id) const override {
    const auto found = counters_.find({worker, id});
    return found == counters_.end() ? 0 : found->second;
  }
  [[nodiscard]] uint64_t worker_session_count(uint32_t worker) const override {
    return worker == 0 ? sessions_of_worker_0_ : 0;
  }
  [[nodiscard]] dataplane::ServerTotals server_totals(snapshot::ServerId server) const override {
    return {.packets_in = 100 + server,
            .bytes_in = 1000,
            .packets_out = 200,
            .bytes_out = 2000,
            .sessions_created = 10,
            .active = 3,
            .inactive = 4};
  }
  [[nodiscard]] std::optional<snapshot::ServerId> server_id(
      const config::Service& service, const config::Server& server) const override {
    if (service.name != "web") {
      return std::nullopt;
    }
    return server.endpoint.address.v4().host() & 0xff;
  }
  [[nodiscard]] std::optional<snapshot::ServerId> snat_id(const config::SnatRule&) const override {
    return 7;
  }
  [[nodiscard]] uint64_t lent_ports(const net::Address& local) const override {
    return local.v4().host() & 0xff;
  }
  [[nodiscard]] std::vector<DrainingAddress> draining() const override { return draining_; }
  [[nodiscard]] const snapshot::NextHopTable& next_hops() const override { return next_hops_; }
  [[nodiscard]] uint64_t uptime_seconds() const override { return 3725; }
  [[nodiscard]] std::vector<PortStatus> ports() const override { return ports_; }

  // Set by tests.
  config::Model running_;
  config::Model file_;
  std::string config_path_ = "/etc/sluice/sluice.yaml";
  std::vector<dataplane::SessionInfo> sessions_;
  bool holds_sessions_ = false;  // answer only when answer_sessions() is called
  bool throws_ = false;
  std::string warning_;  // of every change
  uint64_t sessions_of_worker_0_ = 5;
  std::vector<DrainingAddress> draining_;
  std::map<std::pair<uint32_t, dataplane::CounterId>, uint64_t> counters_;
  std::vector<PortStatus> ports_ = {
      {.name = "wan0", .mac = {}, .is_link_up = true, .statistics = {}},
      {.name = "lan0", .mac = {}, .is_link_up = true, .statistics = {.rx_packets = 9}}};
  // Seen by tests.
  dataplane::SessionFilter last_filter_;

 private:
  uint64_t generation_ = 1;
  snapshot::NextHopTable next_hops_{16};
  std::deque<std::function<void()>> waiting_;
};

/// `count` sessions of one client, ports 1, 2, ...
inline std::vector<dataplane::SessionInfo> make_sessions(uint16_t count) {
  std::vector<dataplane::SessionInfo> sessions;
  for (uint16_t i = 1; i <= count; ++i) {
    dataplane::SessionInfo session;
    session.state = table::SessionState::kEstablished;
    session.expires_in_seconds = 893;
    session.client = {*net::Ipv4::parse("198.51.100.7"), net::Be16::from_host(i)};
    session.vip = *net::Endpoint::parse("192.0.2.10:80");
    session.local = {*net::Ipv4::parse("10.0.0.100"), net::Be16::from_host(i)};
    session.server = *net::Endpoint::parse("10.0.0.2:80");
    sessions.push_back(session);
  }
  return sessions;
}

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// A compiler with a model to edit and workers that hold what a test says. Tests only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "control/compiler.h"
#include "lib/sched/registry.h"
#include "tests/unit/control/config/models.h"

namespace sluice::control {

class CompilerTest : public testing::Test {
 protected:
  using LocalAddressId = snapshot::LocalAddressId;
  using ServerId = snapshot::ServerId;
  using Snapshot = snapshot::Snapshot;

  CompilerTest() { model_.limits.services = model_.limits.servers = 8; }

  /// Compiles model_ as the next generation.
  std::unique_ptr<const Snapshot> compile() {
    auto snapshot = compiler_.compile(model_, ++generation_);
    EXPECT_TRUE(snapshot) << (snapshot ? "" : snapshot.error().message);
    return snapshot ? std::move(*snapshot) : nullptr;
  }

  config::Service& web() { return model_.services[0]; }
  ServerId id_of(const config::Service& service, size_t server) {
    return compiler_.server_id(service, service.servers[server]).value();
  }
  void add_server(config::Service& service) {
    const auto number = static_cast<uint32_t>(service.servers.size());
    service.servers.push_back(
        {.endpoint = {net::Ipv4::from_host(0x0A030000 + number), net::Be16::from_host(80)}});
  }
  std::vector<net::Address>& local_addresses() { return model_.local_pools[0].addresses; }
  LocalAddressId local_id(const Snapshot& snapshot, const net::Address& address) {
    for (const auto& local : snapshot.local_addresses_of(find(snapshot, web()), address.is_v4())) {
      if (local.address == address) {
        return local.id;
      }
    }
    ADD_FAILURE() << address.to_string() << " lends no ports";
    return 0;
  }
  const snapshot::Service& find(const Snapshot& snapshot, const config::Service& service) {
    const auto* found = snapshot.find_service(service.protocol, service.vip);
    EXPECT_NE(found, nullptr);
    return *found;
  }

  config::Model model_ = config::small_model();
  std::set<ServerId> with_sessions_;
  std::map<ServerId, dataplane::ServerTotals> counted_;
  std::set<LocalAddressId> lent_;
  Compiler compiler_{[] {
                       config::Limits limits;
                       limits.services = limits.servers = 8;
                       return limits;
                     }(),
                     {1'024, 2'047},
                     /*worker_count=*/2,
                     {.have_sessions = [this](ServerId id) { return with_sessions_.contains(id); },
                      .counted = [this](ServerId id) { return counted_[id]; },
                      .lend_ports_of = [this](LocalAddressId id) { return lent_.contains(id); }}};
  uint64_t generation_ = 0;
};

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Stable ids and compilation. Control thread.
#include "control/compiler.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "lib/sched/registry.h"

namespace sluice::control {
namespace {

const config::LocalPool* pool_of(const std::string& name, const config::Model& model) {
  const auto pool = std::ranges::find(model.local_pools, name, &config::LocalPool::name);
  return pool == model.local_pools.end() ? nullptr : &*pool;
}

// Those that a service or source NAT lends ports of.
std::map<net::Address, const config::LocalPool*> used_local_addresses(const config::Model& model) {
  std::map<net::Address, const config::LocalPool*> used;
  const auto add = [&](const std::string& name) {
    if (const config::LocalPool* pool = pool_of(name, model)) {
      for (const net::Address& address : pool->addresses) {
        used.emplace(address, pool);
      }
    }
  };
  for (const config::Service& service : model.services) {
    add(service.local_pool);
  }
  for (const config::SnatRule& rule : model.snat) {
    add(rule.local_pool);
  }
  return used;
}

}  // namespace

std::optional<uint32_t> Compiler::Ids::take() {
  if (next_ < limit_) {
    return next_++;
  }
  if (free_.empty()) {
    return std::nullopt;
  }
  const uint32_t id = free_.front();
  free_.pop_front();
  return id;
}

Compiler::Compiler(const config::Limits& limits, snapshot::PortRange local_ports,
                   uint32_t worker_count, Workers workers)
    : limits_(limits),
      local_ports_(local_ports),
      worker_count_(worker_count),
      workers_(std::move(workers)),
      service_ids_(limits.services),
      server_ids_(limits.servers),
      local_address_ids_(limits.local_addresses) {}

// Services own nothing that outlives them: a new one starts its rotation anew. Servers wait for
// their sessions.
void Compiler::forget_removed(const config::Model& model) {
  std::set<ServiceKey> services;
  std::set<ServerKey> servers;
  for (const config::Service& service : model.services) {
    const ServiceKey key{service.protocol, service.vip};
    services.insert(key);
    for (const config::Server& server : service.servers) {
      servers.insert({key, server.endpoint});
    }
  }
  std::erase_if(services_, [&](const auto& entry) {
    const bool is_gone = !services.contains(entry.first);
    if (is_gone) {
      service_ids_.give_back(entry.second.id);
    }
    return is_gone;
  });
  for (auto& [key, record] : servers_) {
    record.changes_without = servers.contains(key) ? 0 : record.changes_without + 1;
  }
  std::erase_if(servers_, [&](const auto& entry) {
    const ServerRecord& record = entry.second;
    const bool is_gone = record.changes_without > 1 && !workers_.have_sessions(record.id);
    if (is_gone) {
      server_ids_.give_back(record.id);
      const auto pool = port_pools_.find(entry.first.endpoint);
      if (--pool->second.users == 0) {
        --endpoints_in_pool_[pool->second.pool];
        port_pools_.erase(pool);
      }
    }
    return is_gone;
  });
}

void Compiler::forget_removed_local_addresses(const config::Model& model) {
  const auto used = used_local_addresses(model);
  for (auto& [address, record] : local_addresses_) {
    record.changes_without = used.contains(address) ? 0 : record.changes_without + 1;
  }
  std::erase_if(local_addresses_, [&](const auto& entry) {
    const LocalAddressRecord& record = entry.second;
    const bool is_gone = record.changes_without > 1 && !workers_.lend_ports_of(record.id);
    if (is_gone) {
      local_address_ids_.give_back(record.id);
    }
    return is_gone;
  });
}

Result<bool> Compiler::expect_local_addresses(const config::Model& next) {
  bool is_any_new = false;
  for (const auto& [address, pool] : used_local_addresses(next)) {
    is_any_new = is_any_new || !local_addresses_.contains(address);
    if (auto id = local_address_id(address, *pool); !id) {
      return tl::unexpected(id.error());
    }
  }
  return is_any_new;
}

std::vector<DrainingAddress> Compiler::draining() const {
  std::vector<DrainingAddress> result;
  for (const auto& [address, record] : local_addresses_) {
    if (record.changes_without != 0) {
      result.push_back({record.port, address});
    }
  }
  return result;
}

bool Compiler::has_drained() const {
  return std::ranges::any_of(local_addresses_, [&](const auto& entry) {
    return entry.second.changes_without != 0 && !workers_.lend_ports_of(entry.second.id);
  });
}

Result<snapshot::LocalAddressId> Compiler::local_address_id(const net::Address& address,
                                                            const config::LocalPool& pool) {
  auto known = local_addresses_.find(address);
  if (known == local_addresses_.end()) {
    const auto id = local_address_ids_.take();
    if (!id) {
      return fail("limits.local_addresses: " + std::to_string(limits_.local_addresses) +
                  " are in use, " + std::to_string(draining().size()) +
                  " of them draining (sluicectl status); wait until their sessions have ended, or "
                  "raise it and restart");
    }
    known = local_addresses_.emplace(address, LocalAddressRecord{.id = static_cast<uint16_t>(*id)})
                .first;
  }
  known->second.port = pool.port;
  return known->second.id;
}

uint16_t Compiler::port_pool_of(const net::Endpoint& endpoint) {
  PortPool& entry = port_pools_[endpoint];
  if (entry.users++ == 0) {
    const auto emptiest = std::min_element(endpoints_in_pool_.begin(), endpoints_in_pool_.end());
    entry.pool = static_cast<uint16_t>(emptiest - endpoints_in_pool_.begin());
    ++*emptiest;
  }
  return entry.pool;
}

Result<snapshot::ServiceId> Compiler::take_service_id() {
  if (const auto id = service_ids_.take()) {
    return *id;
  }
  return fail("limits.services: " + std::to_string(limits_.services) +
              " are in use; raise it and restart");
}

Result<snapshot::ServerId> Compiler::take_server_id() {
  if (const auto id = server_ids_.take()) {
    counted_before_[*id] = workers_.counted(*id);
    return *id;
  }
  return fail("limits.servers: " + std::to_string(limits_.servers) +
              " are in use, removed ones with sessions or removed just now included; raise "
              "it and restart, or remove servers first and add others with the next change");
}

Result<std::vector<snapshot::LocalAddress>> Compiler::local_addresses_of(
    const std::string& pool_name, const config::Model& model) {
  std::vector<snapshot::LocalAddress> result;
  const config::LocalPool* pool = pool_of(pool_name, model);
  if (pool == nullptr) {
    return result;
  }
  for (const net::Address& address : pool->addresses) {
    const auto id = local_address_id(address, *pool);
    if (!id) {
      return tl::unexpected(id.error());
    }
    result.push_back({*id, address});
  }
  return result;
}

Result<snapshot::ServiceSpec> Compiler::compile_service(const config::Service& service,
                                                        const config::Model& model) {
  const ServiceKey key{service.protocol, service.vip};
  auto record = services_.find(key);
  if (record == services_.end()) {
    const auto id = take_service_id();
    if (!id) {
      return tl::unexpected(id.error());
    }
    record = services_.emplace(key, ServiceRecord{.id = *id}).first;
  }
  snapshot::ServiceSpec spec{
      .id = record->second.id,
      .protocol = service.protocol,
      .vip = service.vip,
      .scheduler = sched::find_scheduler(service.scheduler),
      .is_one_packet = service.schedule_by == config::ScheduleBy::kPacket,
      .rejects_without_server = service.no_server == config::NoServer::kReject,
      .client_address = service.client_address,
      .renews_sequence_numbers = service.sequence_numbers == config::SequenceNumbers::kNew,
      .timeouts = service.timeouts,
      .servers_version = 0,
      .servers = {},
      .local_addresses = {},
  };
  for (const config::Server& server : service.servers) {
    auto known = servers_.find({key, server.endpoint});
    if (known == servers_.end()) {
      const auto id = take_server_id();
      if (!id) {
        return tl::unexpected(id.error());
      }
      known = servers_.emplace(ServerKey{key, server.endpoint}, ServerRecord{.id = *id}).first;
      port_pool_of(server.endpoint);
    }
    known->second.timeouts = service.timeouts;
    if (service.mode_of(server) == snapshot::ForwardingMode::kNat) {
      known->second.was_nat = true;
      record->second.is_steered_by_client = true;
    }
    spec.servers.push_back({known->second.id, port_pools_.at(server.endpoint).pool, server.endpoint,
                            server.weight, service.mode_of(server), service.tunnel});
  }
  spec.is_steered_by_client = record->second.is_steered_by_client;
  auto addresses = local_addresses_of(service.local_pool, model);
  if (!addresses) {
    return tl::unexpected(addresses.error());
  }
  spec.local_addresses = std::move(*addresses);
  if (record->second.scheduler != spec.scheduler || record->second.servers != spec.servers) {
    record->second.servers_version = next_version_++;
    record->second.scheduler = spec.scheduler;
    record->second.servers = spec.servers;
  }
  spec.servers_version = record->second.servers_version;
  return spec;
}

Result<std::unique_ptr<const snapshot::Snapshot>> Compiler::compile(const config::Model& model,
                                                                    uint64_t generation) {
  forget_removed(model);
  forget_removed_rules(model);
  forget_removed_local_addresses(model);
  snapshot::SnapshotBuilder builder(generation, limits_.servers, local_ports_, worker_count_);
  for (uint8_t port = 0; port < model.ports.size(); ++port) {
    const auto& addresses = model.ports[port].addresses;
    // The first of each IP version comes last and stays. Tunnels leave the link: not from fe80::.
    for (auto prefix = addresses.rbegin(); prefix != addresses.rend(); ++prefix) {
      builder.keep_from_snat(prefix->address);
      if (!prefix->address.is_link_local()) {
        builder.set_port_address(port, prefix->address);
      }
    }
  }
  for (const config::Service& service : model.services) {
    auto spec = compile_service(service, model);
    if (!spec) {
      return tl::unexpected(spec.error());
    }
    builder.add(*spec);
  }
  for (const config::SnatRule& rule : model.snat) {
    auto spec = compile_rule(rule, model);
    if (!spec) {
      return tl::unexpected(spec.error());
    }
    builder.add(*spec);
  }
  for (const auto& [name, record] : snat_rules_) {
    if (record.changes_without != 0) {
      builder.add_removed_server(record.id, record.timeouts);
    }
  }
  for (const auto& [key, record] : servers_) {
    if (record.changes_without != 0) {
      builder.add_removed_server(record.id, record.timeouts);
    }
    if (record.was_nat) {
      builder.recognise_nat_server(key.service.protocol, key.endpoint);
    }
  }
  for (const DrainingAddress& draining : draining()) {
    builder.recognise(draining.address);
  }
  return std::make_unique<const snapshot::Snapshot>(std::move(builder).build());
}

std::optional<snapshot::ServerId> Compiler::server_id(const config::Service& service,
                                                      const config::Server& server) const {
  const auto known = servers_.find({{service.protocol, service.vip}, server.endpoint});
  return known == servers_.end() ? std::nullopt : std::optional(known->second.id);
}

std::optional<snapshot::LocalAddressId> Compiler::local_address_id(
    const net::Address& address) const {
  const auto known = local_addresses_.find(address);
  return known == local_addresses_.end() ? std::nullopt : std::optional(known->second.id);
}

dataplane::ServerTotals Compiler::server_totals(snapshot::ServerId server) const {
  dataplane::ServerTotals totals = workers_.counted(server);
  if (const auto before = counted_before_.find(server); before != counted_before_.end()) {
    totals.packets_in -= before->second.packets_in;
    totals.bytes_in -= before->second.bytes_in;
    totals.packets_out -= before->second.packets_out;
    totals.bytes_out -= before->second.bytes_out;
    totals.sessions_created -= before->second.sessions_created;
  }
  return totals;
}

}  // namespace sluice::control

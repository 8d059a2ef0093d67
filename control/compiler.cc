// SPDX-License-Identifier: BSD-3-Clause
// Stable ids and compilation. Control thread.
#include "control/compiler.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "lib/sched/registry.h"

namespace sluice::control {

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

// Services and local addresses own nothing that outlives them: a new service starts its rotation
// anew, and a local address that takes over an id finds the ports of its predecessor's sessions
// lent. Servers wait for their sessions.
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
  std::set<net::Ipv4> local_addresses;
  for (const config::LocalPool& pool : model.local_pools) {
    local_addresses.insert(pool.addresses.begin(), pool.addresses.end());
  }
  std::erase_if(services_, [&](const auto& entry) {
    const bool is_gone = !services.contains(entry.first);
    if (is_gone) {
      service_ids_.give_back(entry.second.id);
    }
    return is_gone;
  });
  std::erase_if(local_addresses_, [&](const auto& entry) {
    const bool is_gone = !local_addresses.contains(entry.first);
    if (is_gone) {
      local_address_ids_.give_back(entry.second);
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

uint16_t Compiler::port_pool_of(net::Endpoint endpoint) {
  PortPool& entry = port_pools_[endpoint];
  if (entry.users++ == 0) {
    const auto emptiest = std::min_element(endpoints_in_pool_.begin(), endpoints_in_pool_.end());
    entry.pool = static_cast<uint16_t>(emptiest - endpoints_in_pool_.begin());
    ++*emptiest;
  }
  return entry.pool;
}

Result<std::vector<snapshot::LocalAddress>> Compiler::local_addresses_of(
    const config::Service& service, const config::Model& model) {
  std::vector<snapshot::LocalAddress> result;
  const auto pool = std::find_if(
      model.local_pools.begin(), model.local_pools.end(),
      [&](const config::LocalPool& candidate) { return candidate.name == service.local_pool; });
  if (pool == model.local_pools.end()) {
    return result;
  }
  for (const net::Ipv4 address : pool->addresses) {
    auto known = local_addresses_.find(address);
    if (known == local_addresses_.end()) {
      const auto id = local_address_ids_.take();
      if (!id) {
        return fail("limits.local_addresses: " + std::to_string(limits_.local_addresses) +
                    " are in use; raise it and restart");
      }
      known = local_addresses_.emplace(address, static_cast<snapshot::LocalAddressId>(*id)).first;
    }
    result.push_back({known->second, address});
  }
  return result;
}

Result<snapshot::ServiceSpec> Compiler::compile_service(const config::Service& service,
                                                        const config::Model& model) {
  const ServiceKey key{service.protocol, service.vip};
  auto record = services_.find(key);
  if (record == services_.end()) {
    const auto id = service_ids_.take();
    if (!id) {
      return fail("limits.services: " + std::to_string(limits_.services) +
                  " are in use; raise it and restart");
    }
    record = services_.emplace(key, ServiceRecord{.id = *id}).first;
  }
  snapshot::ServiceSpec spec{
      .id = record->second.id,
      .protocol = service.protocol,
      .mode = service.mode,
      .vip = service.vip,
      .scheduler = sched::find_scheduler(service.scheduler),
      .timeouts = service.timeouts,
      .servers_version = 0,
      .servers = {},
      .local_addresses = {},
  };
  for (const config::Server& server : service.servers) {
    auto known = servers_.find({key, server.endpoint});
    if (known == servers_.end()) {
      const auto id = server_ids_.take();
      if (!id) {
        return fail("limits.servers: " + std::to_string(limits_.servers) +
                    " are in use, removed ones with sessions or removed just now included; raise "
                    "it and restart, or remove servers first and add others with the next change");
      }
      known = servers_.emplace(ServerKey{key, server.endpoint}, ServerRecord{.id = *id}).first;
      counted_before_[*id] = workers_.counted(*id);
      port_pool_of(server.endpoint);
    }
    known->second.timeouts = service.timeouts;
    spec.servers.push_back(
        {known->second.id, port_pools_.at(server.endpoint).pool, server.endpoint, server.weight});
  }
  auto addresses = local_addresses_of(service, model);
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
  snapshot::SnapshotBuilder builder(generation, limits_.servers, local_ports_, worker_count_);
  for (const config::Service& service : model.services) {
    auto spec = compile_service(service, model);
    if (!spec) {
      return tl::unexpected(spec.error());
    }
    builder.add(*spec);
  }
  for (const auto& [key, record] : servers_) {
    if (record.changes_without != 0) {
      builder.add_removed_server(record.id, record.timeouts);
    }
  }
  return std::make_unique<const snapshot::Snapshot>(std::move(builder).build());
}

std::optional<snapshot::ServerId> Compiler::server_id(const config::Service& service,
                                                      const config::Server& server) const {
  const auto known = servers_.find({{service.protocol, service.vip}, server.endpoint});
  return known == servers_.end() ? std::nullopt : std::optional(known->second.id);
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

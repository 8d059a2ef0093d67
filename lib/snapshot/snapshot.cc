// SPDX-License-Identifier: BSD-3-Clause
// Building and searching the compiled configuration. Control thread builds, workers search.
#include "lib/snapshot/snapshot.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sluice::snapshot {
namespace {

uint32_t hash_service(net::Protocol protocol, const net::Endpoint& vip) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15ULL;
  std::array<uint64_t, 2> words;
  std::memcpy(words.data(), &vip.address.v6(), sizeof(words));
  const uint64_t key = static_cast<uint64_t>(vip.port.raw) << 8 | static_cast<uint8_t>(protocol);
  const uint64_t mixed = (words[0] ^ std::rotl(words[1] * kOdd, 32) ^ key) * kOdd;
  return static_cast<uint32_t>(mixed >> 32);
}

template <typename T>
void sort_and_deduplicate(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

PortRange worker_share(PortRange all, uint32_t worker, uint32_t workers) {
  const uint32_t share = all.size() / workers;
  const uint32_t first = all.first + worker * share;
  return {static_cast<uint16_t>(first), static_cast<uint16_t>(first + share - 1)};
}

const Service* Snapshot::find_service(net::Protocol protocol, const net::Endpoint& vip) const {
  const auto mask = static_cast<uint32_t>(service_slots_.size() - 1);
  for (uint32_t slot = hash_service(protocol, vip) & mask; service_slots_[slot] != 0;
       slot = (slot + 1) & mask) {
    const Service& service = services_[service_slots_[slot] - 1];
    if (service.protocol == protocol && service.vip == vip) {
      return &service;
    }
  }
  return nullptr;
}

std::span<const std::pair<net::Address, ServerId>> Snapshot::tunnel_servers_at(
    const net::Address& end) const {
  const auto first =
      std::lower_bound(tunnel_servers_.begin(), tunnel_servers_.end(), std::pair(end, ServerId{0}));
  const auto last =
      std::upper_bound(first, tunnel_servers_.end(), std::pair(end, ServerId{UINT32_MAX}));
  return {first, last};
}

bool Snapshot::is_nat_server_address(const net::Address& address) const {
  return std::ranges::any_of(
      std::array{net::Protocol::kTcp, net::Protocol::kUdp, net::Protocol::kSctp},
      [&](net::Protocol protocol) {
        const auto first = std::lower_bound(nat_servers_.begin(), nat_servers_.end(),
                                            std::pair(protocol, net::Endpoint{address, {}}));
        return first != nat_servers_.end() && first->first == protocol &&
               first->second.address == address;
      });
}

bool Snapshot::is_local_address(const net::Address& address) const {
  return std::binary_search(sorted_local_addresses_.begin(), sorted_local_addresses_.end(),
                            address);
}

bool Snapshot::is_vip(const net::Address& address) const {
  return std::binary_search(sorted_vips_.begin(), sorted_vips_.end(), address);
}

SnapshotBuilder::SnapshotBuilder(uint64_t generation, uint32_t max_servers, PortRange ports,
                                 uint32_t workers) {
  snapshot_.generation_ = generation;
  snapshot_.configured_servers_.resize(max_servers / 64 + 1);
  snapshot_.timeout_profile_of_.resize(max_servers);
  snapshot_.tunnels_.resize(max_servers);
  timeout_profile(table::Timeouts{});
  for (uint32_t worker = 0; worker < workers; ++worker) {
    const PortRange share = worker_share(ports, worker, workers);
    std::fill(snapshot_.port_owner_.begin() + share.first,
              snapshot_.port_owner_.begin() + share.last + 1, static_cast<uint8_t>(worker));
  }
}

uint16_t SnapshotBuilder::timeout_profile(const table::Timeouts& timeouts) {
  TimeoutTicks ticks;
  for (size_t state = 0; state < ticks.size(); ++state) {
    ticks[state] = seconds_to_ticks(timeouts[static_cast<table::SessionState>(state)]);
  }
  auto& profiles = snapshot_.timeout_profiles_;
  const auto found = std::find(profiles.begin(), profiles.end(), ticks);
  if (found != profiles.end()) {
    return static_cast<uint16_t>(found - profiles.begin());
  }
  profiles.push_back(ticks);
  return static_cast<uint16_t>(profiles.size() - 1);
}

IndexRange SnapshotBuilder::add_local_addresses(std::span<const LocalAddress> all, bool is_v4) {
  auto& addresses = snapshot_.local_addresses_;
  const auto first = static_cast<uint32_t>(addresses.size());
  for (const LocalAddress& local : all) {
    if (local.address.is_v4() == is_v4) {
      addresses.push_back(local);
      snapshot_.sorted_local_addresses_.push_back(local.address);
    }
  }
  return {first, static_cast<uint32_t>(addresses.size())};
}

void SnapshotBuilder::add(const ServiceSpec& spec) {
  Snapshot& s = snapshot_;
  const auto first_server = static_cast<uint32_t>(s.servers_.size());
  const uint16_t profile = timeout_profile(spec.timeouts);
  for (const auto& server : spec.servers) {
    s.servers_.push_back({server.id, server.port_pool, server.mode, server.endpoint});
    s.tunnels_[server.id] = server.tunnel;
    if (server.mode == ForwardingMode::kTunnel) {
      s.tunnel_servers_.emplace_back(server.endpoint.address, server.id);
    }
    if (server.mode == ForwardingMode::kNat) {
      s.nat_servers_.emplace_back(spec.protocol, server.endpoint);
    }
    s.candidates_.push_back({server.id, server.weight});
    s.configured_servers_[server.id / 64] |= 1ULL << server.id % 64;
    s.timeout_profile_of_[server.id] = profile;
  }
  s.sorted_vips_.push_back(spec.vip.address);
  PerVersion<IndexRange> local_addresses;
  for (const bool is_v4 : {true, false}) {
    local_addresses.of(is_v4) = add_local_addresses(spec.local_addresses, is_v4);
  }
  const auto end_server = static_cast<uint32_t>(s.servers_.size());
  s.services_.push_back(Service{
      .id = spec.id,
      .protocol = spec.protocol,
      .is_steered_by_client =
          spec.is_steered_by_client ||
          std::ranges::any_of(
              spec.servers, [](const auto& server) { return server.mode == ForwardingMode::kNat; }),
      .is_one_packet = spec.is_one_packet,
      .rejects_without_server = spec.rejects_without_server,
      .client_address = spec.client_address,
      .renews_sequence_numbers = spec.renews_sequence_numbers,
      .vip = spec.vip,
      .scheduler = spec.scheduler,
      .plan = sched::make_plan(std::span(s.candidates_).subspan(first_server)),
      .servers_version = spec.servers_version,
      .servers = {first_server, end_server},
      .local_addresses = local_addresses,
  });
}

void SnapshotBuilder::add_removed_server(ServerId id, const table::Timeouts& timeouts) {
  snapshot_.timeout_profile_of_[id] = timeout_profile(timeouts);
}

Snapshot SnapshotBuilder::build() && {
  Snapshot& s = snapshot_;
  sort_and_deduplicate(s.sorted_local_addresses_);
  sort_and_deduplicate(s.sorted_vips_);
  sort_and_deduplicate(s.nat_servers_);
  sort_and_deduplicate(s.tunnel_servers_);
  finish_snat();

  s.service_slots_.assign(std::bit_ceil(s.services_.size() * 2 + 2), 0);
  const auto mask = static_cast<uint32_t>(s.service_slots_.size() - 1);
  for (uint32_t index = 0; index < s.services_.size(); ++index) {
    uint32_t slot = hash_service(s.services_[index].protocol, s.services_[index].vip) & mask;
    while (s.service_slots_[slot] != 0) {
      slot = (slot + 1) & mask;
    }
    s.service_slots_[slot] = index + 1;
  }
  return std::move(snapshot_);
}

}  // namespace sluice::snapshot

// SPDX-License-Identifier: BSD-3-Clause
// Drawing valid models at random for the configuration's tests. Tests only.
#include <algorithm>
#include <random>
#include <span>
#include <string>

#include "control/config/defaults.h"
#include "control/config/names.h"
#include "tests/unit/control/config/models.h"

namespace sluice::config {
namespace {

/// Draws values; every method gives something valid.
class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}

  uint32_t between(uint32_t first, uint32_t last) {
    return std::uniform_int_distribution<uint32_t>(first, last)(random_);
  }
  uint32_t in(NumberRange range) {
    return range.zero == Zero::kIsAutomatic && chance() ? 0 : between(range.min, range.max);
  }
  bool chance() { return between(0, 1) == 1; }
  std::string word(std::string_view letters, uint32_t longest) {
    std::string text;
    for (uint32_t left = between(1, longest); left > 0; --left) {
      text += letters[between(0, static_cast<uint32_t>(letters.size()) - 1)];
    }
    return text;
  }

  template <typename T, size_t N>
  T one_of(const Words<T, N>& words) {
    return words[between(0, N - 1)].second;
  }
  Server server(uint32_t index) {
    Server server;
    server.endpoint = endpoint(
        chance() ? net::Address(ip(10, 2, index / 200, index % 200 + 1)) : ip6(2, index + 1),
        uint16_t(between(1, 65'535)));
    server.weight = in(kWeight);
    if (chance()) {
      server.mode = one_of(kForwardingModes);
    }
    return server;
  }
  snapshot::Tunnel tunnel() {
    return {one_of(kTunnelTypes), net::Be16::from_host(uint16_t(in(kTransportPort)))};
  }
  table::Timeouts timeouts(table::Timeouts timeouts = {},
                           std::span<const size_t> states = kServiceTimeouts) {
    for (const size_t state : states) {
      timeouts.seconds[state] = chance() ? timeouts.seconds[state] : in(kTimeoutSeconds);
    }
    return timeouts;
  }

 private:
  std::mt19937_64 random_;
};

constexpr std::string_view kAnyLetter = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCXYZ[\\]^_`abcxyz{|}~";

Director random_director(Draw& draw) {
  Director director;
  director.workers = draw.in(kWorkers);
  director.control_socket = {"/" + draw.word(kAnyLetter, 60), draw.between(0, kMaxSocketMode),
                             draw.chance() ? "" : draw.word(kAnyLetter, 12)};
  director.poll = {draw.chance() ? PollMode::kBusy : PollMode::kAdaptive, draw.in(kMaxSleepUs)};
  director.punt = {draw.in(kPuntPps), draw.in(kPuntPps), draw.in(kPuntPps)};
  director.local_ports = {uint16_t(draw.between(1, 4'096)), uint16_t(draw.between(30'000, 65'535))};
  return director;
}

Dpdk random_dpdk(Draw& draw, uint32_t workers) {
  Dpdk dpdk;
  dpdk.huge_pages = draw.chance();
  dpdk.memory_mb = draw.in(kMemoryMb);
  dpdk.control_core = draw.in(kCore);
  for (uint32_t i = 0; draw.chance() && i == 0;) {
    for (; i < workers; ++i) {
      dpdk.worker_cores.push_back(draw.in(kCore));
    }
  }
  for (uint32_t left = draw.between(0, 3); left > 0; --left) {
    dpdk.extra_args.push_back(draw.word(kAnyLetter, 20));
  }
  return dpdk;
}

Limits random_limits(Draw& draw) {
  return {draw.in(kSessionsPerWorker),
          draw.in(kSessionsPerWorker),
          draw.between(100, kServices.max),
          draw.between(1'000, kServers.max),
          draw.between(1'000, kLocalAddresses.max),
          draw.in(kNeighbours),
          draw.in(kSnatMappingsPerWorker),
          draw.in(kPacketBuffers)};
}

constexpr net::Ipv6 kLinkLocalGateway{{0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}};

Port random_port(Draw& draw, uint32_t index, const Dpdk& dpdk) {
  Port port;
  port.name = "p" + std::to_string(index);
  port.device = !dpdk.huge_pages || draw.chance()
                    ? "net_ring" + std::to_string(index)
                    : "0000:0" + std::to_string(index) + ":00.0,x=" + draw.word("abc:;=,\"'", 8);
  port.mtu = uint16_t(draw.in(kMtu));
  port.addresses.push_back({ip(172, 16 + index, 0, 1), uint8_t(draw.between(16, 24))});
  if (draw.chance()) {
    port.addresses.push_back({ip(172, 16 + index, 0, 2), 32});
  }
  if (index == 0 && draw.chance()) {
    port.addresses.push_back({ip(10, 2, 255, 254), 16});  // where the servers are
  }
  if (draw.chance()) {
    port.addresses.push_back({ip6(0x100 + index, 1), uint8_t(draw.between(48, 126))});
    port.addresses.push_back({ip6(0x100 + index, 2), 128});
    port.routes.push_back(
        {{ip6(0x200 + index, 0), 64}, draw.chance() ? ip6(0x100 + index, 3) : kLinkLocalGateway});
  }
  for (uint32_t i = 0; i < draw.between(0, 2); ++i) {
    port.routes.push_back({{ip(20 + index, i, 0, 0), 16}, ip(172, 16 + index, 0, 100 + i)});
  }
  if (index == 0 && draw.chance()) {
    port.routes.push_back({{{}, 0}, ip(172, 16, 0, 9)});
    port.routes.push_back({{net::Ipv6{}, 0}, kLinkLocalGateway});
  }
  return port;
}

/// Whether the IP versions at hand allow the server its mode.
bool can_reach(const Server& server, const Service& service, const Model& model) {
  const bool is_v4 = server.endpoint.address.is_v4();
  switch (service.mode_of(server)) {
    case snapshot::ForwardingMode::kNat:
      return is_v4 == service.vip.address.is_v4();
    case snapshot::ForwardingMode::kFullNat: {
      if (service.protocol == net::Protocol::kSctp) {
        return false;
      }
      const auto pool = std::ranges::find(model.local_pools, service.local_pool, &LocalPool::name);
      return std::ranges::any_of(pool->addresses,
                                 [&](const auto& local) { return local.is_v4() == is_v4; });
    }
    case snapshot::ForwardingMode::kTunnel:
      return std::ranges::any_of(model.ports,
                                 [&](const Port& port) {
                                   return std::ranges::any_of(
                                       port.addresses, [&](const auto& prefix) {
                                         return prefix.address.is_v4() == is_v4;
                                       });
                                 }) &&
             (service.vip.address.is_v4() || std::ranges::max(model.ports, {}, &Port::mtu).mtu >=
                                                 1'280 + service.tunnel.overhead(is_v4));
    case snapshot::ForwardingMode::kDirectRouting:
    case snapshot::ForwardingMode::kSnat:  // of no server
      break;
  }
  bool has_network = false;
  for (const Port& port : model.ports) {
    for (const net::Prefix& prefix : port.addresses) {
      if (prefix.contains(server.endpoint.address)) {
        return true;
      }
      has_network = has_network || prefix.address.is_v4() == is_v4;
    }
  }
  return !has_network;
}

/// Makes a service valid again whose modes, port or servers changed.
void settle(Service& service, const Model& model) {
  if (service.protocol == net::Protocol::kSctp &&
      service.mode == snapshot::ForwardingMode::kFullNat) {
    service.mode = snapshot::ForwardingMode::kNat;
  }
  if (service.local_pool.empty() && service.uses(snapshot::ForwardingMode::kFullNat)) {
    service.local_pool = model.local_pools.front().name;
  }
  const bool is_tcp = service.protocol == net::Protocol::kTcp;
  const auto how = service.client_address;
  if (is_tcp ? how == snapshot::ClientAddress::kUoa
             : how == snapshot::ClientAddress::kToa || how == snapshot::ClientAddress::kProxyV1) {
    service.client_address = snapshot::ClientAddress::kProxyV2;
  }
  if (!is_tcp) {
    service.sequence_numbers = SequenceNumbers::kKeep;
  }
  for (Server& server : service.servers) {
    for (const auto mode :
         {snapshot::ForwardingMode::kDirectRouting, snapshot::ForwardingMode::kNat}) {
      if (!can_reach(server, service, model)) {
        server.mode = mode;
      }
    }
    if (!table::answers_pass(service.mode_of(server))) {
      server.endpoint.port = service.vip.port;
    }
    if (service.mode_of(server) != snapshot::ForwardingMode::kFullNat) {
      service.client_address = snapshot::ClientAddress::kNone;
      service.sequence_numbers = SequenceNumbers::kKeep;
    }
  }
  std::erase_if(service.servers,
                [&](const Server& server) { return !can_reach(server, service, model); });
}

Service random_service(Draw& draw, const Model& model, uint32_t index) {
  Service service;
  service.name = "s" + std::to_string(index) + draw.word("abcXYZ019._-", 20);
  service.protocol = draw.one_of(kProtocols);
  service.vip =
      endpoint(draw.chance() ? net::Address(ip(172, 30, 0, 1 + index)) : ip6(3, 1 + index),
               uint16_t(draw.in(kTransportPort)));
  service.port = model.ports[draw.between(0, uint32_t(model.ports.size()) - 1)].name;
  service.announce = draw.chance() ? Announce::kKernel : Announce::kExternal;
  service.scheduler = draw.chance() ? "rr" : "wrr";
  service.mode = draw.one_of(kForwardingModes);
  service.tunnel = draw.chance() ? draw.tunnel() : service.tunnel;
  service.no_server = draw.one_of(kNoServers);
  // A service is given the only pool there is; with more it may have none.
  const uint32_t pool = draw.between(0, uint32_t(model.local_pools.size()) - 1);
  service.local_pool = pool > 0 && draw.chance() ? "" : model.local_pools[pool].name;
  service.timeouts = draw.timeouts();
  for (uint32_t i = 0, count = draw.between(0, 6); i < count; ++i) {
    service.servers.push_back(draw.server(i));
  }
  service.client_address = draw.one_of(kClientAddresses);
  service.sequence_numbers = draw.one_of(kSequenceNumbers);
  settle(service, model);
  return service;
}

SnatRule random_rule(Draw& draw, const Model& model, uint32_t index) {
  SnatRule rule;
  rule.name = "r" + std::to_string(index) + draw.word("abcXYZ019._-", 20);
  rule.inside = {snapshot::AddressRange::of({ip(10, 50 + index, 0, 0), 16}),
                 {ip(10, 60, index, 1), ip(10, 60, index, uint8_t(draw.between(1, 200)))}};
  for (uint32_t left = draw.between(0, 2); left > 0; --left) {
    rule.to.push_back(snapshot::AddressRange::of({ip(20, left, 0, 0), 16}));
  }
  rule.protocol = draw.one_of(kSnatProtocols);
  if (rule.protocol != SnatProtocol::kIcmp) {
    rule.ports = {uint16_t(draw.between(1, 99)), uint16_t(draw.between(99, 65'535))};
  }
  rule.local_pool = model.local_pools.back().name;
  rule.filtering = draw.one_of(kSnatFilterings);
  rule.timeouts = draw.timeouts(rule.timeouts, kSnatTimeouts);
  return rule;
}

}  // namespace

Model random_model(uint64_t seed) {
  Draw draw(seed);
  Model model;
  model.director = random_director(draw);
  model.dpdk = random_dpdk(draw, model.director.workers);
  model.limits = random_limits(draw);
  for (uint32_t i = 0, count = draw.between(1, 4); i < count; ++i) {
    model.ports.push_back(random_port(draw, i, model.dpdk));
  }
  for (uint32_t i = 0, count = draw.between(0, 2); i < count; ++i) {
    const Port parent = model.ports[draw.between(0, uint32_t(model.ports.size()) - 1 - i)];
    model.ports.push_back(vlan_port("v" + std::to_string(i), parent.name,
                                    uint16_t(draw.between(2'000 * i + 1, 2'000 * i + 2'000)),
                                    uint16_t(draw.between(kMtu.min, parent.mtu))));
  }
  for (uint32_t i = 0, count = draw.between(1, 3); i < count; ++i) {
    LocalPool& pool = model.local_pools.emplace_back();
    pool.name = "pool" + std::to_string(i);
    pool.port = model.ports[draw.between(0, uint32_t(model.ports.size()) - 1)].name;
    for (uint32_t last = draw.between(1, 3); pool.addresses.size() < 12;
         last += draw.between(1, 3)) {
      pool.addresses.push_back(ip(10, 1, i, last));
    }
    const uint32_t v6 = draw.between(0, 3);
    for (uint32_t host = 0; host < v6; ++host) {
      pool.addresses.push_back(ip6(1, 0x10 * i + 0xFF'FFFE + host));
    }
    if (draw.chance()) {
      std::reverse(pool.addresses.begin(), pool.addresses.end());
    }
  }
  for (uint32_t i = 0, count = draw.between(0, 6); i < count; ++i) {
    model.services.push_back(random_service(draw, model, i));
  }
  if (draw.chance()) {
    LocalPool& pool = model.local_pools.emplace_back();
    pool.name = "public";
    pool.port = model.ports.front().name;
    pool.addresses = {ip(203, 0, 113, uint8_t(draw.between(1, 254)))};
    for (uint32_t i = 0, count = draw.between(1, 3); i < count; ++i) {
      model.snat.push_back(random_rule(draw, model, i));
    }
    fill_defaults(model);
  }
  return model;
}

Model mutated(Model model, uint64_t seed) {
  Draw draw(seed);
  for (uint32_t left = draw.between(1, 3); left > 0; --left) {
    if (!model.snat.empty() && draw.between(0, 5) == 0) {
      std::rotate(model.snat.begin(), model.snat.begin() + 1, model.snat.end());
      model.snat.front().timeouts = draw.timeouts(model.snat.front().timeouts, kSnatTimeouts);
      continue;
    }
    if (model.services.empty() || draw.between(0, 5) == 0) {
      model.director.punt.icmp_pps = draw.in(kPuntPps);
      if (std::ranges::none_of(model.ports, &Port::is_vlan)) {  // which stand below their parents
        std::reverse(model.ports.begin(), model.ports.end());
      }
      continue;
    }
    const uint32_t index = draw.between(0, uint32_t(model.services.size()) - 1);
    Service& service = model.services[index];
    switch (draw.between(0, 8)) {
      case 0:
        model.services.erase(model.services.begin() + index);
        break;
      case 1:
        service.servers.insert(service.servers.begin(), draw.server(100 + draw.between(0, 39'999)));
        settle(service, model);
        break;
      case 2:
        std::rotate(service.servers.begin(), service.servers.begin() + !service.servers.empty(),
                    service.servers.end());
        break;
      case 3:
        service.timeouts = draw.timeouts();
        break;
      case 4:
        service.name += "x";
        break;
      case 5:
        service.vip.port = net::Be16::from_host(uint16_t(draw.in(kTransportPort)));
        settle(service, model);
        break;
      case 6:
        service.mode = draw.one_of(kForwardingModes);
        settle(service, model);
        break;
      case 7:
        service.tunnel = draw.tunnel();
        settle(service, model);
        break;
      default:
        std::rotate(model.services.begin(), model.services.begin() + index, model.services.end());
    }
  }
  return model;
}

}  // namespace sluice::config

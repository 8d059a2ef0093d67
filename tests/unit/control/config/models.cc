// SPDX-License-Identifier: BSD-3-Clause
// Building models for the configuration's tests. Tests only.
#include "tests/unit/control/config/models.h"

#include <tuple>

namespace sluice::config {

net::Ipv4 ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return net::Ipv4::from_host(a << 24 | b << 16 | c << 8 | d);
}

net::Ipv6 ip6(uint32_t net, uint32_t host) {
  net::Ipv6 address{{0x20, 0x01, 0x0D, 0xB8}};
  address.bytes[4] = static_cast<uint8_t>(net >> 8);
  address.bytes[5] = static_cast<uint8_t>(net);
  address.bytes[14] = static_cast<uint8_t>(host >> 8);
  address.bytes[15] = static_cast<uint8_t>(host);
  return address;
}

net::Endpoint endpoint(const net::Address& address, uint16_t port) {
  return {address, net::Be16::from_host(port)};
}

Model small_model() {
  Model model;
  model.ports = {{"wan0", "net_ring0", "", 0, 1500, {{ip(192, 0, 2, 1), 24}}, {}},
                 {"lan0", "net_ring1", "", 0, 1500, {{ip(10, 0, 0, 1), 24}}, {}}};
  model.local_pools = {{"lan", "lan0", {ip(10, 0, 0, 10), ip(10, 0, 0, 11)}}};
  for (const auto& [name, protocol, port] :
       {std::tuple{"web", net::Protocol::kTcp, uint16_t{80}},
        std::tuple{"dns", net::Protocol::kUdp, uint16_t{53}}}) {
    Service service;
    service.name = name;
    service.protocol = protocol;
    service.vip = endpoint(ip(192, 0, 2, 10), port);
    service.port = "wan0";
    service.local_pool = "lan";
    service.servers = {{endpoint(ip(10, 0, 0, 101), port), 1},
                       {endpoint(ip(10, 0, 0, 102), port), 1}};
    model.services.push_back(service);
  }
  return model;
}

Port vlan_port(const std::string& name, const std::string& parent, uint16_t number, uint16_t mtu) {
  Port port;
  port.name = name;
  port.parent = parent;
  port.vlan = number;
  port.mtu = mtu;
  return port;
}

Model large_model(uint32_t services, uint32_t servers) {
  Model model = small_model();
  model.limits.services = services;
  model.limits.servers = services * servers;
  const Service pattern = model.services.front();
  model.services.clear();
  for (uint32_t i = 0; i < services; ++i) {
    Service& service = model.services.emplace_back(pattern);
    service.name = "service-" + std::to_string(i);
    service.vip = endpoint(net::Ipv4::from_host(ip(172, 16, 0, 1).host() + i), 80);
    service.servers.clear();
    for (uint32_t j = 0; j < servers; ++j) {
      const net::Ipv4 address = net::Ipv4::from_host(ip(20, 0, 0, 1).host() + i * servers + j);
      service.servers.push_back({endpoint(address, 8'080), j + 1});
    }
  }
  return model;
}

}  // namespace sluice::config

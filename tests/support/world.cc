// SPDX-License-Identifier: BSD-3-Clause
// Addresses and configurations of the packet tests' network. Tests.
#include "tests/support/world.h"

#include <algorithm>
#include <cstring>

#include "lib/sched/registry.h"

namespace sluice::test {
namespace {

// Servers of the UDP service have ids of their own: an id names a server of one service.
constexpr snapshot::ServerId kFirstTcpServerId = 11;
constexpr snapshot::ServerId kFirstUdpServerId = 21;

snapshot::ServiceSpec service(snapshot::ServiceId id, net::Protocol protocol, net::Endpoint vip,
                              uint32_t servers) {
  snapshot::ServiceSpec spec;
  spec.id = id;
  spec.protocol = protocol;
  spec.vip = vip;
  spec.scheduler = sched::find_scheduler("rr");
  spec.servers_version = 1;
  const bool is_tcp = protocol == net::Protocol::kTcp;
  for (uint32_t i = 0; i < servers; ++i) {
    spec.servers.push_back({
        .id = (is_tcp ? kFirstTcpServerId : kFirstUdpServerId) + i,
        .port_pool = static_cast<uint16_t>(is_tcp ? i : 8 + i),
        .endpoint = server_endpoint(i, is_tcp ? 8080 : 5353),
        .weight = 1,
    });
  }
  spec.local_addresses = {{.id = 0, .address = kLocalAddress},
                          {.id = 1, .address = kLocalAddress6}};
  return spec;
}

}  // namespace

net::Endpoint server_endpoint(uint32_t index, uint16_t port) {
  return {net::Ipv4::from_host(ipv4("10.0.0.1").host() + index), net::Be16::from_host(port)};
}

net::Endpoint server_endpoint6(uint32_t index, uint16_t port) {
  net::Ipv6 host = address("2001:db8:a::1").v6();
  host.bytes[15] = static_cast<uint8_t>(host.bytes[15] + index);
  return {host, net::Be16::from_host(port)};
}

net::Mac server_mac(uint32_t index) {
  net::Mac address = mac("02:00:00:00:02:01");
  address.bytes[5] = static_cast<uint8_t>(address.bytes[5] + index);
  return address;
}

net::Endpoint local(uint16_t port) { return {kLocalAddress, net::Be16::from_host(port)}; }

net::Endpoint client(uint32_t index) {
  return {net::Ipv4::from_host(ipv4("198.51.100.7").host() + index % 64),
          net::Be16::from_host(static_cast<uint16_t>(20'000 + index))};
}

snapshot::ServiceSpec tcp_service(uint32_t servers, const std::string& scheduler) {
  snapshot::ServiceSpec spec = service(0, net::Protocol::kTcp, kTcpVip, servers);
  spec.scheduler = sched::find_scheduler(scheduler);
  return spec;
}

snapshot::ServiceSpec udp_service(uint32_t servers) {
  return service(1, net::Protocol::kUdp, kUdpVip, servers);
}

std::vector<snapshot::Route> two_arm_routes() {
  return {
      {.target = prefix("192.0.2.0/24"), .port = kWan, .gateway = {}, .metric = 0},
      {.target = prefix("0.0.0.0/0"), .port = kWan, .gateway = kGateway, .metric = 0},
      {.target = prefix("10.0.0.0/24"), .port = kLan, .gateway = {}, .metric = 0},
      {.target = prefix("2001:db8::/64"), .port = kWan, .gateway = {}, .metric = 0},
      {.target = prefix("::/0"), .port = kWan, .gateway = kGateway6, .metric = 0},
      {.target = prefix("2001:db8:a::/64"), .port = kLan, .gateway = {}, .metric = 0},
  };
}

std::vector<Neighbour> two_arm_neighbours() {
  std::vector<Neighbour> neighbours = {{kWan, kGateway, kGatewayMac},
                                       {kWan, kGateway6, kGatewayMac}};
  for (uint32_t i = 0; i < 3; ++i) {
    neighbours.push_back({kLan, server_endpoint(i).address, server_mac(i)});
    neighbours.push_back({kLan, server_endpoint6(i).address, server_mac(i)});
  }
  return neighbours;
}

DirectorConfig two_arms() {
  DirectorConfig config;
  config.services = {tcp_service(), udp_service()};
  config.routes = two_arm_routes();
  config.neighbours = two_arm_neighbours();
  return config;
}

DirectorConfig one_arm() {
  DirectorConfig config = two_arms();
  config.ports = 1;
  for (snapshot::Route& route : config.routes) {
    route.port = kWan;
  }
  for (Neighbour& neighbour : config.neighbours) {
    neighbour.port = kWan;
  }
  return config;
}

FrameBuilder from_wan(FrameBuilder frame) { return frame.link(kGatewayMac, kWanMac); }
FrameBuilder to_wan(FrameBuilder frame) { return frame.link(kWanMac, kGatewayMac); }

FrameBuilder from_server(FrameBuilder frame, uint32_t server) {
  return frame.link(server_mac(server), kLanMac);
}

FrameBuilder to_server(FrameBuilder frame, uint32_t server) {
  return frame.link(kLanMac, server_mac(server));
}

namespace {

struct ErrorType {
  uint8_t type, code;
};

net::Address address_at(const Frame& frame, size_t at, bool is_v4) {
  if (is_v4) {
    net::Ipv4 v4;
    std::memcpy(&v4, frame.data() + at, sizeof(v4));
    return v4;
  }
  net::Ipv6 v6;
  std::memcpy(&v6, frame.data() + at, sizeof(v6));
  return v6;
}

// Back the way the frame came, from whom it was sent to.
Frame answer_with_error(const Frame& offending, ErrorType v4, ErrorType v6, uint32_t parameter) {
  const bool is_v4 = offending[14] >> 4 == 4;
  const ErrorType error = is_v4 ? v4 : v6;
  net::Mac from, to;
  std::copy_n(offending.begin(), 6, from.bytes.begin());
  std::copy_n(offending.begin() + 6, 6, to.bytes.begin());
  return icmp_error(address_at(offending, is_v4 ? 30 : 38, is_v4),
                    address_at(offending, is_v4 ? 26 : 22, is_v4), error.type, error.code,
                    parameter, offending)
      .link(from, to)
      .traffic_class(0xC0)
      .identification(0);
}

}  // namespace

Frame time_exceeded(const Frame& offending) {
  return answer_with_error(offending, {11, 0}, {3, 0}, 0);
}
Frame port_unreachable(const Frame& offending) {
  return answer_with_error(offending, {3, 3}, {1, 4}, 0);
}
Frame too_big(const Frame& offending, uint32_t mtu) {
  return answer_with_error(offending, {3, 4}, {2, 0}, mtu);
}

}  // namespace sluice::test

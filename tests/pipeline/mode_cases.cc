// SPDX-License-Identifier: BSD-3-Clause
// NAT, direct routing and tunnels: what leaves toward the server and what comes back. Tests.
#include <netinet/in.h>

#include <string>

#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using snapshot::ForwardingMode;
using snapshot::TunnelType;
using table::kTcpSyn;

const net::Endpoint kTunnelSource{address("10.0.0.254"), {}};
constexpr uint16_t kGuePort = 6080;
constexpr uint16_t kGueSourceOfClient = 54174;  // follows from kClient

DirectorConfig in_mode(ForwardingMode mode, TunnelType tunnel = TunnelType::kIpip) {
  DirectorConfig config = two_arms();
  config.port_addresses = {{address("192.0.2.2")}, {kTunnelSource.address}};
  for (snapshot::ServiceSpec& service : config.services) {
    for (auto& server : service.servers) {
      server.mode = mode;
      server.tunnel.type = tunnel;
    }
  }
  return config;
}

FrameBuilder packet(bool is_tcp, const net::Endpoint& from, const net::Endpoint& to) {
  return is_tcp ? tcp(from, to).flags(kTcpSyn) : udp(from, to);
}

PacketCase direct_routing(const std::string& name, bool is_tcp) {
  const net::Endpoint vip = is_tcp ? kTcpVip : kUdpVip;
  const auto step = [&](size_t bytes) {
    return Step{
        .in = {{kWan, from_wan(packet(is_tcp, kClient, vip)).payload_bytes(bytes)}},
        .out = {{kLan, to_server(packet(is_tcp, kClient, vip)).payload_bytes(bytes).ttl(63)}},
    };
  };
  return {
      .name = name,
      .config = in_mode(ForwardingMode::kDirectRouting),
      .steps = {step(0), step(1), step(1'400)},
  };
}

PacketCase nat(const std::string& name, bool is_tcp) {
  const net::Endpoint vip = is_tcp ? kTcpVip : kUdpVip;
  const net::Endpoint server = server_endpoint(0, is_tcp ? 8080 : 5353);
  const auto forth = [&](size_t bytes) {
    return Step{
        .in = {{kWan, from_wan(packet(is_tcp, kClient, vip)).payload_bytes(bytes)}},
        .out = {{kLan, to_server(packet(is_tcp, kClient, server)).payload_bytes(bytes).ttl(63)}},
    };
  };
  const auto back = [&](size_t bytes) {
    return Step{
        .in = {{kLan, from_server(packet(is_tcp, server, kClient)).payload_bytes(bytes)}},
        .out = {{kWan, to_wan(packet(is_tcp, vip, kClient)).payload_bytes(bytes).ttl(63)}},
    };
  };
  return {
      .name = name,
      .config = in_mode(ForwardingMode::kNat),
      .steps = {forth(0), back(0), forth(1), back(1'400)},
  };
}

PacketCase other_traffic_of_nat_servers() {
  const net::Endpoint server = server_endpoint(0);
  const Frame without_session = from_server(tcp(server, client(9)));
  const Frame ssh = from_server(tcp({server.address, net::Be16::from_host(22)}, kClient));
  return {
      .name = "NatServersOtherTrafficIsTheKernels",
      .config = in_mode(ForwardingMode::kNat),
      .steps = {{
          .in = {{kLan, without_session}, {kLan, ssh}},
          .to_kernel = {without_session, ssh},
          .counters = {{CounterId::kPuntOther, 2}},
      }},
  };
}

// The answers of one NAT server to one client port can belong to one session only.
PacketCase two_vips_of_one_nat_server() {
  DirectorConfig config = in_mode(ForwardingMode::kNat);
  snapshot::ServiceSpec second = config.services[0];
  second.id = 2;
  second.vip = endpoint("192.0.2.11:80");
  second.servers[0].id = 31;
  config.services.push_back(second);
  const net::Endpoint server = server_endpoint(0);
  return {
      .name = "NatRefusesASecondVipFromTheSameClientPort",
      .config = config,
      .steps = {{.in = {{kWan, from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn)}},
                 .out = {{kLan, to_server(tcp(kClient, server)).flags(kTcpSyn).ttl(63)}}},
                {.in = {{kWan, from_wan(tcp(kClient, second.vip)).flags(kTcpSyn)}},
                 .counters = {{CounterId::kDropAddressInUse, 1}}},
                {.in = {{kLan, from_server(tcp(server, kClient))}},
                 .out = {{kWan, to_wan(tcp(kTcpVip, kClient)).ttl(63)}}}},
  };
}

PacketCase nat_over_workers() {
  DirectorConfig config = in_mode(ForwardingMode::kNat);
  config.workers = 3;
  const net::Endpoint server = server_endpoint(0);
  std::vector<Step> steps;
  for (uint16_t arrival = 0; arrival < 3; ++arrival) {
    steps.push_back({
        .in = {{kWan, from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn), arrival}},
        .act = poll_rounds(2),
        .out = {{kLan, to_server(tcp(kClient, server)).flags(kTcpSyn).ttl(63)}},
    });
    steps.push_back({
        .in = {{kLan, from_server(tcp(server, kClient)), arrival}},
        .act = poll_rounds(2),
        .out = {{kWan, to_wan(tcp(kTcpVip, kClient)).ttl(63)}},
    });
  }
  return {.name = "NatFindsItsSessionFromEveryQueue", .config = config, .steps = steps};
}

// What a tunnel makes of an IP packet, every field computed anew.
Frame in_tunnel(const Frame& inner, TunnelType type) {
  const net::Endpoint server{server_endpoint(0).address, {}};
  Frame content(inner.begin() + 14, inner.end());
  FrameBuilder outer(kTunnelSource, server, IPPROTO_IPIP);
  if (type == TunnelType::kGre) {
    const Frame gre = {0, 0, 0x08, 0x00};
    content.insert(content.begin(), gre.begin(), gre.end());
    outer = FrameBuilder(kTunnelSource, server, IPPROTO_GRE);
  } else if (type == TunnelType::kGue) {
    const Frame gue = {0, IPPROTO_IPIP, 0, 0};
    content.insert(content.begin(), gue.begin(), gue.end());
    outer = udp({kTunnelSource.address, net::Be16::from_host(kGueSourceOfClient)},
                {server.address, net::Be16::from_host(kGuePort)});
    outer.no_udp_checksum();
  }
  return to_server(outer.payload(content).ttl(63).identification(0)).build();
}

PacketCase tunnel(const std::string& name, TunnelType type) {
  const auto step = [&](size_t bytes) {
    const Frame inner = tcp(kClient, kTcpVip).flags(kTcpSyn).payload_bytes(bytes).ttl(63);
    return Step{
        .in = {{kWan, from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn).payload_bytes(bytes)}},
        .out = {{kLan, in_tunnel(inner, type)}},
    };
  };
  return {
      .name = name,
      .config = in_mode(ForwardingMode::kTunnel, type),
      .steps = {step(0), step(1), step(1'400)},
  };
}

PacketCase tunnel_room(const std::string& name, TunnelType type, uint32_t overhead) {
  constexpr size_t kHeaders = 20 + 20;
  const size_t fits = 1'500 - overhead - kHeaders;
  const auto in = [](size_t bytes) {
    return from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn).payload_bytes(bytes);
  };
  const Frame inner = in(fits).ttl(63);
  return {
      .name = name,
      .config = in_mode(ForwardingMode::kTunnel, type),
      .steps = {{.in = {{kWan, in(fits + 1)}},
                 .out = {{kWan, too_big(in(fits + 1), 1'500 - overhead)}},
                 .counters = {{CounterId::kDropTooBig, 1}}},
                {.in = {{kWan, in(fits)}}, .out = {{kLan, in_tunnel(inner, type)}}}},
  };
}

PacketCase modes_in_one_service() {
  DirectorConfig config = two_arms();
  config.services = {tcp_service(3)};
  config.services[0].servers[1].mode = ForwardingMode::kNat;
  config.services[0].servers[2].mode = ForwardingMode::kDirectRouting;
  const auto step = [](uint32_t index, const net::Endpoint& from, const net::Endpoint& to,
                       uint32_t server) {
    return Step{.in = {{kWan, from_wan(tcp(client(index), kTcpVip)).flags(kTcpSyn)}},
                .out = {{kLan, to_server(tcp(from, to), server).flags(kTcpSyn).ttl(63)}}};
  };
  return {
      .name = "EachServerOfAServiceHasItsMode",
      .config = config,
      .steps = {step(1, local(1024), server_endpoint(0), 0),
                step(2, client(2), server_endpoint(1), 1), step(3, client(3), kTcpVip, 2)},
  };
}

PacketCase ttl_one(const std::string& name, ForwardingMode mode) {
  const Frame expiring = from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn).ttl(1);
  return {
      .name = name,
      .config = in_mode(mode),
      .steps = {{.in = {{kWan, expiring}},
                 .out = {{kWan, time_exceeded(expiring)}},
                 .counters = {{CounterId::kDropTtlExceeded, 1}}}},
  };
}

// A gateway would send the VIP's packets back to us.
PacketCase direct_routing_through_a_gateway() {
  DirectorConfig config = in_mode(ForwardingMode::kDirectRouting);
  std::erase_if(config.routes, [](const snapshot::Route& route) { return route.port == kLan; });
  return {
      .name = "DirectRoutingNeedsTheServerOnTheLink",
      .config = config,
      .steps = {{.in = {{kWan, from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn)}},
                 .counters = {{CounterId::kDropNoRoute, 1}}}},
  };
}

}  // namespace

std::vector<PacketCase> mode_cases() {
  return {
      direct_routing("DirectRoutingOfTcpChangesMacAndTtl", true),
      direct_routing("DirectRoutingOfUdpChangesMacAndTtl", false),
      nat("NatOfTcp", true),
      nat("NatOfUdp", false),
      other_traffic_of_nat_servers(),
      two_vips_of_one_nat_server(),
      nat_over_workers(),
      tunnel("TunnelIpip", TunnelType::kIpip),
      tunnel("TunnelGre", TunnelType::kGre),
      tunnel("TunnelGue", TunnelType::kGue),
      tunnel_room("TunnelIpipLeavesRoomFor1480Bytes", TunnelType::kIpip, 20),
      tunnel_room("TunnelGreLeavesRoomFor1476Bytes", TunnelType::kGre, 24),
      tunnel_room("TunnelGueLeavesRoomFor1468Bytes", TunnelType::kGue, 32),
      modes_in_one_service(),
      direct_routing_through_a_gateway(),
      ttl_one("DirectRoutingOfTtl1", ForwardingMode::kDirectRouting),
      ttl_one("NatOfTtl1", ForwardingMode::kNat),
      ttl_one("TunnelOfTtl1", ForwardingMode::kTunnel),
  };
}

}  // namespace sluice::test

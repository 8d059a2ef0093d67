// SPDX-License-Identifier: BSD-3-Clause
// Routes and neighbours under running sessions: unknown, resolved, changed, gone, too small. Tests.
#include <optional>
#include <utility>

#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using table::kTcpAck;
using table::kTcpSyn;

const net::Mac kNewMac = mac("02:00:00:00:07:07");

Step client_sends(const net::Mac& next_hop) {
  return {.in = {{kWan, from_wan(tcp(kClient, kTcpVip))}},
          .out = {{kLan, tcp(local(1024), server_endpoint(0)).link(kLanMac, next_hop).ttl(63)}}};
}

Step server_sends(const net::Mac& next_hop) {
  return {.in = {{kLan, from_server(tcp(server_endpoint(0), local(1024)))}},
          .out = {{kWan, tcp(kTcpVip, kClient).link(kWanMac, next_hop).ttl(63)}}};
}

Step client_is_dropped(CounterId reason, uint64_t requests = 0) {
  return {.in = {{kWan, from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn)}},
          .counters = {{reason, 1}, {CounterId::kNextHopRequests, requests}}};
}

Step after(std::function<void(Director&)> before, Step step) {
  step.before = std::move(before);
  return step;
}

std::function<void(Director&)> neighbour(uint8_t port, net::Address address,
                                         std::optional<net::Mac> mac) {
  return [=](Director& director) { director.set_neighbour({port, address, mac}); };
}

std::function<void(Director&)> routes(std::vector<snapshot::Route> routes) {
  return [routes](Director& director) { director.install_routes(routes); };
}

snapshot::Route route(const char* target, std::optional<uint8_t> port,
                      std::optional<net::Address> gateway = {}) {
  return {.target = *net::Prefix::parse(target), .port = port, .gateway = gateway, .metric = 0};
}

std::vector<snapshot::Route> routes_and(const snapshot::Route& more) {
  std::vector<snapshot::Route> all = two_arm_routes();
  all.push_back(more);
  return all;
}

PacketCase unknown_neighbour() {
  DirectorConfig config = two_arms();
  config.neighbours = {{kWan, kGateway, kGatewayMac}};
  const auto still_ack = [](Step step) {
    step.in.front().frame = from_wan(tcp(kClient, kTcpVip));
    return step;
  };
  const net::Address server = server_endpoint(0).address;
  return {
      .name = "UnknownNeighbourIsAskedForAndThenUsed",
      .config = config,
      .steps =
          {
              client_is_dropped(CounterId::kDropNoNeighbour, 1),
              client_is_dropped(CounterId::kDropNoNeighbour, 0),  // asked in this tick already
              after(wait_seconds(1), client_is_dropped(CounterId::kDropNoNeighbour, 1)),
              after(
                  [=](Director& d) {
                    d.advance_ticks(1);
                    d.set_neighbour({kLan, server, {}});
                  },
                  still_ack(client_is_dropped(CounterId::kDropNoNeighbour, 1))),
              after(neighbour(kLan, server, server_mac(0)), client_sends(server_mac(0))),
              server_sends(kGatewayMac),
          },
  };
}

PacketCase unresolved_gateway() {
  DirectorConfig config = two_arms();
  config.neighbours.erase(config.neighbours.begin());  // the gateway of the clients
  return {
      .name = "UnresolvedGatewayIsAskedFor",
      .config = config,
      .steps =
          {
              open_tcp_session(),
              {.in = {{kLan, from_server(tcp(server_endpoint(0), local(1024)))}},
               .counters = {{CounterId::kDropNoNeighbour, 1}, {CounterId::kNextHopRequests, 1}}},
              after(neighbour(kWan, kGateway, kGatewayMac), server_sends(kGatewayMac)),
          },
  };
}

PacketCase mac_changes() {
  const net::Address server = server_endpoint(0).address;
  return {
      .name = "AChangedMacIsUsedByTheNextPacket",
      .config = two_arms(),
      .steps =
          {
              open_tcp_session(),
              after(neighbour(kLan, server, kNewMac), client_sends(kNewMac)),
              after(neighbour(kWan, kGateway, kNewMac), server_sends(kNewMac)),
              after(neighbour(kLan, server, std::nullopt),
                    {.in = {{kWan, from_wan(tcp(kClient, kTcpVip))}},
                     .counters = {{CounterId::kDropNoNeighbour, 1},
                                  {CounterId::kNextHopRequests, 1}}}),
          },
  };
}

PacketCase route_changes() {
  const net::Address router = ipv4("10.0.0.254");
  const auto through_router = [=](Director& director) {
    director.install_routes(routes_and(route("10.0.0.1/32", kLan, router)));
    director.set_neighbour({kLan, router, kNewMac});
  };
  return {
      .name = "AChangedRouteIsUsedByTheNextPacket",
      .config = two_arms(),
      .steps =
          {
              open_tcp_session(),
              after(through_router, client_sends(kNewMac)),
              server_sends(kGatewayMac),
              after(routes(two_arm_routes()), client_sends(server_mac(0))),
              after(routes(routes_and(route("10.0.0.1/32", std::nullopt))),
                    {.in = {{kWan, from_wan(tcp(kClient, kTcpVip))}},
                     .counters = {{CounterId::kDropNoRoute, 1}}}),
              server_sends(kGatewayMac),
              after(routes(two_arm_routes()), client_sends(server_mac(0))),
          },
  };
}

PacketCase route_moves_to_another_port() {
  const net::Address server = server_endpoint(0).address;
  const auto move = [=](Director& director) {
    director.set_neighbour({kWan, server, kNewMac});
    director.install_routes(routes_and(route("10.0.0.1/32", kWan)));
  };
  return {
      .name = "AServerMovesToTheOtherPort",
      .config = two_arms(),
      .steps = {open_tcp_session(), after(move, {.in = {{kWan, from_wan(tcp(kClient, kTcpVip))}},
                                                 .out = {{kWan, tcp(local(1024), server_endpoint(0))
                                                                    .link(kWanMac, kNewMac)
                                                                    .ttl(63)}}})},
  };
}

PacketCase no_route() {
  DirectorConfig config = two_arms();
  config.routes = {route("192.0.2.0/24", kWan)};
  return {
      .name = "NoRouteToTheServer",
      .config = config,
      .steps = {client_is_dropped(CounterId::kDropNoRoute),
                after(routes(two_arm_routes()), client_sends(server_mac(0)))},
  };
}

PacketCase client_on_link() {
  const net::Endpoint neighbour_client = endpoint("192.0.2.77:40000");
  DirectorConfig config = two_arms();
  config.neighbours.push_back({kWan, neighbour_client.address, kNewMac});
  return {
      .name = "AClientOnTheLinkIsAnsweredDirectly",
      .config = config,
      .steps = {open_tcp_session(neighbour_client),
                {.in = {{kLan, from_server(tcp(server_endpoint(0), local(1024)))}},
                 .out = {{kWan, tcp(kTcpVip, neighbour_client).link(kWanMac, kNewMac).ttl(63)}}}},
  };
}

PacketCase too_big() {
  DirectorConfig config = two_arms();
  config.mtu = 576;
  const auto sized = [](FrameBuilder frame, size_t ip_bytes) {
    return frame.payload_bytes(ip_bytes - 28);
  };
  const auto in = [&](size_t bytes) { return sized(from_wan(udp(kClient, kUdpVip)), bytes); };
  const Frame out = sized(to_server(udp(local(1024), server_endpoint(0, 5353))).ttl(63), 576);
  return {
      .name = "LargerThanTheMtu",
      .config = config,
      .steps = {{.in = {{kWan, in(576)}}, .out = {{kLan, out}}},
                {.in = {{kWan, in(577)}},
                 .out = {{kWan, test::too_big(in(577), 576)}},
                 .counters = {{CounterId::kDropTooBig, 1}}},
                {.in = {{kWan, in(576).pad_to(900)}}, .out = {{kLan, out}}}},
  };
}

}  // namespace

std::vector<PacketCase> next_hop_cases() {
  return {
      unknown_neighbour(),           unresolved_gateway(), mac_changes(),    route_changes(),
      route_moves_to_another_port(), no_route(),           client_on_link(), too_big(),
  };
}

}  // namespace sluice::test

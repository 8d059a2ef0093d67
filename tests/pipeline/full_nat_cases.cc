// SPDX-License-Identifier: BSD-3-Clause
// FULL-NAT both ways: TCP and UDP, two arms and one, what is changed and what is carried. Tests.
#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using table::kTcpAck;
using table::kTcpFin;
using table::kTcpSyn;

constexpr uint8_t kPush = 0x08;

PacketCase tcp_conversation() {
  const net::Endpoint server = server_endpoint(0);
  const auto forth = [&](uint8_t flags, size_t bytes) {
    return Step{
        .in = {{kWan, from_wan(tcp(kClient, kTcpVip)).flags(flags).payload_bytes(bytes)}},
        .out = {{kLan,
                 to_server(tcp(local(1024), server)).flags(flags).payload_bytes(bytes).ttl(63)}},
    };
  };
  const auto back = [&](uint8_t flags, size_t bytes) {
    return Step{
        .in = {{kLan, from_server(tcp(server, local(1024))).flags(flags).payload_bytes(bytes)}},
        .out = {{kWan, to_wan(tcp(kTcpVip, kClient)).flags(flags).payload_bytes(bytes).ttl(63)}},
    };
  };
  return {
      .name = "TcpConversationOverTwoArms",
      .config = two_arms(),
      .steps = {forth(kTcpSyn, 0), back(kTcpSyn | kTcpAck, 0), forth(kTcpAck, 0),
                forth(kTcpAck | kPush, 77), back(kTcpAck | kPush, 1'460), forth(kTcpAck, 0),
                forth(kTcpFin | kTcpAck, 0), back(kTcpFin | kTcpAck, 1), forth(kTcpAck, 0)},
  };
}

PacketCase udp_exchange() {
  const net::Endpoint server = server_endpoint(0, 5353);
  return {
      .name = "UdpExchangeOverTwoArms",
      .config = two_arms(),
      .steps =
          {
              open_udp_session(),
              {
                  .in = {{kLan, from_server(udp(server, local(1024))).payload_bytes(1'400)}},
                  .out = {{kWan, to_wan(udp(kUdpVip, kClient)).payload_bytes(1'400).ttl(63)}},
              },
              {
                  .in = {{kWan, from_wan(udp(kClient, kUdpVip))}},  // an empty datagram is legal
                  .out = {{kLan, to_server(udp(local(1024), server)).ttl(63)}},
              },
          },
  };
}

PacketCase one_arm_conversation(const std::string& name, net::Protocol protocol) {
  const bool is_tcp = protocol == net::Protocol::kTcp;
  const net::Endpoint vip = is_tcp ? kTcpVip : kUdpVip;
  const net::Endpoint server = server_endpoint(0, is_tcp ? 8080 : 5353);
  const auto packet = [is_tcp](const net::Endpoint& from, const net::Endpoint& to, uint8_t flags) {
    return is_tcp ? tcp(from, to).flags(flags) : udp(from, to).payload_bytes(9);
  };
  return {
      .name = name,
      .config = one_arm(),
      .steps =
          {
              {
                  .in = {{kWan, packet(kClient, vip, kTcpSyn).link(kGatewayMac, kWanMac)}},
                  .out =
                      {{kWan,
                        packet(local(1024), server, kTcpSyn).link(kWanMac, server_mac(0)).ttl(63)}},
                  .counters = {{CounterId::kSessionsCreated, 1}},
              },
              {
                  .in = {{kWan, packet(server, local(1024), kTcpSyn | kTcpAck)
                                    .link(server_mac(0), kWanMac)}},
                  .out = {{kWan, packet(vip, kClient, kTcpSyn | kTcpAck)
                                     .link(kWanMac, kGatewayMac)
                                     .ttl(63)}},
              },
          },
  };
}

PacketCase distinct_ports_toward_one_server() {
  return {
      .name = "TwoClientsOfOneServerGetDistinctLocalPorts",
      .config = two_arms(),
      .steps = {open_tcp_session(client(1), 1024), open_tcp_session(client(2), 1025)},
  };
}

PacketCase same_port_toward_two_servers() {
  DirectorConfig config = two_arms();
  config.services = {tcp_service(3)};
  return {
      .name = "OneLocalPortServesSeveralServers",
      .config = config,
      .steps = {open_tcp_session(client(1), 1024, 0), open_tcp_session(client(2), 1024, 1),
                open_tcp_session(client(3), 1024, 2), open_tcp_session(client(4), 1025, 0)},
  };
}

PacketCase local_addresses_in_turn() {
  DirectorConfig config = two_arms();
  const net::Ipv4 second = ipv4("10.0.0.101");
  config.services.front().local_addresses.push_back({.id = 1, .address = second});
  const auto step = [](uint32_t index, const net::Endpoint& from) {
    return Step{
        .in = {{kWan, from_wan(tcp(client(index), kTcpVip)).flags(kTcpSyn)}},
        .out = {{kLan, to_server(tcp(from, server_endpoint(0))).flags(kTcpSyn).ttl(63)}},
    };
  };
  const net::Be16 first_port = net::Be16::from_host(1024);
  return {
      .name = "LocalAddressesAreUsedInTurn",
      .config = config,
      .steps = {step(1, {second, first_port}), step(2, local(1024)),
                step(3, {second, net::Be16::from_host(1025)})},
  };
}

PacketCase both_directions_in_one_burst() {
  const net::Endpoint server = server_endpoint(0);
  return {
      .name = "BothDirectionsInOneBurstOfOneArm",
      .config = one_arm(),
      .steps = {{
          // The answer overtakes nothing: its session was made two packets before, in this burst.
          .in = {{kWan, tcp(kClient, kTcpVip).flags(kTcpSyn).link(kGatewayMac, kWanMac)},
                 {kWan,
                  tcp(server, local(1024)).flags(kTcpSyn | kTcpAck).link(server_mac(0), kWanMac)}},
          .out =
              {{kWan, tcp(local(1024), server).flags(kTcpSyn).link(kWanMac, server_mac(0)).ttl(63)},
               {kWan,
                tcp(kTcpVip, kClient).flags(kTcpSyn | kTcpAck).link(kWanMac, kGatewayMac).ttl(63)}},
          .counters = {{CounterId::kSessionsCreated, 1}},
      }},
  };
}

PacketCase two_packets_of_a_new_flow() {
  const auto in = [] { return from_wan(udp(kClient, kUdpVip)); };
  const auto out = [] { return to_server(udp(local(1024), server_endpoint(0, 5353))).ttl(63); };
  return {
      .name = "TwoPacketsOfANewFlowInOneBurstMakeOneSession",
      .config = two_arms(),
      .steps = {{
          .in = {{kWan, in().payload_bytes(1)}, {kWan, in().payload_bytes(2)}},
          .out = {{kLan, out().payload_bytes(1)}, {kLan, out().payload_bytes(2)}},
          .counters = {{CounterId::kSessionsCreated, 1}},
      }},
  };
}

PacketCase full_burst() {
  DirectorConfig config = two_arms();
  config.limits.sessions = 256;
  Step step;
  for (uint32_t i = 0; i < 32; ++i) {
    step.in.push_back({kWan, from_wan(tcp(client(i), kTcpVip)).flags(kTcpSyn)});
    step.out.push_back(
        {kLan, to_server(tcp(local(static_cast<uint16_t>(1024 + i)), server_endpoint(0)))
                   .flags(kTcpSyn)
                   .ttl(63)});
  }
  step.counters = {{CounterId::kSessionsCreated, 32},
                   {CounterId::kRxPackets, 32},
                   {CounterId::kTxPackets, 32},
                   {CounterId::kRxBytes, 32 * 54},
                   {CounterId::kTxBytes, 32 * 54}};
  return {.name = "ABurstOfNewSessions", .config = config, .steps = {step}};
}

// What must arrive as it was sent, but for addresses, ports, TTL and checksums.
std::vector<PacketCase> carried_untouched() {
  const net::Endpoint server = server_endpoint(0);
  const auto carries = [&](const char* name, const std::function<void(FrameBuilder&)>& shape) {
    FrameBuilder in = from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn);
    FrameBuilder out = to_server(tcp(local(1024), server)).flags(kTcpSyn).ttl(63);
    shape(in);
    shape(out);
    return PacketCase{
        .name = name, .config = two_arms(), .steps = {{.in = {{kWan, in}}, .out = {{kLan, out}}}}};
  };
  constexpr uint8_t kRouterAlert = 148, kRecordRoute = 7;
  return {
      carries("CarriesIpOptions",
              [](FrameBuilder& f) {
                f.ip_options({kRouterAlert, 4, 0, 0});
              }),
      carries("CarriesTheLongestIpHeader",
              [](FrameBuilder& f) {
                Frame options(40, 0);
                options[0] = kRecordRoute;
                options[1] = 39;
                options[2] = 4;
                f.ip_options(options);
              }),
      carries("CarriesTcpOptions",
              [](FrameBuilder& f) {
                f.tcp_options({2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0});
              }),
      carries("CarriesEthernetPadding", [](FrameBuilder& f) { f.pad_to(60); }),
      carries("CarriesDataInTheSyn", [](FrameBuilder& f) { f.payload_bytes(33); }),
      carries("CarriesTheIdentification", [](FrameBuilder& f) { f.identification(0xFFFF); }),
  };
}

}  // namespace

Step open_tcp_session(const net::Endpoint& from, uint16_t local_port, uint32_t server) {
  return {
      .in = {{kWan, from_wan(tcp(from, kTcpVip)).flags(kTcpSyn)}},
      .out = {{kLan, to_server(tcp(local(local_port), server_endpoint(server)), server)
                         .flags(kTcpSyn)
                         .ttl(63)}},
      .counters = {{CounterId::kSessionsCreated, 1}},
  };
}

Step open_udp_session() {
  return {
      .in = {{kWan, from_wan(udp(kClient, kUdpVip)).payload_bytes(20)}},
      .out = {{kLan,
               to_server(udp(local(1024), server_endpoint(0, 5353))).payload_bytes(20).ttl(63)}},
      .counters = {{CounterId::kSessionsCreated, 1}},
  };
}

std::vector<PacketCase> full_nat_cases() {
  std::vector<PacketCase> cases = {
      tcp_conversation(),
      udp_exchange(),
      one_arm_conversation("TcpOverOneArm", net::Protocol::kTcp),
      one_arm_conversation("UdpOverOneArm", net::Protocol::kUdp),
      distinct_ports_toward_one_server(),
      same_port_toward_two_servers(),
      local_addresses_in_turn(),
      both_directions_in_one_burst(),
      two_packets_of_a_new_flow(),
      full_burst(),
  };
  for (PacketCase& packet_case : carried_untouched()) {
    cases.push_back(std::move(packet_case));
  }
  return cases;
}

}  // namespace sluice::test

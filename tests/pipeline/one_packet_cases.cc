// SPDX-License-Identifier: BSD-3-Clause
// One-packet scheduling, and services without servers that keep silent. Tests.
#include <gtest/gtest.h>

#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using snapshot::ForwardingMode;

constexpr snapshot::ServerId kFirstServer = 21;

DirectorConfig by_packet(ForwardingMode mode) {
  DirectorConfig config = two_arms();
  config.port_addresses = {{}, {address("10.0.0.254")}};
  config.services = {udp_service(3)};
  config.services[0].is_one_packet = true;
  for (auto& server : config.services[0].servers) {
    server.mode = mode;
  }
  return config;
}

PortFrame datagram(size_t bytes) {
  return {kWan, from_wan(udp(kClient, kUdpVip)).payload_bytes(bytes)};
}

PortFrame at_server(size_t bytes, uint32_t server) {
  return {kLan, to_server(udp(kClient, kUdpVip), server).payload_bytes(bytes).ttl(63)};
}

void expect_no_session(Director& director) {
  EXPECT_EQ(director.session_count(), 0U);
  EXPECT_EQ(director.server(kFirstServer).inactive, 0U);
}

PacketCase each_datagram() {
  return {.name = "OnePacketSchedulingGivesEachDatagramAServer",
          .config = by_packet(ForwardingMode::kDirectRouting),
          .steps = {{.in = {datagram(1), datagram(2), datagram(3), datagram(4)},
                     .out = {at_server(1, 0), at_server(2, 1), at_server(3, 2), at_server(4, 0)},
                     .counters = {{CounterId::kSessionsCreated, 4}}},
                    {.before = expect_no_session,
                     .in = {datagram(5)},
                     .out = {at_server(5, 1)},
                     .counters = {{CounterId::kSessionsCreated, 1}}}}};
}

// Each record is free again after its burst.
PacketCase more_than_records() {
  Step step{.act =
                [](Director& director) {
                  for (uint32_t i = 0; i < 1'000; ++i) {
                    director.send(kWan, datagram(i % 100).frame);
                    director.poll();
                    EXPECT_EQ(director.take_sent(kLan).size(), 1U);
                  }
                  expect_no_session(director);
                },
            .counters = {{CounterId::kSessionsCreated, 1'000}}};
  return {.name = "OnePacketSchedulingUsesNoSessionUp",
          .config = by_packet(ForwardingMode::kTunnel),
          .steps = {step}};
}

PacketCase quiet_without_server() {
  DirectorConfig config = two_arms();
  config.services[0].servers.clear();
  config.services[0].rejects_without_server = false;
  return {.name = "AServiceWithoutServersMayDropSilently",
          .config = config,
          .steps = {{.in = {{kWan, from_wan(tcp(kClient, kTcpVip)).flags(table::kTcpSyn)}},
                     .counters = {{CounterId::kDropNoServer, 1}}}}};
}

}  // namespace

std::vector<PacketCase> one_packet_cases() {
  return {each_datagram(), more_than_records(), quiet_without_server()};
}

}  // namespace sluice::test

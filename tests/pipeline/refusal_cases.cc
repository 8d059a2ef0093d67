// SPDX-License-Identifier: BSD-3-Clause
// Packets that are right and still cannot be served: something ran out or is not configured. Tests.
#include <utility>

#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using table::kTcpAck;
using table::kTcpSyn;

FrameBuilder syn(const net::Endpoint& from) { return from_wan(tcp(from, kTcpVip)).flags(kTcpSyn); }

Step refused(const Frame& frame, CounterId reason, uint8_t port = kWan) {
  return {.in = {{port, frame}}, .counters = {{reason, 1}, {CounterId::kSessionsCreated, 0}}};
}

PacketCase no_server(const std::string& name, std::vector<uint32_t> weights) {
  DirectorConfig config = two_arms();
  config.services = {tcp_service(static_cast<uint32_t>(weights.size()), "wrr")};
  for (size_t i = 0; i < weights.size(); ++i) {
    config.services.front().servers[i].weight = weights[i];
  }
  Step step = refused(syn(kClient), CounterId::kDropNoServer);
  step.out = {{kWan, port_unreachable(syn(kClient))}};
  return {.name = name, .config = config, .steps = {step}};
}

PacketCase ports_used_up() {
  DirectorConfig config = two_arms();
  config.local_ports = {.first = 5'000, .last = 5'001};
  return {
      .name = "LocalPortsUsedUpAndFreeAgain",
      .config = config,
      .steps =
          {
              open_tcp_session(client(1), 5'000),
              open_tcp_session(client(2), 5'001),
              refused(syn(client(3)), CounterId::kDropNoLocalPort),
              {
                  // The sessions that are there go on.
                  .in = {{kWan, from_wan(tcp(client(1), kTcpVip))}},
                  .out = {{kLan, to_server(tcp(local(5'000), server_endpoint(0))).ttl(63)}},
              },
              {.before = wait_seconds(61), .counters = {}},  // SYN_RECV of client 2 is over
              open_tcp_session(client(3), 5'001),
              refused(syn(client(4)), CounterId::kDropNoLocalPort),
          },
  };
}

PacketCase ports_used_up_toward_one_server_only() {
  DirectorConfig config = two_arms();
  config.local_ports = {.first = 5'000, .last = 5'000};
  config.services = {tcp_service(2)};
  return {
      .name = "EachServerHasTheWholeRangeOfPorts",
      .config = config,
      .steps = {open_tcp_session(client(1), 5'000, 0), open_tcp_session(client(2), 5'000, 1),
                refused(syn(client(3)), CounterId::kDropNoLocalPort)},
  };
}

PacketCase table_full() {
  DirectorConfig config = two_arms();
  config.limits.sessions = 4;
  PacketCase full{.name = "SessionTableFullAndFreeAgain", .config = config, .steps = {}};
  for (uint16_t i = 0; i < 4; ++i) {
    full.steps.push_back(open_tcp_session(client(i), static_cast<uint16_t>(1024 + i)));
  }
  full.steps.push_back(refused(syn(client(4)), CounterId::kDropSessionTableFull));
  full.steps.push_back({
      .in = {{kWan, from_wan(tcp(client(2), kTcpVip))}},
      .out = {{kLan, to_server(tcp(local(1026), server_endpoint(0))).ttl(63)}},
  });
  full.steps.push_back({.before = wait_seconds(61)});
  full.steps.push_back(open_tcp_session(client(4), 1028));  // the refused one took no port
  return full;
}

PacketCase answer_without_session() {
  const net::Endpoint server = server_endpoint(0);
  return {
      .name = "AnswerWithoutSession",
      .config = two_arms(),
      .steps =
          {
              refused(from_server(tcp(server, local(1024))), CounterId::kDropNoSession, kLan),
              refused(from_server(udp(server, local(1024))), CounterId::kDropNoSession, kLan),
              open_tcp_session(),
              // Another port, another server, another protocol than the session's.
              refused(from_server(tcp(server_endpoint(0, 8081), local(1024))),
                      CounterId::kDropNoSession, kLan),
              refused(from_server(tcp(server_endpoint(1), local(1024))), CounterId::kDropNoSession,
                      kLan),
              refused(from_server(udp(server, local(1024))), CounterId::kDropNoSession, kLan),
              refused(from_server(tcp(server, local(1025))), CounterId::kDropNoSession, kLan),
          },
  };
}

PacketCase transmit_queue_full() {
  DirectorConfig config = two_arms();
  config.tx_ring_size = 4;  // a ring holds one less
  Step step;
  for (uint16_t i = 0; i < 5; ++i) {
    step.in.push_back({kWan, syn(client(i))});
  }
  for (uint16_t i = 0; i < 3; ++i) {
    step.out.push_back(
        {kLan, to_server(tcp(local(1024 + i), server_endpoint(0))).flags(kTcpSyn).ttl(63)});
  }
  step.counters = {{CounterId::kDropTxFull, 2},
                   {CounterId::kTxPackets, 3},
                   {CounterId::kTxBytes, 3 * 54},
                   {CounterId::kSessionsCreated, 5}};
  return {.name = "TransmitQueueFull", .config = config, .steps = {step}};
}

// Worker 1 gets answers that worker 0 owns, and worker 0 is held up: its ring takes 4 095.
PacketCase hand_off_ring_full() {
  DirectorConfig config = two_arms();
  config.workers = 2;
  config.packet_buffers = 8'191;
  const Frame answer = from_server(tcp(server_endpoint(0), local(1024)));
  const auto flood = [answer](Director& director) {
    for (uint32_t i = 0; i < 4'100; ++i) {
      director.send(kLan, answer, 1);
      director.poll_worker(1);
    }
    director.poll(4'100 / 32 + 1);
  };
  return {
      .name = "HandOffRingFull",
      .config = config,
      .steps = {{.act = flood,
                 .counters = {{CounterId::kDropHandOffFull, 5},
                              {CounterId::kHandOffSent, 4'095},
                              {CounterId::kHandOffReceived, 4'095},
                              {CounterId::kRxPackets, 4'100},
                              {CounterId::kRxBytes, 4'100 * 54},
                              {CounterId::kDropNoSession, 4'095}}}},
  };
}

}  // namespace

std::vector<PacketCase> refusal_cases() {
  return {
      no_server("ServiceWithoutServers", {}),
      no_server("AllServersHaveWeightZero", {0, 0}),
      ports_used_up(),
      ports_used_up_toward_one_server_only(),
      table_full(),
      answer_without_session(),
      transmit_queue_full(),
      hand_off_ring_full(),
  };
}

}  // namespace sluice::test

// SPDX-License-Identifier: BSD-3-Clause
// A new configuration under running sessions: weights, removed servers, removed services. Tests.
#include <utility>

#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using table::kTcpAck;
using table::kTcpSyn;

snapshot::ServiceSpec changed(snapshot::ServiceSpec service, uint64_t servers_version = 2) {
  service.servers_version = servers_version;
  return service;
}

snapshot::ServiceSpec without_server(snapshot::ServiceSpec service, size_t index) {
  service.servers.erase(service.servers.begin() + static_cast<ptrdiff_t>(index));
  return changed(service);
}

snapshot::ServiceSpec with_weight(snapshot::ServiceSpec service, size_t index, uint32_t weight) {
  service.servers[index].weight = weight;
  return changed(service);
}

DirectorConfig with_services(std::vector<snapshot::ServiceSpec> services) {
  DirectorConfig config = two_arms();
  config.services = std::move(services);
  return config;
}

Step client_goes_on(uint32_t server = 0, const net::Endpoint& from = kClient) {
  return {.in = {{kWan, from_wan(tcp(from, kTcpVip))}},
          .out = {{kLan, to_server(tcp(local(1024), server_endpoint(server)), server).ttl(63)}}};
}

Step server_goes_on(uint32_t server = 0, const net::Endpoint& to = kClient) {
  return {.in = {{kLan, from_server(tcp(server_endpoint(server), local(1024)), server)}},
          .out = {{kWan, to_wan(tcp(kTcpVip, to)).ttl(63)}}};
}

Step after(std::function<void(Director&)> before, Step step) {
  step.before = std::move(before);
  return step;
}

PacketCase weight_zero_keeps_sessions() {
  const snapshot::ServiceSpec quiet = with_weight(tcp_service(), 0, 0);
  const Frame refused = from_wan(tcp(client(1), kTcpVip)).flags(kTcpSyn);
  return {
      .name = "WeightZeroKeepsSessionsAndRefusesNewOnes",
      .config = with_services({tcp_service()}),
      .steps = {open_tcp_session(),
                after(reload({quiet}), client_goes_on()),
                server_goes_on(),
                {.in = {{kWan, refused}},
                 .out = {{kWan, port_unreachable(refused)}},
                 .counters = {{CounterId::kDropNoServer, 1}}},
                client_goes_on()},
  };
}

PacketCase removed_server() {
  const Step to_dropped{.in = {{kWan, from_wan(tcp(kClient, kTcpVip))}},
                        .counters = {{CounterId::kDropServerRemoved, 1}}};
  const Step from_dropped{.in = {{kLan, from_server(tcp(server_endpoint(0), local(1024)))}},
                          .counters = {{CounterId::kDropServerRemoved, 1}}};
  return {
      .name = "SessionsOfARemovedServerDropAndReviveWithIt",
      .config = with_services({tcp_service(2)}),
      .steps = {open_tcp_session(kClient, 1024, 0), open_tcp_session(client(1), 1024, 1),
                after(reload({without_server(tcp_service(2), 0)}), to_dropped), from_dropped,
                client_goes_on(1, client(1)),  // the other server's sessions are unharmed
                after(reload({changed(tcp_service(2), 3)}), client_goes_on()), server_goes_on()},
  };
}

PacketCase reload_keeps_sessions() {
  snapshot::ServiceSpec grown = changed(tcp_service(3));
  snapshot::ServiceSpec other = udp_service();
  return {
      .name = "AReloadKeepsSessionsAndTheTurnOfTheScheduler",
      .config = with_services({tcp_service(3)}),
      .steps = {open_tcp_session(kClient, 1024, 0),
                after(reload({tcp_service(3), other}), client_goes_on()), server_goes_on(),
                open_tcp_session(client(1), 1024, 1),  // the turn goes on where it was
                after(reload({other, grown}), client_goes_on()),
                open_tcp_session(client(2), 1024, 2)},
  };
}

// Its sessions end with the servers of the removed service; new packets are the kernel's.
PacketCase removed_service() {
  const Frame syn = from_wan(tcp(client(1), kTcpVip)).flags(kTcpSyn);
  return {
      .name = "ARemovedServiceIsTheKernelsAgain",
      .config = with_services({tcp_service(), udp_service()}),
      .steps = {open_tcp_session(),
                after(reload({udp_service()}), {.in = {{kWan, syn}},
                                                .to_kernel = {syn},
                                                .counters = {{CounterId::kPuntVip, 1}}}),
                {.in = {{kWan, from_wan(tcp(kClient, kTcpVip))}},
                 .counters = {{CounterId::kDropServerRemoved, 1}}}},
  };
}

PacketCase another_server() {
  snapshot::ServiceSpec moved = changed(tcp_service());
  moved.servers.front() = {.id = 31, .port_pool = 5, .endpoint = server_endpoint(1), .weight = 1};
  return {
      .name = "NewSessionsGoToTheNewServer",
      .config = with_services({tcp_service()}),
      .steps = {open_tcp_session(kClient, 1024, 0),
                after(reload({moved}), open_tcp_session(client(1), 1024, 1))},
  };
}

}  // namespace

std::vector<PacketCase> reload_cases() {
  return {weight_zero_keeps_sessions(), removed_server(), reload_keeps_sessions(),
          removed_service(), another_server()};
}

}  // namespace sluice::test

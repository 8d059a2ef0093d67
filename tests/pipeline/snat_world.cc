// SPDX-License-Identifier: BSD-3-Clause
// Hosts, rules and packets of the source NAT tests. Tests.
#include "tests/pipeline/snat_world.h"

#include <netinet/in.h>

#include <utility>

#include "tests/support/reference_checksum.h"

namespace sluice::test {
namespace {

FrameBuilder echo(uint8_t type, const net::Address& from, const net::Address& to, net::Be16 id) {
  const auto high = static_cast<uint8_t>(id.host() >> 8);
  const auto low = static_cast<uint8_t>(id.host());
  Frame message = {type, 0, 0, 0, high, low, 0, 1, 0xA5, 0x5A, 0x33};
  if (!from.is_v4()) {
    return icmpv6(from, to, message);
  }
  const uint16_t checksum = reference_checksum(message);
  message[2] = static_cast<uint8_t>(checksum >> 8);
  message[3] = static_cast<uint8_t>(checksum);
  return ip_packet(from, to, IPPROTO_ICMP).payload(message);
}

}  // namespace

net::Endpoint host(uint32_t index, uint16_t port) { return server_endpoint(index, port); }
net::Endpoint host6(uint32_t index, uint16_t port) { return server_endpoint6(index, port); }
net::Endpoint at_public(uint16_t port) { return {kPublic, net::Be16::from_host(port)}; }

snapshot::SnatRuleSpec office_rule() {
  using table::SessionState;
  snapshot::SnatRuleSpec rule;
  rule.id = 9;
  rule.server_id = kSnatServer;
  rule.inside = {snapshot::AddressRange::of(prefix("10.0.0.0/24")),
                 snapshot::AddressRange::of(prefix("2001:db8:a::/64"))};
  rule.destinations = {snapshot::AddressRange::of(prefix("0.0.0.0/0")),
                       snapshot::AddressRange::of(prefix("::/0"))};
  rule.timeouts.seconds.fill(240);
  rule.timeouts[SessionState::kEstablished] = 7'440;
  rule.timeouts[SessionState::kUdp] = 300;
  rule.timeouts[SessionState::kIcmp] = 60;
  rule.public_addresses = {{.id = 0, .address = kPublic}, {.id = 1, .address = kPublic6}};
  return rule;
}

DirectorConfig gateway(const snapshot::SnatRuleSpec& rule) {
  DirectorConfig config = two_arms();
  config.services.clear();
  config.snat_rules = {rule};
  config.limits.snat_mappings = 32;
  config.limits.local_addresses = 3;
  config.port_addresses = {{address("192.0.2.2")}, {kLanAddress, address("2001:db8:a::fe")}};
  return config;
}

FrameBuilder from_host(FrameBuilder frame, uint32_t index) {
  return from_server(std::move(frame), index);
}
FrameBuilder to_host(FrameBuilder frame, uint32_t index) {
  return to_server(std::move(frame), index);
}

FrameBuilder syn(const net::Endpoint& from, const net::Endpoint& to) {
  return tcp(from, to).flags(table::kTcpSyn);
}

FrameBuilder ping(const net::Endpoint& from, const net::Address& to) {
  return echo(to.is_v4() ? 8 : 128, from.address, to, from.port);
}

FrameBuilder pong(const net::Address& from, const net::Endpoint& to) {
  return echo(from.is_v4() ? 0 : 129, from, to.address, to.port);
}

Frame told_host(const Frame& offending, uint8_t type, uint8_t code, uint32_t parameter,
                uint32_t index) {
  return icmp_error(kLanAddress, host(index).address, type, code, parameter, offending)
      .link(kLanMac, server_mac(index))
      .traffic_class(0xC0)
      .identification(0);
}

Step to_outside(FrameBuilder in, FrameBuilder out, uint32_t index) {
  return {.in = {{kLan, from_host(std::move(in), index)}},
          .out = {{kWan, to_wan(std::move(out)).ttl(63)}}};
}

Step to_inside(FrameBuilder in, FrameBuilder out, uint32_t index) {
  return {.in = {{kWan, from_wan(std::move(in))}},
          .out = {{kLan, to_host(std::move(out), index).ttl(63)}}};
}

Step after(uint32_t seconds, Step step) {
  step.before = wait_seconds(seconds);
  return step;
}

Step ignored(FrameBuilder in, dataplane::CounterId reason) {
  return {.in = {{kWan, from_wan(std::move(in))}}, .counters = {{reason, 1}}};
}

}  // namespace sluice::test

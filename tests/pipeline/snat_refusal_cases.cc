// SPDX-License-Identifier: BSD-3-Clause
// What source NAT refuses, and what it leaves to others. Tests.
#include <string>

#include "tests/pipeline/snat_world.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;

constexpr uint8_t kUnreachable = 3, kAdminProhibited = 13;

/// A SYN of host 0 from `port` that is refused with ICMP 3/13.
Step refused(uint16_t port, CounterId reason) {
  const Frame sent = from_host(syn(host(0, port), kRemote));
  return {.in = {{kLan, sent}},
          .out = {{kLan, told_host(sent, kUnreachable, kAdminProhibited)}},
          .counters = {{reason, 1}, {CounterId::kIcmpErrorsSent, 1}}};
}

Step opened(uint16_t port, uint16_t public_port) {
  return to_outside(syn(host(0, port), kRemote), syn(at_public(public_port), kRemote));
}

PacketCase no_port() {
  DirectorConfig config = gateway();
  config.local_ports = {5'000, 5'001};
  return {.name = "N15WithoutAPublicPortTheHostIsTold",
          .config = config,
          .steps = {opened(5'000, 5'000), opened(5'001, 5'001),
                    refused(5'002, CounterId::kDropSnatNoPort), after(242, opened(5'002, 5'000))}};
}

PacketCase no_public_address() {
  snapshot::SnatRuleSpec rule = office_rule();
  rule.public_addresses = {{.id = 1, .address = kPublic6}};
  return {.name = "N15WithoutAPublicAddressOfItsVersionTheHostIsTold",
          .config = gateway(rule),
          .steps = {refused(5'000, CounterId::kDropSnatNoPort)}};
}

PacketCase no_mapping() {
  DirectorConfig config = gateway();
  config.limits.snat_mappings = 1;
  return {.name = "N15WithoutAFreeMappingTheHostIsTold",
          .config = config,
          .steps = {opened(5'000, 5'000), refused(5'001, CounterId::kDropSnatMappingsFull),
                    after(242, opened(5'001, 5'001))}};
}

PacketCase no_session() {
  DirectorConfig config = gateway();
  config.limits.sessions = 4;
  return {.name = "N15WithoutAFreeSessionTheHostIsTold",
          .config = config,
          .steps = {opened(5'000, 5'000), opened(5'001, 5'001), opened(5'002, 5'002),
                    opened(5'003, 5'003), refused(5'004, CounterId::kDropSessionTableFull),
                    after(242, opened(5'004, 5'004))}};
}

PacketCase rate_limited() {
  DirectorConfig config = gateway();
  config.limits.snat_mappings = 0;
  config.punt.icmp_pps = 1;
  const Frame sent = from_host(syn(host(0), kRemote));
  return {.name = "N15TheHostIsToldAtMostSoOften",
          .config = config,
          .steps = {{.in = {{kLan, sent}, {kLan, sent}, {kLan, sent}},
                     .out = {{kLan, told_host(sent, kUnreachable, kAdminProhibited)}},
                     .counters = {{CounterId::kDropSnatMappingsFull, 3},
                                  {CounterId::kIcmpErrorsSent, 1}}}}};
}

// The same packets get the same ports, full or not: nothing is taken from who has it.
PacketCase deterministic() {
  DirectorConfig config = gateway();
  config.limits.snat_mappings = 1;
  std::vector<Step> steps = {opened(5'000, 5'000)};
  for (uint16_t port = 6'000; port < 6'004; ++port) {
    steps.push_back(refused(port, CounterId::kDropSnatMappingsFull));
    steps.push_back(to_outside(tcp(host(0), kRemote), tcp(at_public(5'000), kRemote)));
  }
  return {.name = "N16PressureChangesNoMapping", .config = config, .steps = steps};
}

PacketCase too_big() {
  const auto big = [](FrameBuilder frame) { return frame.payload_bytes(1'600); };
  const Frame whole = from_host(big(udp(host(0), kRemote)));
  const Frame may_be_cut = from_host(big(udp(host(0), kRemote))).may_be_fragmented();
  const Frame left = to_wan(big(udp(at_public(5'000), kRemote))).may_be_fragmented().ttl(63);
  const auto pieces = fragments_of(left, 1'480, 1);
  return {.name = "N13TooBigIsToldOrCut",
          .config = gateway(),
          .steps = {{.in = {{kLan, whole}},
                     .out = {{kLan, told_host(whole, 3, 4, 1'500)}},
                     .counters = {{CounterId::kDropTooBig, 1}}},
                    {.in = {{kLan, may_be_cut}},
                     .out = {{kWan, pieces[0]}, {kWan, pieces[1]}},
                     .counters = {{CounterId::kPacketsCut, 1}}}}};
}

PacketCase ttl() {
  const Frame first = from_host(udp(host(0), kRemote).ttl(1));
  const Frame answer = from_wan(udp(kRemote, at_public(5'000)).ttl(1));
  return {.name = "TracerouteSeesTheGateway",
          .config = gateway(),
          .steps = {{.in = {{kLan, first}},
                     .out = {{kLan, told_host(first, 11, 0)}},
                     .counters = {{CounterId::kDropTtlExceeded, 1}}},
                    to_outside(udp(host(0), kRemote), udp(at_public(5'000), kRemote)),
                    {.in = {{kWan, answer}},
                     .out = {{kWan, time_exceeded(answer)}},
                     .counters = {{CounterId::kDropTtlExceeded, 1}}}}};
}

PacketCase forgotten_connection() {
  return {.name = "APacketOfAForgottenConnectionIsDropped",
          .config = gateway(),
          .steps = {{.in = {{kLan, from_host(tcp(host(0), kRemote))},
                            {kLan, from_host(tcp(host(0), kRemote).flags(table::kTcpRst))}},
                     .counters = {{CounterId::kDropNoSession, 2}}}}};
}

PacketCase reconnect() {
  const auto rst = [](FrameBuilder frame) { return frame.flags(table::kTcpRst); };
  return {.name = "AConnectionThatIsOverMayBeOpenedAnew",
          .config = gateway(),
          .steps = {opened(5'000, 5'000),
                    to_inside(rst(tcp(kRemote, at_public(5'000))), rst(tcp(kRemote, host(0)))),
                    opened(5'000, 5'000),
                    to_inside(tcp(kRemote, at_public(5'000)), tcp(kRemote, host(0)))}};
}

PacketCase what_is_ours() {
  DirectorConfig config = gateway();
  config.services = {tcp_service()};
  config.services[0].local_addresses = {{.id = 2, .address = kLocalAddress}};
  config.services[0].servers[0].endpoint = host(2, 8'080);
  config.snat_rules[0].public_addresses[1].id = 1;
  const Frame ssh = from_host(syn(host(0), {kLanAddress, net::Be16::from_host(22)}));
  const Frame vip_ssh = from_host(syn(host(0), {kTcpVip.address, net::Be16::from_host(22)}));
  return {.name = "AServiceStaysAServiceAndTheGatewaysPortsTheKernels",
          .config = config,
          .steps = {{.in = {{kLan, from_host(syn(host(0), kTcpVip))}},
                     .out = {{kLan, to_host(syn(local(1'024), host(2, 8'080)), 2).ttl(63)}}},
                    {.in = {{kLan, ssh}, {kLan, vip_ssh}},
                     .to_kernel = {ssh, vip_ssh},
                     .counters = {{CounterId::kPuntOther, 1}, {CounterId::kPuntVip, 1}}}}};
}

PacketCase other_sources() {
  const Frame stranger = from_host(syn(endpoint("10.9.0.1:5000"), kRemote));
  const Frame other_protocol = from_host(ip_packet(host(0).address, kRemote.address, 47));
  return {.name = "WhatNoRuleTakesIsTheKernels",
          .config = gateway(),
          .steps = {{.in = {{kLan, stranger}, {kLan, other_protocol}},
                     .to_kernel = {other_protocol, stranger},
                     .counters = {{CounterId::kPuntOther, 2}}}}};
}

std::function<void(Director&)> rules(std::vector<snapshot::SnatRuleSpec> specs) {
  return [specs](Director& director) { director.install_snat(specs); };
}

PacketCase rule_removed() {
  const Step open = to_outside(udp(host(0), kRemote), udp(at_public(5'000), kRemote));
  Step gone{.before = rules({}),
            .in = {{kLan, from_host(udp(host(0), kRemote))}},
            .counters = {{CounterId::kDropServerRemoved, 1}}};
  Step back = open;
  back.before = rules({office_rule()});
  return {.name = "SessionsOfARemovedRuleRestUntilItIsBack",
          .config = gateway(),
          .steps = {open, gone, back}};
}

// The old session stays where it was, new ones take the address that is left.
PacketCase public_address_removed() {
  snapshot::SnatRuleSpec moved = office_rule();
  moved.public_addresses = {{.id = 0, .address = kPublic2}};
  const net::Endpoint new_outside{kPublic2, net::Be16::from_host(1'024)};
  Step anew = to_outside(udp(host(0), kRemote2), udp(new_outside, kRemote2));
  anew.before = rules({moved});
  return {.name = "AReloadMovesNewSessionsToTheNewPublicAddress",
          .config = gateway(),
          .steps = {to_outside(udp(host(0), kRemote), udp(at_public(5'000), kRemote)), anew,
                    to_inside(udp(kRemote, at_public(5'000)), udp(kRemote, host(0))),
                    to_inside(udp(kRemote2, new_outside), udp(kRemote2, host(0))),
                    after(302, to_outside(udp(host(0), kRemote),
                                          udp({kPublic2, net::Be16::from_host(5'000)}, kRemote)))}};
}

}  // namespace

std::vector<PacketCase> snat_refusal_cases() {
  return {no_port(),
          no_public_address(),
          no_mapping(),
          no_session(),
          rate_limited(),
          deterministic(),
          too_big(),
          ttl(),
          forgotten_connection(),
          reconnect(),
          what_is_ours(),
          other_sources(),
          rule_removed(),
          public_address_removed()};
}

}  // namespace sluice::test

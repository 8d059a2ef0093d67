// SPDX-License-Identifier: BSD-3-Clause
// Source NAT as RFC 4787 and RFC 5382 ask for it: mappings, ports, timers, filtering. Tests.
#include <string>

#include "tests/pipeline/snat_world.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using snapshot::SnatFiltering;
using table::kTcpAck;
using table::kTcpSyn;

snapshot::SnatRuleSpec open_rule() {
  snapshot::SnatRuleSpec rule = office_rule();
  rule.filtering = SnatFiltering::kEndpointIndependent;
  return rule;
}

using MakePacket = FrameBuilder (*)(const net::Endpoint&, const net::Endpoint&);

FrameBuilder udp_of(const net::Endpoint& from, const net::Endpoint& to) { return udp(from, to); }

PacketCase same_endpoint_to_everybody(const std::string& name, MakePacket packet) {
  return {.name = "N1" + name + "LooksTheSameToEveryDestination",
          .config = gateway(),
          .steps = {to_outside(packet(host(0), kRemote), packet(at_public(5'000), kRemote)),
                    to_outside(packet(host(0), kRemote2), packet(at_public(5'000), kRemote2)),
                    to_inside(packet(kRemote2, at_public(5'000)), packet(kRemote2, host(0))),
                    to_inside(packet(kRemote, at_public(5'000)), packet(kRemote, host(0)))}};
}

PacketCase ipv6() {
  const net::Endpoint outside{kPublic6, net::Be16::from_host(5'000)};
  const auto there = [&](FrameBuilder in, FrameBuilder out) { return to_outside(in, out); };
  return {.name = "N1IPv6LooksTheSameAsLongAsItIsMapped",
          .config = gateway(),
          .steps = {there(syn(host6(0), kRemote6), syn(outside, kRemote6)),
                    to_inside(tcp(kRemote6, outside), tcp(kRemote6, host6(0))),
                    there(udp(host6(0), kRemote6).payload_bytes(9),
                          udp(outside, kRemote6).payload_bytes(9)),
                    to_inside(udp(kRemote6, outside), udp(kRemote6, host6(0)))}};
}

// Ports 5000 of three hosts: one keeps it, the others get even ones (RFC 4787 REQ-4).
PacketCase no_overloading() {
  return {.name = "N2TwoInsideEndpointsNeverShareAPublicOne",
          .config = gateway(),
          .steps = {to_outside(syn(host(0), kRemote), syn(at_public(5'000), kRemote), 0),
                    to_outside(syn(host(1), kRemote), syn(at_public(1'024), kRemote), 1),
                    to_outside(syn(host(2), kRemote2), syn(at_public(1'026), kRemote2), 2),
                    to_outside(udp(host(1), kRemote), udp(at_public(5'000), kRemote), 1),
                    to_inside(tcp(kRemote, at_public(1'024)), tcp(kRemote, host(1)), 1),
                    to_inside(udp(kRemote, at_public(5'000)), udp(kRemote, host(1)), 1)}};
}

PacketCase parity() {
  return {.name = "N3PortsKeepParityAndStayAbove1023",
          .config = gateway(),
          .steps = {to_outside(udp(host(0, 5'001), kRemote), udp(at_public(5'001), kRemote), 0),
                    to_outside(udp(host(1, 5'001), kRemote), udp(at_public(1'025), kRemote), 1),
                    to_outside(udp(host(0, 40'000), kRemote), udp(at_public(1'026), kRemote), 0),
                    to_outside(udp(host(0, 123), kRemote), udp(at_public(1'027), kRemote), 0)}};
}

// Ports 1024 to 1027, two addresses: the fifth connection must leave by the other one.
PacketCase paired() {
  snapshot::SnatRuleSpec rule = office_rule();
  rule.public_addresses = {{.id = 0, .address = kPublic}, {.id = 2, .address = kPublic2}};
  DirectorConfig config = gateway(rule);
  config.local_ports = {1'024, 1'027};
  std::vector<Step> steps;
  const net::Address own = kPublic2, other = kPublic;  // by the hash of the host's address
  for (const uint16_t port : {1'024, 1'025, 1'026, 1'027}) {
    const net::Endpoint outside{own, net::Be16::from_host(port)};
    steps.push_back(to_outside(syn(host(0, port), kRemote), syn(outside, kRemote)));
  }
  Step fifth =
      to_outside(syn(host(0, 1'028), kRemote), syn({other, net::Be16::from_host(1'024)}, kRemote));
  fifth.counters = {{CounterId::kSnatUnpaired, 1}};
  steps.push_back(fifth);
  return {.name = "N3AHostKeepsOneAddressUntilItsPortsRunOut", .config = config, .steps = steps};
}

PacketCase udp_timer() {
  const auto out = to_outside(udp(host(0), kRemote), udp(at_public(5'000), kRemote));
  const auto answer = to_inside(udp(kRemote, at_public(5'000)), udp(kRemote, host(0)));
  return {.name = "N4AUdpMappingLivesFiveMinutesAfterItsLastPacket",
          .config = gateway(),
          .steps = {out, after(299, out), after(299, answer),
                    after(302, ignored(udp(kRemote, at_public(5'000)))),
                    to_outside(udp(host(1), kRemote), udp(at_public(5'000), kRemote), 1)}};
}

PacketCase kept_by_any_session() {
  return {.name = "N4AMappingLivesAsLongAsAnySessionOfIt",
          .config = gateway(),
          .steps = {to_outside(udp(host(0), kRemote), udp(at_public(5'000), kRemote)),
                    after(200, to_outside(udp(host(0), kRemote2), udp(at_public(5'000), kRemote2))),
                    after(200, ignored(udp(kRemote, at_public(5'000)))),
                    to_outside(udp(host(0), kRemote), udp(at_public(5'000), kRemote)),
                    to_inside(udp(kRemote2, at_public(5'000)), udp(kRemote2, host(0)))}};
}

std::vector<Step> handshake() {
  constexpr uint8_t kSynAck = kTcpSyn | kTcpAck;
  return {to_outside(syn(host(0), kRemote), syn(at_public(5'000), kRemote)),
          to_inside(tcp(kRemote, at_public(5'000)).flags(kSynAck),
                    tcp(kRemote, host(0)).flags(kSynAck)),
          to_outside(tcp(host(0), kRemote), tcp(at_public(5'000), kRemote))};
}

PacketCase tcp_timers() {
  std::vector<Step> steps = handshake();
  const Step answer = to_inside(tcp(kRemote, at_public(5'000)), tcp(kRemote, host(0)));
  steps.push_back(after(7'439, answer));
  steps.push_back(after(7'442, ignored(tcp(kRemote, at_public(5'000)))));
  return {
      .name = "N5AnIdleConnectionLivesTwoHoursAndFourMinutes", .config = gateway(), .steps = steps};
}

PacketCase half_open_timer() {
  const Step answer = to_inside(tcp(kRemote, at_public(5'000)), tcp(kRemote, host(0)));
  return {.name = "N5AHalfOpenConnectionLivesFourMinutes",
          .config = gateway(),
          .steps = {to_outside(syn(host(0), kRemote), syn(at_public(5'000), kRemote)),
                    after(239, to_inside(syn(kRemote, at_public(5'000)), syn(kRemote, host(0)))),
                    after(242, ignored(tcp(kRemote, at_public(5'000))))}};
}

// Both send SYN, both SYN and ACK (RFC 9293 3.5); then it is as established as any.
PacketCase simultaneous_open() {
  constexpr uint8_t kSynAck = kTcpSyn | kTcpAck;
  return {
      .name = "N6SimultaneousOpenEstablishes",
      .config = gateway(),
      .steps = {to_outside(syn(host(0), kRemote), syn(at_public(5'000), kRemote)),
                to_inside(syn(kRemote, at_public(5'000)), syn(kRemote, host(0))),
                to_outside(tcp(host(0), kRemote).flags(kSynAck),
                           tcp(at_public(5'000), kRemote).flags(kSynAck)),
                to_inside(tcp(kRemote, at_public(5'000)).flags(kSynAck),
                          tcp(kRemote, host(0)).flags(kSynAck)),
                to_inside(tcp(kRemote, at_public(5'000)), tcp(kRemote, host(0))),
                to_outside(tcp(host(0), kRemote), tcp(at_public(5'000), kRemote)),
                after(7'000, to_inside(tcp(kRemote, at_public(5'000)), tcp(kRemote, host(0))))}};
}

PacketCase unsolicited() {
  return {
      .name = "N7AnUnsolicitedSynGetsNoAnswerAndTheOtherSideMayFollow",
      .config = gateway(),
      .steps = {ignored(syn(kRemote, at_public(5'000))),
                after(5, to_outside(syn(host(0), kRemote), syn(at_public(5'000), kRemote))),
                to_inside(syn(kRemote, at_public(5'000)), syn(kRemote, host(0))),
                ignored(syn(kRemote2, at_public(5'000))), ignored(udp(kRemote, at_public(5'000)))}};
}

PacketCase endpoint_independent(const std::string& name, MakePacket packet) {
  return {.name = name,
          .config = gateway(open_rule()),
          .steps = {to_outside(packet(host(0), kRemote), packet(at_public(5'000), kRemote)),
                    to_inside(packet(kRemote2, at_public(5'000)), packet(kRemote2, host(0))),
                    to_outside(packet(host(0), kRemote2), packet(at_public(5'000), kRemote2)),
                    ignored(packet(kRemote2, at_public(5'001)))}};
}

PacketCase endpoint_independent_refusals() {
  return {.name = "FilteringByNobodyStillAsksForASynAndAnHonestSource",
          .config = gateway(open_rule()),
          .steps = {to_outside(syn(host(0), kRemote), syn(at_public(5'000), kRemote)),
                    ignored(tcp(kRemote2, at_public(5'000))),
                    ignored(syn(kRemote2, at_public(5'000)).ttl(1)),
                    ignored(syn(at_public(1), at_public(5'000)), CounterId::kDropBadAddress)}};
}

PacketCase fragments() {
  const auto there = [](const Frame& whole, uint32_t id) { return fragments_of(whole, 1'400, id); };
  const Frame sent = from_host(udp(host(0), kRemote)).payload_bytes(3'000).may_be_fragmented();
  const Frame left =
      to_wan(udp(at_public(5'000), kRemote)).payload_bytes(3'000).may_be_fragmented().ttl(63);
  const Frame answer =
      from_wan(udp(kRemote, at_public(5'000))).payload_bytes(3'000).may_be_fragmented();
  const Frame arrived =
      to_host(udp(kRemote, host(0))).payload_bytes(3'000).may_be_fragmented().ttl(63);
  const auto in = there(sent, 0xABCD), out = there(left, 0), back = there(answer, 0xBEEF);
  const auto home = there(arrived, 0xBEEF);
  return {.name = "N14N19FragmentsPassInAnyOrderBothWays",
          .config = gateway(),
          .steps = {{.in = {{kLan, in[0]}, {kLan, in[1]}, {kLan, in[2]}},
                     .out = {{kWan, out[0]}, {kWan, out[1]}, {kWan, out[2]}},
                     .counters = {{CounterId::kFragments, 3}}},
                    {.in = {{kWan, back[2]}, {kWan, back[0]}, {kWan, back[1]}},
                     .act = poll_rounds(2),
                     .out = {{kLan, home[0]}, {kLan, home[1]}, {kLan, home[2]}},
                     .counters = {{CounterId::kFragments, 3}, {CounterId::kFragmentsHeld, 1}}}}};
}

PacketCase no_udp_checksum() {
  return {.name = "N18AUdpChecksumOfZeroStays",
          .config = gateway(),
          .steps = {to_outside(udp(host(0), kRemote).no_udp_checksum(),
                               udp(at_public(5'000), kRemote).no_udp_checksum())}};
}

PacketCase computed_zero() {
  FrameBuilder out = udp(at_public(5'000), kRemote).payload_bytes(4);
  out.solve_payload_for_checksum(0);
  FrameBuilder in = udp(host(0), kRemote).payload(out.payload());
  return {.name = "N18AComputedUdpChecksumOfZeroIsSentAsOnes",
          .config = gateway(),
          .steps = {to_outside(in, out)}};
}

}  // namespace

std::vector<PacketCase> snat_cases() {
  return {same_endpoint_to_everybody("Tcp", syn),
          same_endpoint_to_everybody("Udp", udp_of),
          ipv6(),
          no_overloading(),
          parity(),
          paired(),
          udp_timer(),
          kept_by_any_session(),
          tcp_timers(),
          half_open_timer(),
          simultaneous_open(),
          unsolicited(),
          endpoint_independent("FilteringByNobodyLetsEverybodysSynIn", syn),
          endpoint_independent("FilteringByNobodyLetsEverybodysDatagramsIn", udp_of),
          endpoint_independent_refusals(),
          fragments(),
          no_udp_checksum(),
          computed_zero()};
}

}  // namespace sluice::test

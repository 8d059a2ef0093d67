// SPDX-License-Identifier: BSD-3-Clause
// Source NAT and ICMP as RFC 5508 asks for it: pings, errors from both sides. Tests.
#include <string>

#include "tests/pipeline/snat_world.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;

const net::Address kFarRouter = address("203.0.113.1");
const net::Address kInsideRouter = address("10.0.0.3");
const net::Endpoint kPublicPing = at_public(2'000);
const net::Endpoint kPing = host(0, 2'000);

Step open_tcp() { return to_outside(syn(host(0), kRemote), syn(at_public(5'000), kRemote)); }

Step open_udp() { return to_outside(udp(host(0), kRemote), udp(at_public(5'000), kRemote)); }

FrameBuilder left_by_udp() { return udp(at_public(5'000), kRemote).ttl(63).payload_bytes(20); }
FrameBuilder sent_by_udp() { return udp(host(0), kRemote).ttl(63).payload_bytes(20); }

/// A router outside says "host unreachable" about what left.
FrameBuilder unreachable(const Frame& offending) {
  return icmp_error(kFarRouter, kPublic, 3, 1, 0, offending);
}

Step error_to_host(const Frame& in, FrameBuilder out) {
  return {.in = {{kWan, in}},
          .out = {{kLan, to_host(out).ttl(63)}},
          .counters = {{CounterId::kIcmpErrorsForwarded, 1}}};
}

PacketCase pings() {
  const net::Address other = kRemote2.address;
  return {.name = "N12PingsPassAndN1TheirIdentifierLooksTheSame",
          .config = gateway(),
          .steps = {to_outside(ping(kPing, kRemote.address), ping(kPublicPing, kRemote.address)),
                    to_inside(pong(kRemote.address, kPublicPing), pong(kRemote.address, kPing)),
                    to_outside(ping(kPing, other), ping(kPublicPing, other)),
                    to_outside(ping(host(1, 2'000), other), ping(at_public(1'024), other), 1),
                    to_inside(pong(other, at_public(1'024)), pong(other, host(1, 2'000)), 1),
                    to_inside(pong(other, kPublicPing), pong(other, kPing))}};
}

PacketCase pings6() {
  const net::Endpoint outside{kPublic6, net::Be16::from_host(2'000)};
  const net::Address remote = kRemote6.address;
  return {.name = "N12PingsOfIPv6Pass",
          .config = gateway(),
          .steps = {to_outside(ping(host6(0, 2'000), remote), ping(outside, remote)),
                    to_inside(pong(remote, outside), pong(remote, host6(0, 2'000)))}};
}

PacketCase ping_timer() {
  const net::Address remote = kRemote.address;
  const Step answer = to_inside(pong(remote, kPublicPing), pong(remote, kPing));
  return {.name = "N12APingMayBeAnsweredForAMinute",
          .config = gateway(),
          .steps = {to_outside(ping(kPing, remote), ping(kPublicPing, remote)), after(59, answer),
                    after(62, ignored(pong(remote, kPublicPing)))}};
}

// The kernel holds the public address, if anybody does.
PacketCase pings_that_are_not_ours() {
  const Frame from_outside = from_wan(ping(kRemote, kPublic));
  const Frame to_the_gateway = from_host(ping(kPing, kLanAddress));
  const Frame reply = from_host(pong(host(0).address, kRemote));
  return {.name = "PingsOfTheGatewayItselfAreTheKernels",
          .config = gateway(),
          .steps = {{.in = {{kWan, from_outside}, {kLan, to_the_gateway}, {kLan, reply}},
                     .to_kernel = {from_outside, to_the_gateway, reply},
                     .counters = {{CounterId::kPuntIcmp, 3}}}}};
}

PacketCase large_ping() {
  Frame message = ping(kPing, kRemote.address).payload();
  message.resize(1'700);  // zeros leave the checksum as it is
  const Frame sent = from_host(ip_packet(host(0).address, kRemote.address, 1).payload(message));
  return {.name = "N13APingLargerThanItsWayIsToldHowMuchFits",
          .config = gateway(),
          .steps = {{.in = {{kLan, sent}},
                     .out = {{kLan, told_host(sent, 3, 4, 1'500)}},
                     .counters = {{CounterId::kDropTooBig, 1}}}}};
}

PacketCase cut_ping() {
  Frame message = ping(kPing, kRemote.address).payload();
  Frame translated = ping(at_public(2'000), kRemote.address).payload();
  message.resize(1'700);
  translated.resize(1'700);
  const Frame sent = from_host(ip_packet(host(0).address, kRemote.address, 1).payload(message))
                         .may_be_fragmented();
  const Frame left = to_wan(ip_packet(kPublic, kRemote.address, 1).payload(translated))
                         .may_be_fragmented()
                         .ttl(63);
  const auto pieces = fragments_of(left, 1'480, 0);
  return {.name = "N13APingThatMayBeCutIs",
          .config = gateway(),
          .steps = {{.in = {{kLan, sent}},
                     .out = {{kWan, pieces[0]}, {kWan, pieces[1]}},
                     .counters = {{CounterId::kPacketsCut, 1}}}}};
}

PacketCase errors_change_nothing() {
  const auto error = error_to_host(from_wan(unreachable(left_by_udp())),
                                   icmp_error(kFarRouter, host(0).address, 3, 1, 0, sent_by_udp()));
  return {.name = "N9ErrorsNeitherEndNorRefreshAMapping",
          .config = gateway(),
          .steps = {open_udp(), after(200, error),
                    to_inside(udp(kRemote, at_public(5'000)), udp(kRemote, host(0))),
                    after(200, error), after(102, ignored(udp(kRemote, at_public(5'000))))}};
}

PacketCase error_from_outside() {
  return {.name = "N10AnErrorFromOutsideQuotesWhatTheHostSentAndShowsTheRouter",
          .config = gateway(),
          .steps = {open_tcp(),
                    error_to_host(from_wan(icmp_error(
                                      kFarRouter, kPublic, 3, 4, 1'400,
                                      tcp(at_public(5'000), kRemote).ttl(63).payload_bytes(9))),
                                  icmp_error(kFarRouter, host(0).address, 3, 4, 1'400,
                                             tcp(host(0), kRemote).ttl(63).payload_bytes(9)))}};
}

PacketCase error_about_a_ping() {
  const net::Address remote = kRemote.address;
  return {
      .name = "N10AnErrorAboutAPingFindsItsHost",
      .config = gateway(),
      .steps = {to_outside(ping(kPing, remote), ping(kPublicPing, remote)),
                error_to_host(
                    from_wan(icmp_error(kFarRouter, kPublic, 11, 0, 0, ping(kPublicPing, remote))),
                    icmp_error(kFarRouter, host(0).address, 11, 0, 0, ping(kPing, remote)))}};
}

PacketCase error_from_inside() {
  const Frame arrived = udp(kRemote, host(0)).ttl(63).payload_bytes(11);
  const Frame answered = udp(kRemote, at_public(5'000)).ttl(63).payload_bytes(11);
  return {
      .name = "N10AnErrorFromInsideComesFromThePublicAddress",
      .config = gateway(),
      .steps = {
          open_udp(),
          {.in = {{kLan, from_host(icmp_error(kInsideRouter, kRemote.address, 3, 13, 0, arrived))}},
           .out = {{kWan,
                    to_wan(icmp_error(kPublic, kRemote.address, 3, 13, 0, answered)).ttl(63)}},
           .counters = {{CounterId::kIcmpErrorsForwarded, 1}}}}};
}

PacketCase error_without_mapping() {
  const Frame from_inside =
      from_host(icmp_error(host(0).address, kRemote.address, 3, 3, 0, udp(kRemote, host(0, 7))));
  return {.name = "N10AnErrorWithoutAMappingIsDroppedSilently",
          .config = gateway(),
          .steps = {ignored(unreachable(udp(at_public(4'000), kRemote).ttl(63))),
                    {.in = {{kLan, from_inside}}, .counters = {{CounterId::kDropNoSession, 1}}}}};
}

PacketCase bad_error() {
  Frame wrong_sum = from_wan(unreachable(left_by_udp()));
  wrong_sum[36] ^= 1;
  const Frame wrong_quote = left_by_udp().ip_checksum(0x1234);
  return {.name = "N11ErrorsWithAWrongChecksumWithoutOrWithinAreDropped",
          .config = gateway(),
          .steps = {open_udp(),
                    {.in = {{kWan, wrong_sum}, {kWan, from_wan(unreachable(wrong_quote))}},
                     .counters = {{CounterId::kDropBadIcmp, 2}}}}};
}

PacketCase quoted_options() {
  const Frame options = {7, 3, 4, 1};
  return {
      .name = "N11OptionsOfTheQuotedPacketAreSkipped",
      .config = gateway(),
      .steps = {open_udp(), error_to_host(from_wan(unreachable(left_by_udp().ip_options(options))),
                                          icmp_error(kFarRouter, host(0).address, 3, 1, 0,
                                                     sent_by_udp().ip_options(options)))}};
}

PacketCase quoted_checksum() {
  return {
      .name = "N11TheChecksumOfTheQuotedDatagramIsNotVerified",
      .config = gateway(),
      .steps = {open_udp(), error_to_host(from_wan(unreachable(left_by_udp().no_udp_checksum())),
                                          icmp_error(kFarRouter, host(0).address, 3, 1, 0,
                                                     sent_by_udp().no_udp_checksum()))}};
}

}  // namespace

std::vector<PacketCase> snat_icmp_cases() {
  return {pings(),
          pings6(),
          ping_timer(),
          pings_that_are_not_ours(),
          large_ping(),
          cut_ping(),
          errors_change_nothing(),
          error_from_outside(),
          error_about_a_ping(),
          error_from_inside(),
          error_without_mapping(),
          bad_error(),
          quoted_options(),
          quoted_checksum()};
}

}  // namespace sluice::test

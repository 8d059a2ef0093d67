// SPDX-License-Identifier: BSD-3-Clause
// TOA: the segments that carry the client's address, and those that have no room for it. Tests.
#include "tests/pipeline/disclosure.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using table::ClientAddress;
using table::kTcpAck;
using table::kTcpSyn;

constexpr net::Protocol kTcp = net::Protocol::kTcp;
const Frame kMss1460 = {2, 4, 0x05, 0xB4};

Frame mss_less(uint8_t bytes) { return {2, 4, 0x05, static_cast<uint8_t>(0xB4 - bytes)}; }

Frame joined(Frame front, const Frame& behind) {
  append(front, behind);
  return front;
}

PacketCase on_the_packets_that_matter(const Versions& versions) {
  Disclosing talk(kTcp, ClientAddress::kToa, versions);
  const Frame toa = client_option(254, talk.client);
  const Frame spoofed = client_option(254, endpoint("203.0.113.66:666"));
  const Frame stamps = {1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7};
  const Frame request = with_payload({}, 100);
  return talk.named(
      "ToaGoesWithTheHandshakeAckAndTheRequest" + name_of(versions),
      {talk.forth(talk.request(0, 0, kTcpSyn).tcp_options(joined(kMss1460, spoofed)),
                  {talk.at_server(0, 0, kTcpSyn).tcp_options(joined(kMss1460, Frame(8, 1)))},
                  {{CounterId::kClaimsRemoved, 1}, {CounterId::kToaSent, 0}}),
       talk.back(talk.answer(0, 1, kTcpSyn | kTcpAck).tcp_options(kMss1460),
                 talk.at_client(0, 1, kTcpSyn | kTcpAck)
                     .tcp_options(mss_less(static_cast<uint8_t>(toa.size())))),
       talk.forth(talk.request(1, 1), {talk.at_server(1, 1).tcp_options(toa)},
                  {{CounterId::kToaSent, 1}}),
       talk.forth(talk.request(1, 1).tcp_options(stamps).payload(request),
                  {talk.at_server(1, 1).tcp_options(joined(toa, stamps)).payload(request)},
                  {{CounterId::kToaSent, 1}}),
       talk.back(talk.answer(1, 101).payload_bytes(9), talk.at_client(1, 101).payload_bytes(9)),
       talk.forth(talk.request(101, 10), {talk.at_server(101, 10)}, {{CounterId::kToaSent, 0}})});
}

PacketCase both_kinds_are_blanked() {
  Disclosing talk(kTcp, ClientAddress::kToa, {false, false});
  std::vector<Step> steps = talk.open();
  const Frame old_kind = client_option(253, endpoint("[2001:db8:bad::1]:666"));
  const Frame toa = client_option(254, talk.client);
  steps.push_back(talk.forth(talk.request(1, 1).tcp_options(old_kind),
                             {talk.at_server(1, 1).tcp_options(joined(toa, Frame(20, 1)))},
                             {{CounterId::kClaimsRemoved, 1}, {CounterId::kToaSent, 1}}));
  return talk.named("ToaRemovesClaimsOfTheOlderKind", steps);
}

PacketCase full_header() {
  Disclosing talk(kTcp, ClientAddress::kToa);
  std::vector<Step> steps = talk.open();
  const Frame toa = client_option(254, talk.client);
  steps.push_back(talk.forth(talk.request(1, 1).tcp_options(Frame(36, 1)),
                             {talk.at_server(1, 1).tcp_options(Frame(36, 1))},
                             {{CounterId::kToaSkipped, 1}, {CounterId::kToaSent, 0}}));
  steps.push_back(talk.forth(talk.request(1, 1).tcp_options(Frame(32, 1)),
                             {talk.at_server(1, 1).tcp_options(joined(toa, Frame(32, 1)))},
                             {{CounterId::kToaSkipped, 0}, {CounterId::kToaSent, 1}}));
  return talk.named("ToaIsSkippedInAFullTcpHeader", steps);
}

// The last byte that fits with TOA, one more, and more than fits without.
PacketCase full_mtu(const Versions& versions, size_t fits, uint32_t mtu) {
  Disclosing talk(kTcp, ClientAddress::kToa, versions);
  std::vector<Step> steps = talk.open();
  const Frame toa = client_option(254, talk.client);
  const Frame too_long = talk.request(1, 1).payload_bytes(fits + toa.size() + 1);
  steps.push_back({.in = {{kWan, too_long}},
                   .out = {{kWan, too_big(too_long, mtu)}},
                   .counters = {{CounterId::kDropTooBig, 1}}});
  steps.push_back(talk.forth(talk.request(1, 1).payload_bytes(fits),
                             {talk.at_server(1, 1).tcp_options(toa).payload_bytes(fits)},
                             {{CounterId::kToaSent, 1}}));
  for (const size_t more : {size_t{1}, toa.size()}) {
    steps.push_back(talk.forth(talk.request(1, 1).payload_bytes(fits + more),
                               {talk.at_server(1, 1).payload_bytes(fits + more)},
                               {{CounterId::kToaSkipped, 1}}));
  }
  return talk.named("ToaIsSkippedAtTheMtu" + name_of(versions), steps);
}

PacketCase fragments_go_without() {
  Disclosing talk(kTcp, ClientAddress::kToa);
  std::vector<Step> steps = talk.open();
  const Frame spoofed = client_option(254, endpoint("203.0.113.66:666"));
  const auto in =
      fragments_of(talk.request(1, 1).tcp_options(spoofed).payload_bytes(2'000), 1'000, 5);
  const auto out = fragments_of(talk.at_server(1, 1).tcp_options(Frame(8, 1)).payload_bytes(2'000),
                                1'000, talk.take_id());
  Step step;
  for (size_t i = 0; i < in.size(); ++i) {
    step.in.push_back({kWan, in[i]});
    step.out.push_back({kLan, out[i]});
  }
  step.counters = {{CounterId::kToaSkipped, 1}, {CounterId::kClaimsRemoved, 1}};
  steps.push_back(step);
  return talk.named("ToaIsSkippedInFragments", steps);
}

PacketCase cut_segments_go_without() {
  Disclosing talk(kTcp, ClientAddress::kToa);
  std::vector<Step> steps = talk.open();
  Step step{.in = {{kWan, talk.request(1, 1).may_be_fragmented().payload_bytes(1'800)}},
            .counters = {{CounterId::kToaSkipped, 1}, {CounterId::kPacketsCut, 1}}};
  for (const Frame& piece :
       fragments_of(talk.at_server(1, 1).payload_bytes(1'800), 1'480, talk.take_id())) {
    step.out.push_back({kLan, piece});
  }
  steps.push_back(step);
  return talk.named("ToaIsSkippedInSegmentsThatAreCut", steps);
}

PacketCase other_modes_see_the_client() {
  Disclosing talk(kTcp, ClientAddress::kToa);
  talk.config.services[0].servers[0].mode = snapshot::ForwardingMode::kNat;
  talk.config.services[0].renews_sequence_numbers = true;
  const auto out = to_server(tcp(kClient, talk.server)).ttl(63).flags(kTcpSyn);
  return talk.named("ToaIsForFullNatAlone",
                    {{.in = {{kWan, talk.request().flags(kTcpSyn)}}, .out = {{kLan, out}}}});
}

}  // namespace

std::vector<PacketCase> toa_cases() {
  std::vector<PacketCase> cases = {both_kinds_are_blanked(),
                                   full_header(),
                                   full_mtu({true, true}, 1'452, 1'492),
                                   full_mtu({false, false}, 1'420, 1'480),
                                   full_mtu({false, true}, 1'440, 1'500),
                                   full_mtu({true, false}, 1'432, 1'472),
                                   fragments_go_without(),
                                   cut_segments_go_without(),
                                   other_modes_see_the_client()};
  for (const Versions& versions : kVersions) {
    cases.push_back(on_the_packets_that_matter(versions));
  }
  return cases;
}

}  // namespace sluice::test

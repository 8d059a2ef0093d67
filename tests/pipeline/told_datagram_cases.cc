// SPDX-License-Identifier: BSD-3-Clause
// PROXY version 2 and UOA in datagrams. Tests.
#include "tests/pipeline/disclosure.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using table::ClientAddress;

constexpr net::Protocol kUdp = net::Protocol::kUdp;
constexpr uint8_t kUoaProtocol = 248;

Frame header_of(const Disclosing& talk) {
  const bool is_v4 = talk.client.address.is_v4();
  Frame header = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21};
  append(header, is_v4 ? Frame{0x12, 0, 12} : Frame{0x22, 0, 36});
  append(header, {talk.client.address, {}}, false);
  append(header, {talk.vip.address, {}}, false);
  append(header, Frame{0x9C, 0x40, 0, 53});
  return header;
}

PacketCase proxy(const Versions& versions) {
  Disclosing talk(kUdp, ClientAddress::kProxyV2, versions);
  std::vector<Step> steps;
  for (const size_t bytes : {10, 0, 501}) {
    steps.push_back(talk.forth(talk.request().payload_bytes(bytes),
                               {talk.at_server().payload(with_payload(header_of(talk), bytes))},
                               {{CounterId::kProxyHeadersSent, 1}}));
    steps.push_back(
        talk.back(talk.answer().payload_bytes(bytes), talk.at_client().payload_bytes(bytes)));
  }
  return talk.named("ProxyHeaderInEveryDatagram" + name_of(versions), steps);
}

PacketCase without_checksum(const Versions& versions) {
  Disclosing talk(kUdp, ClientAddress::kProxyV2, versions);
  auto out = talk.at_server().payload(with_payload(header_of(talk), 11));
  if (versions.is_server_v4) {
    out.no_udp_checksum();
  }
  return talk.named("ProxyHeaderInADatagramWithoutChecksum" + name_of(versions),
                    {talk.forth(talk.request().payload_bytes(11).no_udp_checksum(), {out})});
}

PacketCase proxy_too_big() {
  Disclosing talk(kUdp, ClientAddress::kProxyV2);
  const Frame too_long = talk.request().payload_bytes(1'445);
  return talk.named("ProxyHeadersBytesAreOffTheToldMtu",
                    {{.in = {{kWan, too_long}},
                      .out = {{kWan, too_big(too_long, 1'472)}},
                      .counters = {{CounterId::kDropTooBig, 1}}},
                     talk.forth(talk.request().payload_bytes(1'444),
                                {talk.at_server().payload(with_payload(header_of(talk), 1'444))},
                                {{CounterId::kProxyHeadersSent, 1}})});
}

PacketCase proxy_cut() {
  Disclosing talk(kUdp, ClientAddress::kProxyV2);
  Step step{.in = {{kWan, talk.request().may_be_fragmented().payload_bytes(1'472)}},
            .counters = {{CounterId::kProxyHeadersSent, 1}, {CounterId::kPacketsCut, 1}}};
  const Frame whole = talk.at_server().payload(with_payload(header_of(talk), 1'472));
  for (const Frame& piece : fragments_of(whole, 1'480, talk.take_id())) {
    step.out.push_back({kLan, piece});
  }
  return talk.named("ProxyHeaderInADatagramThatIsCut", {step});
}

PacketCase fragments_go_without(ClientAddress how, CounterId skipped) {
  Disclosing talk(kUdp, how);
  const auto in = fragments_of(talk.request().payload_bytes(2'000), 1'000, 5);
  const auto out = fragments_of(talk.at_server().payload_bytes(2'000), 1'000, talk.take_id());
  Step step{.counters = {{skipped, 1}}};
  for (size_t i = 0; i < in.size(); ++i) {
    step.in.push_back({kWan, in[i]});
    step.out.push_back({kLan, out[i]});
  }
  return talk.named(
      how == ClientAddress::kUoa ? "UoaIsSkippedInFragments" : "ProxyHeaderIsSkippedInFragments",
      {step});
}

/// The datagram `whole` with a header of protocol 248 between IP and UDP. Its checksum stays.
FrameBuilder in_uoa(const Disclosing& talk, const Frame& whole, size_t ip_header_bytes) {
  Frame content = {static_cast<uint8_t>(talk.client.address.is_v4() ? 0x10 : 0x20), 17, 0,
                   static_cast<uint8_t>(talk.client.address.is_v4() ? 12 : 24)};
  append(content, client_option(31, talk.client));
  append(content, Frame(whole.begin() + 14 + static_cast<ptrdiff_t>(ip_header_bytes), whole.end()));
  return to_server(FrameBuilder(talk.local, talk.server, kUoaProtocol)).ttl(63).payload(content);
}

PacketCase uoa(const Versions& versions) {
  Disclosing talk(kUdp, ClientAddress::kUoa, versions);
  std::vector<Step> steps;
  const size_t ip_header_bytes = versions.is_server_v4 ? 20 : 40;
  for (const size_t bytes : {10, 0, 501}) {
    steps.push_back(
        talk.forth(talk.request().payload_bytes(bytes),
                   {in_uoa(talk, talk.at_server().payload_bytes(bytes), ip_header_bytes)},
                   {{CounterId::kUoaSent, 1}}));
    steps.push_back(
        talk.back(talk.answer().payload_bytes(bytes), talk.at_client().payload_bytes(bytes)));
  }
  steps.push_back(talk.forth(talk.request().payload_bytes(10), {talk.at_server().payload_bytes(10)},
                             {{CounterId::kUoaSent, 0}}));
  return talk.named("UoaInTheFirstThreeDatagrams" + name_of(versions), steps);
}

PacketCase spoofed_uoa() {
  Disclosing talk(kUdp, ClientAddress::kUoa);
  const Frame spoofed = client_option(31, endpoint("203.0.113.66:666"));
  const Frame whole = talk.at_server().ip_options(Frame(8, 1)).payload_bytes(10);
  return talk.named("UoaRemovesClaimsOfTheClient",
                    {talk.forth(talk.request().ip_options(spoofed).payload_bytes(10),
                                {in_uoa(talk, whole, 28).ip_options(Frame(8, 1))},
                                {{CounterId::kClaimsRemoved, 1}, {CounterId::kUoaSent, 1}})});
}

PacketCase no_room_for_uoa() {
  Disclosing talk(kUdp, ClientAddress::kUoa);
  std::vector<Step> steps = {talk.forth(talk.request().payload_bytes(1'461),
                                        {talk.at_server().payload_bytes(1'461)},
                                        {{CounterId::kUoaSkipped, 1}})};
  Step cut{.in = {{kWan, talk.request().may_be_fragmented().payload_bytes(1'473)}},
           .counters = {{CounterId::kUoaSkipped, 1}, {CounterId::kPacketsCut, 1}}};
  for (const Frame& piece :
       fragments_of(talk.at_server().payload_bytes(1'473), 1'480, talk.take_id())) {
    cut.out.push_back({kLan, piece});
  }
  steps.push_back(cut);
  const Frame too_long = talk.request().payload_bytes(1'473);
  steps.push_back({.in = {{kWan, too_long}},
                   .out = {{kWan, too_big(too_long, 1'488)}},
                   .counters = {{CounterId::kDropTooBig, 1}}});
  return talk.named("UoaIsSkippedWithoutRoom", steps);
}

PacketCase extension_headers_go_without_uoa() {
  Disclosing talk(kUdp, ClientAddress::kUoa, {false, false});
  const Frame option = {0, 0, 1, 4, 0, 0, 0, 0};
  return talk.named("UoaIsSkippedBehindExtensionHeaders",
                    {talk.forth(talk.request().extension(60, option).payload_bytes(10),
                                {talk.at_server().extension(60, option).payload_bytes(10)},
                                {{CounterId::kUoaSkipped, 1}})});
}

PacketCase one_packet_sessions_go_without() {
  Disclosing talk(kUdp, ClientAddress::kProxyV2);
  talk.config.services[0].is_one_packet = true;
  return talk.named(
      "OnePacketSessionsTellNothing",
      {talk.forth(talk.request().payload_bytes(10), {talk.at_server().payload_bytes(10)},
                  {{CounterId::kProxyHeadersSent, 0}})});
}

}  // namespace

std::vector<PacketCase> told_datagram_cases() {
  std::vector<PacketCase> cases = {
      without_checksum({true, true}),
      without_checksum({true, false}),
      proxy_too_big(),
      proxy_cut(),
      fragments_go_without(ClientAddress::kProxyV2, CounterId::kProxyHeadersSkipped),
      fragments_go_without(ClientAddress::kUoa, CounterId::kUoaSkipped),
      spoofed_uoa(),
      no_room_for_uoa(),
      extension_headers_go_without_uoa(),
      one_packet_sessions_go_without()};
  for (const Versions& versions : kVersions) {
    cases.push_back(proxy(versions));
    cases.push_back(uoa(versions));
  }
  return cases;
}

}  // namespace sluice::test

// SPDX-License-Identifier: BSD-3-Clause
// New initial sequence numbers: seq, ack, SACK, timestamps, and what ICMP errors quote. Tests.
#include "tests/pipeline/disclosure.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using table::ClientAddress;
using table::kTcpAck;
using table::kTcpSyn;

constexpr net::Protocol kTcp = net::Protocol::kTcp;
constexpr uint32_t kSeconds = 3;
constexpr uint64_t kNowUs = kSeconds * 1'000'000 - 1;  // the scaled clock rounds down
constexpr uint32_t kTimestamp = kSeconds * 1'024;

Frame stamps(uint32_t value, uint32_t echo) {
  Frame options = {1, 1, 8, 10};
  for (const uint32_t number : {value, echo}) {
    for (const int shift : {24, 16, 8, 0}) {
      options.push_back(static_cast<uint8_t>(number >> shift));
    }
  }
  return options;
}

Frame sack(uint32_t left, uint32_t right) {
  Frame options = stamps(left, right);
  options[2] = 5;
  return options;
}

Disclosing renewing(const Versions& versions, ClientAddress how = ClientAddress::kNone) {
  Disclosing talk(kTcp, how, versions);
  talk.config.services[0].renews_sequence_numbers = true;
  const net::Flow to_server{talk.local, talk.server, 6};
  talk.server_sees = versions.is_server_v4 ? net::initial_sequence({}, to_server.key4(), kNowUs)
                                           : net::initial_sequence({}, to_server.key6(), kNowUs);
  return talk;
}

std::vector<Step> open_later(Disclosing& talk) {
  std::vector<Step> steps = talk.open();
  steps.front().before = wait_seconds(kSeconds);
  return steps;
}

PacketCase every_number(const Versions& versions) {
  Disclosing talk = renewing(versions);
  const uint32_t isn = talk.server_sees;
  std::vector<Step> steps = {
      talk.forth(talk.request(0, 0, kTcpSyn).tcp_options(stamps(5'000, 0)),
                 {talk.at_server(0, 0, kTcpSyn).tcp_options(stamps(kTimestamp, 0))}),
      talk.forth(talk.request(0, 0, kTcpSyn).tcp_options(stamps(5'900, 0)),
                 {talk.at_server(0, 0, kTcpSyn).tcp_options(stamps(kTimestamp + 900, 0))}),
      talk.back(talk.answer(0, 1, kTcpSyn | kTcpAck).tcp_options(stamps(77, kTimestamp)),
                talk.at_client(0, 1, kTcpSyn | kTcpAck).tcp_options(stamps(77, 5'000))),
      talk.forth(talk.request(1, 1).tcp_options(stamps(5'001, 77)).payload_bytes(100),
                 {talk.at_server(1, 1).tcp_options(stamps(kTimestamp + 1, 77)).payload_bytes(100)}),
      talk.back(talk.answer(1, 1).tcp_options(sack(isn + 101, isn + 201)),
                talk.at_client(1, 1).tcp_options(sack(kClientIsn + 101, kClientIsn + 201))),
      talk.forth(talk.request(0x7000'0000, 1), {talk.at_server(0x7000'0000, 1)}),
  };
  steps.front().before = wait_seconds(kSeconds);
  return talk.named("NewSequenceNumbers" + name_of(versions), steps);
}

// A SYN of another number: before the handshake ends it starts anew, afterwards it does not.
PacketCase another_syn() {
  Disclosing talk = renewing({});
  std::vector<Step> steps = open_later(talk);
  steps.push_back(talk.forth(talk.request(500, 0, kTcpSyn), {talk.at_server(0, 0, kTcpSyn)}));
  steps.push_back(
      talk.back(talk.answer(0, 1, kTcpSyn | kTcpAck), talk.at_client(0, 501, kTcpSyn | kTcpAck)));
  steps.push_back(talk.forth(talk.request(501, 1), {talk.at_server(1, 1)}));
  steps.push_back(talk.forth(talk.request(900, 0, kTcpSyn), {talk.at_server(400, 0, kTcpSyn)}));
  return talk.named("ASynWithinAConnectionKeepsItsNumbers", steps);
}

PacketCase fragmented_segment() {
  Disclosing talk = renewing({});
  std::vector<Step> steps = open_later(talk);
  const auto in = fragments_of(talk.request(1, 1).payload_bytes(2'000), 1'000, 5);
  const auto out = fragments_of(talk.at_server(1, 1).payload_bytes(2'000), 1'000, talk.take_id());
  const auto answer = fragments_of(talk.answer(1, 2'001).payload_bytes(2'000), 1'000, 6);
  const auto told =
      fragments_of(talk.at_client(1, 2'001).payload_bytes(2'000), 1'000, talk.take_id());
  Step forth, back;
  for (size_t i = 0; i < in.size(); ++i) {
    forth.in.push_back({kWan, in[i]});
    forth.out.push_back({kLan, out[i]});
    back.in.push_back({kLan, answer[i]});
    back.out.push_back({kWan, told[i]});
  }
  steps.push_back(forth);
  steps.push_back(back);
  return talk.named("NewSequenceNumbersInFragments", steps);
}

FrameBuilder error(const net::Address& from, const net::Address& to, uint32_t mtu,
                   const Frame& offending) {
  return from.is_v4() ? icmp_error(from, to, 3, 4, mtu, offending)
                      : icmp_error(from, to, 2, 0, mtu, offending);
}

// The quoted segment has its sender's numbers, and the MTU leaves room for TOA.
PacketCase quoted(const Versions& versions, uint32_t told_mtu) {
  Disclosing talk = renewing(versions, ClientAddress::kToa);
  std::vector<Step> steps = open_later(talk);
  const net::Address lan_router = address(versions.is_server_v4 ? "10.0.0.9" : "2001:db8:a::9");
  const net::Address far_router = address(versions.is_client_v4 ? "203.0.113.1" : "2001:db8:e::1");
  const auto request = talk.at_server(50, 1).payload_bytes(30);
  const auto answer = talk.at_client(10, 30).payload_bytes(30);
  steps.push_back(
      {.in = {{kLan, from_server(error(lan_router, talk.local.address, 1'400, request))}},
       .out = {{kWan, to_wan(error(talk.vip.address, talk.client.address, told_mtu,
                                   talk.request(50, 1).ttl(63).payload_bytes(30)))
                          .ttl(63)}},
       .counters = {{CounterId::kIcmpErrorsForwarded, 1}}});
  steps.push_back({.in = {{kWan, from_wan(error(far_router, talk.vip.address, 1'300, answer))}},
                   .out = {{kLan, to_server(error(talk.local.address, talk.server.address, 1'300,
                                                  talk.answer(10, 30).ttl(63).payload_bytes(30)))
                                      .ttl(63)}},
                   .counters = {{CounterId::kIcmpErrorsForwarded, 1}}});
  return talk.named("IcmpErrorsQuoteTheSendersNumbers" + name_of(versions), steps);
}

}  // namespace

std::vector<PacketCase> sequence_cases() {
  std::vector<PacketCase> cases = {another_syn(), fragmented_segment(), quoted({true, true}, 1'392),
                                   quoted({false, false}, 1'380)};
  for (const Versions& versions : kVersions) {
    cases.push_back(every_number(versions));
  }
  return cases;
}

}  // namespace sluice::test

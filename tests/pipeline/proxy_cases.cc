// SPDX-License-Identifier: BSD-3-Clause
// PROXY headers in TCP: when they leave, with which segment, and when they leave again. Tests.
#include "tests/pipeline/disclosure.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using table::ClientAddress;
using table::kTcpAck;
using table::kTcpFin;
using table::kTcpRst;
using table::kTcpSyn;

constexpr net::Protocol kTcp = net::Protocol::kTcp;
constexpr uint16_t kWindow = 0x2000;

Frame header_v1(const Disclosing& talk) {
  const std::string text = talk.client.address.is_v4()
                               ? "PROXY TCP4 198.51.100.7 192.0.2.10 40000 80\r\n"
                               : "PROXY TCP6 2001:db8:f::7 2001:db8::10 40000 80\r\n";
  return {text.begin(), text.end()};
}

Frame header_v2(const Disclosing& talk) {
  const bool is_v4 = talk.client.address.is_v4();
  Frame header = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21};
  append(header, is_v4 ? Frame{0x11, 0, 12} : Frame{0x21, 0, 36});
  append(header, {talk.client.address, {}}, false);
  append(header, {talk.vip.address, {}}, false);
  append(header, Frame{0x9C, 0x40, 0, 80});
  return header;
}

/// A session with a PROXY header, which is `header` of `size` bytes.
struct Proxied {
  Disclosing talk;
  Frame header;
  uint32_t size;
  uint16_t reduced_window;

  explicit Proxied(ClientAddress how = ClientAddress::kProxyV2, const Versions& versions = {})
      : talk(kTcp, how, versions),
        header(how == ClientAddress::kProxyV1 ? header_v1(talk) : header_v2(talk)),
        size(static_cast<uint32_t>(header.size())),
        reduced_window(static_cast<uint16_t>(kWindow - size)) {}

  std::vector<Step> open() { return talk.open(reduced_window); }
  Step handshake_ack() {
    return talk.forth(talk.request(1, 1), {talk.at_server(1, 1).payload(header)},
                      {{CounterId::kProxyHeadersSent, 1}});
  }
};

PacketCase server_first(ClientAddress how, const Versions& versions) {
  Proxied proxied(how, versions);
  Disclosing& talk = proxied.talk;
  const uint32_t n = proxied.size;
  std::vector<Step> steps = proxied.open();
  steps.push_back(proxied.handshake_ack());
  steps.push_back(
      talk.back(talk.answer(1, 1 + n).payload_bytes(50), talk.at_client(1, 1).payload_bytes(50)));
  steps.push_back(talk.forth(talk.request(1, 51).payload_bytes(10),
                             {talk.at_server(1 + n, 51).payload_bytes(10)},
                             {{CounterId::kProxyHeadersSent, 0}}));
  steps.push_back(talk.back(talk.answer(51, 11 + n), talk.at_client(51, 11)));
  steps.push_back(talk.forth(talk.request(11, 51, kTcpFin | kTcpAck),
                             {talk.at_server(11 + n, 51, kTcpFin | kTcpAck)}));
  return talk.named(std::string("ProxyV") + (how == ClientAddress::kProxyV1 ? "1" : "2") +
                        "LeavesWithTheHandshakeAck" + name_of(versions),
                    steps);
}

// The handshake's ACK and the first data are lost: who notices first has the header sent again.
PacketCase repeated_syn_ack() {
  Proxied proxied;
  Disclosing& talk = proxied.talk;
  std::vector<Step> steps = proxied.open();
  steps.push_back(proxied.handshake_ack());
  steps.push_back(
      talk.back(talk.answer(0, 1, kTcpSyn | kTcpAck),
                talk.at_client(0, 1, kTcpSyn | kTcpAck).window(proxied.reduced_window)));
  steps.push_back(proxied.handshake_ack());
  return talk.named("ProxyHeaderAgainWhenTheServerRepeatsItsSynAck", steps);
}

PacketCase repeated_data() {
  Proxied proxied;
  Disclosing& talk = proxied.talk;
  const uint32_t n = proxied.size;
  std::vector<Step> steps = proxied.open();
  steps.push_back(proxied.handshake_ack());
  steps.push_back(talk.forth(talk.request(1, 1).payload_bytes(10),
                             {talk.at_server(1 + n, 1).payload_bytes(10)},
                             {{CounterId::kProxyHeadersSent, 0}}));
  steps.push_back(talk.forth(talk.request(1, 1).payload_bytes(10),
                             {talk.at_server(1, 1).payload(with_payload(proxied.header, 10))},
                             {{CounterId::kProxyHeadersSent, 1}}));
  return talk.named("ProxyHeaderAgainWithTheClientsRepetition", steps);
}

PacketCase missing_at_the_server() {
  Proxied proxied;
  Disclosing& talk = proxied.talk;
  const uint32_t n = proxied.size;
  std::vector<Step> steps = proxied.open();
  steps.push_back(proxied.handshake_ack());
  steps.push_back(talk.forth(talk.request(1, 1).payload_bytes(10),
                             {talk.at_server(1 + n, 1).payload_bytes(10)}));
  steps.push_back(
      talk.back(talk.answer(1, 1), talk.at_client(1, 1).window(proxied.reduced_window)));
  steps.push_back(talk.forth(talk.request(11, 1).payload_bytes(10),
                             {talk.at_server(1, 1, kTcpAck | kPush).payload(proxied.header),
                              talk.at_server(11 + n, 1).payload_bytes(10)},
                             {{CounterId::kProxyHeadersSent, 1}}));
  return talk.named("ProxyHeaderAgainWhenTheServerMissesIt", steps);
}

PacketCase no_room(const Versions& versions, size_t payload) {
  Proxied proxied(ClientAddress::kProxyV2, versions);
  Disclosing& talk = proxied.talk;
  const uint32_t n = proxied.size;
  std::vector<Step> steps = proxied.open();
  const Frame too_long = talk.request(1, 1).payload_bytes(payload + 1);
  const uint32_t fits = static_cast<uint32_t>(too_long.size()) - 15 - n;
  steps.push_back({.in = {{kWan, too_long}},
                   .out = {{kWan, too_big(too_long, fits)}},
                   .counters = {{CounterId::kDropTooBig, 1}}});
  steps.push_back(talk.forth(talk.request(1, 1).payload_bytes(payload),
                             {talk.at_server(1, 1, kTcpAck | kPush).payload(proxied.header),
                              talk.at_server(1 + n, 1).payload_bytes(payload)},
                             {{CounterId::kProxyHeadersSent, 1}}));
  return talk.named("ProxyHeaderWithoutRoomLeavesFirst" + name_of(versions), steps);
}

PacketCase no_buffer() {
  Proxied proxied;
  Disclosing& talk = proxied.talk;
  talk.config.packet_buffers = 1;
  std::vector<Step> steps = proxied.open();
  const auto large = talk.request(1, 1).payload_bytes(1'460);
  steps.push_back({.in = {{kWan, large}},
                   .counters = {{CounterId::kDropNoBuffer, 1}, {CounterId::kProxyHeadersSent, 0}}});
  steps.push_back(proxied.handshake_ack());
  return talk.named("ProxyHeaderWithoutABufferLeavesLater", steps);
}

PacketCase syn_with_data() {
  Proxied proxied;
  Disclosing& talk = proxied.talk;
  const Frame fast_open = {34, 2, 1, 1};
  std::vector<Step> steps = {{.in = {{kWan, talk.request(0, 0, kTcpSyn).payload_bytes(20)}},
                              .counters = {{CounterId::kDropSynData, 1}}},
                             talk.forth(talk.request(0, 0, kTcpSyn).tcp_options(fast_open),
                                        {talk.at_server(0, 0, kTcpSyn).tcp_options(Frame(4, 1))})};
  return talk.named("ProxyRefusesASynWithData", steps);
}

PacketCase resets() {
  Proxied proxied;
  Disclosing& talk = proxied.talk;
  std::vector<Step> steps = proxied.open();
  steps.push_back(talk.forth(talk.request(1, 1, kTcpRst), {talk.at_server(1, 1, kTcpRst)},
                             {{CounterId::kProxyHeadersSent, 0}}));
  return talk.named("ProxyHeaderDoesNotGoWithAReset", steps);
}

PacketCase fragments() {
  Proxied proxied;
  Disclosing& talk = proxied.talk;
  const auto syn = fragments_of(talk.request(0, 0, kTcpSyn).payload_bytes(600), 400, 7);
  std::vector<Step> steps = proxied.open();
  const auto early = fragments_of(talk.request(1, 1).payload_bytes(2'000), 1'000, 5);
  Step refused{
      .counters = {{CounterId::kDropFragmentUntold, 2}, {CounterId::kDropFragmentRefused, 3}}};
  for (const auto& fragments : {syn, early}) {
    for (const Frame& fragment : fragments) {
      refused.in.push_back({kWan, fragment});
    }
  }
  steps.push_back(refused);
  return talk.named("ProxyRefusesFragmentsBeforeTheHeader", steps);
}

// An error about the segment with the header is told as one about its bytes alone.
PacketCase quoted_with_header() {
  Proxied proxied;
  Disclosing& talk = proxied.talk;
  std::vector<Step> steps = proxied.open();
  steps.push_back(talk.forth(talk.request(1, 1).payload_bytes(900),
                             {talk.at_server(1, 1).payload(with_payload(proxied.header, 900))}));
  const Frame sent = talk.at_server(1 + proxied.size, 1).payload_bytes(30);
  steps.push_back({.in = {{kLan, from_server(icmp_error(address("10.0.0.9"), talk.local.address, 3,
                                                        4, 800, sent))}},
                   .out = {{kWan, to_wan(icmp_error(talk.vip.address, talk.client.address, 3, 4,
                                                    800 - proxied.size,
                                                    talk.request(1, 1).ttl(63).payload_bytes(30)))
                                      .ttl(63)}},
                   .counters = {{CounterId::kIcmpErrorsForwarded, 1}}});
  return talk.named("IcmpErrorsLeaveRoomForTheProxyHeader", steps);
}

}  // namespace

std::vector<PacketCase> proxy_cases() {
  std::vector<PacketCase> cases = {repeated_syn_ack(),
                                   repeated_data(),
                                   missing_at_the_server(),
                                   no_room({true, true}, 1'460),
                                   no_room({false, false}, 1'440),
                                   no_buffer(),
                                   syn_with_data(),
                                   resets(),
                                   fragments(),
                                   quoted_with_header()};
  for (const Versions& versions : kVersions) {
    cases.push_back(server_first(ClientAddress::kProxyV1, versions));
    cases.push_back(server_first(ClientAddress::kProxyV2, versions));
  }
  return cases;
}

}  // namespace sluice::test

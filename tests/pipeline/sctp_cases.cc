// SPDX-License-Identifier: BSD-3-Clause
// SCTP in the modes that carry it: addresses, ports and checksum, and what carries none of it.
// Tests.
#include <netinet/in.h>

#include <string>

#include "tests/pipeline/cases.h"
#include "tests/support/sctp.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using snapshot::ForwardingMode;

constexpr uint16_t kMapped = 2906;
const net::Address kTunnelSource4 = address("10.0.0.254"),
                   kTunnelSource6 = address("2001:db8:a::fe");

/// Who speaks which IP version, and what the director's way does to a packet.
struct Way {
  ForwardingMode mode;
  bool is_client_v4 = true;
  bool is_server_v4 = true;
  uint16_t server_port = 2905;

  [[nodiscard]] net::Endpoint client() const { return is_client_v4 ? kClient : kClient6; }
  [[nodiscard]] net::Endpoint vip() const {
    return {is_client_v4 ? kTcpVip.address : kTcpVip6.address, net::Be16::from_host(2905)};
  }
  [[nodiscard]] net::Endpoint server(uint32_t index = 0) const {
    return is_server_v4 ? server_endpoint(index, server_port)
                        : server_endpoint6(index, server_port);
  }
  [[nodiscard]] net::Endpoint to() const { return mode == ForwardingMode::kNat ? server() : vip(); }
  [[nodiscard]] DirectorConfig config(uint32_t servers = 1) const {
    DirectorConfig config = two_arms();
    config.port_addresses = {{address("192.0.2.2")}, {kTunnelSource4, kTunnelSource6}};
    config.services = {tcp_service(servers)};
    config.services[0].protocol = net::Protocol::kSctp;
    config.services[0].vip = vip();
    for (uint32_t i = 0; i < servers; ++i) {
      config.services[0].servers[i].endpoint = server(i);
      config.services[0].servers[i].mode = mode;
    }
    return config;
  }

  [[nodiscard]] FrameBuilder request(uint8_t chunk) const { return sctp(client(), vip(), chunk); }
  [[nodiscard]] FrameBuilder request_out(uint8_t chunk) const {
    return sctp(client(), to(), chunk).ttl(63);
  }
  [[nodiscard]] Step open() const {
    return {.in = {{kWan, from_wan(request(kSctpInit))}},
            .out = {{kLan, as_sent(request_out(kSctpInit))}}};
  }
  /// A packet to the server as it leaves, in its IPIP tunnel if there is one.
  [[nodiscard]] Frame as_sent(const FrameBuilder& inner) const {
    if (mode != ForwardingMode::kTunnel) {
      return to_server(inner);
    }
    const Frame frame = inner;
    FrameBuilder outer({is_server_v4 ? kTunnelSource4 : kTunnelSource6, {}}, {server().address, {}},
                       is_client_v4 ? uint8_t{IPPROTO_IPIP} : uint8_t{IPPROTO_IPV6});
    return to_server(
        outer.payload(Frame(frame.begin() + 14, frame.end())).ttl(63).identification(0));
  }
};

const Way kMappedNat{ForwardingMode::kNat, true, true, kMapped};
const Way kMappedNat6{ForwardingMode::kNat, false, false, kMapped};

PacketCase forwarded(const std::string& name, const Way& way) {
  const auto forth = [&](uint8_t chunk) {
    return Step{.in = {{kWan, from_wan(way.request(chunk))}},
                .out = {{kLan, way.as_sent(way.request_out(chunk))}}};
  };
  const auto back = [&](uint8_t chunk) {
    return Step{.in = {{kLan, from_server(sctp(way.server(), way.client(), chunk))}},
                .out = {{kWan, to_wan(sctp(way.vip(), way.client(), chunk)).ttl(63)}}};
  };
  if (way.mode != ForwardingMode::kNat) {
    return {.name = name,
            .config = way.config(),
            .steps = {forth(kSctpInit), forth(kSctpCookieEcho), forth(kSctpData)}};
  }
  return {.name = name,
          .config = way.config(),
          .steps = {forth(kSctpInit), back(kSctpInitAck), forth(kSctpCookieEcho),
                    back(kSctpCookieAck), forth(kSctpData), back(kSctpData)}};
}

// Behind Ethernet padding and IP options.
PacketCase odd_lengths() {
  const Way& way = kMappedNat;
  const auto step = [&](size_t bytes) {
    const Frame chunk = sctp_chunk(kSctpInit, bytes);
    const FrameBuilder in = sctp(way.client(), way.vip(), chunk).ip_options({7, 7, 4, 0});
    const FrameBuilder out = sctp(way.client(), way.server(), chunk).ip_options({7, 7, 4, 0});
    return Step{.in = {{kWan, from_wan(in).pad_to(90)}}, .out = {{kLan, to_server(out).ttl(63)}}};
  };
  return {.name = "SctpOfOddLengths", .config = way.config(), .steps = {step(17), step(1'400)}};
}

PacketCase checksum_stays(const std::string& name, FrameBuilder (*change)(FrameBuilder)) {
  const Way& way = kMappedNat;
  return {.name = name,
          .config = way.config(),
          .steps = {way.open(),
                    {.in = {{kWan, from_wan(change(way.request(kSctpData)))}},
                     .out = {{kLan, to_server(change(way.request_out(kSctpData)))}}}}};
}

PacketCase without_session(const std::string& name, const Way& way) {
  const Frame data = from_wan(way.request(kSctpData));
  const Frame ack = from_wan(way.request(kSctpInitAck));
  return {.name = name,
          .config = way.config(),
          .steps = {{.in = {{kWan, data}, {kWan, ack}},
                     .to_kernel = {data, ack},
                     .counters = {{CounterId::kPuntVip, 2}}}}};
}

PacketCase answer_without_session() {
  const Frame answer = from_server(sctp(kMappedNat.server(), kClient, kSctpInitAck));
  return {.name = "SctpAnswerWithoutSessionIsTheKernels",
          .config = kMappedNat.config(),
          .steps = {{.in = {{kLan, answer}},
                     .to_kernel = {answer},
                     .counters = {{CounterId::kPuntOther, 1}}}}};
}

// No mode for SCTP has local addresses: what comes there is no answer.
PacketCase to_a_local_address() {
  const Frame init = from_server(sctp(kMappedNat.server(), local(1'024), kSctpInit));
  return {.name = "SctpToALocalAddressIsTheKernels",
          .config = kMappedNat.config(),
          .steps = {
              {.in = {{kLan, init}}, .to_kernel = {init}, .counters = {{CounterId::kPuntVip, 1}}}}};
}

PacketCase bad_lengths() {
  const FrameBuilder whole = from_wan(kMappedNat.request(kSctpInit));
  const auto cut = [&](size_t bytes) {
    const Frame& all = whole.payload();
    return FrameBuilder(whole).payload(
        Frame(all.begin(), all.begin() + static_cast<ptrdiff_t>(bytes)));
  };
  const auto with_length = [&](uint8_t length) {
    Frame bytes = whole.payload();
    bytes[15] = length;
    return FrameBuilder(whole).payload(bytes);
  };
  return {
      .name = "SctpWithBadLengths",
      .config = kMappedNat.config(),
      .steps = {
          {.in = {{kWan, cut(0)}, {kWan, cut(15)}, {kWan, with_length(3)}, {kWan, with_length(21)}},
           .counters = {{CounterId::kDropBadL4Header, 4}}}}};
}

PacketCase ttl_one(const std::string& name, const Way& way) {
  const Frame first = from_wan(way.request(kSctpInit).ttl(1));
  const Frame later = from_wan(way.request(kSctpData).ttl(1));
  const auto step = [](const Frame& frame) {
    return Step{.in = {{kWan, frame}},
                .out = {{kWan, time_exceeded(frame)}},
                .counters = {{CounterId::kDropTtlExceeded, 1}}};
  };
  return {.name = name, .config = way.config(), .steps = {step(first), way.open(), step(later)}};
}

PacketCase no_server() {
  const Frame init = from_wan(kMappedNat.request(kSctpInit));
  return {.name = "SctpServiceWithoutServers",
          .config = kMappedNat.config(0),
          .steps = {{.in = {{kWan, init}},
                     .out = {{kWan, port_unreachable(init)}},
                     .counters = {{CounterId::kDropNoServer, 1}}}}};
}

// As IPVS reschedules a client that comes back when its association is over.
PacketCase opened_anew() {
  const Way& way = kMappedNat;
  const auto to_second = sctp(way.client(), way.server(1), kSctpInit).ttl(63);
  return {.name = "SctpOpenedAnewAfterItsEndGetsAnotherServer",
          .config = way.config(2),
          .steps = {way.open(),
                    {.in = {{kWan, from_wan(way.request(kSctpInit))}},
                     .out = {{kLan, to_server(way.request_out(kSctpInit))}}},
                    {.in = {{kWan, from_wan(way.request(kSctpAbort))}},
                     .out = {{kLan, to_server(way.request_out(kSctpAbort))}}},
                    {.in = {{kWan, from_wan(way.request(kSctpInit))}},
                     .out = {{kLan, to_server(to_second, 1)}},
                     .counters = {{CounterId::kSessionsReused, 1}}}}};
}

// An error about a packet to the server quotes to the client what it sent; eight bytes are enough.
PacketCase error_from_the_server_side(const std::string& name, const Way& way) {
  const net::Address router = way.is_server_v4 ? address("10.0.0.9") : address("2001:db8:a::9");
  const uint8_t type = way.is_server_v4 ? 3 : 2, code = way.is_server_v4 ? 4 : 0;
  const Frame at_router = way.request_out(kSctpData).ttl(62);
  // Only the ports differ: neither checksum nor TTL are brought along in a quote.
  Frame quoted = with_sctp_checksum(sctp(way.client(), way.vip(), kSctpData).ttl(62),
                                    sctp_checksum_in(way.request_out(kSctpData).payload()));
  return {.name = name,
          .config = way.config(),
          .steps = {way.open(),
                    {.in = {{kLan, from_server(icmp_error(router, way.client().address, type, code,
                                                          1'400, at_router))}},
                     .out = {{kWan, to_wan(icmp_error(way.vip().address, way.client().address, type,
                                                      code, 1'400, quoted))
                                        .ttl(63)}}}}};
}

PacketCase error_from_the_client_side(const std::string& name, const Way& way) {
  const net::Address router = way.is_client_v4 ? address("203.0.113.1") : address("2001:db8:e::1");
  const uint8_t type = way.is_client_v4 ? 3 : 2, code = way.is_client_v4 ? 4 : 0;
  const Frame sent = sctp(way.vip(), way.client(), kSctpData).ttl(62);
  const Frame quoted =
      with_sctp_checksum(sctp(way.server(), way.client(), kSctpData).ttl(62),
                         sctp_checksum_in(sctp(way.vip(), way.client(), kSctpData).payload()));
  return {
      .name = name,
      .config = way.config(),
      .steps = {
          way.open(),
          {.in = {{kWan, from_wan(icmp_error(router, way.vip().address, type, code, 1'400, sent))}},
           .out = {
               {kLan, to_server(icmp_error(router, way.server().address, type, code, 1'400, quoted))
                          .ttl(63)}}}}};
}

std::vector<PortFrame> on_port(uint8_t port, const std::vector<Frame>& frames) {
  std::vector<PortFrame> result;
  for (const Frame& frame : frames) {
    result.push_back({port, frame});
  }
  return result;
}

PacketCase fragments(const std::string& name, const Way& way) {
  const Frame chunk = sctp_chunk(kSctpInit, 2'000);
  const auto in = fragments_of(from_wan(sctp(way.client(), way.vip(), chunk)), 1'400, 7);
  const auto out = fragments_of(to_server(sctp(way.client(), way.to(), chunk)).ttl(63), 1'400, 7);
  return {.name = name,
          .config = way.config(),
          .steps = {{.in = on_port(kWan, in), .out = on_port(kLan, out)}}};
}

PacketCase refused_fragments(const std::string& name, const Way& way) {
  const auto in =
      fragments_of(from_wan(sctp(way.client(), way.vip(), sctp_chunk(kSctpData, 2'000))), 1'400, 7);
  return {.name = name,
          .config = way.config(),
          .steps = {way.open(),
                    {.in = on_port(kWan, in),
                     .counters = {{CounterId::kDropFragmentSctp, 1},
                                  {CounterId::kDropFragmentRefused, 1}}}}};
}

PacketCase fragments_without_session() {
  const Way way{ForwardingMode::kDirectRouting};
  const auto in =
      fragments_of(from_wan(sctp(way.client(), way.vip(), sctp_chunk(kSctpData, 2'000))), 1'400, 7);
  return {
      .name = "SctpFragmentsWithoutInitOpenNoSession",
      .config = way.config(),
      .steps = {{.in = on_port(kWan, in),
                 .to_kernel = {in[0]},
                 .counters = {{CounterId::kPuntVip, 1}, {CounterId::kDropFragmentRefused, 1}}}}};
}

// A whole packet is mended first and cut then.
PacketCase cut() {
  const Way& way = kMappedNat;
  DirectorConfig config = way.config();
  config.mtu = 1'000;
  const Frame chunk = sctp_chunk(kSctpInit, 1'400);
  const auto in = sctp(way.client(), way.vip(), chunk).may_be_fragmented().identification(9);
  const auto out = sctp(way.client(), way.server(), chunk).identification(9).ttl(63);
  return {.name = "SctpPacketsThatAreCutHaveTheirChecksumMendedBefore",
          .config = config,
          .steps = {{.in = {{kWan, from_wan(in)}},
                     .out = on_port(kLan, fragments_of(to_server(out), 976, 9)),
                     .counters = {{CounterId::kPacketsCut, 1}}}}};
}

// Its sender is told, and reads its own packet in the error.
PacketCase too_large() {
  const Way& way = kMappedNat;
  DirectorConfig config = way.config();
  config.mtu = 1'000;
  const Frame in = from_wan(sctp(way.client(), way.vip(), sctp_chunk(kSctpInit, 1'400)));
  return {.name = "SctpPacketsThatMayNotBeCutAreReported",
          .config = config,
          .steps = {{.in = {{kWan, in}},
                     .out = {{kWan, too_big(in, 1'000)}},
                     .counters = {{CounterId::kDropTooBig, 1}}}}};
}

}  // namespace

std::vector<PacketCase> sctp_cases() {
  using enum ForwardingMode;
  return {
      forwarded("SctpDirectRouting", {kDirectRouting}),
      forwarded("SctpDirectRouting6", {kDirectRouting, false, false}),
      forwarded("SctpNatKeepsThePort", {kNat}),
      forwarded("SctpNatKeepsThePort6", {kNat, false, false}),
      forwarded("SctpNatMapsThePort", kMappedNat),
      forwarded("SctpNatMapsThePort6", kMappedNat6),
      forwarded("SctpTunnel", {kTunnel}),
      forwarded("SctpTunnel6", {kTunnel, false, false}),
      forwarded("SctpTunnel4In6", {kTunnel, true, false}),
      forwarded("SctpTunnel6In4", {kTunnel, false, true}),
      odd_lengths(),
      checksum_stays("SctpBitErrorsStayErrors", with_bit_error),
      checksum_stays("SctpWithoutChecksumStaysWithout",
                     [](FrameBuilder packet) { return with_sctp_checksum(std::move(packet), 0); }),
      without_session("SctpWithoutSessionIsTheKernels", {kDirectRouting}),
      without_session("SctpWithoutSessionIsTheKernels6", kMappedNat6),
      answer_without_session(),
      to_a_local_address(),
      bad_lengths(),
      ttl_one("SctpOfTtl1", kMappedNat),
      ttl_one("SctpOfHopLimit1", {kDirectRouting, false, false}),
      no_server(),
      opened_anew(),
      error_from_the_server_side("SctpErrorToTheClient", kMappedNat),
      error_from_the_server_side("SctpErrorToTheClient6", kMappedNat6),
      error_from_the_client_side("SctpErrorToTheServer", kMappedNat),
      error_from_the_client_side("SctpErrorToTheServer6", kMappedNat6),
      fragments("SctpFragmentsOfDirectRouting", {kDirectRouting}),
      fragments("SctpFragmentsOfNat", {kNat}),
      fragments("SctpFragmentsOfNat6", {kNat, false, false}),
      refused_fragments("SctpFragmentsWithAMappedPort", kMappedNat),
      refused_fragments("SctpFragmentsWithAMappedPort6", kMappedNat6),
      fragments_without_session(),
      cut(),
      too_large(),
  };
}

}  // namespace sluice::test

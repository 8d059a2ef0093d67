// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors about packets of sessions, in every mode and both directions, and pings. Tests.
#include <netinet/in.h>

#include <string>

#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using snapshot::ForwardingMode;
using table::kTcpSyn;

const net::Address kTunnelSource = address("10.0.0.254");
const net::Address kLanRouter = address("10.0.0.9"), kLanRouter6 = address("2001:db8:a::9");
const net::Address kFarRouter = address("203.0.113.1"), kFarRouter6 = address("2001:db8:e::1");

struct Error {
  uint8_t type, code;
  uint32_t parameter;
};
constexpr Error kTooBig4{3, 4, 1'400}, kTooBig6{2, 0, 1'400};

/// A session of `mode` between these IP versions, from kClient or kClient6.
struct Talk {
  ForwardingMode mode;
  bool is_client_v4, is_server_v4;
  net::Endpoint client = is_client_v4 ? kClient : kClient6;
  net::Endpoint vip = is_client_v4 ? kTcpVip : kTcpVip6;
  net::Endpoint server = is_server_v4 ? server_endpoint(0) : server_endpoint6(0);
  net::Endpoint source =
      mode == ForwardingMode::kFullNat
          ? net::Endpoint{is_server_v4 ? kLocalAddress : kLocalAddress6, net::Be16::from_host(1024)}
          : client;

  [[nodiscard]] bool is_translated() const { return table::answers_pass(mode); }
  [[nodiscard]] const net::Endpoint& target() const { return is_translated() ? server : vip; }
  [[nodiscard]] const net::Address& lan_router() const {
    return is_server_v4 ? kLanRouter : kLanRouter6;
  }
  [[nodiscard]] const net::Address& far_router() const {
    return is_client_v4 ? kFarRouter : kFarRouter6;
  }

  [[nodiscard]] DirectorConfig config() const {
    DirectorConfig config = two_arms();
    config.port_addresses = {{}, {kTunnelSource}};
    config.services = {tcp_service()};
    config.services[0].vip = vip;
    config.services[0].servers[0].endpoint = server;
    config.services[0].servers[0].mode = mode;
    return config;
  }
  [[nodiscard]] Step open() const {
    return {.in = {{kWan, from_wan(tcp(client, vip)).flags(kTcpSyn)}},
            .act = [](Director& director) {
              director.poll();
              (void)director.take_sent(kLan);
            }};
  }
};

FrameBuilder error_about(const net::Address& from, const net::Address& to, const Error& error,
                         const Frame& offending) {
  return icmp_error(from, to, error.type, error.code, error.parameter, offending);
}

FrameBuilder plain(const net::Address& from, const net::Address& to, const Error& error,
                   FrameBuilder offending) {
  return error_about(from, to, error, offending);
}

FrameBuilder segment(const net::Endpoint& from, const net::Endpoint& to) {
  return tcp(from, to).ttl(63).payload_bytes(30);
}

// RFC 7915 5.1: small IPv4 packets made from IPv6 may be fragmented and need an identification; the
// SYN took the first one.
FrameBuilder converted(const net::Address& from, const net::Address& to, const Error& error,
                       FrameBuilder offending) {
  offending.may_be_fragmented().identification(0);
  return error_about(from, to, error, offending).may_be_fragmented().identification(1);
}

// A router on the servers' side complains about a packet of the client.
PacketCase about_request(const std::string& name, const Talk& talk, const Error& in,
                         const Error& out) {
  FrameBuilder told =
      (talk.is_client_v4 && !talk.is_server_v4 ? converted : plain)(
          talk.vip.address, talk.client.address, out, segment(talk.client, talk.vip))
          .ttl(63);
  return {
      .name = name,
      .config = talk.config(),
      .steps = {talk.open(),
                {.in = {{kLan, from_server(error_about(talk.lan_router(), talk.source.address, in,
                                                       segment(talk.source, talk.target())))}},
                 .out = {{kWan, to_wan(told)}},
                 .counters = {{CounterId::kIcmpErrorsForwarded, 1}}}}};
}

// A router on the clients' side complains about a packet of the server.
PacketCase about_answer(const std::string& name, const Talk& talk, const Error& in,
                        const Error& out) {
  const bool keeps_router = talk.mode != ForwardingMode::kFullNat;
  const net::Address from = keeps_router ? talk.far_router() : talk.source.address;
  const net::Address to = talk.is_translated() ? talk.server.address : talk.vip.address;
  FrameBuilder told = (talk.is_server_v4 && !talk.is_client_v4 ? converted : plain)(
                          from, to, out, segment(talk.target(), talk.source))
                          .ttl(63);
  return {.name = name,
          .config = talk.config(),
          .steps = {talk.open(),
                    {.in = {{kWan, from_wan(error_about(talk.far_router(), talk.vip.address, in,
                                                        segment(talk.vip, talk.client)))}},
                     .out = {{kLan, to_server(told)}},
                     .counters = {{CounterId::kIcmpErrorsForwarded, 1}}}}};
}

Frame in_ipip(const Frame& inner) {
  return to_server(ip_packet(kTunnelSource, server_endpoint(0).address, IPPROTO_IPIP))
      .payload({inner.begin() + 14, inner.end()})
      .ttl(63)
      .identification(0)
      .build();
}

Talk tunnel_talk() { return {ForwardingMode::kTunnel, true, true}; }

PacketCase about_answer_by_tunnel() {
  PacketCase packet_case =
      about_answer("IcmpErrorAboutAnAnswerTakesTheTunnel", tunnel_talk(), kTooBig4, kTooBig4);
  Frame& out = packet_case.steps[1].out[0].frame;
  out = in_ipip(out);
  return packet_case;
}

PacketCase about_the_tunnel() {
  const Talk talk = tunnel_talk();
  const Frame inner = segment(kClient, kTcpVip);
  const Frame told = to_wan(error_about(kTcpVip.address, kClient.address, {3, 4, 1'380}, inner))
                         .traffic_class(0xC0)
                         .identification(0);
  return {.name = "IcmpErrorAboutATunnelBecomesOneAboutTheInnerPacket",
          .config = talk.config(),
          .steps = {talk.open(),
                    {.in = {{kLan, from_server(error_about(kLanRouter, kTunnelSource, kTooBig4,
                                                           in_ipip(inner)))}},
                     .out = {{kWan, told}},
                     .counters = {{CounterId::kIcmpErrorsForwarded, 1}}}}};
}

// What keeps an error about kClient's request from being forwarded.
PacketCase kept(const std::string& name, const Talk& talk, const Frame& error,
                const std::vector<ExpectedCount>& counters) {
  return {.name = name,
          .config = talk.config(),
          .steps = {talk.open(), {.in = {{kLan, error}}, .counters = counters}}};
}

std::vector<PacketCase> refused() {
  const Talk talk{ForwardingMode::kFullNat, true, true};
  const Talk cross{ForwardingMode::kFullNat, false, true};
  const auto about = [](const Talk& about_whom, const Error& error) {
    return from_server(error_about(kLanRouter, about_whom.source.address, error,
                                   segment(about_whom.source, about_whom.server)));
  };
  Frame spoilt = about(talk, kTooBig4);
  spoilt[36] ^= 0x10;
  return {
      kept("IcmpErrorWithAWrongChecksum", talk, spoilt, {{CounterId::kDropBadIcmp, 1}}),
      kept("IcmpErrorOfTtl1", talk, about(talk, kTooBig4).ttl(1),
           {{CounterId::kDropTtlExceeded, 1}}),
      kept("SourceQuench", talk, about(talk, {4, 0, 0}), {{CounterId::kDropBadIcmp, 1}}),
      kept("IcmpErrorWithoutCounterpartInIpv6", cross, about(cross, {12, 1, 0}),
           {{CounterId::kDropIcmpUntranslatable, 1}}),
  };
}

PacketCase without_session() {
  const Frame about_nobody = from_server(
      error_about(kLanRouter, kLocalAddress, kTooBig4, segment(local(4'000), server_endpoint(0))));
  const Frame about_vip =
      from_wan(error_about(kFarRouter, kTcpVip.address, kTooBig4, segment(kTcpVip, client(9))));
  const Frame about_host = from_wan(error_about(kFarRouter, address("192.0.2.3"), kTooBig4,
                                                segment(endpoint("192.0.2.3:22"), client(9))));
  return {.name = "IcmpErrorsWithoutSessionAreTheKernelsUnlessAboutAVip",
          .config = two_arms(),
          .steps = {{.in = {{kLan, about_nobody}, {kWan, about_vip}, {kWan, about_host}},
                     .to_kernel = {about_host, about_nobody},
                     .counters = {{CounterId::kPuntIcmp, 2}, {CounterId::kDropNoSession, 1}}}}};
}

PacketCase of_a_removed_server() {
  const Talk talk{ForwardingMode::kFullNat, true, true};
  snapshot::ServiceSpec empty = tcp_service();
  empty.servers.clear();
  return {.name = "IcmpErrorAboutARemovedServer",
          .config = talk.config(),
          .steps = {talk.open(),
                    {.before = reload({empty}),
                     .in = {{kWan, from_wan(error_about(kFarRouter, talk.vip.address, kTooBig4,
                                                        segment(talk.vip, talk.client)))}},
                     .counters = {{CounterId::kDropServerRemoved, 1}}}}};
}

// A gateway would send the VIP's packets back to us.
PacketCase to_a_direct_server_behind_a_gateway() {
  const Talk talk{ForwardingMode::kDirectRouting, true, true};
  const auto move_server_away = [](Director& director) {
    std::vector<snapshot::Route> routes = two_arm_routes();
    std::erase_if(routes, [](const snapshot::Route& route) { return route.port == kLan; });
    director.install_routes(routes);
  };
  return {.name = "IcmpErrorForADirectServerTakesNoGateway",
          .config = talk.config(),
          .steps = {talk.open(),
                    {.before = move_server_away,
                     .in = {{kWan, from_wan(error_about(kFarRouter, talk.vip.address, kTooBig4,
                                                        segment(talk.vip, talk.client)))}},
                     .counters = {{CounterId::kDropNoRoute, 1}}}}};
}

PacketCase ping(const std::string& name, const net::Address& from, const net::Address& vip) {
  const bool is_v4 = from.is_v4();
  DirectorConfig config = two_arms();
  config.services[0].vip.address = vip;
  const Frame body = {static_cast<uint8_t>(is_v4 ? 0 : 129), 0, 0, 0, 0, 1, 0, 1};
  Frame reply_body = body;
  FrameBuilder reply = is_v4 ? ip_packet(vip, from, IPPROTO_ICMP) : icmpv6(vip, from, body);
  if (is_v4) {
    reply_body[2] = 0xFF;  // the complement of the sum of identifier and number
    reply_body[3] = 0xFD;
    reply.payload(reply_body);
  }
  return {.name = name,
          .config = config,
          .steps = {{.in = {{kWan, from_wan(icmp_echo(from, vip).ttl(7))}},
                     .out = {{kWan, to_wan(reply)}},
                     .counters = {{CounterId::kEchoesAnswered, 1}, {CounterId::kPuntIcmp, 0}}}}};
}

}  // namespace

std::vector<PacketCase> icmp_cases() {
  constexpr bool kV4 = true, kV6 = false;
  const auto full_nat = [](bool client, bool server) {
    return Talk{ForwardingMode::kFullNat, client, server};
  };
  const Talk nat{ForwardingMode::kNat, kV4, kV4};
  const Talk nat6{ForwardingMode::kNat, kV6, kV6};
  const Talk direct{ForwardingMode::kDirectRouting, kV4, kV4};
  const Talk direct6{ForwardingMode::kDirectRouting, kV6, kV6};
  std::vector<PacketCase> cases = {
      about_request("IcmpErrorAboutARequest4To4", full_nat(kV4, kV4), kTooBig4, kTooBig4),
      about_answer("IcmpErrorAboutAnAnswer4To4", full_nat(kV4, kV4), kTooBig4, kTooBig4),
      about_request("IcmpErrorAboutARequest6To6", full_nat(kV6, kV6), kTooBig6, kTooBig6),
      about_answer("IcmpErrorAboutAnAnswer6To6", full_nat(kV6, kV6), kTooBig6, kTooBig6),
      about_request("IcmpErrorAboutARequest6To4", full_nat(kV6, kV4), kTooBig4, {2, 0, 1'420}),
      about_answer("IcmpErrorAboutAnAnswer6To4", full_nat(kV6, kV4), kTooBig6, {3, 4, 1'380}),
      about_request("IcmpErrorAboutARequest4To6", full_nat(kV4, kV6), kTooBig6, {3, 4, 1'380}),
      about_answer("IcmpErrorAboutAnAnswer4To6", full_nat(kV4, kV6), kTooBig4, {2, 0, 1'420}),
      about_request("IcmpTimeExceededAboutARequest", full_nat(kV4, kV4), {11, 0, 0}, {11, 0, 0}),
      about_request("IcmpErrorAboutANatRequest", nat, kTooBig4, kTooBig4),
      about_answer("IcmpErrorAboutANatAnswer", nat, kTooBig4, kTooBig4),
      about_request("IcmpErrorAboutANatRequest6", nat6, kTooBig6, kTooBig6),
      about_answer("IcmpErrorAboutANatAnswer6", nat6, kTooBig6, kTooBig6),
      about_answer("IcmpErrorAboutAnAnswerByDirectRouting", direct, kTooBig4, kTooBig4),
      about_answer("IcmpErrorAboutAnAnswerByDirectRouting6", direct6, kTooBig6, kTooBig6),
      about_answer_by_tunnel(),
      about_the_tunnel(),
      without_session(),
      of_a_removed_server(),
      to_a_direct_server_behind_a_gateway(),
      ping("PingOfAVip", kClient.address, kTcpVip.address),
      ping("PingOfAVip6", kClient6.address, kTcpVip6.address),
  };
  for (PacketCase& packet_case : refused()) {
    cases.push_back(std::move(packet_case));
  }
  return cases;
}

}  // namespace sluice::test

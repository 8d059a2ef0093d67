// SPDX-License-Identifier: BSD-3-Clause
// What routers that quote next to nothing say of the way to a tunnel's end. Tests.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>

#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using snapshot::TunnelType;
using table::kTcpSyn;

constexpr uint32_t kPathMtu = 1'400, kIpip = 20, kHeaders4 = 20 + 20, kHeaders6 = 40 + 20;
constexpr size_t kQuoted = 14 + 20 + 8;  // Ethernet, IPv4, and what RFC 792 asks for
const net::Address kTunnelSource = address("10.0.0.254");
const net::Address kRouter = address("10.0.0.9");

DirectorConfig tunnel_config(bool is_client_v4 = true) {
  DirectorConfig config = two_arms();
  config.port_addresses = {{}, {kTunnelSource}};
  config.services = {tcp_service()};
  config.services[0].vip = is_client_v4 ? kTcpVip : kTcpVip6;
  config.services[0].servers[0].mode = snapshot::ForwardingMode::kTunnel;
  return config;
}

FrameBuilder request(size_t payload_bytes, bool is_client_v4 = true) {
  const auto segment = is_client_v4 ? tcp(kClient, kTcpVip) : tcp(kClient6, kTcpVip6);
  return from_wan(FrameBuilder(segment).flags(kTcpSyn).payload_bytes(payload_bytes));
}

FrameBuilder in_ipip(FrameBuilder inner, uint8_t protocol = IPPROTO_IPIP) {
  const Frame frame = inner.ttl(63);
  return to_server(ip_packet(kTunnelSource, server_endpoint(0).address, protocol))
      .payload({frame.begin() + 14, frame.end()})
      .ttl(63)
      .identification(0);
}

FrameBuilder too_big_for_router(Frame outer, uint32_t mtu = kPathMtu) {
  outer.resize(kQuoted);
  return from_server(icmp_error(kRouter, kTunnelSource, 3, 4, mtu, outer));
}

Step learns(const Frame& outer, uint32_t mtu = kPathMtu) {
  return {.in = {{kLan, too_big_for_router(outer, mtu)}},
          .counters = {{CounterId::kTunnelMtusLearnt, 1}, {CounterId::kPuntIcmp, 0}}};
}

Step passes(const Frame& in, const Frame& out) {
  return {.in = {{kWan, in}}, .out = {{kLan, out}}};
}

PacketCase refuses_what_is_larger() {
  constexpr size_t kFits = kPathMtu - kIpip - kHeaders4;
  return {.name = "TunnelMtuThatAShortQuoteToldIsKept",
          .config = tunnel_config(),
          .steps = {passes(request(kFits + 1), in_ipip(request(kFits + 1))),
                    learns(in_ipip(request(kFits + 1))),
                    {.in = {{kWan, request(kFits + 1)}},
                     .out = {{kWan, too_big(request(kFits + 1), kPathMtu - kIpip)}},
                     .counters = {{CounterId::kDropTooBig, 1}}},
                    passes(request(kFits), in_ipip(request(kFits)))}};
}

PacketCase cuts_what_may_be_cut() {
  const Frame in = request(1'400).may_be_fragmented();
  return {.name = "TunnelMtuThatWasToldCutsWhatMayBeCut",
          .config = tunnel_config(),
          .steps = {passes(in, in_ipip(request(1'400).may_be_fragmented()).may_be_fragmented()),
                    learns(in_ipip(request(1'400))),
                    {.in = {{kWan, in}},
                     .act =
                         [](Director& director) {
                           director.poll();
                           const auto pieces = director.take_sent(kLan);
                           ASSERT_EQ(pieces.size(), 2U);
                           EXPECT_LE(pieces[0].size(), 14 + kPathMtu);
                         },
                     .counters = {{CounterId::kPacketsCut, 1}}}}};
}

PacketCase is_forgotten(const std::string& name, const std::function<void(Director&)>& event) {
  Step later = passes(request(1'400), in_ipip(request(1'400)));
  later.before = event;
  return {.name = name,
          .config = tunnel_config(),
          .steps = {passes(request(1'400), in_ipip(request(1'400))),
                    learns(in_ipip(request(1'400))), later}};
}

// RFC 8200 5: no IPv6 sender need send less than 1 280 bytes.
PacketCase spares_ipv6() {
  constexpr size_t kFits = 1'280 - kHeaders6;
  const auto in = [](size_t bytes) { return request(bytes, false); };
  const auto out = [&](size_t bytes) { return in_ipip(in(bytes), IPPROTO_IPV6); };
  return {.name = "TunnelMtuNeverAsksIpv6ForLessThan1280",
          .config = tunnel_config(false),
          .steps = {passes(in(kFits), out(kFits)),
                    learns(out(kFits), 600),
                    {.in = {{kWan, in(kFits + 1)}},
                     .out = {{kWan, too_big(in(kFits + 1), 1'280)}},
                     .counters = {{CounterId::kDropTooBig, 1}}},
                    passes(in(kFits), out(kFits))}};
}

PacketCase believes_nobody_below_576() {
  constexpr size_t kFits = 576 - kIpip - kHeaders4;
  return {.name = "TunnelMtuBelow576IsNotBelieved",
          .config = tunnel_config(),
          .steps = {passes(request(kFits), in_ipip(request(kFits))),
                    learns(in_ipip(request(kFits)), 68),
                    passes(request(kFits), in_ipip(request(kFits)))}};
}

// An error about a packet that is no tunnel's of ours: another protocol, another sender.
PacketCase ignores_others() {
  const Frame gre =
      ip_packet(kTunnelSource, server_endpoint(0).address, IPPROTO_GRE).payload_bytes(1'400);
  const Frame foreign = ip_packet(address("10.0.0.253"), server_endpoint(0).address, IPPROTO_IPIP)
                            .payload_bytes(1'400);
  return {.name = "TunnelMtuIsLearntOfOwnTunnelsAlone",
          .config = tunnel_config(),
          .steps = {{.in = {{kLan, too_big_for_router(gre)}, {kLan, too_big_for_router(foreign)}},
                     .to_kernel = {too_big_for_router(gre), too_big_for_router(foreign)},
                     .counters = {{CounterId::kTunnelMtusLearnt, 0}, {CounterId::kPuntIcmp, 2}}}}};
}

}  // namespace

std::vector<PacketCase> tunnel_mtu_cases() {
  return {
      refuses_what_is_larger(),
      cuts_what_may_be_cut(),
      is_forgotten("TunnelMtuIsForgottenAfterTenMinutes", wait_seconds(601)),
      is_forgotten("TunnelMtuIsForgottenWithAReload", reload(tunnel_config().services)),
      spares_ipv6(),
      believes_nobody_below_576(),
      ignores_others(),
  };
}

}  // namespace sluice::test

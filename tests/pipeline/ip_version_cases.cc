// SPDX-License-Identifier: BSD-3-Clause
// IPv6, and from one IP version to the other: every mode, both directions. Tests.
#include <netinet/in.h>

#include <string>

#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using snapshot::ForwardingMode;
using snapshot::TunnelType;
using table::kTcpSyn;

const net::Endpoint kTunnelSource4{address("10.0.0.254"), {}};
const net::Endpoint kTunnelSource6{address("2001:db8:a::fe"), {}};
constexpr uint16_t kLocalPort = 1024;

/// Who speaks which IP version.
struct Side {
  net::Endpoint client, vip, local, server;
  bool is_tcp;

  Side(bool tcp, bool is_client_v4, bool is_server_v4)
      : client(is_client_v4 ? kClient : kClient6),
        vip(is_client_v4 ? (tcp ? kTcpVip : kUdpVip) : (tcp ? kTcpVip6 : kUdpVip6)),
        local{is_server_v4 ? kLocalAddress : kLocalAddress6, net::Be16::from_host(kLocalPort)},
        server(is_server_v4 ? server_endpoint(0) : server_endpoint6(0)),
        is_tcp(tcp) {}

  [[nodiscard]] FrameBuilder packet(const net::Endpoint& from, const net::Endpoint& to) const {
    return is_tcp ? tcp(from, to).flags(kTcpSyn) : udp(from, to);
  }
};

DirectorConfig config_of(const Side& side, ForwardingMode mode,
                         TunnelType tunnel = TunnelType::kIpip) {
  DirectorConfig config = two_arms();
  config.port_addresses = {{}, {kTunnelSource4.address, kTunnelSource6.address}};
  config.services = {side.is_tcp ? tcp_service() : udp_service()};
  config.services[0].vip = side.vip;
  auto& server = config.services[0].servers[0];
  server.endpoint = side.server;
  server.mode = mode;
  server.tunnel.type = tunnel;
  return config;
}

// What RFC 7915 asks of a header made on the way from IPv6 to IPv4.
FrameBuilder expected(FrameBuilder frame, const net::Endpoint& from, const net::Endpoint& to,
                      size_t ip_bytes, uint16_t id) {
  if (!from.address.is_v4() && to.address.is_v4()) {
    ip_bytes > 1'260 ? frame.identification(0) : frame.may_be_fragmented().identification(id);
  }
  return frame;
}

PacketCase full_nat(const std::string& name, bool is_tcp, bool is_client_v4, bool is_server_v4) {
  const Side side(is_tcp, is_client_v4, is_server_v4);
  const size_t header_bytes = is_tcp ? 20 : 8;
  uint16_t id = 0;  // counts packets of extended sessions
  const auto forth = [&](size_t bytes) {
    const auto out = expected(side.packet(side.local, side.server).payload_bytes(bytes).ttl(63),
                              side.client, side.server, 20 + header_bytes + bytes, id++);
    return Step{.in = {{kWan, from_wan(side.packet(side.client, side.vip)).payload_bytes(bytes)}},
                .out = {{kLan, to_server(out)}}};
  };
  const auto back = [&](size_t bytes) {
    const auto out = expected(side.packet(side.vip, side.client).payload_bytes(bytes).ttl(63),
                              side.server, side.client, 20 + header_bytes + bytes, id++);
    return Step{
        .in = {{kLan, from_server(side.packet(side.server, side.local)).payload_bytes(bytes)}},
        .out = {{kWan, to_wan(out)}}};
  };
  return {.name = name,
          .config = config_of(side, ForwardingMode::kFullNat),
          .steps = {forth(0), back(0), forth(1), back(1'300), forth(1'300)}};
}

PacketCase untouched(const std::string& name, bool is_client_v4, bool is_server_v4) {
  const Side side(true, is_client_v4, is_server_v4);
  const auto step = [&](size_t bytes) {
    return Step{
        .in = {{kWan, from_wan(side.packet(side.client, side.vip)).payload_bytes(bytes)}},
        .out = {{kLan, to_server(side.packet(side.client, side.vip)).payload_bytes(bytes).ttl(63)}},
    };
  };
  return {.name = name,
          .config = config_of(side, ForwardingMode::kDirectRouting),
          .steps = {step(0), step(1'400)}};
}

PacketCase nat6() {
  const Side side(true, false, false);
  return {.name = "NatOfIpv6",
          .config = config_of(side, ForwardingMode::kNat),
          .steps = {{.in = {{kWan, from_wan(side.packet(side.client, side.vip))}},
                     .out = {{kLan, to_server(side.packet(side.client, side.server)).ttl(63)}}},
                    {.in = {{kLan, from_server(side.packet(side.server, side.client))}},
                     .out = {{kWan, to_wan(side.packet(side.vip, side.client)).ttl(63)}}}}};
}

// The inner packet with everything in front of it that the tunnel adds.
Frame in_tunnel(const Side& side, FrameBuilder inner, TunnelType type) {
  const net::Endpoint& source = side.server.address.is_v4() ? kTunnelSource4 : kTunnelSource6;
  const Frame frame = inner.ttl(63);
  Frame content;
  const bool is_inner_v4 = side.client.address.is_v4();
  uint8_t protocol = is_inner_v4 ? IPPROTO_IPIP : IPPROTO_IPV6;
  if (type == TunnelType::kGre) {
    protocol = IPPROTO_GRE;
    content = is_inner_v4 ? Frame{0, 0, 0x08, 0x00} : Frame{0, 0, 0x86, 0xDD};
  }
  content.insert(content.end(), frame.begin() + 14, frame.end());
  return to_server(FrameBuilder(source, {side.server.address, {}}, protocol))
      .payload(content)
      .ttl(63)
      .traffic_class(0x2E)
      .identification(0);
}

PacketCase tunnel(const std::string& name, TunnelType type, bool is_inner_v4, bool is_outer_v4) {
  Side side(true, is_inner_v4, is_outer_v4);
  side.server.port = side.vip.port;
  const auto step = [&](size_t bytes) {
    const auto inner = side.packet(side.client, side.vip).payload_bytes(bytes).traffic_class(0x2E);
    return Step{.in = {{kWan, from_wan(inner)}}, .out = {{kLan, in_tunnel(side, inner, type)}}};
  };
  return {.name = name,
          .config = config_of(side, ForwardingMode::kTunnel, type),
          .steps = {step(0), step(1'300)}};
}

// The last byte that fits, and one more.
PacketCase room(const std::string& name, ForwardingMode mode, bool is_client_v4, bool is_server_v4,
                size_t fits, uint32_t mtu) {
  const Side side(true, is_client_v4, is_server_v4);
  const auto in = [&](size_t bytes) {
    return side.packet(side.client, side.vip).payload_bytes(bytes).traffic_class(0x2E);
  };
  const Frame out = mode == ForwardingMode::kTunnel
                        ? in_tunnel(side, in(fits), TunnelType::kIpip)
                        : to_server(side.packet(side.local, side.server))
                              .payload_bytes(fits)
                              .traffic_class(0x2E)
                              .ttl(63);
  return {.name = name,
          .config = config_of(side, mode),
          .steps = {{.in = {{kWan, from_wan(in(fits + 1))}},
                     .out = {{kWan, too_big(from_wan(in(fits + 1)), mtu)}},
                     .counters = {{CounterId::kDropTooBig, 1}}},
                    {.in = {{kWan, from_wan(in(fits))}}, .out = {{kLan, out}}}}};
}

PacketCase udp_without_checksum() {
  const Side side(false, true, false);
  return {
      .name = "Ipv4DatagramWithoutChecksumGetsOneForIpv6",
      .config = config_of(side, ForwardingMode::kFullNat),
      .steps = {
          {.in = {{kWan, from_wan(side.packet(side.client, side.vip))
                             .payload_bytes(9)
                             .no_udp_checksum()
                             .pad_to(64)}},
           .out = {
               {kLan, to_server(side.packet(side.local, side.server)).payload_bytes(9).ttl(63)}}}}};
}

// What lies behind the datagram in its IP packet is carried along, but not covered.
PacketCase short_udp_without_checksum() {
  constexpr size_t kChecksumAt = 14 + 40 + 6;
  const Side side(false, true, false);
  const Frame alone = to_server(side.packet(side.local, side.server)).payload_bytes(9);
  const auto checksum = static_cast<uint16_t>(alone[kChecksumAt] << 8 | alone[kChecksumAt + 1]);
  const auto longer = [](FrameBuilder packet) {
    return packet.payload_bytes(9 + 5).udp_length(8 + 9);
  };
  return {
      .name = "ItsChecksumCoversWhatTheUdpLengthSays",
      .config = config_of(side, ForwardingMode::kFullNat),
      .steps = {
          {.in = {{kWan, from_wan(longer(side.packet(side.client, side.vip))).no_udp_checksum()}},
           .out = {{kLan, to_server(longer(side.packet(side.local, side.server)))
                              .l4_checksum(checksum)
                              .ttl(63)}}}}};
}

PacketCase extension_headers_stay() {
  const Side side(true, false, false);
  const Frame option = {0, 0, 1, 4, 0, 0, 0, 0};
  return {.name = "Ipv6ExtensionHeadersPassUntouched",
          .config = config_of(side, ForwardingMode::kFullNat),
          .steps = {{.in = {{kWan, from_wan(side.packet(side.client, side.vip))
                                       .extension(IPPROTO_DSTOPTS, option)}},
                     .out = {{kLan, to_server(side.packet(side.local, side.server))
                                        .extension(IPPROTO_DSTOPTS, option)
                                        .ttl(63)}}}}};
}

PacketCase hop_limit_one() {
  const Side side(true, false, true);
  const Frame expiring = from_wan(side.packet(side.client, side.vip)).ttl(1);
  return {.name = "HopLimit1IsDropped",
          .config = config_of(side, ForwardingMode::kFullNat),
          .steps = {{.in = {{kWan, expiring}},
                     .out = {{kWan, time_exceeded(expiring)}},
                     .counters = {{CounterId::kDropTtlExceeded, 1}}}}};
}

PacketCase link_local_client() {
  Side side(true, false, false);
  side.client.address = address("fe80::99");
  return {.name = "ALinkLocalClientIsDropped",
          .config = config_of(side, ForwardingMode::kFullNat),
          .steps = {{.in = {{kWan, from_wan(side.packet(side.client, side.vip))}},
                     .counters = {{CounterId::kDropBadAddress, 1}}}}};
}

PacketCase tunnel_without_source() {
  const Side side(true, false, false);
  DirectorConfig config = config_of(side, ForwardingMode::kTunnel);
  config.port_addresses = {{}, {kTunnelSource4.address}};
  return {.name = "ATunnelNeedsAnAddressOfItsIpVersion",
          .config = config,
          .steps = {{.in = {{kWan, from_wan(side.packet(side.client, side.vip))}},
                     .counters = {{CounterId::kDropNoPortAddress, 1}}}}};
}

PacketCase both_versions_in_one_burst() {
  DirectorConfig config = two_arms();
  snapshot::ServiceSpec six = tcp_service();
  six.id = 2;
  six.vip = kTcpVip6;
  six.servers[0] = {.id = 31, .port_pool = 9, .endpoint = server_endpoint6(0), .weight = 1};
  config.services.push_back(six);
  const PortFrame four{kWan, from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn)};
  const PortFrame in6{kWan, from_wan(tcp(kClient6, kTcpVip6)).flags(kTcpSyn)};
  const PortFrame out4{
      kLan, to_server(tcp(local(kLocalPort), server_endpoint(0))).flags(kTcpSyn).ttl(63)};
  const PortFrame out6{
      kLan, to_server(tcp({kLocalAddress6, net::Be16::from_host(kLocalPort)}, server_endpoint6(0)))
                .flags(kTcpSyn)
                .ttl(63)};
  return {.name = "BothIpVersionsInOneBurst",
          .config = config,
          .steps = {{.in = {in6, four, four, in6, four}, .out = {out6, out4, out4, out6, out4}},
                    {.in = {four, in6}, .out = {out4, out6}}}};
}

}  // namespace

std::vector<PacketCase> ip_version_cases() {
  constexpr bool kTcp = true, kUdp = false, kV4 = true, kV6 = false;
  return {
      full_nat("FullNatOfTcpFrom6To6", kTcp, kV6, kV6),
      full_nat("FullNatOfTcpFrom6To4", kTcp, kV6, kV4),
      full_nat("FullNatOfTcpFrom4To6", kTcp, kV4, kV6),
      full_nat("FullNatOfUdpFrom6To6", kUdp, kV6, kV6),
      full_nat("FullNatOfUdpFrom6To4", kUdp, kV6, kV4),
      full_nat("FullNatOfUdpFrom4To6", kUdp, kV4, kV6),
      untouched("DirectRoutingOfIpv6", kV6, kV6),
      untouched("DirectRoutingOfIpv6ToAnIpv4Neighbour", kV6, kV4),
      untouched("DirectRoutingOfIpv4ToAnIpv6Neighbour", kV4, kV6),
      nat6(),
      tunnel("TunnelIpip6In6", TunnelType::kIpip, kV6, kV6),
      tunnel("TunnelIpip6In4", TunnelType::kIpip, kV6, kV4),
      tunnel("TunnelIpip4In6", TunnelType::kIpip, kV4, kV6),
      tunnel("TunnelGre6In6", TunnelType::kGre, kV6, kV6),
      tunnel("TunnelGre6In4", TunnelType::kGre, kV6, kV4),
      tunnel("TunnelGre4In6", TunnelType::kGre, kV4, kV6),
      room("FullNat6To6Fills1500Bytes", ForwardingMode::kFullNat, kV6, kV6, 1'440, 1'500),
      room("FullNat4To6LeavesRoomFor20Bytes", ForwardingMode::kFullNat, kV4, kV6, 1'440, 1'480),
      room("Tunnel6In6LeavesRoomFor40Bytes", ForwardingMode::kTunnel, kV6, kV6, 1'400, 1'460),
      udp_without_checksum(),
      short_udp_without_checksum(),
      extension_headers_stay(),
      hop_limit_one(),
      link_local_client(),
      tunnel_without_source(),
      both_versions_in_one_burst(),
  };
}

}  // namespace sluice::test

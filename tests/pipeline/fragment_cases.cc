// SPDX-License-Identifier: BSD-3-Clause
// Datagrams in fragments, in every mode and IP version: each fragment follows the first. Tests.
#include <netinet/in.h>

#include <algorithm>
#include <string>

#include "lib/net/flow_key.h"
#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using snapshot::ForwardingMode;

constexpr size_t kPayloadBytes = 3'000;
constexpr size_t kStep = 1'400;  // three fragments, with room for every new header
constexpr uint16_t kLocalPort = 1024;
constexpr uint32_t kClientsId = 0xABCD;
const net::Endpoint kTunnelSource4{address("10.0.0.254"), {}};

/// Who speaks which IP version, and what the director's way does to a packet.
struct Way {
  ForwardingMode mode;
  bool is_client_v4 = true;
  bool is_server_v4 = true;

  [[nodiscard]] net::Endpoint client() const { return is_client_v4 ? kClient : kClient6; }
  [[nodiscard]] net::Endpoint vip() const { return is_client_v4 ? kUdpVip : kUdpVip6; }
  [[nodiscard]] net::Endpoint server() const {
    return is_server_v4 ? server_endpoint(0, 5353) : server_endpoint6(0, 5353);
  }
  [[nodiscard]] bool translates_source() const { return mode == ForwardingMode::kFullNat; }
  [[nodiscard]] bool is_translated() const {
    return mode == ForwardingMode::kFullNat || mode == ForwardingMode::kNat;
  }
  [[nodiscard]] net::Endpoint from() const {
    return translates_source() ? net::Endpoint{is_server_v4 ? kLocalAddress : kLocalAddress6,
                                               net::Be16::from_host(kLocalPort)}
                               : client();
  }
  [[nodiscard]] net::Endpoint to() const { return is_translated() ? server() : vip(); }

  [[nodiscard]] DirectorConfig config() const {
    DirectorConfig config = two_arms();
    config.port_addresses = {{}, {kTunnelSource4.address}};
    config.services = {udp_service()};
    config.services[0].vip = vip();
    config.services[0].servers[0].endpoint = server();
    config.services[0].servers[0].mode = mode;
    return config;
  }
};

// What the director's n-th datagram of its own identification has.
uint32_t new_id(uint16_t n) {
  return net::FlowHasher(kHashSecret)(net::FlowKey4{{}, {}, {}, {}, n}) << 16 | n;
}

std::vector<PortFrame> on_port(uint8_t port, const std::vector<Frame>& frames) {
  std::vector<PortFrame> result;
  for (const Frame& frame : frames) {
    result.push_back({port, frame});
  }
  return result;
}

FrameBuilder datagram(const net::Endpoint& from, const net::Endpoint& to) {
  return udp(from, to).payload_bytes(kPayloadBytes);
}

std::vector<Frame> request_in(const Way& way) {
  return fragments_of(from_wan(datagram(way.client(), way.vip())), kStep, kClientsId);
}
std::vector<Frame> request_out(const Way& way, uint32_t id) {
  return fragments_of(to_server(datagram(way.from(), way.to())).ttl(63), kStep, id);
}
std::vector<Frame> answer_in(const Way& way) {
  return fragments_of(from_server(datagram(way.server(), way.from())), kStep, 7);
}
std::vector<Frame> answer_out(const Way& way, uint32_t id) {
  return fragments_of(to_wan(datagram(way.vip(), way.client())).ttl(63), kStep, id);
}

template <typename T>
std::vector<T> reordered(const std::vector<T>& all, const std::vector<size_t>& order) {
  std::vector<T> result;
  for (const size_t i : order) {
    result.push_back(all.at(i));
  }
  return result;
}

/// How the fragments come, how they leave, and how many of them waited.
struct Order {
  const char* name;
  std::vector<size_t> in;
  std::vector<size_t> out;
  uint64_t held;
};

std::vector<Order> orders() {
  return {
      {"InOrder", {0, 1, 2}, {0, 1, 2}, 0},
      {"Reversed", {2, 1, 0}, {0, 2, 1}, 2},
      {"FirstInTheMiddle", {1, 0, 2}, {0, 2, 1}, 1},
  };
}

PacketCase both_ways(const std::string& name, const Way& way, const Order& order) {
  std::vector<Step> steps;
  uint16_t id = 0;  // every datagram takes one, used or not
  const uint32_t request_id = way.translates_source() ? new_id(id) : kClientsId;
  steps.push_back({.in = on_port(kWan, reordered(request_in(way), order.in)),
                   .out = on_port(kLan, reordered(request_out(way, request_id), order.out)),
                   .counters = {{CounterId::kFragments, 3},
                                {CounterId::kFragmentsHeld, order.held},
                                {CounterId::kSessionsCreated, 1}}});
  if (way.is_translated()) {
    steps.push_back(
        {.in = on_port(kLan, reordered(answer_in(way), order.in)),
         .out = on_port(kWan, reordered(answer_out(way, new_id(++id)), order.out)),
         .counters = {{CounterId::kFragments, 3}, {CounterId::kFragmentsHeld, order.held}}});
  }
  return {.name = name + order.name, .config = way.config(), .steps = steps};
}

std::vector<PacketCase> every_mode() {
  const std::vector<std::pair<std::string, Way>> ways = {
      {"FragmentsOfFullNat4To4", {ForwardingMode::kFullNat, true, true}},
      {"FragmentsOfFullNat6To6", {ForwardingMode::kFullNat, false, false}},
      {"FragmentsOfFullNat6To4", {ForwardingMode::kFullNat, false, true}},
      {"FragmentsOfFullNat4To6", {ForwardingMode::kFullNat, true, false}},
      {"FragmentsOfNat4", {ForwardingMode::kNat, true, true}},
      {"FragmentsOfNat6", {ForwardingMode::kNat, false, false}},
      {"FragmentsOfDirectRouting4", {ForwardingMode::kDirectRouting, true, true}},
      {"FragmentsOfDirectRouting6", {ForwardingMode::kDirectRouting, false, false}},
  };
  std::vector<PacketCase> cases;
  for (const auto& [name, way] : ways) {
    for (const Order& order : orders()) {
      cases.push_back(both_ways(name, way, order));
    }
  }
  return cases;
}

// The inner packet in IPIP; a fragment may be fragmented again, so the outer header has an
// identification.
Frame in_tunnel(const Frame& inner, uint16_t id) {
  const bool is_v4 = inner[14] >> 4 == 4;
  auto outer =
      FrameBuilder(kTunnelSource4, {server_endpoint(0).address, {}}, is_v4 ? IPPROTO_IPIP : 41)
          .payload(Frame(inner.begin() + 14, inner.end()))
          .ttl(63);
  return to_server(is_v4 ? outer.may_be_fragmented().identification(id) : outer.identification(0));
}

std::vector<PortFrame> in_tunnels(const std::vector<Frame>& inner, uint16_t first_id) {
  std::vector<PortFrame> result;
  for (const Frame& frame : inner) {
    result.push_back({kLan, in_tunnel(frame, first_id++)});
  }
  return result;
}

PacketCase tunnel(const std::string& name, bool is_v4) {
  const Way way{ForwardingMode::kTunnel, is_v4, true};
  return {.name = name,
          .config = way.config(),
          .steps = {{.in = on_port(kWan, request_in(way)),
                     .out = in_tunnels(request_out(way, kClientsId), 1)}}};
}

// Datagrams of 2000 bytes as a sender on a link of 1500 bytes makes them, or whole ones of 1472,
// and what adding to them leaves.
PacketCase cut(const std::string& name, const Way& way, bool is_whole,
               const std::vector<size_t>& starts) {
  const size_t bytes = is_whole ? 1'472 : 2'000;
  const auto in = from_wan(udp(way.client(), way.vip())).payload_bytes(bytes).identification(9);
  const auto in_frames = is_whole ? std::vector<Frame>{FrameBuilder(in).may_be_fragmented()}
                                  : fragments_of(in, 1'480, 9);
  const uint32_t id = way.translates_source() ? new_id(0) : 9;
  const auto out =
      fragments_at(to_server(udp(way.from(), way.to())).payload_bytes(bytes).ttl(63), starts, id);
  const bool is_tunnel = way.mode == ForwardingMode::kTunnel;
  return {.name = name,
          .config = way.config(),
          .steps = {{.in = on_port(kWan, in_frames),
                     .out = is_tunnel ? in_tunnels(out, 1) : on_port(kLan, out),
                     .counters = {{CounterId::kPacketsCut, 1}}}}};
}

std::vector<PacketCase> larger_than_the_way() {
  const Way tunnel{ForwardingMode::kTunnel};
  const Way to_ipv6{ForwardingMode::kFullNat, true, false};
  // 1500 - 20 of the tunnel - 20: 1460, in units of 8: 1456. Toward IPv6 28 less than 1480: 1448.
  return {
      cut("FragmentsTooBigForATunnelAreCut", tunnel, false, {0, 1'456, 1'480}),
      cut("DatagramsTooBigForATunnelAreCut", tunnel, true, {0, 1'456}),
      cut("FragmentsTooBigAsIpv6AreCut", to_ipv6, false, {0, 1'448, 1'480}),
      cut("DatagramsTooBigAsIpv6AreCut", to_ipv6, true, {0, 1'448}),
  };
}

// A smaller link behind the director.
PacketCase narrow_link() {
  const Way way{ForwardingMode::kFullNat};
  DirectorConfig config = way.config();
  config.mtu = 1'000;
  const auto in = fragments_at(from_wan(datagram(way.client(), way.vip())), {0, 1'208}, kClientsId);
  const auto out = fragments_at(to_server(datagram(way.from(), way.to())).ttl(63),
                                {0, 976, 1'208, 2'184}, new_id(0));
  return {.name = "FragmentsLargerThanTheLinkAreCut",
          .config = config,
          .steps = {{.in = on_port(kWan, in),
                     .out = on_port(kLan, out),
                     .counters = {{CounterId::kPacketsCut, 2}}}}};
}

PacketCase datagram_without_checksum_as_ipv6() {
  const Way way{ForwardingMode::kFullNat, true, false};
  return {
      .name = "CutDatagramsWithoutChecksumGetOneForIpv6",
      .config = way.config(),
      .steps = {
          {.in = {{kWan, from_wan(udp(way.client(), way.vip()))
                             .payload_bytes(1'472)
                             .no_udp_checksum()
                             .may_be_fragmented()}},
           .out = on_port(
               kLan, fragments_at(to_server(udp(way.from(), way.to())).payload_bytes(1'472).ttl(63),
                                  {0, 1'448}, new_id(0)))}}};
}

PacketCase no_checksum_within_ipv4() {
  const Way way{ForwardingMode::kFullNat};
  const auto frames = [&](FrameBuilder whole, uint32_t id) {
    return fragments_of(whole.no_udp_checksum(), kStep, id);
  };
  return {.name = "FragmentsWithoutUdpChecksumStayWithoutOne",
          .config = way.config(),
          .steps = {
              {.in = on_port(kWan, frames(from_wan(datagram(way.client(), way.vip())), kClientsId)),
               .out = on_port(
                   kLan, frames(to_server(datagram(way.from(), way.to())).ttl(63), new_id(0)))}}};
}

PacketCase ip_options() {
  const Way way{ForwardingMode::kFullNat};
  const Frame options = {0x94, 4, 0, 0};  // router alert
  return {
      .name = "FragmentsKeepTheirIpOptions",
      .config = way.config(),
      .steps = {
          {.in = on_port(
               kWan, fragments_of(from_wan(datagram(way.client(), way.vip())).ip_options(options),
                                  kStep, kClientsId)),
           .out = on_port(
               kLan,
               fragments_of(to_server(datagram(way.from(), way.to())).ttl(63).ip_options(options),
                            kStep, new_id(0)))}}};
}

// Padding of the link behind a short last fragment.
PacketCase padded() {
  const Way way{ForwardingMode::kFullNat};
  auto in = fragments_at(from_wan(udp(way.client(), way.vip())).payload_bytes(17), {0, 24}, 5);
  in.back().resize(60);
  const auto out = fragments_at(to_server(udp(way.from(), way.to())).payload_bytes(17).ttl(63),
                                {0, 24}, new_id(0));
  return {.name = "PaddingBehindAFragmentIsCutOff",
          .config = way.config(),
          .steps = {{.in = on_port(kWan, in), .out = on_port(kLan, out)}}};
}

// TCP rarely, but it may.
PacketCase tcp_in_fragments() {
  const auto whole = [](const net::Endpoint& from, const net::Endpoint& to) {
    return tcp(from, to).flags(table::kTcpSyn).payload_bytes(100);
  };
  const auto ack = from_wan(tcp(kClient, kTcpVip)).payload_bytes(3);
  return {
      .name = "ASynInFragmentsOpensASession",
      .config = two_arms(),
      .steps = {
          {.in = on_port(kWan, fragments_of(from_wan(whole(kClient, kTcpVip)), 64, 3)),
           .out = on_port(
               kLan, fragments_of(to_server(whole(local(kLocalPort), server_endpoint(0))).ttl(63),
                                  64, new_id(0)))},
          {.in = {{kWan, ack}},
           .out = {
               {kLan,
                to_server(tcp(local(kLocalPort), server_endpoint(0))).payload_bytes(3).ttl(63)}}}}};
}

// The same client's whole datagrams go to the same server from the same local port.
PacketCase one_session() {
  const Way way{ForwardingMode::kFullNat};
  const auto whole =
      Step{.in = {{kWan, from_wan(udp(way.client(), way.vip())).payload_bytes(5)}},
           .out = {{kLan, to_server(udp(way.from(), way.to())).payload_bytes(5).ttl(63)}}};
  const auto in_fragments = [&](uint16_t n) {
    return Step{.in = on_port(kWan, request_in(way)),
                .out = on_port(kLan, request_out(way, new_id(n)))};
  };
  DirectorConfig config = way.config();
  config.services = {udp_service(3)};
  return {.name = "FragmentsAndWholeDatagramsShareASession",
          .config = config,
          .steps = {whole, in_fragments(0), whole, in_fragments(1)}};
}

// All fragments of a datagram must go to one server: that takes a session.
PacketCase one_packet_service() {
  const Way way{ForwardingMode::kDirectRouting};
  DirectorConfig config = way.config();
  config.services = {udp_service(3)};
  config.services[0].is_one_packet = true;
  for (auto& server : config.services[0].servers) {
    server.mode = way.mode;
  }
  return {.name = "FragmentsToAOnePacketServiceOpenASession",
          .config = config,
          .steps = {{.in = on_port(kWan, request_in(way)),
                     .out = on_port(kLan, request_out(way, kClientsId)),
                     .counters = {{CounterId::kSessionsCreated, 1}}}}};
}

PacketCase same_identification_again() {
  const Way way{ForwardingMode::kFullNat};
  const auto step = [&](uint16_t n) {
    return Step{.in = on_port(kWan, request_in(way)),
                .out = on_port(kLan, request_out(way, new_id(n)))};
  };
  return {.name = "AnIdentificationMayBeUsedAgainAtOnce",
          .config = way.config(),
          .steps = {step(0), step(1), step(2)}};
}

PacketCase atomic() {
  const Way way{ForwardingMode::kFullNat, false, false};
  const Frame header = {0, 0, 0, 0, 0, 0, 0, 9};
  return {.name = "AnAtomicFragmentIsAWholePacket",
          .config = way.config(),
          .steps = {{.in = {{kWan, from_wan(udp(way.client(), way.vip()))
                                       .extension(IPPROTO_FRAGMENT, header)
                                       .payload_bytes(5)}},
                     .out = {{kLan, to_server(udp(way.from(), way.to()))
                                        .extension(IPPROTO_FRAGMENT, header)
                                        .payload_bytes(5)
                                        .ttl(63)}},
                     .counters = {{CounterId::kFragments, 0}}}}};
}

}  // namespace

std::vector<PacketCase> fragment_cases() {
  std::vector<PacketCase> cases = every_mode();
  for (PacketCase& packet_case : larger_than_the_way()) {
    cases.push_back(std::move(packet_case));
  }
  for (auto* more :
       {narrow_link, datagram_without_checksum_as_ipv6, no_checksum_within_ipv4, ip_options, padded,
        tcp_in_fragments, one_session, one_packet_service, same_identification_again, atomic}) {
    cases.push_back(more());
  }
  cases.push_back(tunnel("FragmentsInATunnel4In4", true));
  cases.push_back(tunnel("FragmentsInATunnel6In4", false));
  return cases;
}

}  // namespace sluice::test

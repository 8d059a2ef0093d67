// SPDX-License-Identifier: BSD-3-Clause
// A FULL-NAT session whose server is told of its client, packet by packet: what its cases have in
// common. Tests.
#pragma once

#include <string>
#include <vector>

#include "lib/net/sequence_shift.h"
#include "tests/pipeline/cases.h"

namespace sluice::test {

inline constexpr uint32_t kClientIsn = 1'000, kServerIsn = 9'000;
inline constexpr uint8_t kPush = 0x08;

/// Which IP versions a session is between.
struct Versions {
  bool is_client_v4 = true, is_server_v4 = true;
};
inline constexpr std::array<Versions, 4> kVersions = {
    {{true, true}, {false, false}, {false, true}, {true, false}}};

inline std::string name_of(const Versions& versions) {
  return std::string(versions.is_client_v4 ? "4" : "6") + "To" +
         (versions.is_server_v4 ? "4" : "6");
}

/// Makes the steps of one session's case in their order.
class Disclosing {
 public:
  Disclosing(net::Protocol protocol, table::ClientAddress how, const Versions& versions = {})
      : is_tcp(protocol == net::Protocol::kTcp),
        client(versions.is_client_v4 ? kClient : kClient6),
        vip(versions.is_client_v4 ? (is_tcp ? kTcpVip : kUdpVip) : (is_tcp ? kTcpVip6 : kUdpVip6)),
        local{versions.is_server_v4 ? kLocalAddress : kLocalAddress6, net::Be16::from_host(1024)},
        server(versions.is_server_v4 ? server_endpoint(0) : server_endpoint6(0)) {
    config = two_arms();
    config.services = {is_tcp ? tcp_service() : udp_service()};
    config.services[0].vip = vip;
    config.services[0].servers[0].endpoint = server;
    config.services[0].client_address = how;
  }

  const bool is_tcp;
  const net::Endpoint client, vip, local, server;
  DirectorConfig config;

  [[nodiscard]] FrameBuilder packet(const net::Endpoint& from, const net::Endpoint& to) const {
    return is_tcp ? tcp(from, to) : udp(from, to);
  }
  /// As the client sends them, and as the server gets them.
  [[nodiscard]] FrameBuilder request() const { return from_wan(packet(client, vip)); }
  [[nodiscard]] FrameBuilder at_server() const { return to_server(packet(local, server)).ttl(63); }
  /// As the server sends them, and as the client gets them.
  [[nodiscard]] FrameBuilder answer() const { return from_server(packet(server, local)); }
  [[nodiscard]] FrameBuilder at_client() const { return to_wan(packet(vip, client)).ttl(63); }

  /// The client's and the server's segments, numbered from their own ISN.
  [[nodiscard]] FrameBuilder request(uint32_t seq, uint32_t ack,
                                     uint8_t flags = table::kTcpAck) const {
    return request().sequence(kClientIsn + seq).acknowledgement(kServerIsn + ack).flags(flags);
  }
  [[nodiscard]] FrameBuilder at_server(uint32_t seq, uint32_t ack,
                                       uint8_t flags = table::kTcpAck) const {
    return at_server().sequence(server_sees + seq).acknowledgement(kServerIsn + ack).flags(flags);
  }
  [[nodiscard]] FrameBuilder answer(uint32_t seq, uint32_t ack,
                                    uint8_t flags = table::kTcpAck) const {
    return answer().sequence(kServerIsn + seq).acknowledgement(server_sees + ack).flags(flags);
  }
  [[nodiscard]] FrameBuilder at_client(uint32_t seq, uint32_t ack,
                                       uint8_t flags = table::kTcpAck) const {
    return at_client().sequence(kServerIsn + seq).acknowledgement(kClientIsn + ack).flags(flags);
  }
  uint32_t server_sees = kClientIsn;  // as the client's initial number

  /// What the next translated packet, or all fragments of it, are identified by.
  uint16_t take_id() { return next_id_++; }

  Step forth(const FrameBuilder& in, const std::vector<FrameBuilder>& out,
             const std::vector<ExpectedCount>& counters = {}) {
    Step step{.in = {{kWan, in}}, .counters = counters};
    for (const FrameBuilder& frame : out) {
      step.out.push_back({kLan, translated(frame, client, server)});
    }
    return step;
  }
  Step back(const FrameBuilder& in, const FrameBuilder& out) {
    return {.in = {{kLan, in}}, .out = {{kWan, translated(out, server, client)}}};
  }
  /// The client's SYN and the server's answer, without options.
  std::vector<Step> open(uint16_t window_of_syn_ack = 0x2000) {
    using table::kTcpAck, table::kTcpSyn;
    return {forth(request(0, 0, kTcpSyn), {at_server(0, 0, kTcpSyn)}),
            back(answer(0, 1, kTcpSyn | kTcpAck),
                 at_client(0, 1, kTcpSyn | kTcpAck).window(window_of_syn_ack))};
  }
  [[nodiscard]] PacketCase named(const std::string& name, std::vector<Step> steps) const {
    return {.name = name, .config = config, .steps = std::move(steps)};
  }

 private:
  // RFC 7915 5.1; every packet of an extended session takes an identification.
  FrameBuilder translated(FrameBuilder frame, const net::Endpoint& from, const net::Endpoint& to) {
    const uint16_t id = take_id();
    if (!from.address.is_v4() && to.address.is_v4()) {
      constexpr size_t kMayBeFragmented = 14 + 1'260;
      frame.build().size() > kMayBeFragmented ? frame.identification(0)
                                              : frame.may_be_fragmented().identification(id);
    }
    return frame;
  }

  uint16_t next_id_ = 0;
};

inline void append(Frame& to, const Frame& more) {
  for (const uint8_t byte : more) {
    to.push_back(byte);
  }
}

inline void append(Frame& to, const net::Endpoint& end, bool port_first) {
  const Frame port = {static_cast<uint8_t>(end.port.host() >> 8),
                      static_cast<uint8_t>(end.port.host())};
  if (port_first) {
    append(to, port);
  }
  const auto& bytes = end.address.v6().bytes;
  for (size_t i = end.address.is_v4() ? 12 : 0; i < bytes.size(); ++i) {
    to.push_back(bytes[i]);
  }
}

/// TOA's and UOA's option: kind, length, port, address.
inline Frame client_option(uint8_t kind, const net::Endpoint& client) {
  Frame option = {kind, static_cast<uint8_t>(client.address.is_v4() ? 8 : 20)};
  append(option, client, true);
  return option;
}

/// A payload: something in front of FrameBuilder::payload_bytes().
inline Frame with_payload(Frame front, size_t count) {
  append(front, udp(kClient, kUdpVip).payload_bytes(count).payload());
  return front;
}

}  // namespace sluice::test

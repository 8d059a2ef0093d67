// SPDX-License-Identifier: BSD-3-Clause
// Checksums at the edges of one's complement arithmetic, and the TTL step. Tests.
#include "tests/pipeline/cases.h"
#include "tests/support/reference_checksum.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using table::kTcpSyn;

constexpr size_t kIpChecksumOffset = 14 + 10;

struct BothSides {
  FrameBuilder in;
  FrameBuilder out;
};

BothSides packet(net::Protocol protocol) {
  const auto make = [protocol](net::Endpoint from, net::Endpoint to) {
    return (protocol == net::Protocol::kTcp ? tcp(from, to).flags(kTcpSyn) : udp(from, to))
        .payload_bytes(10);
  };
  const bool is_tcp = protocol == net::Protocol::kTcp;
  return {from_wan(make(kClient, is_tcp ? kTcpVip : kUdpVip)),
          to_server(make(local(1024), server_endpoint(0, is_tcp ? 8080 : 5353))).ttl(63)};
}

PacketCase one_packet(const std::string& name, const BothSides& sides) {
  return {.name = name,
          .config = two_arms(),
          .steps = {{.in = {{kWan, sides.in}}, .out = {{kLan, sides.out}}}}};
}

// A checksum computed as 0x0000 stays so for TCP and is sent as 0xFFFF by UDP (RFC 768).
PacketCase arrives_with_zero(const std::string& name, net::Protocol protocol) {
  BothSides sides = packet(protocol);
  sides.in.solve_payload_for_checksum(0);
  sides.out.payload(sides.in.payload());
  return one_packet(name, sides);
}

PacketCase leaves_with_zero(const std::string& name, net::Protocol protocol) {
  BothSides sides = packet(protocol);
  sides.out.solve_payload_for_checksum(0);
  sides.in.payload(sides.out.payload());
  return one_packet(name, sides);
}

// 0xFFFF and 0x0000 are the same number; a sender may use either, we leave with the usual one.
PacketCase arrives_with_all_ones() {
  BothSides sides = packet(net::Protocol::kTcp);
  sides.in.solve_payload_for_checksum(0).l4_checksum(0xFFFF);
  sides.out.payload(sides.in.payload());
  return one_packet("TcpChecksumArrivesAsAllOnes", sides);
}

PacketCase udp_without_checksum() {
  BothSides sides = packet(net::Protocol::kUdp);
  const net::Endpoint server = server_endpoint(0, 5353);
  sides.in.no_udp_checksum();
  sides.out.no_udp_checksum();
  PacketCase both_ways = one_packet("UdpWithoutChecksumStaysWithout", sides);
  both_ways.steps.push_back({
      .in = {{kLan, from_server(udp(server, local(1024))).payload_bytes(3).no_udp_checksum()}},
      .out = {{kWan, to_wan(udp(kUdpVip, kClient)).payload_bytes(3).no_udp_checksum().ttl(63)}},
  });
  return both_ways;
}

// A packet broken on its way must not leave repaired: the error is carried to the receiver.
PacketCase broken_stays_broken() {
  BothSides sides = packet(net::Protocol::kTcp);
  const Frame right = sides.in.build();
  const Frame right_out = sides.out.build();
  constexpr size_t kTcpChecksumOffset = 14 + 20 + 16;
  const auto field = [](const Frame& frame) {
    return static_cast<uint16_t>(frame[kTcpChecksumOffset] << 8 | frame[kTcpChecksumOffset + 1]);
  };
  sides.in.l4_checksum(static_cast<uint16_t>(field(right) + 1));
  sides.out.l4_checksum(static_cast<uint16_t>(field(right_out) + 1));
  return one_packet("ABrokenTcpChecksumIsNotRepaired", sides);
}

uint16_t ip_checksum_of(const Frame& frame) {
  return static_cast<uint16_t>(frame[kIpChecksumOffset] << 8 | frame[kIpChecksumOffset + 1]);
}

// The identification that makes the IP checksum of `packet` 0: what it lacks with identification 0.
uint16_t identification_for_zero(FrameBuilder packet) {
  return ip_checksum_of(packet.identification(0).build());
}

PacketCase ip_leaves_with_zero() {
  BothSides sides = packet(net::Protocol::kTcp);
  const uint16_t identification = identification_for_zero(sides.out);
  sides.in.identification(identification);
  sides.out.identification(identification);
  return one_packet("IpChecksumLeavesAsZero", sides);
}

PacketCase ip_arrives_with(const std::string& name, uint16_t checksum) {
  BothSides sides = packet(net::Protocol::kTcp);
  const uint16_t identification = identification_for_zero(sides.in);
  sides.in.identification(identification).ip_checksum(checksum);
  sides.out.identification(identification);
  return one_packet(name, sides);
}

PacketCase ttl_case(const std::string& name, uint8_t in, uint8_t out) {
  BothSides sides = packet(net::Protocol::kTcp);
  sides.in.ttl(in);
  sides.out.ttl(out);
  return one_packet(name, sides);
}

PacketCase ttl_too_small(const std::string& name, uint8_t ttl) {
  const net::Endpoint server = server_endpoint(0);
  const auto refused = [](uint8_t port, const Frame& frame) {
    return Step{.in = {{port, frame}},
                .out = {{port, time_exceeded(frame)}},
                .counters = {{CounterId::kDropTtlExceeded, 1}, {CounterId::kSessionsCreated, 0}}};
  };
  return {
      .name = name,
      .config = two_arms(),
      .steps = {refused(kWan, from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn).ttl(ttl)),
                open_tcp_session(), refused(kWan, from_wan(tcp(kClient, kTcpVip)).ttl(ttl)),
                refused(kLan, from_server(tcp(server, local(1024))).ttl(ttl))},
  };
}

}  // namespace

std::vector<PacketCase> checksum_cases() {
  return {
      arrives_with_zero("TcpChecksumArrivesAsZero", net::Protocol::kTcp),
      arrives_with_zero("UdpChecksumArrivesAsAllOnes", net::Protocol::kUdp),
      leaves_with_zero("TcpChecksumLeavesAsZero", net::Protocol::kTcp),
      leaves_with_zero("UdpChecksumLeavesAsAllOnes", net::Protocol::kUdp),
      arrives_with_all_ones(),
      udp_without_checksum(),
      broken_stays_broken(),
      ip_leaves_with_zero(),
      ip_arrives_with("IpChecksumArrivesAsZero", 0x0000),
      ip_arrives_with("IpChecksumArrivesAsAllOnes", 0xFFFF),
      ttl_case("Ttl2LeavesAs1", 2, 1),
      ttl_case("Ttl255LeavesAs254", 255, 254),
      ttl_too_small("Ttl1IsDropped", 1),
      ttl_too_small("Ttl0IsDropped", 0),
  };
}

}  // namespace sluice::test

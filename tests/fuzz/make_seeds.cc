// SPDX-License-Identifier: BSD-3-Clause
// Writes the seeds of the frame, icmp and pipeline corpora into a folder. Run by hand, see
// README.md.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/fuzz/script.h"
#include "tests/support/sctp.h"
#include "tests/support/world.h"
#include "tests/unit/lib/net/ip_packets.h"

namespace sluice::test {
namespace {

using table::kTcpAck;
using table::kTcpFin;
using table::kTcpRst;
using table::kTcpSyn;

Frame seen_by_server(uint8_t flags) {
  return from_server(tcp(server_endpoint(0), local(1'024))).flags(flags);
}
Frame seen_by_client(uint8_t flags) { return from_wan(tcp(kClient, kTcpVip)).flags(flags); }

std::map<std::string, Frame> frames() {
  return {
      {"tcp", seen_by_client(kTcpSyn)},
      {"tcp_options", from_wan(tcp(kClient, kTcpVip)).tcp_options(Frame(12, 1)).payload_bytes(5)},
      {"udp", from_wan(udp(kClient, kUdpVip)).payload_bytes(9)},
      {"udp_without_checksum", from_wan(udp(kClient, kUdpVip)).no_udp_checksum()},
      {"sctp", from_wan(sctp(kClient, kTcpVip, kSctpInit))},
      {"sctp6", from_wan(sctp(kClient6, kTcpVip6, kSctpData))},
      {"ip_options", from_wan(udp(kClient, kUdpVip)).ip_options({7, 7, 4, 0, 0, 0, 0, 1})},
      {"source_route", from_wan(udp(kClient, kUdpVip)).ip_options({131, 7, 4, 1, 2, 3, 4})},
      {"fragment", from_wan(udp(kClient, kUdpVip)).payload_bytes(16).fragment(8, true)},
      {"icmp", from_wan(icmp_echo(kClient.address, kTcpVip.address))},
      {"arp", arp_request(kGatewayMac, kGateway, kTcpVip.address)},
      {"vrrp",
       ip_packet(kGateway, ipv4("224.0.0.18"), 112).link(kGatewayMac, mac("01:00:5e:00:00:12"))},
      {"ipv6_multicast", ip_packet(kGateway, kGateway, 58)
                             .ether_type(0x86DD)
                             .link(kGatewayMac, mac("33:33:00:00:00:01"))},
  };
}

std::vector<uint8_t> connection(uint8_t client_queue, uint8_t server_queue) {
  std::vector<uint8_t> script;
  fuzz::append_frame(script, kWan, client_queue, seen_by_client(kTcpSyn));
  fuzz::append_frame(script, kLan, server_queue, seen_by_server(kTcpSyn | kTcpAck));
  fuzz::append_frame(script, kWan, client_queue, seen_by_client(kTcpAck));
  return script;
}

std::map<std::string, std::vector<uint8_t>> scripts() {
  std::map<std::string, std::vector<uint8_t>> scripts;
  for (const auto& [name, frame] : frames()) {
    fuzz::append_frame(scripts[name], kWan, 0, frame);
  }
  scripts["connection"] = connection(0, 0);
  scripts["connection_with_hand_off"] = connection(0, 1);

  auto& association = scripts["association"];
  const net::Endpoint sctp_server = server_endpoint(0);
  for (const uint8_t chunk : {kSctpInit, kSctpCookieEcho, kSctpData, kSctpAbort}) {
    fuzz::append_frame(association, kWan, 0, from_wan(sctp(kClient, kTcpVip, chunk)));
    fuzz::append_frame(association, kLan, 0, from_server(sctp(sctp_server, kClient, kSctpData)));
  }

  auto& closed = scripts["closed_and_expired"] = connection(0, 0);
  fuzz::append_frame(closed, kWan, 0, seen_by_client(kTcpFin | kTcpAck));
  fuzz::append_frame(closed, kLan, 0, seen_by_server(kTcpFin | kTcpAck));
  closed.push_back(fuzz::kTimeStep + 9);
  fuzz::append_frame(closed, kLan, 0, seen_by_server(kTcpRst));

  auto& reloaded = scripts["server_removed_and_back"] = connection(0, 0);
  reloaded.push_back(fuzz::kReloadStep + 8);
  fuzz::append_frame(reloaded, kWan, 0, seen_by_client(kTcpAck));
  reloaded.push_back(fuzz::kReloadStep + 7);
  fuzz::append_frame(reloaded, kWan, 0, seen_by_client(kTcpAck));

  auto& lost = scripts["neighbour_lost"] = connection(0, 0);
  lost.push_back(fuzz::kNeighbourStep + 8 + 1);
  fuzz::append_frame(lost, kWan, 0, seen_by_client(kTcpAck));

  // Reload variants of every way to tell a server its client; 7 and more also renew numbers.
  for (const uint8_t variant : {1, 2, 3, 4, 6, 7}) {
    auto& told = scripts["told_" + std::to_string(variant)];
    told.push_back(static_cast<uint8_t>(fuzz::kReloadStep + variant));
    const uint8_t server = variant % 2 != 0 ? 0 : variant == 4 ? 2 : 1;
    const auto answer = from_server(tcp(server_endpoint(server), local(1'024)), server);
    fuzz::append_frame(told, kWan, 0, seen_by_client(kTcpSyn));
    fuzz::append_frame(told, kLan, 0, FrameBuilder(answer).flags(kTcpSyn | kTcpAck));
    fuzz::append_frame(told, kWan, 0, from_wan(tcp(kClient, kTcpVip)).sequence(0x01020305));
    fuzz::append_frame(told, kWan, 0,
                       from_wan(tcp(kClient, kTcpVip))
                           .sequence(0x01020305)
                           .tcp_options(Frame(36, 1))
                           .payload_bytes(9));
    fuzz::append_frame(told, kLan, 0,
                       FrameBuilder(answer).tcp_options({5, 10, 1, 2, 3, 4, 5, 6, 7, 8}));
    fuzz::append_frame(told, kWan, 0, from_wan(udp(kClient, kUdpVip)).payload_bytes(9));
  }

  auto& many = scripts["more_clients_than_ports"];
  for (uint32_t i = 0; i < 20; ++i) {
    fuzz::append_frame(many, kWan, 0, from_wan(udp(client(i), kUdpVip)));
  }
  return scripts;
}

// Errors about packets of both IP versions, and an echo request of each.
std::map<std::string, Bytes> icmp_packets() {
  const Flow flow4 = flow("10.0.0.100", 1'024, "10.0.0.1", 80);
  const Flow flow6 = flow("2001:db8::64", 1'024, "2001:db8:2::1", 80);
  const net::AddressPair outer4{address("10.0.0.1"), flow4.addresses.source};
  const net::AddressPair outer6{address("2001:db8:2::1"), flow6.addresses.source};
  const Bytes tcp4 = packet_of(flow4, IPPROTO_TCP, 9), tcp6 = packet_of(flow6, IPPROTO_TCP, 9);
  const Bytes fragment6 = {17, 0, 0, 1, 0, 0, 0, 9}, options6 = {6, 0, 1, 4, 0, 0, 0, 0};
  const Bytes gue = {0x12, 0x34, 0x17, 0xC0, 0, 0, 0, 0, 0, 4, 0, 0};
  return {
      {"echo4", packet_of(flow4, IPPROTO_ICMP, 9)},
      {"echo6", packet_of(flow6, IPPROTO_ICMPV6, 9)},
      {"unreachable4", icmp_packet(outer4, 3, 3, 0, packet_of(flow4, IPPROTO_UDP, 9))},
      {"unreachable6", icmp_packet(outer6, 1, 4, 0, packet_of(flow6, IPPROTO_UDP, 9))},
      {"too_big4", icmp_packet(outer4, 3, 4, 1'400, tcp4)},
      {"too_big6", icmp_packet(outer6, 2, 0, 1'400, tcp6)},
      {"eight_bytes", icmp_packet(outer4, 11, 0, 0, first(tcp4, 28))},
      {"problem4", icmp_packet(outer4, 12, 0, 9U << 24, tcp4)},
      {"problem6", icmp_packet(outer6, 4, 0, 6, tcp6)},
      {"about_echo4", icmp_packet(outer4, 11, 0, 0, packet_of(flow4, IPPROTO_ICMP, 9))},
      {"about_echo6", icmp_packet(outer6, 3, 0, 0, packet_of(flow6, IPPROTO_ICMPV6, 9))},
      {"options4", icmp_packet(outer4, 3, 1, 0, packet_of(flow4, 6, 9, {.extra = Bytes(8, 1)}))},
      {"options6", icmp_packet(outer6, 1, 3, 0,
                               packet_of(flow6, 6, 9, {.extra = options6, .first_extension = 60}))},
      {"fragment4", icmp_packet(outer4, 3, 1, 0, packet_of(flow4, 17, 16, {.fragment = 0x0010}))},
      {"fragment6",
       icmp_packet(outer6, 1, 3, 0,
                   packet_of(flow6, 17, 16, {.extra = fragment6, .first_extension = 44}))},
      {"ipip", icmp_packet(outer4, 3, 4, 1'400, ip_packet(outer4, 4, tcp4))},
      {"ipip6", icmp_packet(outer6, 2, 0, 1'400, ip_packet(outer6, 4, tcp4))},
      {"gre", icmp_packet(outer4, 3, 1, 0, ip_packet(outer4, 47, join({0, 0, 8, 0}, tcp4)))},
      {"gue", icmp_packet(outer4, 3, 3, 0, ip_packet(outer4, 17, join(gue, tcp4)))},
      {"extensions", icmp_packet(outer4, 11, 0, 32U << 16, first(packet_of(flow4, 6, 120), 140))},
  };
}

std::vector<uint8_t> behind(uint8_t control, const std::vector<uint8_t>& input) {
  std::vector<uint8_t> bytes(input.size() + 1, control);
  std::copy(input.begin(), input.end(), bytes.begin() + 1);
  return bytes;
}

void write(const std::filesystem::path& file, const std::vector<uint8_t>& bytes) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

}  // namespace
}  // namespace sluice::test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
    return 2;
  }
  const std::filesystem::path corpus = argv[1];
  for (const char* folder : {"frame", "icmp", "pipeline"}) {
    std::filesystem::create_directories(corpus / folder);
  }
  for (const auto& [name, frame] : sluice::test::frames()) {
    // 0: all of it lies in one segment.
    sluice::test::write(corpus / "frame" / name, sluice::test::behind(0, frame));
  }
  for (const auto& [name, packet] : sluice::test::icmp_packets()) {
    // 1: its checksums are made right.
    sluice::test::write(corpus / "icmp" / name, sluice::test::behind(1, packet));
  }
  for (const auto& [name, script] : sluice::test::scripts()) {
    sluice::test::write(corpus / "pipeline" / name, script);
  }
  return 0;
}

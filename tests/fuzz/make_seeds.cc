// SPDX-License-Identifier: BSD-3-Clause
// Writes the seeds of the frame and pipeline corpora into a folder. Run by hand, see README.md.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/fuzz/script.h"
#include "tests/support/world.h"

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

  auto& many = scripts["more_clients_than_ports"];
  for (uint32_t i = 0; i < 20; ++i) {
    fuzz::append_frame(many, kWan, 0, from_wan(udp(client(i), kUdpVip)));
  }
  return scripts;
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
  for (const char* folder : {"frame", "pipeline"}) {
    std::filesystem::create_directories(corpus / folder);
  }
  for (const auto& [name, frame] : sluice::test::frames()) {
    std::vector<uint8_t> bytes = {0};  // all of it lies in one segment
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    sluice::test::write(corpus / "frame" / name, bytes);
  }
  for (const auto& [name, script] : sluice::test::scripts()) {
    sluice::test::write(corpus / "pipeline" / name, script);
  }
  return 0;
}

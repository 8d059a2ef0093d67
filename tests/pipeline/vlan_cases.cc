// SPDX-License-Identifier: BSD-3-Clause
// VLANs of one port, and frames of up to 9000 bytes. All other tables are played with a tag on
// every frame, too (cases_test.cc). Tests.
#include <string>

#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using snapshot::ForwardingMode;
using table::kTcpSyn;

// The only device is port 0; clients are behind VLAN 100, servers in VLAN 200.
constexpr uint8_t kTrunk = 0, kWanPort = 1, kLanPort = 2;
constexpr uint16_t kWanVlan = 100, kLanVlan = 200;
constexpr uint16_t kPriority = 0xE000;  // in the tag, beside the VLAN's number
const net::Address kTunnelSource = address("10.0.0.254");

DirectorConfig trunk(ForwardingMode mode = ForwardingMode::kFullNat, uint16_t mtu = 1'500,
                     uint16_t lan_mtu = 1'500) {
  DirectorConfig config = two_arms();
  config.ports = 1;
  config.mtu = mtu;
  config.vlans = {{kTrunk, kWanVlan, mtu}, {kTrunk, kLanVlan, lan_mtu}};
  config.port_addresses = {{}, {address("192.0.2.2")}, {kTunnelSource}};
  for (snapshot::Route& route : config.routes) {
    route.port = route.port == kWan ? kWanPort : kLanPort;
  }
  for (Neighbour& neighbour : config.neighbours) {
    neighbour.port = neighbour.port == kWan ? kWanPort : kLanPort;
  }
  for (snapshot::ServiceSpec& service : config.services) {
    service.servers[0].mode = mode;
  }
  return config;
}

// All ports have the device's address.
FrameBuilder in_from_wan(FrameBuilder frame) { return frame.link(kGatewayMac, kWanMac); }
FrameBuilder in_from_server(FrameBuilder frame) { return frame.link(server_mac(0), kWanMac); }
FrameBuilder out_to_server(FrameBuilder frame) { return frame.link(kWanMac, server_mac(0)); }
PortFrame in_vlan(uint16_t tag, const Frame& frame) { return {kTrunk, tagged(frame, tag)}; }

Frame syn() { return in_from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn); }
Frame syn_out() {
  return out_to_server(tcp(local(1024), server_endpoint(0))).flags(kTcpSyn).ttl(63);
}
Frame answer() { return in_from_server(tcp(server_endpoint(0), local(1024))).ttl(63); }
Frame answer_out() { return to_wan(tcp(kTcpVip, kClient)).ttl(62); }

Step opening() { return {.in = {in_vlan(kWanVlan, syn())}, .out = {in_vlan(kLanVlan, syn_out())}}; }

PacketCase both_arms() {
  return {
      .name = "BothArmsAreVlansOfOnePort",
      .config = trunk(),
      .steps = {opening(),
                {.in = {in_vlan(kLanVlan, answer())}, .out = {in_vlan(kWanVlan, answer_out())}}}};
}

PacketCase in_one_burst() {
  const PortFrame request = in_vlan(kWanVlan, syn()), reply = in_vlan(kLanVlan, answer());
  const PortFrame forth = in_vlan(kLanVlan, syn_out()), back = in_vlan(kWanVlan, answer_out());
  return {.name = "VlansMixedInOneBurst",
          .config = trunk(),
          .steps = {opening(),
                    {.in = {request, reply, reply, in_vlan(300, syn()), request, reply},
                     .out = {back, back, back, forth, forth},
                     .counters = {{CounterId::kDropUnknownVlan, 1}, {CounterId::kRxPackets, 6}}}}};
}

PacketCase tags_taken_off_by_the_device() {
  return {.name = "TagsTakenOffByTheDevice",
          .config = trunk(),
          .steps = {{.act =
                         [](Director& director) {
                           director.send_stripped(kTrunk, syn(), kPriority | kWanVlan);
                           director.send_stripped(kTrunk, syn(), 300);
                           director.send_stripped(kTrunk, tagged(syn(), kWanVlan), kWanVlan);
                           director.poll();
                         },
                     .out = {in_vlan(kLanVlan, syn_out())},
                     .counters = {{CounterId::kDropUnknownVlan, 2}}}}};
}

PacketCase strange_tags() {
  constexpr uint16_t kServiceTag = 0x88A8;
  Frame within_its_tag = tagged(syn(), kWanVlan);
  within_its_tag.resize(16);
  return {.name = "StrangeTagsAreDropped",
          .config = trunk(),
          .steps = {{.in = {in_vlan(300, syn()),
                            in_vlan(4'095, syn()),
                            in_vlan(kWanVlan, tagged(syn(), kWanVlan)),
                            {kTrunk, tagged(syn(), kWanVlan, kServiceTag)},
                            {kTrunk, tagged(tagged(syn(), kWanVlan), kWanVlan, kServiceTag)},
                            {kTrunk, within_its_tag}},
                     .counters = {{CounterId::kDropUnknownVlan, 6}}},
                    {.in = {{kTrunk, Frame(12)}}, .counters = {{CounterId::kDropTruncated, 1}}}}};
}

// VLAN 0 says how urgent a frame is, not where it belongs.
PacketCase priority_tags() {
  const Frame arp = arp_request(kGatewayMac, kGateway, address("192.0.2.2"));
  return {.name = "PriorityTags",
          .config = trunk(),
          .steps = {{.in = {in_vlan(kPriority, arp)},
                     .to_kernel_control = {arp},
                     .counters = {{CounterId::kPuntArp, 1}}},
                    {.in = {in_vlan(kPriority | kWanVlan, syn())},
                     .out = {in_vlan(kLanVlan, syn_out())}}}};
}

PacketCase parent_beside_its_vlan() {
  DirectorConfig config = trunk();
  for (snapshot::Route& route : config.routes) {
    route.port = route.port == kWanPort ? kTrunk : kLanPort;
  }
  config.neighbours.push_back({kTrunk, kGateway, kGatewayMac});
  return {.name = "ThePortItselfStaysUntagged",
          .config = config,
          .steps = {{.in = {{kTrunk, syn()}}, .out = {in_vlan(kLanVlan, syn_out())}},
                    {.in = {in_vlan(kLanVlan, answer())}, .out = {{kTrunk, answer_out()}}}}};
}

PacketCase to_the_kernel_and_back() {
  const Frame arp = arp_request(kGatewayMac, kGateway, address("192.0.2.2"));
  return {.name = "FramesOfTheKernelAreTagged",
          .config = trunk(),
          .steps = {{.in = {in_vlan(kWanVlan, arp)},
                     .to_kernel_control = {arp},
                     .counters = {{CounterId::kPuntArp, 1}}},
                    {.act =
                         [arp](Director& director) {
                           director.inject(kLanPort, arp);
                           director.inject(kTrunk, arp);
                           director.poll();
                         },
                     .out = {{kTrunk, arp}, in_vlan(kLanVlan, arp)}}}};
}

// As before there were VLANs: whoever made one on the tap gets its frames.
PacketCase port_without_vlans() {
  const Frame frame = tagged(from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn), kWanVlan);
  return {
      .name = "TagsArePuntedWhereAPortHasNoVlans",
      .config = two_arms(),
      .steps = {
          {.in = {{kWan, frame}}, .to_kernel = {frame}, .counters = {{CounterId::kPuntOther, 1}}}}};
}

PacketCase full_transmit_queue() {
  DirectorConfig config = trunk();
  config.tx_ring_size = 4;  // holds three
  const PortFrame request = in_vlan(kWanVlan, syn()), sent = in_vlan(kLanVlan, syn_out());
  return {.name = "FullTransmitQueueOfAVlan",
          .config = config,
          .steps = {{.in = {request, request, request, request, request},
                     .out = {sent, sent, sent},
                     .counters = {{CounterId::kDropTxFull, 2},
                                  {CounterId::kTxBytes, 3 * syn_out().size()}}}}};
}

// From a link of 9000 bytes to one of 1500: a modern sender is told, an old one's packet is cut.
PacketCase border(const std::string& name, ForwardingMode mode, uint16_t room,
                  const net::Endpoint& from, const net::Endpoint& to) {
  const bool is_own_id = mode == ForwardingMode::kFullNat;
  const FrameBuilder large = in_from_wan(udp(kClient, kUdpVip)).payload_bytes(8'972);
  FrameBuilder old = large;
  old.may_be_fragmented().identification(9);
  const Frame out = out_to_server(udp(from, to)).payload_bytes(8'972).ttl(63);
  std::vector<PortFrame> pieces;
  for (const Frame& piece : fragments_of(out, (room - 20U) / 8 * 8, is_own_id ? 1 : 9)) {
    pieces.push_back(in_vlan(kLanVlan, piece));
  }
  return {.name = name,
          .config = trunk(mode, 9'000, 1'500),
          .steps = {{.in = {in_vlan(kWanVlan, large)},
                     .out = {in_vlan(kWanVlan, too_big(large, room))},
                     .counters = {{CounterId::kDropTooBig, 1}}},
                    {.in = {in_vlan(kWanVlan, old)},
                     .out = pieces,
                     .counters = {{CounterId::kPacketsCut, 1}}}}};
}

// The last byte that fits 9000, and one more, in a tunnel.
PacketCase jumbo_tunnel() {
  constexpr size_t kFits = 9'000 - 20 - 40;
  const auto in = [](size_t bytes) {
    return in_from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn).payload_bytes(bytes);
  };
  const Frame inner = in(kFits).ttl(63);
  const Frame out =
      out_to_server(FrameBuilder({kTunnelSource, {}}, {server_endpoint(0).address, {}}, 4))
          .payload(Frame(inner.begin() + 14, inner.end()))
          .ttl(63)
          .identification(0);
  return {.name = "JumboTunnelLeavesRoomFor8980Bytes",
          .config = trunk(ForwardingMode::kTunnel, 9'000, 9'000),
          .steps = {{.in = {in_vlan(kWanVlan, in(kFits + 1))},
                     .out = {in_vlan(kWanVlan, too_big(in(kFits + 1), 8'980))},
                     .counters = {{CounterId::kDropTooBig, 1}}},
                    {.in = {in_vlan(kWanVlan, in(kFits))}, .out = {in_vlan(kLanVlan, out)}}}};
}

}  // namespace

std::vector<PacketCase> vlan_cases() {
  const net::Endpoint server = server_endpoint(0, 5353);
  return {
      both_arms(),
      in_one_burst(),
      tags_taken_off_by_the_device(),
      strange_tags(),
      priority_tags(),
      parent_beside_its_vlan(),
      to_the_kernel_and_back(),
      port_without_vlans(),
      full_transmit_queue(),
      border("FullNatFrom9000To1500", ForwardingMode::kFullNat, 1'500, local(1024), server),
      border("NatFrom9000To1500", ForwardingMode::kNat, 1'500, kClient, server),
      border("DirectRoutingFrom9000To1500", ForwardingMode::kDirectRouting, 1'500, kClient,
             kUdpVip),
      jumbo_tunnel(),
  };
}

}  // namespace sluice::test

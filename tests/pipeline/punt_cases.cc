// SPDX-License-Identifier: BSD-3-Clause
// What belongs to the kernel reaches it unchanged, in its class and within its rate. Tests.
#include <algorithm>
#include <utility>

#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using table::kTcpAck;
using table::kTcpFin;
using table::kTcpRst;
using table::kTcpSyn;

const net::Endpoint kHost = endpoint("192.0.2.3:22");  // the director's own address
constexpr uint8_t kIgmp = 2, kOspf = 89, kVrrp = 112, kGre = 47;

PacketCase to_kernel(const std::string& name, const Frame& frame,
                     CounterId punt_class = CounterId::kPuntOther) {
  return {.name = name,
          .config = two_arms(),
          .steps = {{.in = {{kWan, frame}},
                     .to_kernel = {frame},
                     .counters = {{punt_class, 1}, {CounterId::kSessionsCreated, 0}}}}};
}

PacketCase to_kernel_control(const std::string& name, const Frame& frame,
                             CounterId punt_class = CounterId::kPuntControl) {
  PacketCase control = to_kernel(name, frame, punt_class);
  control.steps.front().to_kernel.clear();
  control.steps.front().to_kernel_control = {frame};
  return control;
}

PacketCase to_kernel_for_vip(const std::string& name, const Frame& frame) {
  return to_kernel(name, frame, CounterId::kPuntVip);
}

/// As to_kernel_for_vip(), with the TCP service on the IPv6 VIP.
PacketCase to_kernel_for_vip6(const std::string& name, const Frame& frame) {
  PacketCase to_vip = to_kernel_for_vip(name, frame);
  to_vip.config.services[0].vip = kTcpVip6;
  return to_vip;
}

FrameBuilder to_vip(uint8_t flags) { return from_wan(tcp(kClient, kTcpVip)).flags(flags); }

net::Endpoint vip_port(uint16_t port) { return {kTcpVip.address, net::Be16::from_host(port)}; }
net::Endpoint host_port(uint16_t port) { return {kHost.address, net::Be16::from_host(port)}; }

FrameBuilder of_protocol(uint8_t protocol, const net::Address& to) {
  return from_wan(ip_packet(kClient.address, to, protocol)).payload_bytes(44);
}

std::vector<PacketCase> no_service() {
  return {
      to_kernel_for_vip("TcpToAPortWithoutService",
                        from_wan(tcp(kClient, vip_port(81))).flags(kTcpSyn)),
      to_kernel_for_vip("UdpToAPortWithoutService", from_wan(udp(kClient, vip_port(80)))),
      to_kernel_for_vip("TcpToTheUdpService", from_wan(tcp(kClient, kUdpVip)).flags(kTcpSyn)),
      to_kernel("AddressOfTheHost", from_wan(tcp(kClient, kHost)).flags(kTcpSyn)),
      to_kernel_for_vip("StrayAckToAService", to_vip(kTcpAck)),
      to_kernel_for_vip("StraySynAckToAService", to_vip(kTcpSyn | kTcpAck)),
      to_kernel_for_vip("StrayRstToAService", to_vip(kTcpRst)),
      to_kernel_for_vip("StrayFinToAService", to_vip(kTcpFin)),
      to_kernel_for_vip("SynFinToAService", to_vip(kTcpSyn | kTcpFin)),
      to_kernel_for_vip("SegmentWithoutFlagsToAService", to_vip(0)),
      to_kernel("FragmentToTheHost",
                from_wan(udp(kClient, endpoint("192.0.2.3:500"))).fragment(0, true)),
      to_kernel("DhcpFromTheUnspecifiedAddress",
                from_wan(udp(endpoint("0.0.0.0:68"), endpoint("255.255.255.255:67")))),
      to_kernel("Gre", of_protocol(kGre, kHost.address)),
      to_kernel_for_vip("GreToTheVip", of_protocol(kGre, kTcpVip.address)),
      to_kernel_for_vip("GreToALocalAddress", of_protocol(kGre, kLocalAddress)),
      to_kernel("Ipv6AddressOfTheHost",
                from_wan(tcp(kClient6, endpoint("[2001:db8::3]:22"))).flags(kTcpSyn)),
      to_kernel("VlanTag", from_wan(tcp(kClient, kTcpVip)).ether_type(0x8100)),
      to_kernel_control("BgpIn", from_wan(tcp(kClient, host_port(179))).flags(kTcpSyn)),
      to_kernel_control("BgpAnswer", from_wan(tcp(endpoint("192.0.2.1:179"), host_port(40'000)))),
      to_kernel_control("Bfd", from_wan(udp(kClient, host_port(3'784)))),
      to_kernel_control("BfdEcho", from_wan(udp(kClient, host_port(3'785)))),
      to_kernel_control("BfdMultihop", from_wan(udp(kClient, host_port(4'784)))),
      to_kernel_for_vip("BgpToTheVip", from_wan(tcp(kClient, vip_port(179))).flags(kTcpSyn)),
      to_kernel_for_vip("BfdToTheVip", from_wan(udp(kClient, vip_port(3'784)))),
  };
}

std::vector<PacketCase> protocols() {
  const net::Mac all_routers = mac("01:00:5e:00:00:12");
  const auto multicast = [&](uint8_t protocol, const char* group) {
    return ip_packet(kGateway, ipv4(group), protocol).link(kGatewayMac, all_routers).ttl(255);
  };
  const net::Mac all_nodes = mac("33:33:00:00:00:01");
  const net::Address all_ospf = address("ff02::5");
  const Frame solicitation = {135, 0, 0, 0, 0, 0, 0, 0};
  const FrameBuilder neighbour_discovery = icmpv6(kGateway6, kTcpVip6.address, solicitation);
  Frame arp_reply = arp_request(kGatewayMac, kGateway, kTcpVip.address);
  std::copy(kWanMac.bytes.begin(), kWanMac.bytes.end(), arp_reply.begin());
  return {
      to_kernel_control("ArpRequest", arp_request(kGatewayMac, kGateway, kTcpVip.address),
                        CounterId::kPuntArp),
      to_kernel_control("ArpToOurMac", arp_reply, CounterId::kPuntArp),
      to_kernel_control("Vrrp", multicast(kVrrp, "224.0.0.18").payload_bytes(20)),
      to_kernel_control("OspfHello", multicast(kOspf, "224.0.0.5").payload_bytes(44)),
      to_kernel("VrrpThatWasRouted", multicast(kVrrp, "224.0.0.18").ttl(254)),
      to_kernel_control("VrrpUnicast", of_protocol(kVrrp, kHost.address).ttl(255)),
      to_kernel("VrrpUnicastThatWasRouted", of_protocol(kVrrp, kHost.address).ttl(254)),
      to_kernel_for_vip("VrrpToTheVip", of_protocol(kVrrp, kTcpVip.address).ttl(255)),
      to_kernel_control("OspfUnicast", of_protocol(kOspf, kHost.address)),
      to_kernel_for_vip("OspfToTheVip", of_protocol(kOspf, kTcpVip.address)),
      to_kernel_for_vip("IgmpToTheVip", of_protocol(kIgmp, kTcpVip.address)),
      to_kernel_control("Igmp", multicast(kIgmp, "224.0.0.1").payload_bytes(8)),
      to_kernel_control("Ipv6NeighbourDiscovery",
                        FrameBuilder(neighbour_discovery).ttl(255).link(kGatewayMac, all_nodes),
                        CounterId::kPuntArp),
      to_kernel_control("Ipv6NeighbourDiscoveryToOurMac",
                        from_wan(FrameBuilder(neighbour_discovery).ttl(255)), CounterId::kPuntArp),
      to_kernel_for_vip6("Ipv6NeighbourDiscoveryThatWasRouted",
                         from_wan(FrameBuilder(neighbour_discovery).ttl(254))),
      to_kernel_control("OspfOverIpv6",
                        ip_packet(kGateway6, all_ospf, kOspf).link(kGatewayMac, all_nodes)),
      to_kernel(
          "MulticastDns",
          udp(kClient, endpoint("224.0.0.251:5353")).link(kGatewayMac, mac("01:00:5e:00:00:fb"))),
      to_kernel("BroadcastPing", icmp_echo(kClient.address, ipv4("192.0.2.255"))
                                     .link(kGatewayMac, mac("ff:ff:ff:ff:ff:ff"))),
      to_kernel("MulticastFrameOfAnEthernetHeaderAlone",
                tcp(kClient, kTcpVip).link(kGatewayMac, all_routers).cut_to(14)),
      to_kernel("PingOfTheHost", from_wan(icmp_echo(kClient.address, kHost.address)),
                CounterId::kPuntIcmp),
  };
}

// A second's worth may come at once, then a quarter of it each tick.
PacketCase rate_limit() {
  DirectorConfig config = two_arms();
  config.punt.other_pps = 8;
  const Frame stray = to_vip(kTcpAck);
  const Frame arp = arp_request(kGatewayMac, kGateway, kTcpVip.address);
  const Frame ping = from_wan(icmp_echo(kClient.address, kHost.address));
  const Frame ssh = from_wan(tcp(kClient, kHost)).flags(kTcpSyn);
  // The ping leaves at parse, before the strays of its burst are found to have no session.
  Step flood{.to_kernel_control = {arp},
             .to_kernel = {ping},
             .counters = {{CounterId::kPuntVip, 8},
                          {CounterId::kPuntIcmp, 1},
                          {CounterId::kPuntArp, 1},
                          {CounterId::kPuntOther, 1},
                          {CounterId::kDropPuntLimited, 12}}};
  flood.in = std::vector<PortFrame>(20, {kWan, stray});
  flood.in.push_back({kWan, arp});
  flood.in.push_back({kWan, ping});
  flood.in.push_back({kWan, ssh});
  flood.to_kernel.insert(flood.to_kernel.end(), 8, stray);
  flood.to_kernel.push_back(ssh);
  return {.name = "PuntRateLimitIsPerClass",
          .config = config,
          .steps = {flood,
                    {.before = [](Director& director) { director.advance_ticks(1); },
                     .in = std::vector<PortFrame>(4, {kWan, stray}),
                     .to_kernel = {stray, stray},
                     .counters = {{CounterId::kPuntVip, 2}, {CounterId::kDropPuntLimited, 2}}},
                    {.before = wait_seconds(10),
                     .in = std::vector<PortFrame>(9, {kWan, stray}),
                     .to_kernel = std::vector<Frame>(8, stray),
                     .counters = {{CounterId::kPuntVip, 8}, {CounterId::kDropPuntLimited, 1}}}}};
}

// Who can reach the director's own address can send it OSPF, but not silence its neighbours.
PacketCase control_flood() {
  DirectorConfig config = two_arms();
  config.punt.control_pps = 4;
  const Frame ospf = of_protocol(kOspf, kHost.address);
  const Frame arp = arp_request(kGatewayMac, kGateway, kTcpVip.address);
  Step flood{.to_kernel_control = {ospf, ospf, ospf, ospf, arp},
             .counters = {{CounterId::kPuntControl, 4},
                          {CounterId::kPuntArp, 1},
                          {CounterId::kDropPuntLimited, 16}}};
  flood.in = std::vector<PortFrame>(20, {kWan, ospf});
  flood.in.push_back({kWan, arp});
  return {.name = "AControlFloodLeavesArpAlone", .config = config, .steps = {flood}};
}

PacketCase punt_ring_full() {
  DirectorConfig config = two_arms();
  config.punt.other_pps = 5'000;
  const Frame stray = to_vip(kTcpAck);
  const auto flood = [stray](Director& director) {
    for (uint32_t i = 0; i < 1'030; ++i) {
      director.send(kWan, stray);
      director.poll();
    }
  };
  return {.name = "PuntRingFull",
          .config = config,
          .steps = {{.act = flood,
                     .to_kernel = std::vector<Frame>(1'023, stray),
                     .counters = {{CounterId::kPuntVip, 1'023}, {CounterId::kDropPuntFull, 7}}}}};
}

// What the kernel sends leaves as it is: TTL 255 is VRRP's and BFD's proof of being next door.
PacketCase injected() {
  const Frame vrrp = ip_packet(kTcpVip.address, ipv4("224.0.0.18"), kVrrp)
                         .link(kWanMac, mac("01:00:5e:00:00:12"))
                         .ttl(255)
                         .payload_bytes(20);
  const Frame arp = arp_request(kLanMac, kLocalAddress, server_endpoint(0).address);
  return {.name = "TheKernelsPacketsLeaveUnchanged",
          .config = two_arms(),
          .steps = {{.before =
                         [=](Director& director) {
                           director.inject(kWan, vrrp);
                           director.inject(kLan, arp);
                         },
                     .out = {{kWan, vrrp}, {kLan, arp}},
                     .counters = {{CounterId::kInjected, 2},
                                  {CounterId::kTxPackets, 2},
                                  {CounterId::kRxPackets, 0}}}}};
}

}  // namespace

std::vector<PacketCase> punt_cases() {
  std::vector<PacketCase> cases = {rate_limit(), control_flood(), punt_ring_full(), injected()};
  for (auto* table : {no_service, protocols}) {
    for (PacketCase& packet_case : table()) {
      cases.push_back(std::move(packet_case));
    }
  }
  return cases;
}

}  // namespace sluice::test

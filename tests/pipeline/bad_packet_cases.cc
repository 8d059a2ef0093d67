// SPDX-License-Identifier: BSD-3-Clause
// Truncated, lying and forged packets: each is dropped for the reason an operator would name.
// Tests.
#include <utility>

#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using table::kTcpSyn;

FrameBuilder good_tcp() { return from_wan(tcp(kClient, kTcpVip)).flags(kTcpSyn); }
FrameBuilder good_udp() { return from_wan(udp(kClient, kUdpVip)).payload_bytes(20); }

FrameBuilder tcp_from(const char* source) {
  return from_wan(tcp({ipv4(source), kClient.port}, kTcpVip)).flags(kTcpSyn);
}

PacketCase dropped(const std::string& name, const Frame& frame, CounterId reason) {
  return {.name = name,
          .config = two_arms(),
          .steps = {{.in = {{kWan, frame}},
                     .counters = {{reason, 1},
                                  {CounterId::kRxPackets, 1},
                                  {CounterId::kRxBytes, frame.size()},
                                  {CounterId::kSessionsCreated, 0}}}}};
}

std::vector<PacketCase> truncated() {
  constexpr auto kReason = CounterId::kDropTruncated;
  return {
      dropped("FrameOfOneByte", good_tcp().cut_to(1), kReason),
      dropped("EthernetHeaderCut", good_tcp().cut_to(13), kReason),
      dropped("NothingBehindTheEthernetHeader", good_tcp().cut_to(14), kReason),
      dropped("IpHeaderCut", good_tcp().cut_to(33), kReason),
      dropped("IpOptionsCut", good_tcp().ip_options({148, 4, 0, 0}).cut_to(37), kReason),
      dropped("TcpHeaderCut", good_tcp().cut_to(53), kReason),
      dropped("UdpHeaderCut", good_udp().cut_to(41), kReason),
      dropped("PayloadCut", good_udp().cut_to(61), kReason),
      dropped("TotalLengthLongerThanTheFrame", good_tcp().total_length(41), kReason),
      dropped("TotalLengthOf65535", good_tcp().total_length(65'535), kReason),
  };
}

std::vector<PacketCase> lying_headers() {
  constexpr auto kIp = CounterId::kDropBadIpHeader;
  constexpr auto kL4 = CounterId::kDropBadL4Header;
  return {
      dropped("IpVersion5", good_tcp().version(5), kIp),
      dropped("IpVersion6UnderEtherTypeIpv4", good_tcp().version(6), kIp),
      dropped("IpHeaderOf16Bytes", good_tcp().header_words(4), kIp),
      dropped("TotalLengthShorterThanTheIpHeader", good_tcp().total_length(19), kIp),
      dropped("TotalLengthZero", good_tcp().total_length(0), kIp),
      dropped("TotalLengthShorterThanIpOptions",
              good_tcp().ip_options({148, 4, 0, 0}).total_length(23), kIp),
      dropped("TcpHeaderLongerThanTotalLength", good_tcp().total_length(39), kL4),
      dropped("TcpDataOffset4", good_tcp().tcp_data_offset(4), kL4),
      dropped("TcpDataOffset0", good_tcp().tcp_data_offset(0), kL4),
      dropped("TcpDataOffsetBehindThePacket", good_tcp().tcp_data_offset(6), kL4),
      dropped("NoTcpHeaderAtAll", good_tcp().total_length(20), kL4),
      dropped("UdpHeaderLongerThanTotalLength", good_udp().total_length(27), kL4),
      dropped("UdpLength7", good_udp().udp_length(7), kL4),
      dropped("UdpLength0", good_udp().udp_length(0), kL4),
      dropped("UdpLengthLongerThanThePacket", good_udp().udp_length(29), kL4),
  };
}

std::vector<PacketCase> forged() {
  const auto self = from_wan(tcp({kTcpVip.address, kTcpVip.port}, kTcpVip)).flags(kTcpSyn);
  const net::Mac stranger = mac("02:00:00:00:09:09");
  const auto source_route = [](uint8_t option) {
    return good_tcp().ip_options({1, option, 7, 4, 10, 0, 0, 1});
  };
  constexpr uint8_t kLooseRoute = 131, kStrictRoute = 137;
  return {
      dropped("FrameForAnotherHost", tcp(kClient, kTcpVip).link(kGatewayMac, stranger),
              CounterId::kDropNotOurMac),
      dropped("OurOwnUnicastFrame", tcp(kClient, kTcpVip).link(kWanMac, stranger),
              CounterId::kDropOwnFrame),
      dropped("OurOwnBroadcast", arp_request(kWanMac, kTcpVip.address, kGateway),
              CounterId::kDropOwnFrame),
      dropped("WrongIpChecksum", good_tcp().ip_checksum(0x1234), CounterId::kDropBadIpChecksum),
      dropped("SourceIsLoopback", tcp_from("127.0.0.1"), CounterId::kDropBadAddress),
      dropped("SourceIsMulticast", tcp_from("224.0.0.1"), CounterId::kDropBadAddress),
      dropped("SourceIsClassE", tcp_from("240.0.0.1"), CounterId::kDropBadAddress),
      dropped("SourceIsBroadcast", tcp_from("255.255.255.255"), CounterId::kDropBadAddress),
      dropped("SourceIsInNetZero", tcp_from("0.0.0.1"), CounterId::kDropBadAddress),
      dropped("SourceIsALocalAddress", tcp_from("10.0.0.100"), CounterId::kDropBadAddress),
      dropped("SourceIsTheDestination", self, CounterId::kDropBadAddress),
      dropped("LooseSourceRoute", source_route(kLooseRoute), CounterId::kDropSourceRoute),
      dropped("StrictSourceRoute", source_route(kStrictRoute), CounterId::kDropSourceRoute),
      dropped("SourceRouteBehindOtherOptions",
              good_tcp().ip_options({148, 4, 0, 0, 131, 7, 4, 10, 0, 0, 1}),
              CounterId::kDropSourceRoute),
  };
}

}  // namespace

std::vector<PacketCase> bad_packet_cases() {
  std::vector<PacketCase> cases;
  for (auto* table : {truncated, lying_headers, forged}) {
    for (PacketCase& packet_case : table()) {
      cases.push_back(std::move(packet_case));
    }
  }
  return cases;
}

}  // namespace sluice::test

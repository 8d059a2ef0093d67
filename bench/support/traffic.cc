// SPDX-License-Identifier: BSD-3-Clause
// Flows and 64-byte frames for benchmarks. Main thread.
#include "bench/support/traffic.h"

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "lib/net/checksum.h"
#include "lib/net/translate.h"

namespace sluice::bench {
namespace {

constexpr size_t kIpOffset = sizeof(rte_ether_hdr);
constexpr size_t kL4Offset = kIpOffset + sizeof(rte_ipv4_hdr);

// A bijection (the finaliser of MurmurHash3): distinct in, distinct out.
uint32_t scatter(uint32_t x) {
  x ^= x >> 16;
  x *= 0x85EBCA6B;
  x ^= x >> 13;
  x *= 0xC2B2AE35;
  return x ^ x >> 16;
}

void write_tcp(uint8_t* l4, const net::FlowKey4& key, uint8_t flags) {
  rte_tcp_hdr tcp{};
  tcp.src_port = key.source_port.raw;
  tcp.dst_port = key.destination_port.raw;
  tcp.data_off = sizeof(tcp) / 4 << 4;
  tcp.tcp_flags = flags;
  tcp.rx_win = net::Be16::from_host(64'000).raw;
  std::memcpy(l4, &tcp, sizeof(tcp));
}

void write_udp(uint8_t* l4, const net::FlowKey4& key) {
  rte_udp_hdr udp{};
  udp.src_port = key.source_port.raw;
  udp.dst_port = key.destination_port.raw;
  udp.dgram_len = net::Be16::from_host(kFrameBytes - kL4Offset).raw;
  std::memcpy(l4, &udp, sizeof(udp));
}

}  // namespace

net::FlowKey4 client_flow(uint32_t index, const net::Endpoint& vip, net::Protocol protocol) {
  const uint32_t scattered = scatter(index);
  const auto address = net::Ipv4::from_host(10U << 24 | scattered >> 8);
  const auto port = static_cast<uint16_t>(2'000 + (scattered & 0xFF) * 241);
  return {address, vip.address.v4(), net::Be16::from_host(port), vip.port,
          static_cast<uint32_t>(protocol)};
}

net::FlowKey4 turned_around(const net::FlowKey4& key) {
  return {key.destination, key.source, key.destination_port, key.source_port, key.protocol};
}

Frame make_frame(const net::FlowKey4& key, const net::Mac& destination, uint8_t tcp_flags) {
  Frame frame{};
  constexpr net::Mac kPeer{{0x02, 0, 0, 0, 0, 0x99}};
  std::copy(destination.bytes.begin(), destination.bytes.end(), frame.begin());
  std::copy(kPeer.bytes.begin(), kPeer.bytes.end(), frame.begin() + RTE_ETHER_ADDR_LEN);
  frame[kIpOffset - 2] = RTE_ETHER_TYPE_IPV4 >> 8;

  uint8_t* l4 = frame.data() + kL4Offset;
  const bool is_tcp = key.protocol == IPPROTO_TCP;
  if (is_tcp) {
    write_tcp(l4, key, tcp_flags);
  } else {
    write_udp(l4, key);
  }
  auto& ip = *reinterpret_cast<rte_ipv4_hdr*>(frame.data() + kIpOffset);
  ip.version_ihl = RTE_IPV4_VHL_DEF;
  ip.total_length = net::Be16::from_host(kFrameBytes - kIpOffset).raw;
  ip.time_to_live = 64;
  ip.next_proto_id = static_cast<uint8_t>(key.protocol);
  ip.src_addr = key.source.value.raw;
  ip.dst_addr = key.destination.value.raw;
  ip.hdr_checksum = rte_ipv4_cksum(&ip);
  const uint16_t checksum = rte_ipv4_udptcp_cksum(&ip, l4);
  std::memcpy(l4 + (is_tcp ? offsetof(rte_tcp_hdr, cksum) : offsetof(rte_udp_hdr, dgram_cksum)),
              &checksum, sizeof(checksum));
  return frame;
}

net::Flow client_flow6(uint32_t index, const net::Endpoint& vip, net::Protocol protocol) {
  const net::Flow v4(client_flow(index, {net::Ipv4{}, vip.port}, protocol));
  return {{in_ipv6(kClientNetwork6, v4.source.address), v4.source.port}, vip, v4.protocol};
}

net::Address in_ipv6(uint16_t network, const net::Address& v4) {
  net::Ipv6 address{
      {0x20, 0x01, 0x0D, 0xB8, static_cast<uint8_t>(network >> 8), static_cast<uint8_t>(network)}};
  std::copy_n(v4.v6().bytes.begin() + 12, 4, address.bytes.begin() + 12);
  return address;
}

Frame make_frame6(const net::Flow& flow, const net::Mac& destination) {
  Frame frame =
      make_frame({{}, {}, flow.source.port, flow.destination.port, IPPROTO_UDP}, destination, 0);
  constexpr size_t kL4Offset6 = kIpOffset + sizeof(rte_ipv6_hdr);
  rte_udp_hdr udp{};
  udp.src_port = flow.source.port.raw;
  udp.dst_port = flow.destination.port.raw;
  udp.dgram_len = net::Be16::from_host(kFrameBytes - kL4Offset6).raw;
  std::memcpy(frame.data() + kL4Offset6, &udp, sizeof(udp));
  frame[kIpOffset - 2] = RTE_ETHER_TYPE_IPV6 >> 8;
  frame[kIpOffset - 1] = RTE_ETHER_TYPE_IPV6 & 0xFF;
  net::write_ipv6_header(frame.data() + kIpOffset, flow, 0, 64, kFrameBytes - kL4Offset6);
  udp.dgram_cksum = rte_ipv6_udptcp_cksum(
      reinterpret_cast<const rte_ipv6_hdr*>(frame.data() + kIpOffset), frame.data() + kL4Offset6);
  std::memcpy(frame.data() + kL4Offset6, &udp, sizeof(udp));
  return frame;
}

bool has_right_checksums(std::span<const uint8_t> frame) {
  const auto* ip = reinterpret_cast<const rte_ipv4_hdr*>(frame.data() + kIpOffset);
  const uint32_t l4_sum =
      rte_ipv4_phdr_cksum(ip, 0) +
      uint32_t{rte_raw_cksum(frame.data() + kL4Offset, kFrameBytes - kL4Offset)};
  return rte_raw_cksum(ip, sizeof(*ip)) == 0xFFFF && net::fold(l4_sum) == 0xFFFF;
}

net::FlowKey4 flow_of(std::span<const uint8_t> frame) {
  const auto* ip = reinterpret_cast<const rte_ipv4_hdr*>(frame.data() + kIpOffset);
  net::FlowKey4 key;
  key.source.value.raw = ip->src_addr;
  key.destination.value.raw = ip->dst_addr;
  std::memcpy(&key.source_port, frame.data() + kL4Offset, sizeof(key.source_port));
  std::memcpy(&key.destination_port, frame.data() + kL4Offset + 2, sizeof(key.destination_port));
  key.protocol = ip->next_proto_id;
  return key;
}

std::vector<uint32_t> random_order(uint32_t count) {
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(kSeed));
  return order;
}

}  // namespace sluice::bench

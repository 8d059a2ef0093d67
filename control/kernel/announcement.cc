// SPDX-License-Identifier: BSD-3-Clause
// ARP and neighbour discovery frames. Control thread.
#include "control/kernel/announcement.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>

#include <array>
#include <cstring>
#include <span>

#include "lib/net/checksum.h"

namespace sluice::control {
namespace {

template <typename Frame>
std::vector<uint8_t> bytes_of(const Frame& frame) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&frame);
  return {bytes, bytes + sizeof(frame)};
}

std::vector<uint8_t> gratuitous_arp(const net::Mac& mac, net::Ipv4 address) {
  struct [[gnu::packed]] {
    ether_header ethernet;
    ether_arp arp;
  } frame{};
  std::memset(frame.ethernet.ether_dhost, 0xFF, ETH_ALEN);
  std::memcpy(frame.ethernet.ether_shost, mac.bytes.data(), ETH_ALEN);
  frame.ethernet.ether_type = htons(ETHERTYPE_ARP);
  frame.arp.ea_hdr = {htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), ETH_ALEN, sizeof(address),
                      htons(ARPOP_REQUEST)};
  std::memcpy(frame.arp.arp_sha, mac.bytes.data(), ETH_ALEN);
  std::memcpy(frame.arp.arp_spa, &address, sizeof(address));
  std::memcpy(frame.arp.arp_tpa, &address, sizeof(address));
  return bytes_of(frame);
}

std::vector<uint8_t> unsolicited_advertisement(const net::Mac& mac, const net::Ipv6& address) {
  constexpr net::Ipv6 kAllNodes{{0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  struct [[gnu::packed]] {
    ether_header ethernet;
    ip6_hdr ip;
    nd_neighbor_advert advert;
    nd_opt_hdr option;
    std::array<uint8_t, ETH_ALEN> link_address;
  } frame{};
  constexpr std::array<uint8_t, ETH_ALEN> kAllNodesMac = {0x33, 0x33, 0, 0, 0, 1};
  std::memcpy(frame.ethernet.ether_dhost, kAllNodesMac.data(), ETH_ALEN);
  std::memcpy(frame.ethernet.ether_shost, mac.bytes.data(), ETH_ALEN);
  frame.ethernet.ether_type = htons(ETHERTYPE_IPV6);
  constexpr uint16_t kIcmpBytes = sizeof(frame.advert) + sizeof(frame.option) + ETH_ALEN;
  frame.ip.ip6_flow = htonl(6U << 28);
  frame.ip.ip6_plen = htons(kIcmpBytes);
  frame.ip.ip6_nxt = IPPROTO_ICMPV6;
  frame.ip.ip6_hlim = 255;
  std::memcpy(&frame.ip.ip6_src, &address, sizeof(address));
  std::memcpy(&frame.ip.ip6_dst, &kAllNodes, sizeof(kAllNodes));
  frame.advert.nd_na_type = ND_NEIGHBOR_ADVERT;
  frame.advert.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE;
  std::memcpy(&frame.advert.nd_na_target, &address, sizeof(address));
  frame.option = {ND_OPT_TARGET_LINKADDR, 1};
  frame.link_address = mac.bytes;
  // Source, destination and message lie in one piece; the pseudo header adds length and protocol.
  const std::span<const uint8_t> summed(reinterpret_cast<const uint8_t*>(&frame.ip.ip6_src),
                                        2 * sizeof(address) + kIcmpBytes);
  frame.advert.nd_na_cksum = static_cast<uint16_t>(
      ~net::sum_words(summed, htons(kIcmpBytes) + uint32_t{htons(IPPROTO_ICMPV6)}));
  return bytes_of(frame);
}

}  // namespace

std::vector<uint8_t> announcement(const net::Mac& mac, const net::Address& address) {
  return address.is_v4() ? gratuitous_arp(mac, address.v4())
                         : unsolicited_advertisement(mac, address.v6());
}

net::Ipv6 link_local_address(const net::Mac& mac) {
  const auto& m = mac.bytes;
  return {{0xFE, 0x80, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(m[0] ^ 2), m[1], m[2], 0xFF, 0xFE,
           m[3], m[4], m[5]}};
}

}  // namespace sluice::control

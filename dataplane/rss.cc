// SPDX-License-Identifier: BSD-3-Clause
// One key and one set of hash types for all devices. Control thread, but for queue_of().
#include "dataplane/rss.h"

#include <netinet/in.h>
#include <rte_ethdev.h>
#include <rte_thash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace sluice::dataplane {
namespace {

// The key of Microsoft's RSS specification, whose spread is well known, repeated for devices with
// longer ones: the first 16 bytes alone decide about an IPv4 flow. Drivers keep a pointer to it.
alignas(4) constexpr auto kKey = [] {
  constexpr std::array<uint8_t, 40> kSpecified = {
      0x6D, 0x5A, 0x56, 0xDA, 0x25, 0x5B, 0x0E, 0xC2, 0x41, 0x67, 0x25, 0x3D, 0x43, 0xA3,
      0x8F, 0xB0, 0xD0, 0xCA, 0x2B, 0xCB, 0xAE, 0x7B, 0x30, 0xB4, 0x77, 0xCB, 0x2D, 0xA3,
      0x80, 0x30, 0xF2, 0x0C, 0x6A, 0x42, 0xB7, 0x3B, 0xBE, 0xAC, 0x01, 0xFA};
  std::array<uint8_t, UINT8_MAX> key{};
  for (size_t i = 0; i < key.size(); ++i) {
    key[i] = kSpecified[i % kSpecified.size()];
  }
  return key;
}();

// Which of a flow's fields the device hashes.
enum class Hashed : uint8_t { kNothing, kAddresses, kAddressesAndPorts };

Hashed hashed_of(uint64_t hash_types, const net::Flow& flow) {
  constexpr std::array<std::array<uint64_t, 2>, 2> kWithPorts = {
      {{RTE_ETH_RSS_NONFRAG_IPV6_UDP, RTE_ETH_RSS_NONFRAG_IPV6_TCP},
       {RTE_ETH_RSS_NONFRAG_IPV4_UDP, RTE_ETH_RSS_NONFRAG_IPV4_TCP}}};
  if (flow.protocol != IPPROTO_SCTP &&  // nobody asks for its ports, see rss_of()
      (hash_types & kWithPorts[flow.is_v4()][flow.protocol == IPPROTO_TCP]) != 0) {
    return Hashed::kAddressesAndPorts;
  }
  const uint64_t addresses = flow.is_v4() ? RTE_ETH_RSS_IPV4 : RTE_ETH_RSS_IPV6;
  return (hash_types & addresses) != 0 ? Hashed::kAddresses : Hashed::kNothing;
}

// Toeplitz takes source, destination and then ports, all in host order for DPDK's function.
uint32_t toeplitz(const net::Flow& flow, Hashed hashed) {
  std::array<uint32_t, 9> words;
  uint32_t count = 0;
  for (const net::Endpoint* end : {&flow.source, &flow.destination}) {
    const auto& bytes = end->address.v6().bytes;
    for (size_t at = flow.is_v4() ? 12 : 0; at < bytes.size(); at += sizeof(uint32_t)) {
      uint32_t word;
      std::memcpy(&word, bytes.data() + at, sizeof(word));
      words[count++] = rte_be_to_cpu_32(word);
    }
  }
  if (hashed == Hashed::kAddressesAndPorts) {
    words[count++] = uint32_t{flow.source.port.host()} << 16 | flow.destination.port.host();
  }
  return rte_softrss(words.data(), count, kKey.data());
}

}  // namespace

void read_table(uint16_t dpdk_port, Rss& rss) {
  const uint32_t entries = rss.table_entries;
  if (!std::has_single_bit(entries) || entries > RTE_ETH_RSS_RETA_SIZE_512) {
    return;
  }
  constexpr uint32_t kGroup = RTE_ETH_RETA_GROUP_SIZE;
  std::vector<rte_eth_rss_reta_entry64> groups((entries + kGroup - 1) / kGroup);
  for (auto& group : groups) {
    group.mask = UINT64_MAX;
  }
  if (rte_eth_dev_rss_reta_query(dpdk_port, groups.data(), rss.table_entries) != 0) {
    return;
  }
  for (uint32_t entry = 0; entry < entries; ++entry) {
    rss.table.push_back(groups[entry / kGroup].reta[entry % kGroup]);
  }
}

std::optional<uint16_t> queue_of(const Rss& rss, const net::Flow& flow) {
  if (rss.table.empty()) {
    return std::nullopt;
  }
  const Hashed hashed = hashed_of(rss.hash_types, flow);
  return hashed == Hashed::kNothing ? rss.table[0]
                                    : rss.table[toeplitz(flow, hashed) & (rss.table.size() - 1)];
}

// SCTP packets are spread by their addresses: some devices would hash the verification tag, too,
// which is 0 in an INIT and differs by direction.
Rss rss_of(const rte_eth_dev_info& info) {
  return {.hash_types =
              (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP) & info.flow_type_rss_offloads,
          .table_entries = info.reta_size,
          .key_bytes = info.hash_key_size,
          .table = {}};
}

void request(const Rss& rss, rte_eth_conf& device) {
  if (rss.hash_types == 0) {
    return;
  }
  device.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
  device.rx_adv_conf.rss_conf.rss_hf = rss.hash_types;
  if (rss.key_bytes != 0) {
    // The driver only reads it.
    device.rx_adv_conf.rss_conf.rss_key = const_cast<uint8_t*>(kKey.data());
    device.rx_adv_conf.rss_conf.rss_key_len = rss.key_bytes;
  }
}

// Taps name hash types, but have no table: the kernel moves a flow whose queue is full.
Steering steering_over(std::span<const Rss> ports) {
  const bool is_alike = std::ranges::all_of(ports, [&](const Rss& rss) {
    return rss.hash_types != 0 && rss.table_entries != 0 && rss.key_bytes != 0 &&
           rss == ports.front();
  });
  return is_alike ? Steering::kByDevice : Steering::kByHash;
}

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// One key and one set of hash types for all devices. Control thread.
#include "dataplane/rss.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <array>

namespace sluice::dataplane {
namespace {

// The key of Microsoft's RSS specification, whose spread is well known, repeated for devices with
// longer ones: the first 16 bytes alone decide about an IPv4 flow. Drivers keep a pointer to it.
constexpr auto kKey = [] {
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

}  // namespace

Rss rss_of(const rte_eth_dev_info& info) {
  return {.hash_types =
              (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP) & info.flow_type_rss_offloads,
          .table_entries = info.reta_size,
          .key_bytes = info.hash_key_size};
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

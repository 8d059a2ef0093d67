// SPDX-License-Identifier: BSD-3-Clause
// What devices are asked for, and when their ports spread flows alike. Tests.
#include "dataplane/rss.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "tests/support/frame.h"

namespace sluice::dataplane {
namespace {

constexpr uint64_t kWanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;

rte_eth_dev_info nic() {
  rte_eth_dev_info info{};
  info.flow_type_rss_offloads = kWanted | RTE_ETH_RSS_SCTP;
  info.reta_size = 512;
  info.hash_key_size = 40;
  return info;
}

rte_eth_dev_info with_key(uint8_t bytes) {
  rte_eth_dev_info info = nic();
  info.hash_key_size = bytes;
  return info;
}

std::vector<uint8_t> key_of(const rte_eth_dev_info& info) {
  rte_eth_conf device{};
  request(rss_of(info), device);
  const rte_eth_rss_conf& rss = device.rx_adv_conf.rss_conf;
  return {rss.rss_key, rss.rss_key + rss.rss_key_len};
}

Steering steering(const std::vector<rte_eth_dev_info>& devices) {
  std::vector<Rss> ports(devices.size());
  std::ranges::transform(devices, ports.begin(), rss_of);
  return steering_over(ports);
}

TEST(Rss, AsksForAddressesAndPortsAsFarAsTheDeviceHashesThem) {
  rte_eth_conf device{};
  request(rss_of(nic()), device);
  EXPECT_EQ(device.rxmode.mq_mode, RTE_ETH_MQ_RX_RSS);
  EXPECT_EQ(device.rx_adv_conf.rss_conf.rss_hf, kWanted);
}

TEST(Rss, LeavesADeviceWithoutItAlone) {
  rte_eth_conf device{};
  request(rss_of({}), device);
  EXPECT_EQ(device.rxmode.mq_mode, RTE_ETH_MQ_RX_NONE);
  EXPECT_EQ(device.rx_adv_conf.rss_conf.rss_key, nullptr);
}

TEST(Rss, GivesEveryDeviceTheSameKeyInItsOwnLength) {
  const std::vector<uint8_t> key = key_of(nic());
  ASSERT_EQ(key.size(), 40U);
  std::vector<uint8_t> longer = key;
  longer.insert(longer.end(), key.begin(), key.begin() + 12);
  EXPECT_EQ(key_of(with_key(52)), longer);
  EXPECT_EQ(key_of(with_key(255)).size(), 255U);
  EXPECT_TRUE(key_of(with_key(0)).empty()) << "unknown length: the driver's own key stays";
}

Rss with_table(uint64_t hash_types) {
  Rss rss = rss_of(nic());
  rss.hash_types = hash_types;
  for (uint16_t entry = 0; entry < 512; ++entry) {
    rss.table.push_back(entry);  // the queue tells the hash's low bits
  }
  return rss;
}

net::Flow flow(const char* from, const char* to, net::Protocol protocol = net::Protocol::kTcp) {
  return {test::endpoint(from), test::endpoint(to), static_cast<uint8_t>(protocol)};
}

// The vectors of the RSS specification ("Verifying the RSS Hash Calculation").
TEST(Rss, ComputesTheQueueThatTheSpecificationNames) {
  const Rss rss = with_table(kWanted);
  EXPECT_EQ(queue_of(rss, flow("66.9.149.187:2794", "161.142.100.80:1766")), 0x51CCC178 & 511);
  EXPECT_EQ(queue_of(rss, flow("199.92.111.2:14230", "65.69.140.83:4739")), 0xC626B0EA & 511);
  EXPECT_EQ(queue_of(rss, flow("[3ffe:2501:200:1fff::7]:2794", "[3ffe:2501:200:3::1]:1766")),
            0x40207D3D & 511);
  EXPECT_EQ(queue_of(rss, flow("[3ffe:501:8::260:97ff:fe40:efab]:14230", "[ff02::1]:4739")),
            0xDDE51BBF & 511);
}

TEST(Rss, ComputesTheQueueFromWhatTheDeviceHashes) {
  const auto v4 = flow("66.9.149.187:2794", "161.142.100.80:1766", net::Protocol::kUdp);
  const auto v6 = flow("[3ffe:2501:200:1fff::7]:2794", "[3ffe:2501:200:3::1]:1766");
  EXPECT_EQ(queue_of(with_table(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP), v4), 0x323E8FC2 & 511);
  EXPECT_EQ(queue_of(with_table(RTE_ETH_RSS_IP), v6), 0x2CC18CD5 & 511);
  const auto sctp = flow("66.9.149.187:2794", "161.142.100.80:1766", net::Protocol::kSctp);
  EXPECT_EQ(queue_of(with_table(kWanted), sctp), 0x323E8FC2 & 511) << "its addresses alone";
  EXPECT_EQ(queue_of(with_table(RTE_ETH_RSS_IPV4), v6), 0) << "not hashed at all";
  EXPECT_EQ(queue_of(rss_of(nic()), v4), std::nullopt) << "a table nobody has read";
}

TEST(Rss, SteersByHashWhenTablesDiffer) {
  Rss other = with_table(kWanted);
  other.table[3] = 0;
  EXPECT_EQ(steering_over(std::vector{with_table(kWanted), other}), Steering::kByHash);
  EXPECT_EQ(steering_over(std::vector{other, other}), Steering::kByDevice);
}

TEST(Rss, LetsTheDeviceSteerWhenAllPortsSpreadAlike) {
  EXPECT_EQ(steering({nic()}), Steering::kByDevice);
  EXPECT_EQ(steering({nic(), nic(), nic()}), Steering::kByDevice);
}

TEST(Rss, SteersByHashWhenAPortSpreadsDifferently) {
  rte_eth_dev_info other_table = nic();
  other_table.reta_size = 128;
  rte_eth_dev_info other_types = nic();
  other_types.flow_type_rss_offloads = RTE_ETH_RSS_IP;
  for (const rte_eth_dev_info& other : {with_key(52), other_table, other_types}) {
    EXPECT_EQ(steering({nic(), other}), Steering::kByHash);
    EXPECT_EQ(steering({other, nic()}), Steering::kByHash);
    EXPECT_EQ(steering({other, other}), Steering::kByDevice);
  }
}

TEST(Rss, SteersByHashWhenADeviceDoesNotTellHowItSpreads) {
  rte_eth_dev_info tap = nic();
  tap.reta_size = 0;
  EXPECT_EQ(steering({tap}), Steering::kByHash);
  EXPECT_EQ(steering({with_key(0)}), Steering::kByHash);
  EXPECT_EQ(steering({{}, {}}), Steering::kByHash) << "packet sockets";
}

}  // namespace
}  // namespace sluice::dataplane

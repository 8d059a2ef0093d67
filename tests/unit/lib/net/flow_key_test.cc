// SPDX-License-Identifier: BSD-3-Clause
// The keyed hash: spread, sensitivity to every bit, dependence on the secret. Tests.
#include "lib/net/flow_key.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <bit>
#include <set>
#include <vector>

namespace sluice::net {
namespace {

constexpr std::array<uint64_t, 4> kSecret = {0x0123456789ABCDEF, 0xFEDCBA9876543210,
                                             0x0F1E2D3C4B5A6978, 0x8796A5B4C3D2E1F0};

FlowKey4 key_of(uint32_t client, uint16_t port) {
  return {Ipv4::from_host(0xC6336400 + client), Ipv4::from_host(0xC000020A), Be16::from_host(port),
          Be16::from_host(80), 6};
}

TEST(FlowHasher, SpreadsNeighbouringFlowsEvenly) {
  const FlowHasher hash(kSecret);
  std::array<uint32_t, 256> low{}, high{};
  std::set<uint32_t> distinct;
  for (uint32_t client = 0; client < 256; ++client) {
    for (uint16_t port = 1'024; port < 1'024 + 256; ++port) {
      const uint32_t value = hash(key_of(client, port));
      ++low[value & 0xFF];
      ++high[value >> 24];
      distinct.insert(value);
    }
  }
  // 256 expected in each bucket, deviation 16; six deviations never happen by chance.
  for (const auto& buckets : {low, high}) {
    EXPECT_GT(*std::min_element(buckets.begin(), buckets.end()), 256U - 96);
    EXPECT_LT(*std::max_element(buckets.begin(), buckets.end()), 256U + 96);
  }
  EXPECT_GT(distinct.size(), 65'536U - 10);
}

TEST(FlowHasher, HearsEveryBitOfTheKey) {
  const FlowHasher hash(kSecret);
  for (size_t bit = 0; bit < sizeof(FlowKey4) * 8; ++bit) {
    int changed_bits = 0;
    for (uint32_t client = 0; client < 32; ++client) {
      FlowKey4 key = key_of(client, 40'000);
      const uint32_t before = hash(key);
      std::array<uint8_t, sizeof(key)> bytes;
      std::memcpy(bytes.data(), &key, sizeof(key));
      bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ 1U << bit % 8);
      std::memcpy(&key, bytes.data(), sizeof(key));
      changed_bits += std::popcount(before ^ hash(key));
    }
    // 16 of 32 bits on the average.
    EXPECT_GT(changed_bits, 32 * 10) << "key bit " << bit;
  }
}

TEST(FlowHasher, FlowsThatCollideUnderOneSecretDoNotUnderAnother) {
  const FlowHasher hash(kSecret);
  FlowHasher other({1, 2, 3, 4});
  // Flows that share their low 12 bits, as an attacker who knows the secret would choose them.
  std::vector<FlowKey4> chosen;
  for (uint32_t i = 0; chosen.size() < 64; ++i) {
    const FlowKey4 key = key_of(i >> 16, static_cast<uint16_t>(i));
    if ((hash(key) & 0xFFF) == 0) {
      chosen.push_back(key);
    }
  }
  std::set<uint32_t> buckets;
  for (const FlowKey4& key : chosen) {
    buckets.insert(other(key) & 0xFFF);
  }
  EXPECT_GT(buckets.size(), 56U);
}

TEST(FlowHasherProperty, EqualKeysHashEqual) {
  EXPECT_TRUE(rc::check([](uint32_t client, uint16_t port) {
    const FlowHasher hash(kSecret);
    RC_ASSERT(hash(key_of(client, port)) == hash(key_of(client, port)));
  }));
}

}  // namespace
}  // namespace sluice::net

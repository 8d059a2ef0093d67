// SPDX-License-Identifier: BSD-3-Clause
// SipHash-2-4, a keyed function whose output tells nothing of its key. Any thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace sluice::net {

/// 128 bits from getrandom(2).
using SipKey = std::array<uint64_t, 2>;

/// The 64-bit SipHash-2-4 of `bytes`. A faster hash (FlowHasher) spreads well but is not made to
/// keep its secret from somebody who sees the results, as a sequence number's receiver does.
/// Cost: about 20 ns for a flow key.  Source: Aumasson, Bernstein, "SipHash", 2012.
[[nodiscard]] inline uint64_t siphash24(const SipKey& key, std::span<const uint8_t> bytes) {
  uint64_t v0 = key[0] ^ 0x736F6D6570736575U;
  uint64_t v1 = key[1] ^ 0x646F72616E646F6DU;
  uint64_t v2 = key[0] ^ 0x6C7967656E657261U;
  uint64_t v3 = key[1] ^ 0x7465646279746573U;
  const auto mix = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) {
      v0 += v1;
      v2 += v3;
      v1 = std::rotl(v1, 13) ^ v0;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 = std::rotl(v0, 32);
      v2 += v1;
      v0 += v3;
      v1 = std::rotl(v1, 17) ^ v2;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 = std::rotl(v2, 32);
    }
  };
  const auto absorb = [&](uint64_t word) {
    v3 ^= word;
    mix(2);
    v0 ^= word;
  };
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    absorb(word);
  }
  uint64_t last = static_cast<uint64_t>(bytes.size()) << 56;
  for (size_t i = 0; at + i < bytes.size(); ++i) {
    last |= static_cast<uint64_t>(bytes[at + i]) << (8 * i);
  }
  absorb(last);
  v2 ^= 0xFF;
  mix(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace sluice::net

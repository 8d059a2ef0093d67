// SPDX-License-Identifier: BSD-3-Clause
// The Internet checksum written once more, as RFC 1071 tells it, to judge the packet path by.
// Tests.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sluice::test {

/// One's complement sum over big-endian words with end-around carry at every step.
inline uint16_t reference_sum(std::span<const uint8_t> bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? static_cast<uint32_t>(bytes[i]) << 8 : bytes[i];
    sum = sum > 0xFFFF ? sum - 0xFFFF : sum;
  }
  return static_cast<uint16_t>(sum);
}

/// The checksum field (host order) of a header whose field is zero.
inline uint16_t reference_checksum(std::span<const uint8_t> bytes) {
  return static_cast<uint16_t>(~reference_sum(bytes));
}

/// The checksum field (host order) of a TCP or UDP segment whose field is zero, not yet mapped by
/// UDP's rule. `addresses` are the address bytes of the IP header.
inline uint16_t reference_l4_checksum(std::span<const uint8_t> addresses, uint8_t protocol,
                                      std::span<const uint8_t> segment) {
  std::vector<uint8_t> all(addresses.begin(), addresses.end());
  all.insert(all.end(), {0, protocol, static_cast<uint8_t>(segment.size() >> 8),
                         static_cast<uint8_t>(segment.size())});
  all.insert(all.end(), segment.begin(), segment.end());
  return reference_checksum(all);
}

}  // namespace sluice::test

// SPDX-License-Identifier: BSD-3-Clause
// Internet checksums: full sums for tests and verification, precomputed deltas for the packet path.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace sluice::net {

/// Folds a one's complement sum to 16 bits. Exact for sums of up to 65 536 words.
[[nodiscard]] constexpr uint16_t fold(uint32_t sum) {
  sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<uint16_t>((sum & 0xFFFF) + (sum >> 16));
}

/// One's complement sum of `bytes` as 16-bit words in memory order, odd tail padded with zero.
/// The sum does not depend on byte order, so it serves packet bytes as they stand (RFC 1071).
[[nodiscard]] inline uint16_t sum_words(std::span<const uint8_t> bytes, uint32_t start = 0) {
  uint32_t sum = start;
  size_t i = 0;
  for (; i + 2 <= bytes.size(); i += 2) {
    uint16_t word;
    std::memcpy(&word, bytes.data() + i, sizeof(word));
    sum += word;
  }
  if (i < bytes.size()) {
    sum += bytes[i];
  }
  return fold(sum);
}

/// One's complement sum of an IPv4 header of `bytes` (a multiple of 4, at least 20); 0xFFFF when
/// its checksum is right.  Cost: without options five independent loads and no loop.
[[nodiscard]] inline uint16_t sum_ip_header(const uint8_t* header, uint32_t bytes) {
  constexpr uint32_t kWithoutOptions = 20;
  const auto word_at = [header](uint32_t offset) {
    uint32_t word;
    std::memcpy(&word, header + offset, sizeof(word));
    return uint64_t{word};
  };
  uint64_t sum = word_at(0) + word_at(4) + word_at(8) + word_at(12) + word_at(16);
  for (uint32_t at = kWithoutOptions; at < bytes; at += 4) {
    sum += word_at(at);
  }
  return fold(static_cast<uint32_t>((sum & 0xFFFF) + (sum >> 16 & 0xFFFF) + (sum >> 32)));
}

/// What a header change does to a checksum: the folded sum of ~m + m' over the changed words.
/// Composable, so a session's delta is computed once and applied to each of its packets.
class ChecksumDelta {
 public:
  constexpr ChecksumDelta() = default;

  /// A 16-bit word at an even offset changes from `before` to `after` (both as in memory).
  constexpr ChecksumDelta& change16(uint16_t before, uint16_t after) {
    value_ = fold(static_cast<uint32_t>(value_) + static_cast<uint16_t>(~before) + after);
    return *this;
  }
  constexpr ChecksumDelta& change32(uint32_t before, uint32_t after) {
    return change16(static_cast<uint16_t>(before), static_cast<uint16_t>(after))
        .change16(static_cast<uint16_t>(before >> 16), static_cast<uint16_t>(after >> 16));
  }
  /// The TTL byte falls by one, whatever it was: ~m + (m - 1) is always 0xFFFE.
  constexpr ChecksumDelta& decrement_ttl() {
    value_ = fold(static_cast<uint32_t>(value_) + 0xFFFE);
    return *this;
  }

  /// The new checksum field. RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m').
  [[nodiscard]] constexpr uint16_t apply(uint16_t checksum) const {
    const uint32_t sum = static_cast<uint16_t>(~checksum) + static_cast<uint32_t>(value_);
    return static_cast<uint16_t>(~((sum & 0xFFFF) + (sum >> 16)));
  }

  /// As apply(), for UDP: 0 means "no checksum" and stays, a computed 0 is sent as 0xFFFF (RFC
  /// 768).
  [[nodiscard]] constexpr uint16_t apply_udp(uint16_t checksum) const {
    if (checksum == 0) {
      return 0;
    }
    const uint16_t updated = apply(checksum);
    return updated == 0 ? uint16_t{0xFFFF} : updated;
  }

 private:
  uint16_t value_ = 0;
};

static_assert(sizeof(ChecksumDelta) == 2);

}  // namespace sluice::net

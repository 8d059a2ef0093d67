// SPDX-License-Identifier: BSD-3-Clause
// Integers in network order as types of their own: mixing orders does not compile.
#pragma once

#include <bit>
#include <compare>
#include <cstdint>

namespace sluice::net {

static_assert(std::endian::native == std::endian::little, "sluice runs on little-endian CPUs");

/// A 16-bit field as it stands in a packet.
struct Be16 {
  uint16_t raw = 0;

  static constexpr Be16 from_host(uint16_t value) { return {__builtin_bswap16(value)}; }
  [[nodiscard]] constexpr uint16_t host() const { return __builtin_bswap16(raw); }
  friend constexpr bool operator==(Be16, Be16) = default;
  friend constexpr auto operator<=>(Be16 a, Be16 b) { return a.host() <=> b.host(); }
};

/// A 32-bit field as it stands in a packet.
struct Be32 {
  uint32_t raw = 0;

  static constexpr Be32 from_host(uint32_t value) { return {__builtin_bswap32(value)}; }
  [[nodiscard]] constexpr uint32_t host() const { return __builtin_bswap32(raw); }
  friend constexpr bool operator==(Be32, Be32) = default;
  friend constexpr auto operator<=>(Be32 a, Be32 b) { return a.host() <=> b.host(); }
};

static_assert(sizeof(Be16) == 2 && sizeof(Be32) == 4);

}  // namespace sluice::net

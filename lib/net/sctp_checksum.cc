// SPDX-License-Identifier: BSD-3-Clause
// CRC32c as arithmetic of polynomials over GF(2). Worker thread.
#include "lib/net/sctp_checksum.h"

namespace sluice::net {
namespace {

// Castagnoli's polynomial and all others here have their lowest power in the highest bit, as the
// CRC's register has.
constexpr uint32_t kPolynomial = 0x82F63B78;
constexpr uint32_t kOne = 1U << 31;
constexpr uint32_t kByte = kOne >> 8;  // what a byte of zeros multiplies the register by

constexpr uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = kOne; bit != 0; bit >>= 1) {
    product ^= (a & bit) != 0 ? b : 0;
    b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);
  }
  return product;
}

using Powers = std::array<uint32_t, 256>;

constexpr Powers powers_of(uint32_t base) {
  Powers powers{};
  powers[0] = kOne;
  for (size_t i = 1; i < powers.size(); ++i) {
    powers[i] = multiply(powers[i - 1], base);
  }
  return powers;
}

constexpr Powers kBytes = powers_of(kByte);                           // 0..255 bytes of zeros
constexpr Powers kPages = powers_of(multiply(kBytes.back(), kByte));  // so many times 256 bytes

}  // namespace

uint32_t sctp_checksum_change(uint32_t ports_change, uint32_t packet_bytes) {
  const uint32_t change = multiply(ports_change, kBytes[packet_bytes & 0xFF]);
  const uint32_t pages = packet_bytes >> 8;
  return pages == 0 ? change : multiply(change, kPages[pages & 0xFF]);
}

}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// SCTP packets byte by byte, without the code under test. Tests.
#include "tests/support/sctp.h"

#include <algorithm>
#include <utility>

namespace sluice::test {
namespace {

constexpr uint8_t kProtocol = 132;
constexpr size_t kTagAt = 4, kChecksumAt = 8, kHeaderBytes = 12;

void store16(Frame& bytes, size_t at, size_t value) {
  bytes.at(at) = static_cast<uint8_t>(value >> 8);
  bytes.at(at + 1) = static_cast<uint8_t>(value);
}

// The checksum is the one field in SCTP whose lowest byte comes first.
void store_checksum(Frame& packet, uint32_t checksum) {
  for (size_t i = 0; i < sizeof(checksum); ++i) {
    packet.at(kChecksumAt + i) = static_cast<uint8_t>(checksum >> 8 * i);
  }
}

}  // namespace

uint32_t reference_crc32c(std::span<const uint8_t> bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
    }
  }
  return ~crc;
}

Frame sctp_chunk(uint8_t type, size_t value_bytes) {
  constexpr size_t kChunkHeaderBytes = 4;
  Frame chunk((kChunkHeaderBytes + value_bytes + 3) / 4 * 4);
  chunk[0] = type;
  store16(chunk, 2, kChunkHeaderBytes + value_bytes);
  for (size_t i = 0; i < value_bytes; ++i) {
    chunk[kChunkHeaderBytes + i] = static_cast<uint8_t>(i * 5 + 3);
  }
  return chunk;
}

FrameBuilder sctp(const net::Endpoint& from, const net::Endpoint& to, const Frame& chunks) {
  Frame packet(kHeaderBytes);
  store16(packet, 0, from.port.host());
  store16(packet, 2, to.port.host());
  if (chunks.at(0) != kSctpInit) {
    packet[kTagAt] = 0xA1;
    packet[kTagAt + 3] = 0x7C;
  }
  for (const uint8_t byte : chunks) {
    packet.push_back(byte);
  }
  store_checksum(packet, reference_crc32c(packet));
  return FrameBuilder(from, to, kProtocol).payload(std::move(packet));
}

FrameBuilder sctp(const net::Endpoint& from, const net::Endpoint& to, uint8_t chunk_type) {
  return sctp(from, to, sctp_chunk(chunk_type));
}

FrameBuilder with_sctp_checksum(FrameBuilder packet, uint32_t checksum) {
  Frame bytes = packet.payload();
  store_checksum(bytes, checksum);
  return packet.payload(std::move(bytes));
}

FrameBuilder with_bit_error(FrameBuilder packet) {
  Frame bytes = packet.payload();
  bytes.back() ^= 0x10;
  return packet.payload(std::move(bytes));
}

uint32_t right_sctp_checksum(Frame packet) {
  store_checksum(packet, 0);
  return reference_crc32c(packet);
}

uint32_t sctp_checksum_in(std::span<const uint8_t> packet) {
  uint32_t checksum = 0;
  for (size_t i = 0; i < sizeof(checksum); ++i) {
    checksum |= static_cast<uint32_t>(packet[kChecksumAt + i]) << 8 * i;
  }
  return checksum;
}

}  // namespace sluice::test

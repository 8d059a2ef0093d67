// SPDX-License-Identifier: BSD-3-Clause
// SCTP packets for tests, with a checksum computed bit by bit. Tests.
#pragma once

#include <cstdint>
#include <span>

#include "tests/support/frame.h"

namespace sluice::test {

// Chunk types (RFC 9260 3.2).
inline constexpr uint8_t kSctpData = 0, kSctpInit = 1, kSctpInitAck = 2, kSctpAbort = 6,
                         kSctpShutdown = 7, kSctpShutdownAck = 8, kSctpError = 9,
                         kSctpCookieEcho = 10, kSctpCookieAck = 11, kSctpShutdownComplete = 14;

/// CRC32c, the slow way (RFC 9260 appendix A).
uint32_t reference_crc32c(std::span<const uint8_t> bytes);

/// A chunk whose value is a pattern of that length, padded to a multiple of four.
Frame sctp_chunk(uint8_t type, size_t value_bytes = 16);

/// A packet of these chunks. Its verification tag is 0 in front of an INIT.
FrameBuilder sctp(const net::Endpoint& from, const net::Endpoint& to, const Frame& chunks);
FrameBuilder sctp(const net::Endpoint& from, const net::Endpoint& to, uint8_t chunk_type);

/// The same packet with another checksum.
FrameBuilder with_sctp_checksum(FrameBuilder packet, uint32_t checksum);
/// The same packet, one bit of its last byte flipped on the way.
FrameBuilder with_bit_error(FrameBuilder packet);

/// The checksum a packet should have, its common header's field aside.
uint32_t right_sctp_checksum(Frame packet);
/// The checksum in its common header.
uint32_t sctp_checksum_in(std::span<const uint8_t> packet);

}  // namespace sluice::test

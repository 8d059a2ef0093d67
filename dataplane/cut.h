// SPDX-License-Identifier: BSD-3-Clause
// Cuts IPv4 packets that are larger than the link they must leave by. Rare. Worker threads.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <span>

namespace sluice::dataplane {

inline constexpr uint32_t kMaxPieces = 64;  // 64 KB over a link of 1 280 bytes in 53

enum class Cut : uint8_t {
  kDone,
  kImpossible,  // it does not fit into so many pieces, or into those of one segment
  kNoBuffers,
};

struct Pieces {
  Cut result;
  uint32_t count;  // 0 unless kDone
};

/// Copies the IPv4 packet of a frame, itself a fragment or not, into frames of its size or smaller
/// whose IP packets have at most `mtu` bytes. Options go where they must (RFC 791 3.1), Ethernet
/// headers and IP checksums are right.
/// Owner: caller, of `packet` as before and of the pieces.
/// Precondition: parse() accepted the packet, DF is not set, nothing lies behind the IP packet.
Pieces cut_ipv4(rte_mbuf* packet, uint16_t mtu, std::span<rte_mbuf*, kMaxPieces> pieces);

}  // namespace sluice::dataplane

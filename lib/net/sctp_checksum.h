// SPDX-License-Identifier: BSD-3-Clause
// SCTP's checksum when ports change: mended, not computed anew. Worker thread.
#pragma once

#include <rte_byteorder.h>
#include <rte_sctp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "lib/net/byte_order.h"

namespace sluice::net {

/// What changing the first four bytes of a packet of `packet_bytes` (at most 65 535) does to its
/// CRC32c: the exclusive or of the old checksum and the new one. `ports_change` is that of the
/// bytes before and after. Both values are as a little-endian load reads them.
/// Cost: two multiplications of polynomials, whatever the length; the payload is not read.
/// Source: RFC 9260 6.8, appendix A; a CRC is linear.
[[nodiscard]] uint32_t sctp_checksum_change(uint32_t ports_change, uint32_t packet_bytes);

/// Writes both ports of an SCTP packet of `packet_bytes` and brings its checksum along; addresses
/// are not part of it. A wrong checksum stays wrong. One of 0 stays 0: its sender left it out,
/// since something below protects the packet (RFC 9653).
inline void rewrite_sctp(uint8_t* sctp, uint32_t packet_bytes, const std::array<Be16, 2>& ports) {
  uint32_t before, after;
  std::memcpy(&before, sctp, sizeof(before));
  std::memcpy(&after, ports.data(), sizeof(after));
  if (before == after) {
    return;
  }
  std::memcpy(sctp, &after, sizeof(after));
  uint8_t* field = sctp + offsetof(rte_sctp_hdr, cksum);
  uint32_t checksum;
  std::memcpy(&checksum, field, sizeof(checksum));
  if (checksum == 0) {
    return;
  }
  const uint32_t change = sctp_checksum_change(rte_le_to_cpu_32(before ^ after), packet_bytes);
  checksum ^= rte_cpu_to_le_32(change);
  std::memcpy(field, &checksum, sizeof(checksum));
}

}  // namespace sluice::net

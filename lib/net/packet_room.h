// SPDX-License-Identifier: BSD-3-Clause
// Opens room inside a packet and fills it, lengths and checksums following. Worker thread.
#pragma once

#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <cstdint>
#include <cstring>
#include <span>

#include "lib/net/byte_order.h"
#include "lib/net/checksum.h"

namespace sluice::net {

/// What became of an insertion. Anything but kDone left the packet as it was.
enum class Insertion : uint8_t {
  kDone,
  kNoHeadroom,   // the buffer has no room in front
  kHeaderFull,   // the TCP or IPv4 header has no room for the option
  kOverMtu,      // the packet would be longer than its port can send
  kWrongFamily,  // this layout cannot carry that address
};

/// One whole (unfragmented) IPv4 or IPv6 packet with TCP or UDP that parse() accepted. Its headers
/// lie in one piece, the payload may go on elsewhere: bytes are inserted by moving what stands in
/// front of them into the headroom. After an insertion `frame` is the new start of the packet.
///
///   Ethernet IP TCP | payload   ->   Ethernet IP TCP | inserted | payload
struct PacketRoom {
  uint8_t* frame;
  uint32_t headroom_bytes;
  uint32_t mtu_bytes;  // of the port it leaves by: bounds the IP packet
  uint16_t ip_offset;  // from `frame`
  uint16_t l4_offset;  // from `frame`

  [[nodiscard]] uint8_t* ip() const { return frame + ip_offset; }
  [[nodiscard]] uint8_t* l4() const { return frame + l4_offset; }
  [[nodiscard]] bool is_v4() const { return ip()[0] >> 4 == 4; }
  /// The IP packet with its header.
  [[nodiscard]] uint32_t ip_bytes() const {
    const uint8_t* header = ip();
    return is_v4() ? (header[2] << 8 | header[3])
                   : static_cast<uint32_t>(sizeof(rte_ipv6_hdr)) + (header[4] << 8 | header[5]);
  }
  /// TCP or UDP header and payload.
  [[nodiscard]] uint32_t l4_bytes() const { return ip_bytes() - (l4_offset - ip_offset); }

  /// Whether the packet may grow by `bytes`.
  [[nodiscard]] Insertion can_grow(uint32_t bytes) const;
  /// Makes room for `bytes` at `offset` from `frame` and returns it; the IP length and the IPv4
  /// checksum follow. Precondition: can_grow(bytes) is kDone.
  uint8_t* open(uint32_t offset, uint32_t bytes);
};

/// Sets the length an IP header tells and, for IPv4, its checksum.
void set_ip_bytes(uint8_t* ip, uint32_t bytes);

/// Puts `bytes` in front of the TCP or UDP payload, which may be none. The L4 checksum follows, of
/// any parity of length, so that a wrong one stays wrong; UDP's 0 stays 0.
/// The caller sees to the sequence number. Precondition: at most 255 bytes.
Insertion insert_before_payload(PacketRoom& packet, uint8_t protocol,
                                std::span<const uint8_t> bytes);

/// One's complement sum of what the L4 checksum covers besides the segment: addresses, protocol
/// and length (RFC 9293 3.1, RFC 8200 8.1). Precondition: no routing header.
uint16_t sum_pseudo_header(const uint8_t* ip, uint8_t protocol, uint32_t l4_bytes);

}  // namespace sluice::net

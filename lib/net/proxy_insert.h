// SPDX-License-Identifier: BSD-3-Clause
// Brings the PROXY header to the server in front of a TCP client's stream. Worker thread.
#pragma once

#include <cstdint>
#include <span>

#include "lib/net/packet_room.h"
#include "lib/net/sequence_shift.h"

namespace sluice::net {

/// What a client's segment has to do with the header.
enum class HeaderPlacement : uint8_t {
  kNone,             // nothing: translate and forward
  kInSegment,        // in front of its payload: insert_before_payload()
  kOwnSegmentFirst,  // in a segment of its own, sent before this one: write_header_segment()
  kRefuse,           // a SYN with data, which would come before the header: drop and count it
};

/// The number a segment leaves with, and whether the header goes along.
struct ClientPlan {
  uint32_t sequence;
  HeaderPlacement placement;
};

/// Decides about one client segment and takes note that the header leaves with it.
///
/// The server reads the header before anything else, so it goes with the client's first segment
/// after the SYN, the ACK that completes the handshake: a server that speaks first has it without
/// a byte from the client. Until the server acknowledges the header it goes again
/// - when an acknowledgement from the server does not cover it (a repeated SYN-ACK, a duplicate
///   ACK), with the client's next segment, whichever that is, and
/// - when the client itself repeats its first byte, as nothing of it was acknowledged.
/// It is joined to a segment that starts at first_byte if the result fits the MTU and the buffer,
/// else it is a segment of its own. The first data behind the handshake's ACK goes without: the
/// server would have to throw the second header away and report it (D-SACK).
///
/// One acknowledgement of the server releases one header at most, so no client can make us send
/// more than the server asks for. A RST takes no header along; while the header is known to be
/// missing a RST at first_byte keeps in front of it, where the server expects it (RFC 5961 3.2).
/// A SYN with data is refused: the client's next SYN comes without, and shift_client_segment()
/// keeps clients from learning Fast Open cookies.
///
/// Precondition: `packet` is the client's segment, not translated yet (its addresses may be).
ClientPlan plan_client_segment(SequenceShift& shift, const PacketRoom& packet);

/// Room that write_header_segment() needs.
[[nodiscard]] inline uint32_t header_segment_bytes(const PacketRoom& packet,
                                                   std::span<const uint8_t> header) {
  return packet.l4_offset + tcp_header_bytes(packet.l4()) + static_cast<uint32_t>(header.size());
}

/// Writes the frame that carries the header alone into `out`, which has header_segment_bytes() of
/// room: the headers of `packet`, translated already, with the header as its payload, flags ACK
/// and PSH, and the sequence number of the header.
/// `payload_sum` is sum_words() of the packet's own payload (rte_raw_cksum_mbuf() where it lies in
/// several buffers), 0 for none: with it a client's wrong checksum stays wrong.
void write_header_segment(const SequenceShift& shift, const PacketRoom& packet,
                          uint16_t payload_sum, std::span<const uint8_t> header, uint8_t* out);

}  // namespace sluice::net

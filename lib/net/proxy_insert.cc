// SPDX-License-Identifier: BSD-3-Clause
// Brings the PROXY header to the server in front of a TCP client's stream. Worker thread.
#include "lib/net/proxy_insert.h"

#include <algorithm>

namespace sluice::net {
namespace {

constexpr uint32_t kSequenceAt = 4;
constexpr uint32_t kFlagsAt = 13;
constexpr uint32_t kUrgentAt = 18;

/// A segment that starts with the client's first byte, or with the FIN of an empty stream.
bool occupies(uint32_t payload_bytes, uint8_t flags) {
  return payload_bytes != 0 || (flags & RTE_TCP_FIN_FLAG) != 0;
}

}  // namespace

ClientPlan plan_client_segment(SequenceShift& shift, const PacketRoom& packet) {
  const auto& tcp = *reinterpret_cast<const rte_tcp_hdr*>(packet.l4());
  const uint32_t sequence = Be32{tcp.sent_seq}.host();
  const uint32_t payload_bytes = packet.l4_bytes() - tcp_header_bytes(packet.l4());
  const uint32_t translated = shift.to_server(sequence);
  if (shift.header == HeaderState::kNone) {
    return {translated, HeaderPlacement::kNone};
  }
  if ((tcp.tcp_flags & RTE_TCP_SYN_FLAG) != 0) {
    return {translated, payload_bytes == 0 ? HeaderPlacement::kNone : HeaderPlacement::kRefuse};
  }
  const bool at_start = sequence == shift.first_byte;
  const bool is_missing = shift.header == HeaderState::kPending;
  if ((tcp.tcp_flags & RTE_TCP_RST_FLAG) != 0) {
    return {at_start && is_missing ? shift.header_sequence() : translated, HeaderPlacement::kNone};
  }
  const bool takes_start = at_start && occupies(payload_bytes, tcp.tcp_flags);
  const bool repeats_start = takes_start && shift.start_seen && shift.header == HeaderState::kSent;
  shift.start_seen = shift.start_seen || takes_start;
  if (!is_missing && !repeats_start) {
    return {translated, HeaderPlacement::kNone};
  }
  shift.header = HeaderState::kSent;
  if (at_start && packet.can_grow(shift.header_bytes) == Insertion::kDone) {
    return {shift.header_sequence(), HeaderPlacement::kInSegment};
  }
  return {translated, HeaderPlacement::kOwnSegmentFirst};
}

void write_header_segment(const SequenceShift& shift, const PacketRoom& packet,
                          uint16_t payload_sum, std::span<const uint8_t> header, uint8_t* out) {
  const uint32_t tcp_bytes = tcp_header_bytes(packet.l4());
  std::memcpy(out, packet.frame, packet.l4_offset + tcp_bytes);
  const auto l4_bytes = static_cast<uint32_t>(tcp_bytes + header.size());
  set_ip_bytes(out + packet.ip_offset, packet.l4_offset - packet.ip_offset + l4_bytes);
  uint8_t* tcp = out + packet.l4_offset;
  std::copy(header.begin(), header.end(), tcp + tcp_bytes);

  TcpEdit edit(tcp);
  edit.put32(kSequenceAt, shift.header_sequence());
  edit.put8(kFlagsAt, RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG);
  edit.put16(kUrgentAt, 0);
  edit.replace_covered(payload_sum, sum_words(header));
  edit.replace_covered(Be16::from_host(static_cast<uint16_t>(packet.l4_bytes())).raw,
                       Be16::from_host(static_cast<uint16_t>(l4_bytes)).raw);
  edit.commit();
}

}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// TCP numbers between the client's and the server's count: initial sequence, inserted header,
// timestamps. Worker thread.
#include "lib/net/sequence_shift.h"

#include <algorithm>

namespace sluice::net {
namespace {

constexpr uint32_t kSequenceAt = 4;
constexpr uint32_t kAckAt = 8;
constexpr uint32_t kFlagsAt = 13;
constexpr uint32_t kWindowAt = 14;
constexpr uint32_t kTsvalAt = 2;  // from the start of the option
constexpr uint32_t kTsecrAt = 6;

/// Past this many bytes no honest segment speaks of the header any more; the windows of TCP are
/// smaller than the 2^31 up to which numbers compare.
constexpr uint32_t kSettledBytes = 1U << 24;

bool is_timestamps(const TcpOption& option) {
  return option.kind == TCPOPT_TIMESTAMP && option.bytes == TCPOLEN_TIMESTAMP;
}

/// What nearly every segment has: two NOPs and timestamps, nothing else (RFC 7323 appendix A).
bool has_only_timestamps(const uint8_t* tcp) {
  constexpr uint8_t kWords = (sizeof(rte_tcp_hdr) + TCPOLEN_TSTAMP_APPA) / 4;
  if (tcp[12] >> 4 != kWords) {
    return false;
  }
  Be32 start;
  std::memcpy(&start.raw, tcp + sizeof(rte_tcp_hdr), sizeof(start.raw));
  return start == Be32::from_host(TCPOPT_TSTAMP_HDR);
}
constexpr uint32_t kOnlyTimestampsAt = sizeof(rte_tcp_hdr) + 2;

void add_to(TcpEdit& edit, uint32_t offset, uint32_t delta) {
  edit.put32(offset, edit.get32(offset) + delta);
}

/// Keeps the server's ISN and window scale.
void note_syn_ack(SequenceShift& shift, const TcpEdit& segment) {
  constexpr uint8_t kMaxWindowScale = 14;  // RFC 7323 2.3
  const auto scale = find_tcp_option(segment.header(), TCPOPT_WINDOW, TCPOLEN_WINDOW);
  shift.server_first_byte = segment.get32(kSequenceAt) + 1;
  shift.has_server_isn = true;
  shift.server_window_scale =
      scale ? std::min(segment.get8(scale->offset + 2U), kMaxWindowScale) & 0xF : 0;
}

/// Keeps what an acknowledgement tells; returns how many bytes of the header it leaves open.
uint32_t note_ack(SequenceShift& shift, uint32_t ack) {
  if (shift.header == HeaderState::kNone) {
    return 0;
  }
  const auto past_start = static_cast<int32_t>(ack - shift.header_sequence());
  if (past_start < int32_t{shift.header_bytes}) {
    if (shift.header == HeaderState::kSent) {
      shift.header = HeaderState::kPending;
    }
    return past_start <= 0 ? shift.header_bytes
                           : shift.header_bytes - static_cast<uint32_t>(past_start);
  }
  shift.header = HeaderState::kAcked;
  if (static_cast<uint32_t>(past_start) >= kSettledBytes) {
    shift.delta += shift.header_bytes;
    shift.header_bytes = 0;
    shift.header = HeaderState::kNone;
  }
  return 0;
}

/// The window without the bytes that the header's open part takes of it.
uint16_t reduced_window(uint16_t window, uint32_t open_bytes, uint8_t scale) {
  const uint32_t units = (open_bytes + (1U << scale) - 1) >> scale;
  return static_cast<uint16_t>(window - std::min<uint32_t>(window, units));
}

void shift_sack(const SequenceShift& shift, TcpEdit& edit, const TcpOption& option) {
  constexpr uint32_t kEdgeBytes = 4;
  for (uint32_t at = 2; at + kEdgeBytes <= option.bytes; at += kEdgeBytes) {
    edit.put32(option.offset + at, shift.to_client(edit.get32(option.offset + at)));
  }
}

}  // namespace

SequenceShift begin_shift(const uint8_t* syn, uint32_t isn, std::optional<uint32_t> timestamp,
                          uint8_t header_bytes) {
  const uint32_t client_isn = Be32{reinterpret_cast<const rte_tcp_hdr*>(syn)->sent_seq}.host();
  SequenceShift shift;
  shift.has_begun = true;
  shift.delta = isn - client_isn;
  shift.first_byte = client_isn + 1;
  shift.header_bytes = header_bytes;
  shift.header = header_bytes == 0 ? HeaderState::kNone : HeaderState::kPending;
  const auto option = find_tcp_option(syn, TCPOPT_TIMESTAMP, TCPOLEN_TIMESTAMP);
  if (timestamp && option) {
    uint32_t value;
    std::memcpy(&value, syn + option->offset + kTsvalAt, sizeof(value));
    shift.timestamp_delta = *timestamp - Be32{value}.host();
  }
  return shift;
}

bool shift_client_segment(const SequenceShift& shift, uint8_t* tcp, uint32_t sequence) {
  TcpEdit edit(tcp);
  edit.put32(kSequenceAt, sequence);
  if (has_only_timestamps(tcp)) {
    add_to(edit, kOnlyTimestampsAt + kTsvalAt, shift.timestamp_delta);
    edit.commit();
    return false;
  }
  const bool blanks_syn =
      shift.header != HeaderState::kNone && (edit.get8(kFlagsAt) & RTE_TCP_SYN_FLAG) != 0;
  bool stripped = false;
  for_each_tcp_option(tcp, [&](const TcpOption& option) {
    if (is_timestamps(option)) {
      add_to(edit, option.offset + kTsvalAt, shift.timestamp_delta);
    } else if (claims_client_address(option)) {
      edit.blank(option);
      stripped = true;
    } else if (blanks_syn &&
               (option.kind == kTcpOptionFastOpen || option.kind == kTcpOptionMptcp)) {
      edit.blank(option);
    }
  });
  edit.commit();
  return stripped;
}

void shift_server_segment(SequenceShift& shift, uint8_t* tcp) {
  TcpEdit edit(tcp);
  const uint8_t flags = edit.get8(kFlagsAt);
  if ((flags & RTE_TCP_ACK_FLAG) == 0) {
    return;  // ack, TSecr and SACK mean nothing without it
  }
  const bool is_syn = (flags & RTE_TCP_SYN_FLAG) != 0;
  if (is_syn) {
    note_syn_ack(shift, edit);
  }
  const uint32_t ack = edit.get32(kAckAt);
  const uint32_t open_bytes = note_ack(shift, ack);
  edit.put32(kAckAt, shift.to_client(ack));
  if (open_bytes != 0) {
    // The window of a SYN is never scaled (RFC 7323 2.2).
    edit.put16(kWindowAt, reduced_window(edit.get16(kWindowAt), open_bytes,
                                         is_syn ? uint8_t{0} : shift.server_window_scale));
  }
  if (has_only_timestamps(tcp)) {
    add_to(edit, kOnlyTimestampsAt + kTsecrAt, 0U - shift.timestamp_delta);
    edit.commit();
    return;
  }
  for_each_tcp_option(tcp, [&](const TcpOption& option) {
    if (is_timestamps(option)) {
      add_to(edit, option.offset + kTsecrAt, 0U - shift.timestamp_delta);
    } else if (option.kind == TCPOPT_SACK) {
      shift_sack(shift, edit, option);
    }
  });
  edit.commit();
}

}  // namespace sluice::net

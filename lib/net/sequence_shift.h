// SPDX-License-Identifier: BSD-3-Clause
// TCP numbers between the client's and the server's count: initial sequence, inserted header,
// timestamps. Worker thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include "lib/net/flow_key.h"
#include "lib/net/siphash.h"
#include "lib/net/tcp_options.h"

namespace sluice::net {

/// The first sequence number toward a server: RFC 6528 3, M + F(flow, secret). M counts 4 us, so
/// that a local port used again starts above what it sent before; F hides it from strangers.
/// `to_server` is the flow key of packets to the server (FlowKey4 or FlowKey6).
template <typename Key>
[[nodiscard]] uint32_t initial_sequence(const SipKey& secret, const Key& to_server,
                                        uint64_t now_us) {
  static_assert(std::has_unique_object_representations_v<Key>);
  const std::span bytes{reinterpret_cast<const uint8_t*>(&to_server), sizeof(to_server)};
  return static_cast<uint32_t>(now_us / 4 + siphash24(secret, bytes));
}

/// The clock that timestamps toward servers start from: 1 024 Hz, a little faster than the fastest
/// clock a client may have (1 000 Hz, RFC 7323 5.4), so that no crystal outruns it.
[[nodiscard]] constexpr uint32_t timestamp_clock(uint64_t now_us) {
  return static_cast<uint32_t>(now_us * 1074 >> 20);
}

/// Whether the PROXY header has reached the server.
enum class HeaderState : uint8_t {
  kNone,     // there is none, or the stream is so far past it that no number needs a comparison
  kPending,  // not sent yet, or an acknowledgement says that it was lost
  kSent,
  kAcked,
};

/// How one session's client and server count the client's bytes differently.
///
///   client's count   ISN | first_byte ...                       server space = client space
///   server's count   ISN'| header (N bytes) | first byte ...      + delta (+ N behind the header)
///
/// Client -> server: seq += delta, and + N from first_byte on. Server -> client: ack and both edges
/// of SACK blocks the other way; a number inside the header becomes first_byte, so that the client
/// never sees an acknowledgement below its own ISN + 1. Seq and SACK of the other direction stay.
///
/// Why shift at all: with FULL-NAT many clients follow each other on one local port. A server in
/// TIME_WAIT takes a SYN only with a higher sequence number or a later timestamp than the old
/// connection's last (RFC 6191). So each gets a new initial number of one rising clock, and the
/// timestamps of its first SYN start at another: TSval += timestamp_delta to the server, TSecr -=
/// timestamp_delta to the client. The old connection cannot have got past that clock, so PAWS
/// (RFC 7323 5) never takes the new client's segments for old ones, and RTT measurement and PAWS
/// of the connection itself keep working, which blanking the option in the SYN gives up.
///
/// Example: client ISN 1000, ISN' 5000, 28 bytes of header. The client's first 100 bytes (seq 1001)
/// go as seq 5029 behind the header's 5001..5028; the server's ack 5129 reaches the client as 1101.
struct SequenceShift {
  uint32_t delta = 0;              // server space - client space in front of the header
  uint32_t first_byte = 0;         // client space: ISN + 1
  uint32_t timestamp_delta = 0;    // added to the client's TSval
  uint32_t server_first_byte = 0;  // server's ISN + 1, valid with has_server_isn
  uint8_t header_bytes = 0;        // N
  HeaderState header = HeaderState::kNone;
  uint8_t server_window_scale : 4 = 0;
  bool has_server_isn : 1 = false;
  bool start_seen : 1 = false;  // a segment of the client with first_byte passed
  bool has_begun : 1 = false;
  bool is_confirmed : 1 = false;  // the client has answered the server's SYN
  uint8_t unused = 0;

  /// A client's sequence number as the server counts.
  [[nodiscard]] uint32_t to_server(uint32_t number) const {
    const bool is_before =
        header == HeaderState::kNone || static_cast<int32_t>(number - first_byte) < 0;
    return number + delta + (is_before ? 0 : header_bytes);
  }
  /// A number the server acknowledges as the client counts.
  [[nodiscard]] uint32_t to_client(uint32_t number) const {
    const uint32_t plain = number - delta;
    if (header == HeaderState::kNone || static_cast<int32_t>(plain - first_byte) <= 0) {
      return plain;
    }
    return plain - first_byte <= header_bytes ? first_byte : plain - header_bytes;
  }
  /// Bytes of the header that the server has not acknowledged for all we know.
  [[nodiscard]] uint32_t open_header_bytes() const {
    return header == HeaderState::kPending || header == HeaderState::kSent ? header_bytes : 0U;
  }
  /// Where the header starts, as the server counts.
  [[nodiscard]] uint32_t header_sequence() const { return first_byte + delta; }

  friend bool operator==(const SequenceShift&, const SequenceShift&) = default;
};
static_assert(sizeof(SequenceShift) == 20 && std::is_trivially_copyable_v<SequenceShift>);

/// Starts a connection with the client's SYN. `isn` is what the SYN leaves with (its own number to
/// change nothing), `timestamp` what its TSval becomes (timestamp_clock(); nullopt changes none).
/// A SYN repeated with the same sequence number goes on with the shift it has; any other on this
/// tuple starts anew.
SequenceShift begin_shift(const uint8_t* syn, uint32_t isn, std::optional<uint32_t> timestamp,
                          uint8_t header_bytes);

/// Whether a SYN is a retransmission of the one the shift began with.
[[nodiscard]] inline bool is_repeated_syn(const SequenceShift& shift, const uint8_t* syn) {
  return shift.has_begun &&
         Be32{reinterpret_cast<const rte_tcp_hdr*>(syn)->sent_seq}.host() + 1 == shift.first_byte;
}

/// Gives a client's segment the sequence number `sequence` (of plan_client_segment, or
/// shift.to_server()), shifts its timestamp and blanks options that claim a client address. In the
/// SYN of a session with a PROXY header, Fast Open and Multipath TCP are blanked too: data of a SYN
/// would come before the header, and MPTCP counts bytes on its own.
/// Precondition: the whole TCP header lies in one piece, as for each function here.
/// Returns whether a claimed client address was removed (to be counted).
bool shift_client_segment(const SequenceShift& shift, uint8_t* tcp, uint32_t sequence);

/// Translates a server's segment: ack, SACK blocks, TSecr; keeps what they tell of the header.
/// While the server has not acknowledged the whole header its window is shown smaller by what is
/// missing, or the client could send that much more than the server offers.
void shift_server_segment(SequenceShift& shift, uint8_t* tcp);

/// Whether a client's segment is to carry TOA: servers read it from the segment that completes the
/// handshake, so each one that still acknowledges no more than the server's SYN has it. Not the
/// SYN: no module needs it there, and its option space is short.
/// `tcp` may be translated already: its ack number stays.
[[nodiscard]] inline bool wants_toa(const SequenceShift& shift, const uint8_t* tcp) {
  const auto& header = *reinterpret_cast<const rte_tcp_hdr*>(tcp);
  constexpr uint8_t kFlags = RTE_TCP_ACK_FLAG | RTE_TCP_SYN_FLAG | RTE_TCP_RST_FLAG;
  return (header.tcp_flags & kFlags) == RTE_TCP_ACK_FLAG && shift.has_server_isn &&
         Be32{header.recv_ack}.host() == shift.server_first_byte;
}

}  // namespace sluice::net

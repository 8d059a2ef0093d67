// SPDX-License-Identifier: BSD-3-Clause
// What the director reads of an SCTP packet: which event it is for its association. Worker thread.
#pragma once

#include <rte_sctp.h>
#include <rte_tcp.h>

#include <cstdint>
#include <span>

#include "lib/net/byte_order.h"

namespace sluice::net {

/// What a packet means for its association, by the type of its first chunk. Types without an event
/// of their own, those of extensions among them, count as data.
enum class SctpEvent : uint8_t {
  kInit,
  kData,
  kInitAck,
  kCookieEcho,
  kCookieAck,
  kShutdown,
  kShutdownAck,
  kShutdownComplete,
  kError,
  kAbort,
};
inline constexpr size_t kSctpEventCount = 10;

/// The common header and the header of the first chunk: no packet has less (RFC 9260 3).
inline constexpr uint32_t kSctpChunkHeaderBytes = 4;
inline constexpr uint32_t kLeastSctpBytes = sizeof(rte_sctp_hdr) + kSctpChunkHeaderBytes;

namespace internal {

[[nodiscard]] constexpr SctpEvent event_of_chunk(uint8_t type) {
  switch (type) {  // RFC 9260 3.2
    case 1:
      return SctpEvent::kInit;
    case 2:
      return SctpEvent::kInitAck;
    case 6:
      return SctpEvent::kAbort;
    case 7:
      return SctpEvent::kShutdown;
    case 8:
      return SctpEvent::kShutdownAck;
    case 9:
      return SctpEvent::kError;
    case 10:
      return SctpEvent::kCookieEcho;
    case 11:
      return SctpEvent::kCookieAck;
    case 14:
      return SctpEvent::kShutdownComplete;
    default:
      return SctpEvent::kData;
  }
}

// The length field of the chunk at `at`, its header included.
[[nodiscard]] inline uint32_t chunk_bytes(std::span<const uint8_t> sctp, size_t at) {
  return static_cast<uint32_t>(sctp[at + 2] << 8 | sctp[at + 3]);
}

}  // namespace internal

/// Whether the first chunk lies within a packet of `l4_bytes`.
/// Precondition: at least kLeastSctpBytes lie at `sctp`.
[[nodiscard]] inline bool has_whole_chunk(const uint8_t* sctp, uint32_t l4_bytes) {
  const uint32_t bytes = internal::chunk_bytes({sctp, kLeastSctpBytes}, sizeof(rte_sctp_hdr));
  return bytes >= kSctpChunkHeaderBytes && bytes <= l4_bytes - sizeof(rte_sctp_hdr);
}

/// The event of a packet that begins with `sctp`, of which what is not there is not looked at. An
/// ABORT may hide behind the cookie chunk it answers (RFC 9260 3.3.7).
/// Precondition: at least kLeastSctpBytes.
[[nodiscard]] inline SctpEvent read_sctp_event(std::span<const uint8_t> sctp) {
  constexpr size_t kFirst = sizeof(rte_sctp_hdr);
  const SctpEvent event = internal::event_of_chunk(sctp[kFirst]);
  if (event == SctpEvent::kCookieEcho || event == SctpEvent::kCookieAck) {
    const size_t next = kFirst + (internal::chunk_bytes(sctp, kFirst) + 3) / 4 * 4;
    if (next > kFirst && next < sctp.size() &&
        internal::event_of_chunk(sctp[next]) == SctpEvent::kAbort) {
      return SctpEvent::kAbort;
    }
  }
  return event;
}

/// An event in the place of TCP's flags, where an INIT looks like a SYN and nothing else does: what
/// opens a session is one question for both protocols.
[[nodiscard]] constexpr uint8_t as_tcp_flags(SctpEvent event) {
  const auto upper = static_cast<uint8_t>(static_cast<uint8_t>(event) << 4);
  return event == SctpEvent::kInit ? uint8_t{RTE_TCP_SYN_FLAG} : upper;
}
[[nodiscard]] constexpr SctpEvent sctp_event(uint8_t flags) {
  return static_cast<SctpEvent>(flags >> 4);
}

}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// The LVS state machine of SCTP as data (see tcp_state.h for the states and their timeouts).
#pragma once

#include <array>
#include <cstddef>

#include "lib/net/sctp.h"
#include "lib/table/tcp_state.h"

namespace sluice::table {

inline constexpr size_t kSctpStateCount = 14;

namespace internal {

/// SCTP's states are the first two of SessionState and the last twelve.
[[nodiscard]] constexpr size_t sctp_column(SessionState state) {
  constexpr size_t kShared = 2;
  const auto at = static_cast<size_t>(state);
  return at < kShared ? at : at - static_cast<size_t>(SessionState::kSctpInit1) + kShared;
}

// Source: Linux IPVS ip_vs_proto_sctp state table; columns are the states in enum order, rows the
// events.
using SctpRow = std::array<SessionState, kSctpStateCount>;

struct SctpTable {
  static constexpr auto NO = SessionState::kNone;
  static constexpr auto ES = SessionState::kEstablished;
  static constexpr auto I1 = SessionState::kSctpInit1;
  static constexpr auto IN = SessionState::kSctpInit;
  static constexpr auto CS = SessionState::kSctpCookieSent;
  static constexpr auto CR = SessionState::kSctpCookieReplied;
  static constexpr auto CW = SessionState::kSctpCookieWait;
  static constexpr auto CO = SessionState::kSctpCookie;
  static constexpr auto CE = SessionState::kSctpCookieEchoed;
  static constexpr auto SS = SessionState::kSctpShutdownSent;
  static constexpr auto SR = SessionState::kSctpShutdownReceived;
  static constexpr auto SA = SessionState::kSctpShutdownAckSent;
  static constexpr auto RJ = SessionState::kSctpRejected;
  static constexpr auto CL = SessionState::kSctpClosed;

  // clang-format off
  static constexpr std::array<std::array<SctpRow, net::kSctpEventCount>, 3> kNext = {{
    {{  // client -> director
        //                         NO  ES  I1  IN  CS  CR  CW  CO  CE  SS  SR  SA  RJ  CL
        /* init              */ {I1, ES, IN, IN, CS, CR, CW, CO, CE, SS, SR, SA, IN, IN},
        /* data              */ {ES, ES, I1, IN, CS, CR, CW, CO, CE, SS, SR, SA, RJ, CL},
        /* init ack          */ {CW, ES, CW, CW, CS, CR, CO, CO, CE, SS, SR, SA, RJ, CL},
        /* cookie echo       */ {CR, ES, IN, IN, CR, CR, CW, CO, CE, SS, SR, SA, RJ, CL},
        /* cookie ack        */ {ES, ES, I1, IN, CS, CR, CW, CO, ES, SS, SR, SA, RJ, CL},
        /* shutdown          */ {SR, SR, I1, IN, CS, CR, CW, CO, CE, SS, SR, SA, RJ, CL},
        /* shutdown ack      */ {CL, ES, IN, IN, CS, CR, CW, CO, CE, CL, SR, CL, RJ, CL},
        /* shutdown complete */ {CL, ES, CL, CL, CS, CR, CW, CO, CE, SS, SR, CL, RJ, CL},
        /* error             */ {CL, ES, I1, IN, CS, CR, CW, CO, CL, SS, SR, SA, RJ, CL},
        /* abort             */ {CL, CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL},
    }},
    {{  // server -> director
        //                         NO  ES  I1  IN  CS  CR  CW  CO  CE  SS  SR  SA  RJ  CL
        /* init              */ {CW, ES, CW, CW, CW, CW, CW, CW, CW, CW, CW, CW, CW, CW},
        /* data              */ {ES, ES, I1, IN, CS, CR, CW, CO, CE, SS, SR, SA, RJ, CL},
        /* init ack          */ {CS, ES, CS, CS, CS, CR, CW, CO, CE, SS, SR, SA, RJ, CL},
        /* cookie echo       */ {CE, ES, CE, CE, CE, CE, CE, CE, CE, SS, SR, SA, RJ, CL},
        /* cookie ack        */ {ES, ES, ES, ES, ES, ES, ES, ES, ES, SS, SR, SA, RJ, CL},
        /* shutdown          */ {SS, SS, SS, SS, SS, SS, SS, SS, SS, SS, SR, SA, RJ, CL},
        /* shutdown ack      */ {SA, ES, SA, SA, SA, SA, CW, CO, CE, SA, SA, SA, RJ, CL},
        /* shutdown complete */ {CL, ES, I1, IN, CS, CR, CW, CO, CE, SS, SR, SA, RJ, CL},
        /* error             */ {CL, ES, CL, CL, CL, CL, CW, CO, CE, SS, SR, SA, RJ, CL},
        /* abort             */ {CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL},
    }},
    {{  // client -> director, answers unseen
        //                         NO  ES  I1  IN  CS  CR  CW  CO  CE  SS  SR  SA  RJ  CL
        /* init              */ {I1, ES, IN, IN, IN, IN, IN, CO, CE, SS, SR, SA, IN, IN},
        /* data              */ {ES, ES, I1, IN, CS, CR, ES, CO, CE, SS, SR, SA, RJ, CL},
        /* init ack          */ {CE, ES, CE, CE, CE, CE, CE, CO, CE, SS, SR, SA, RJ, CL},
        /* cookie echo       */ {ES, ES, ES, ES, ES, ES, ES, CO, CE, SS, SR, SA, RJ, CL},
        /* cookie ack        */ {ES, ES, I1, IN, ES, ES, CW, ES, ES, SS, SR, SA, RJ, CL},
        /* shutdown          */ {SR, SR, I1, IN, CS, CR, CW, CO, CE, SS, SR, SA, RJ, CL},
        /* shutdown ack      */ {CL, CL, IN, IN, CS, CR, CW, CO, CE, CL, SR, CL, RJ, CL},
        /* shutdown complete */ {CL, ES, CL, CL, CL, CL, CW, CO, CE, SS, CL, CL, RJ, CL},
        /* error             */ {CL, ES, I1, IN, CS, CR, CW, CO, CE, SS, SR, SA, RJ, CL},
        /* abort             */ {CL, CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL},
    }},
  }};
  // clang-format on
};

}  // namespace internal

/// The state after a packet with `event` from `origin`. `state` is one of SCTP's.
[[nodiscard]] constexpr SessionState next_state(SessionState state, SegmentOrigin origin,
                                                net::SctpEvent event) {
  return internal::SctpTable::kNext[static_cast<size_t>(origin)][static_cast<size_t>(event)]
                                   [internal::sctp_column(state)];
}

}  // namespace sluice::table

// SPDX-License-Identifier: BSD-3-Clause
// The LVS TCP state machine and its timeouts as data.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::table {

/// The state of a session as LVS names it. UDP sessions have one state of their own, and so have
/// ICMP's.
enum class SessionState : uint8_t {
  kNone,
  kEstablished,
  kSynSent,
  kSynRecv,
  kFinWait,
  kTimeWait,
  kClose,
  kCloseWait,
  kLastAck,
  kListen,
  kSynAck,
  kUdp,
  kIcmp,
};
inline constexpr size_t kTcpStateCount = 11;
inline constexpr size_t kSessionStateCount = 13;

/// Which way a packet travels through the director.
enum class Direction : uint8_t { kToServer, kToClient };

[[nodiscard]] constexpr Direction opposite(Direction direction) {
  return direction == Direction::kToServer ? Direction::kToClient : Direction::kToServer;
}

/// Which rows of the state table serve a segment: the client's, the server's, or the client's where
/// the server's answers are never seen (direct routing, tunnel).
enum class SegmentOrigin : uint8_t { kClient, kServer, kClientAlone };

/// What a segment does to the state: RST wins over SYN over FIN over ACK; none of them closes.
enum class TcpEvent : uint8_t { kSyn, kFin, kAck, kRst, kNothing };

inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpSyn = 0x02;
inline constexpr uint8_t kTcpRst = 0x04;
inline constexpr uint8_t kTcpAck = 0x10;

[[nodiscard]] constexpr TcpEvent tcp_event(uint8_t flags) {
  if ((flags & kTcpRst) != 0) {
    return TcpEvent::kRst;
  }
  if ((flags & kTcpSyn) != 0) {
    return TcpEvent::kSyn;
  }
  if ((flags & kTcpFin) != 0) {
    return TcpEvent::kFin;
  }
  return (flags & kTcpAck) != 0 ? TcpEvent::kAck : TcpEvent::kNothing;
}

namespace internal {

using Row = std::array<SessionState, kTcpStateCount>;

// Source: Linux IPVS ip_vs_proto_tcp state table; columns are the states in enum order.
inline constexpr auto NO = SessionState::kNone;
inline constexpr auto ES = SessionState::kEstablished;
inline constexpr auto SS = SessionState::kSynSent;
inline constexpr auto SR = SessionState::kSynRecv;
inline constexpr auto FW = SessionState::kFinWait;
inline constexpr auto TW = SessionState::kTimeWait;
inline constexpr auto CL = SessionState::kClose;
inline constexpr auto CW = SessionState::kCloseWait;
inline constexpr auto LA = SessionState::kLastAck;
inline constexpr auto LI = SessionState::kListen;
inline constexpr auto SA = SessionState::kSynAck;

inline constexpr Row kAllClose = {CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL};

// clang-format off
inline constexpr std::array<std::array<Row, 5>, 3> kTransitions = {{
    {{  // client -> director   NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA
        /* syn */              {SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR},
        /* fin */              {CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, TW},
        /* ack */              {ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES},
        /* rst */              {CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, SR},
        /* nothing */          kAllClose,
    }},
    {{  // server -> director
        /* syn */              {SS, ES, SS, SR, SS, SS, SS, SS, SS, LI, SR},
        /* fin */              {TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW},
        /* ack */              {ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES},
        /* rst */              {CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL},
        /* nothing */          kAllClose,
    }},
    {{  // client -> director, answers unseen
        /* syn */              {SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR},
        /* fin */              {CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW},
        /* ack */              {ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES},
        /* rst */              {CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL},
        /* nothing */          kAllClose,
    }},
}};
// clang-format on

}  // namespace internal

/// The state after a segment with `event` from `origin`. `state` is a TCP state.
[[nodiscard]] constexpr SessionState next_state(SessionState state, SegmentOrigin origin,
                                                TcpEvent event) {
  return internal::kTransitions[static_cast<size_t>(origin)][static_cast<size_t>(event)]
                               [static_cast<size_t>(state)];
}

/// Whether LVS counts a session in this state as ActiveConn (else as InActConn). UDP and ICMP never
/// are.
[[nodiscard]] constexpr bool is_active(SessionState state) {
  return state == SessionState::kEstablished || state == SessionState::kSynSent ||
         state == SessionState::kSynRecv || state == SessionState::kSynAck;
}

/// The name in session lists, as `ipvsadm -lc` prints it.
std::string_view to_string(SessionState state);

/// Idle timeouts by state, in seconds; the defaults are mainline IPVS's.
struct Timeouts {
  std::array<uint32_t, kSessionStateCount> seconds = {2,  900, 120, 60,  120, 120, 10,
                                                      60, 30,  120, 120, 300, 60};

  uint32_t& operator[](SessionState state) { return seconds[static_cast<size_t>(state)]; }
  uint32_t operator[](SessionState state) const { return seconds[static_cast<size_t>(state)]; }
  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

/// The longest timeout a configuration may ask for: 31 days, as `ipvsadm --set`.
inline constexpr uint32_t kMaxTimeoutSeconds = 2'678'400;

}  // namespace sluice::table

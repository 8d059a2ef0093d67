// SPDX-License-Identifier: BSD-3-Clause
// The LVS state table, cell by cell, as its documents print it; timeouts; counted states. Tests.
#include "lib/table/tcp_state.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>

namespace sluice::table {
namespace {

constexpr const char* kColumns = "NO ES SS SR FW TW CL CW LA LI SA";

struct TableRow {
  SegmentOrigin origin;
  uint8_t flags;
  const char* next;
};

constexpr TableRow kTable[] = {
    {SegmentOrigin::kClient, kTcpSyn, "SR ES ES SR SR SR SR SR SR SR SR"},
    {SegmentOrigin::kClient, kTcpFin, "CL CW SS TW TW TW CL CW LA LI TW"},
    {SegmentOrigin::kClient, kTcpAck, "ES ES SS ES FW TW CL CW CL LI ES"},
    {SegmentOrigin::kClient, kTcpRst, "CL CL CL SR CL CL CL CL LA LI SR"},
    {SegmentOrigin::kClient, 0, "CL CL CL CL CL CL CL CL CL CL CL"},
    {SegmentOrigin::kServer, kTcpSyn, "SS ES SS SR SS SS SS SS SS LI SR"},
    {SegmentOrigin::kServer, kTcpFin, "TW FW SS TW FW TW CL TW LA LI TW"},
    {SegmentOrigin::kServer, kTcpAck, "ES ES SS ES FW TW CL CW LA ES ES"},
    {SegmentOrigin::kServer, kTcpRst, "CL CL SS CL CL TW CL CL CL CL CL"},
    {SegmentOrigin::kServer, 0, "CL CL CL CL CL CL CL CL CL CL CL"},
    {SegmentOrigin::kClientAlone, kTcpSyn, "SR ES ES SR SR SR SR SR SR SR SR"},
    {SegmentOrigin::kClientAlone, kTcpFin, "CL FW SS TW FW TW CL CW LA LI TW"},
    {SegmentOrigin::kClientAlone, kTcpAck, "ES ES SS ES FW TW CL CW CL LI ES"},
    {SegmentOrigin::kClientAlone, kTcpRst, "CL CL CL SR CL CL CL CL LA LI CL"},
    {SegmentOrigin::kClientAlone, 0, "CL CL CL CL CL CL CL CL CL CL CL"},
};

SessionState state_named(const std::string& name) {
  static const std::map<std::string, SessionState> kStates = {
      {"NO", SessionState::kNone},    {"ES", SessionState::kEstablished},
      {"SS", SessionState::kSynSent}, {"SR", SessionState::kSynRecv},
      {"FW", SessionState::kFinWait}, {"TW", SessionState::kTimeWait},
      {"CL", SessionState::kClose},   {"CW", SessionState::kCloseWait},
      {"LA", SessionState::kLastAck}, {"LI", SessionState::kListen},
      {"SA", SessionState::kSynAck}};
  return kStates.at(name);
}

TEST(TcpState, FollowsTheTableOfLvs) {
  for (const TableRow& row : kTable) {
    std::istringstream columns(kColumns), cells(row.next);
    std::string from, to;
    size_t checked = 0;
    while (columns >> from && cells >> to) {
      EXPECT_EQ(next_state(state_named(from), row.origin, tcp_event(row.flags)), state_named(to))
          << "origin " << static_cast<int>(row.origin) << ", flags " << int{row.flags} << ", from "
          << from;
      ++checked;
    }
    EXPECT_EQ(checked, kTcpStateCount);
  }
}

TEST(TcpState, RstWinsOverSynOverFinOverAck) {
  constexpr uint8_t kPsh = 0x08, kUrg = 0x20, kEce = 0x40, kCwr = 0x80;
  for (uint32_t flags = 0; flags < 256; ++flags) {
    const TcpEvent expected = (flags & kTcpRst) != 0   ? TcpEvent::kRst
                              : (flags & kTcpSyn) != 0 ? TcpEvent::kSyn
                              : (flags & kTcpFin) != 0 ? TcpEvent::kFin
                              : (flags & kTcpAck) != 0 ? TcpEvent::kAck
                                                       : TcpEvent::kNothing;
    EXPECT_EQ(tcp_event(static_cast<uint8_t>(flags)), expected) << flags;
  }
  EXPECT_EQ(tcp_event(kPsh | kUrg | kEce | kCwr), TcpEvent::kNothing);
}

struct Segment {
  SegmentOrigin origin;
  uint8_t flags;
  SessionState then;
};

void expect_walk(std::initializer_list<Segment> walk) {
  SessionState state = SessionState::kNone;
  for (const Segment& segment : walk) {
    state = next_state(state, segment.origin, tcp_event(segment.flags));
    EXPECT_EQ(state, segment.then);
  }
}

TEST(TcpState, WalksWhenTheClientClosesFirst) {
  expect_walk({{SegmentOrigin::kClient, kTcpSyn, SessionState::kSynRecv},
               {SegmentOrigin::kServer, kTcpSyn | kTcpAck, SessionState::kSynRecv},
               {SegmentOrigin::kClient, kTcpAck, SessionState::kEstablished},
               {SegmentOrigin::kClient, kTcpFin | kTcpAck, SessionState::kCloseWait},
               {SegmentOrigin::kServer, kTcpFin | kTcpAck, SessionState::kTimeWait},
               {SegmentOrigin::kClient, kTcpAck, SessionState::kTimeWait}});
}

TEST(TcpState, WalksWhenTheServerClosesFirst) {
  expect_walk({{SegmentOrigin::kClient, kTcpSyn, SessionState::kSynRecv},
               {SegmentOrigin::kClient, kTcpAck, SessionState::kEstablished},
               {SegmentOrigin::kServer, kTcpFin | kTcpAck, SessionState::kFinWait},
               {SegmentOrigin::kClient, kTcpAck, SessionState::kFinWait},
               {SegmentOrigin::kClient, kTcpFin | kTcpAck, SessionState::kTimeWait}});
}

TEST(TcpState, ASynReopensAClosedSession) {
  expect_walk({{SegmentOrigin::kClient, kTcpSyn, SessionState::kSynRecv},
               {SegmentOrigin::kServer, kTcpRst | kTcpAck, SessionState::kClose},
               {SegmentOrigin::kClient, kTcpSyn, SessionState::kSynRecv}});
}

TEST(Timeouts, AreThoseOfMainlineByDefault) {
  const std::map<std::string, uint32_t> expected = {
      {"NONE", 2},       {"ESTABLISHED", 900}, {"SYN_SENT", 120},  {"SYN_RECV", 60},
      {"FIN_WAIT", 120}, {"TIME_WAIT", 120},   {"CLOSE", 10},      {"CLOSE_WAIT", 60},
      {"LAST_ACK", 30},  {"LISTEN", 120},      {"SYNACK", 120},    {"UDP", 300},
      {"ICMP", 60},      {"INIT1", 4},         {"INIT", 61},       {"C-SENT", 61},
      {"C-REPLIED", 61}, {"C-WAIT", 61},       {"COOKIE", 61},     {"C-ECHOED", 61},
      {"S-SENT", 61},    {"S-RECEIVED", 61},   {"S-ACK-SENT", 61}, {"REJECTED", 4},
      {"CLOSED", 61}};
  const Timeouts timeouts;
  std::map<std::string, uint32_t> actual;
  for (size_t state = 0; state < kSessionStateCount; ++state) {
    const auto value = static_cast<SessionState>(state);
    actual[std::string(to_string(value))] = timeouts[value];
  }
  EXPECT_EQ(actual, expected);
}

TEST(Timeouts, AreThreeForTheStatesOfSctp) {
  Timeouts timeouts;
  timeouts.seconds[13] = 101;
  timeouts.seconds[14] = 102;
  timeouts.seconds[15] = 103;
  for (size_t state = 0; state < kSessionStateCount; ++state) {
    const auto value = static_cast<SessionState>(state);
    const std::string_view name = to_string(value);
    const bool is_closing = name.starts_with("S-") || name == "CLOSED";
    const uint32_t expected = state <= static_cast<size_t>(SessionState::kIcmp) ? Timeouts{}[value]
                              : name == "INIT1" || name == "REJECTED"           ? 101
                              : is_closing                                      ? 103
                                                                                : 102;
    EXPECT_EQ(timeouts[value], expected) << name;
  }
}

TEST(TcpState, CountsAsActiveWhatLvsDoes) {
  for (size_t state = 0; state < kSessionStateCount; ++state) {
    const std::string_view name = to_string(static_cast<SessionState>(state));
    EXPECT_EQ(is_active(static_cast<SessionState>(state)),
              name == "ESTABLISHED" || name == "SYN_SENT" || name == "SYN_RECV" || name == "SYNACK")
        << name;
  }
}

}  // namespace
}  // namespace sluice::table

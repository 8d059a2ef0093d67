// SPDX-License-Identifier: BSD-3-Clause
// The LVS state table of SCTP, cell by cell, as IPVS prints it; walks through an association.
// Tests.
#include "lib/table/sctp_state.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>

namespace sluice::table {
namespace {

using net::SctpEvent;

constexpr const char* kColumns = "NO I1 IN CS CR CW CO CE ES SS SR SA RJ CL";

struct TableRow {
  SegmentOrigin origin;
  SctpEvent event;
  const char* next;
};

constexpr TableRow kTable[] = {
    {SegmentOrigin::kClient, SctpEvent::kInit, "I1 IN IN CS CR CW CO CE ES SS SR SA IN IN"},
    {SegmentOrigin::kClient, SctpEvent::kData, "ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL"},
    {SegmentOrigin::kClient, SctpEvent::kInitAck, "CW CW CW CS CR CO CO CE ES SS SR SA RJ CL"},
    {SegmentOrigin::kClient, SctpEvent::kCookieEcho, "CR IN IN CR CR CW CO CE ES SS SR SA RJ CL"},
    {SegmentOrigin::kClient, SctpEvent::kCookieAck, "ES I1 IN CS CR CW CO ES ES SS SR SA RJ CL"},
    {SegmentOrigin::kClient, SctpEvent::kShutdown, "SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL"},
    {SegmentOrigin::kClient, SctpEvent::kShutdownAck, "CL IN IN CS CR CW CO CE ES CL SR CL RJ CL"},
    {SegmentOrigin::kClient, SctpEvent::kShutdownComplete,
     "CL CL CL CS CR CW CO CE ES SS SR CL RJ CL"},
    {SegmentOrigin::kClient, SctpEvent::kError, "CL I1 IN CS CR CW CO CL ES SS SR SA RJ CL"},
    {SegmentOrigin::kClient, SctpEvent::kAbort, "CL CL CL CL CL RJ CL CL CL CL CL CL CL CL"},
    {SegmentOrigin::kServer, SctpEvent::kInit, "CW CW CW CW CW CW CW CW ES CW CW CW CW CW"},
    {SegmentOrigin::kServer, SctpEvent::kData, "ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL"},
    {SegmentOrigin::kServer, SctpEvent::kInitAck, "CS CS CS CS CR CW CO CE ES SS SR SA RJ CL"},
    {SegmentOrigin::kServer, SctpEvent::kCookieEcho, "CE CE CE CE CE CE CE CE ES SS SR SA RJ CL"},
    {SegmentOrigin::kServer, SctpEvent::kCookieAck, "ES ES ES ES ES ES ES ES ES SS SR SA RJ CL"},
    {SegmentOrigin::kServer, SctpEvent::kShutdown, "SS SS SS SS SS SS SS SS SS SS SR SA RJ CL"},
    {SegmentOrigin::kServer, SctpEvent::kShutdownAck, "SA SA SA SA SA CW CO CE ES SA SA SA RJ CL"},
    {SegmentOrigin::kServer, SctpEvent::kShutdownComplete,
     "CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL"},
    {SegmentOrigin::kServer, SctpEvent::kError, "CL CL CL CL CL CW CO CE ES SS SR SA RJ CL"},
    {SegmentOrigin::kServer, SctpEvent::kAbort, "CL RJ CL CL CL CL CL CL CL CL CL CL CL CL"},
    {SegmentOrigin::kClientAlone, SctpEvent::kInit, "I1 IN IN IN IN IN CO CE ES SS SR SA IN IN"},
    {SegmentOrigin::kClientAlone, SctpEvent::kData, "ES I1 IN CS CR ES CO CE ES SS SR SA RJ CL"},
    {SegmentOrigin::kClientAlone, SctpEvent::kInitAck, "CE CE CE CE CE CE CO CE ES SS SR SA RJ CL"},
    {SegmentOrigin::kClientAlone, SctpEvent::kCookieEcho,
     "ES ES ES ES ES ES CO CE ES SS SR SA RJ CL"},
    {SegmentOrigin::kClientAlone, SctpEvent::kCookieAck,
     "ES I1 IN ES ES CW ES ES ES SS SR SA RJ CL"},
    {SegmentOrigin::kClientAlone, SctpEvent::kShutdown,
     "SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL"},
    {SegmentOrigin::kClientAlone, SctpEvent::kShutdownAck,
     "CL IN IN CS CR CW CO CE CL CL SR CL RJ CL"},
    {SegmentOrigin::kClientAlone, SctpEvent::kShutdownComplete,
     "CL CL CL CL CL CW CO CE ES SS CL CL RJ CL"},
    {SegmentOrigin::kClientAlone, SctpEvent::kError, "CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL"},
    {SegmentOrigin::kClientAlone, SctpEvent::kAbort, "CL CL CL CL CL RJ CL CL CL CL CL CL CL CL"},
};

SessionState state_named(const std::string& name) {
  static const std::map<std::string, SessionState> kStates = {
      {"NO", SessionState::kNone},
      {"I1", SessionState::kSctpInit1},
      {"IN", SessionState::kSctpInit},
      {"CS", SessionState::kSctpCookieSent},
      {"CR", SessionState::kSctpCookieReplied},
      {"CW", SessionState::kSctpCookieWait},
      {"CO", SessionState::kSctpCookie},
      {"CE", SessionState::kSctpCookieEchoed},
      {"ES", SessionState::kEstablished},
      {"SS", SessionState::kSctpShutdownSent},
      {"SR", SessionState::kSctpShutdownReceived},
      {"SA", SessionState::kSctpShutdownAckSent},
      {"RJ", SessionState::kSctpRejected},
      {"CL", SessionState::kSctpClosed}};
  return kStates.at(name);
}

TEST(SctpState, FollowsTheTableOfLvs) {
  std::set<std::pair<SegmentOrigin, SctpEvent>> rows;
  for (const TableRow& row : kTable) {
    rows.emplace(row.origin, row.event);
    std::istringstream columns(kColumns), cells(row.next);
    std::string from, to;
    size_t checked = 0;
    while (columns >> from && cells >> to) {
      EXPECT_EQ(next_state(state_named(from), row.origin, row.event), state_named(to))
          << "origin " << static_cast<int>(row.origin) << ", event " << static_cast<int>(row.event)
          << ", from " << from;
      ++checked;
    }
    EXPECT_EQ(checked, kSctpStateCount);
  }
  EXPECT_EQ(rows.size(), 3 * net::kSctpEventCount);
}

struct Packet {
  SegmentOrigin origin;
  SctpEvent event;
  SessionState then;
};

void expect_walk(std::initializer_list<Packet> walk) {
  SessionState state = SessionState::kNone;
  for (const Packet& packet : walk) {
    state = next_state(state, packet.origin, packet.event);
    EXPECT_EQ(state, packet.then);
  }
}

TEST(SctpState, WalksThroughAnAssociationThatTheClientShutsDown) {
  using enum SegmentOrigin;
  expect_walk({{kClient, SctpEvent::kInit, SessionState::kSctpInit1},
               {kServer, SctpEvent::kInitAck, SessionState::kSctpCookieSent},
               {kClient, SctpEvent::kCookieEcho, SessionState::kSctpCookieReplied},
               {kServer, SctpEvent::kCookieAck, SessionState::kEstablished},
               {kClient, SctpEvent::kData, SessionState::kEstablished},
               {kServer, SctpEvent::kData, SessionState::kEstablished},
               {kClient, SctpEvent::kShutdown, SessionState::kSctpShutdownReceived},
               {kServer, SctpEvent::kShutdownAck, SessionState::kSctpShutdownAckSent},
               {kClient, SctpEvent::kShutdownComplete, SessionState::kSctpClosed}});
}

TEST(SctpState, WalksThroughARefusal) {
  expect_walk({{SegmentOrigin::kClient, SctpEvent::kInit, SessionState::kSctpInit1},
               {SegmentOrigin::kServer, SctpEvent::kAbort, SessionState::kSctpRejected},
               {SegmentOrigin::kClient, SctpEvent::kInit, SessionState::kSctpInit}});
}

TEST(SctpState, WalksWhereAnswersAreUnseen) {
  using enum SegmentOrigin;
  expect_walk({{kClientAlone, SctpEvent::kInit, SessionState::kSctpInit1},
               {kClientAlone, SctpEvent::kCookieEcho, SessionState::kEstablished},
               {kClientAlone, SctpEvent::kData, SessionState::kEstablished},
               {kClientAlone, SctpEvent::kShutdownAck, SessionState::kSctpClosed}});
}

}  // namespace
}  // namespace sluice::table

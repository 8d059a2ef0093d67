// SPDX-License-Identifier: BSD-3-Clause
// Fragments held, forwarded and forgotten, overlaps poisoned, floods survived. Tests.
#include "lib/table/fragment_table.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/unit/lib/table/fragment_player.h"

namespace sluice::table {
namespace {

using test::FragmentPlayer;
using test::kPorts;
using test::OnFirst;
using test::part;
using Kind = FragmentOutcome::Kind;

constexpr FragmentLimits kSmall{.datagrams = 16, .held_packets = 8, .held_per_datagram = 4};
FragmentDrop fate(const FragmentOutcome& outcome) {
  EXPECT_EQ(outcome.kind, Kind::kDrop);
  return outcome.reason;
}

TEST(FragmentTable, ForwardsADatagramInOrderAndForgetsItAtItsEnd) {
  FragmentPlayer player(kSmall);
  EXPECT_EQ(player.send(part(1, 0, 16)).kind, Kind::kFirst);
  EXPECT_EQ(player.send(part(1, 16, 32)).kind, Kind::kForward);
  EXPECT_EQ(player.table().size(), 1U);
  const FragmentOutcome last = player.send(part(1, 32, 37, true));
  EXPECT_EQ(last.kind, Kind::kForward);
  EXPECT_EQ(last.ports, kPorts);
  EXPECT_EQ(player.table().size(), 0U) << "the identification may be used again";
  EXPECT_EQ(player.send(part(1, 0, 16)).kind, Kind::kFirst);
}

TEST(FragmentTable, HoldsEarlyFragmentsUntilTheFirstIsDecidedOn) {
  FragmentPlayer player(kSmall);
  EXPECT_EQ(player.send(part(1, 32, 37, true)).kind, Kind::kHeld);
  EXPECT_EQ(player.send(part(1, 16, 32)).kind, Kind::kHeld);
  EXPECT_EQ(player.table().held(), 2U);
  EXPECT_EQ(player.send(part(1, 0, 16)).kind, Kind::kFirst);
  EXPECT_EQ(player.forwarded(), 3U);
  EXPECT_EQ(player.table().held(), 0U);
  EXPECT_EQ(player.table().size(), 0U);
}

TEST(FragmentTable, ReleasesInTheOrderOfArrival) {
  auto table = FragmentTable::create(kSmall, SOCKET_ID_ANY);
  ASSERT_TRUE(table);
  std::vector<uint64_t> packets(3);
  const auto mbuf = [&](size_t i) { return reinterpret_cast<rte_mbuf*>(&packets[i]); };
  ASSERT_EQ(table->on_fragment(part(1, 32, 37, true), 5, 0, mbuf(0)).kind, Kind::kHeld);
  ASSERT_EQ(table->on_fragment(part(1, 16, 32), 5, 0, mbuf(1)).kind, Kind::kHeld);
  const FragmentOutcome first = table->on_fragment(part(1, 0, 16), 5, 0, mbuf(2));
  const FragmentDecision decision{.identification = 5, .owner = 3, .protocol = 17};
  EXPECT_TRUE(table->decide(first.datagram, decision, 0));
  ReleasedFragment released[3];
  ASSERT_EQ(table->collect(released), 2U);
  for (const size_t i : {0, 1}) {
    EXPECT_EQ(released[i].packet, mbuf(i));
    EXPECT_EQ(released[i].reason, FragmentDrop::kNone);
    EXPECT_EQ(released[i].decision, decision);
    EXPECT_EQ(released[i].ports, kPorts);
  }
  EXPECT_EQ(table->collect(released), 0U);
}

TEST(FragmentTable, HoldsWhatComesBeforeALateDecision) {
  FragmentPlayer player(kSmall);
  EXPECT_EQ(player.send(part(1, 0, 16), OnFirst::kDecideLater).kind, Kind::kFirst);
  EXPECT_EQ(player.send(part(1, 16, 32)).kind, Kind::kHeld);
  EXPECT_TRUE(player.decide_one());
  EXPECT_EQ(player.forwarded(), 2U);
  EXPECT_EQ(player.send(part(1, 32, 40, true)).kind, Kind::kForward);
}

TEST(FragmentTable, KnowsNoDecisionOnAForgottenDatagram) {
  FragmentPlayer player(kSmall);
  player.send(part(1, 0, 16), OnFirst::kDecideLater);
  player.pass(FragmentTable::kIdleTicks);
  player.send(part(1, 0, 16), OnFirst::kDecideLater);
  EXPECT_FALSE(player.decide_one()) << "the record is used again, the handle is not";
  EXPECT_TRUE(player.decide_one());
}

TEST(FragmentTable, DropsTheRestOfARefusedDatagram) {
  FragmentPlayer player(kSmall);
  player.send(part(1, 16, 32));
  player.send(part(1, 0, 16), OnFirst::kRefuse);
  EXPECT_EQ(fate(player.send(part(1, 32, 48))), FragmentDrop::kRefused);
  EXPECT_EQ(player.drops(FragmentDrop::kRefused), 3U);
}

TEST(FragmentTable, KeepsDatagramsOfOtherKeysApart) {
  FragmentPlayer player(kSmall);
  net::Fragment other = part(1, 16, 24, true);
  other.key.protocol = 6;
  player.send(part(1, 0, 16));
  EXPECT_EQ(player.send(other).kind, Kind::kHeld);
  EXPECT_EQ(player.send(part(2, 16, 24, true)).kind, Kind::kHeld);
  EXPECT_EQ(player.send(part(1, 16, 24, true)).kind, Kind::kForward);
}

TEST(FragmentTable, DropsDuplicatesAlone) {
  FragmentPlayer player(kSmall);
  player.send(part(1, 0, 16));
  player.send(part(1, 16, 32));
  EXPECT_EQ(fate(player.send(part(1, 0, 16))), FragmentDrop::kDuplicate);
  EXPECT_EQ(fate(player.send(part(1, 16, 32))), FragmentDrop::kDuplicate);
  EXPECT_EQ(player.send(part(1, 40, 48, true)).kind, Kind::kForward);
  EXPECT_EQ(fate(player.send(part(1, 40, 48, true))), FragmentDrop::kDuplicate);
  EXPECT_EQ(player.send(part(1, 32, 40)).kind, Kind::kForward);
  EXPECT_EQ(player.table().size(), 0U);
}

// Each row: fragments of one datagram, of which the last poisons it.
TEST(FragmentTable, PoisonsADatagramThatContradictsItself) {
  net::Fragment other_ports = part(1, 0, 16);
  other_ports.ports.destination = net::Be16::from_host(22);
  const std::vector<std::pair<const char*, std::vector<net::Fragment>>> rows = {
      {"overwrites the L4 header of a longer first", {part(1, 0, 24), part(1, 16, 32)}},
      {"overlaps behind the header", {part(1, 0, 16), part(1, 16, 32), part(1, 24, 40)}},
      {"came before the first it overlaps", {part(1, 8, 24), part(1, 0, 16)}},
      {"another first, other ports", {part(1, 0, 16), other_ports}},
      {"another first, shorter", {part(1, 0, 16), part(1, 0, 8)}},
      {"another first, longer", {part(1, 0, 16), part(1, 0, 24)}},
      {"behind the end", {part(1, 0, 16), part(1, 32, 40, true), part(1, 40, 48)}},
      {"another end, longer", {part(1, 0, 16), part(1, 32, 40, true), part(1, 40, 48, true)}},
      {"another end, shorter", {part(1, 0, 16), part(1, 32, 40, true), part(1, 24, 32, true)}},
      {"an end inside", {part(1, 0, 16), part(1, 32, 40), part(1, 16, 24, true)}},
  };
  for (const auto& [name, parts] : rows) {
    FragmentPlayer player(kSmall);
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      ASSERT_NE(player.send(parts[i]).kind, Kind::kDrop) << name;
    }
    EXPECT_EQ(fate(player.send(parts.back())), FragmentDrop::kOverlap) << name;
    EXPECT_EQ(player.table().held(), 0U) << name;
    EXPECT_EQ(fate(player.send(part(1, 800, 808))), FragmentDrop::kOverlap) << name;
    EXPECT_EQ(fate(player.send(part(1, 0, 16))), FragmentDrop::kOverlap) << name;
    player.pass(FragmentTable::kIdleTicks);
    EXPECT_EQ(player.send(part(1, 0, 16)).kind, Kind::kFirst) << name;
  }
}

TEST(FragmentTable, GivesUpADatagramWithTooManyGaps) {
  FragmentPlayer player(kSmall);
  player.send(part(1, 0, 8));
  uint32_t i = 1;
  for (; i < ByteRanges::kCapacity; ++i) {
    ASSERT_EQ(player.send(part(1, 16 * i, 16 * i + 8)).kind, Kind::kForward);
  }
  EXPECT_EQ(fate(player.send(part(1, 16 * i, 16 * i + 8))), FragmentDrop::kTooManyRanges);
  EXPECT_EQ(fate(player.send(part(1, 8, 16))), FragmentDrop::kTooManyRanges);
}

TEST(FragmentTable, GivesUpADatagramThatHoldsTooMany) {
  FragmentPlayer player(kSmall);
  for (uint32_t i = 1; i <= kSmall.held_per_datagram; ++i) {
    ASSERT_EQ(player.send(part(1, 8 * i, 8 * i + 8)).kind, Kind::kHeld);
  }
  EXPECT_EQ(fate(player.send(part(1, 80, 88))), FragmentDrop::kTooManyHeld);
  EXPECT_EQ(player.drops(FragmentDrop::kTooManyHeld), kSmall.held_per_datagram + 1);
  EXPECT_EQ(fate(player.send(part(1, 0, 8))), FragmentDrop::kTooManyHeld);
}

TEST(FragmentTable, DropsWhatWaitedTooLong) {
  FragmentPlayer player(kSmall);
  player.send(part(1, 8, 16));
  player.pass(FragmentTable::kHoldTicks - 1);
  EXPECT_EQ(player.send(part(1, 16, 24)).kind, Kind::kHeld) << "does not prolong the wait";
  EXPECT_EQ(player.table().held(), 2U);
  player.pass(1);
  EXPECT_EQ(player.drops(FragmentDrop::kTimedOut), 2U);
  EXPECT_EQ(player.table().size(), 0U);
}

TEST(FragmentTable, ObeysTimeLimitsEvenWhenNobodyExpires) {
  FragmentPlayer player(kSmall);
  player.send(part(1, 8, 16));
  player.pass(FragmentTable::kHoldTicks, 0);
  EXPECT_EQ(player.table().held(), 1U);
  EXPECT_EQ(player.send(part(1, 0, 8)).kind, Kind::kFirst);
  EXPECT_EQ(player.drops(FragmentDrop::kTimedOut), 1U);
}

TEST(FragmentTable, FollowsASlowSenderForAMinuteAtMost) {
  FragmentPlayer player(kSmall);
  player.send(part(1, 0, 8));
  const Tick start = player.now();
  uint32_t at = 8;
  while (player.now() - start < FragmentTable::kLongestTicks) {
    ASSERT_EQ(player.send(part(1, at, at + 8)).kind, Kind::kForward) << at;
    at += 8;
    player.pass(FragmentTable::kIdleTicks - 1);
  }
  player.send(part(1, at, at + 8));
  player.pass(FragmentTable::kIdleTicks - 1);
  EXPECT_EQ(player.table().size(), 0U);
  EXPECT_LE(player.now() - start, seconds_to_ticks(60) + FragmentTable::kIdleTicks);
}

TEST(FragmentTable, ExpiresWithinItsBudget) {
  FragmentPlayer player(kSmall);
  for (uint32_t id = 0; id < 6; ++id) {
    player.send(part(id, 0, 8));
  }
  player.pass(FragmentTable::kIdleTicks, 4);
  EXPECT_EQ(player.table().size(), 2U);
  player.pass(0, 4);
  EXPECT_EQ(player.table().size(), 0U);
  EXPECT_EQ(player.table().expire(player.now(), 4), 0U);
}

TEST(FragmentTable, ClearReleasesEverything) {
  FragmentPlayer player(kSmall);
  player.send(part(1, 0, 8));
  player.send(part(2, 8, 16));
  player.send(part(3, 8, 16));
  player.table().clear();
  player.pass(0);
  EXPECT_EQ(player.drops(FragmentDrop::kTimedOut), 2U);
  EXPECT_EQ(player.table().size(), 0U);
}

TEST(FragmentTable, SurvivesAFloodOfFragmentsWithoutAFirst) {
  FragmentPlayer player(kSmall);
  for (uint32_t id = 0; id < 8; ++id) {
    player.send(part(id, 0, 8));  // on their way
  }
  for (uint32_t id = 0; id < 1'000; ++id) {
    ASSERT_EQ(player.send(part(10'000 + id, 8, 16)).kind, Kind::kHeld);
  }
  EXPECT_EQ(player.table().held(), kSmall.held_packets);
  EXPECT_EQ(player.drops(FragmentDrop::kHoldFull), 1'000 - kSmall.held_packets);
  for (uint32_t id = 1; id < 8; ++id) {  // the table had one record too few for all
    EXPECT_EQ(player.send(part(id, 8, 16, true)).kind, Kind::kForward) << id;
  }
  // Within held_packets of the flood a datagram may even come in reverse.
  EXPECT_EQ(player.send(part(9, 8, 16, true)).kind, Kind::kHeld);
  for (uint32_t id = 0; id < kSmall.held_packets - 1; ++id) {
    player.send(part(20'000 + id, 8, 16));
  }
  EXPECT_EQ(player.send(part(9, 0, 8)).kind, Kind::kFirst);
  EXPECT_EQ(player.bytes_of(player.sessions()), 16U);
}

TEST(FragmentTable, SurvivesAFloodOfFirstFragments) {
  FragmentPlayer player(kSmall);
  player.send(part(1, 8, 16, true));
  for (uint32_t id = 0; id < 1'000; ++id) {
    ASSERT_EQ(player.send(part(10'000 + id, 0, 8)).kind, Kind::kFirst);
  }
  EXPECT_EQ(player.table().size(), kSmall.datagrams);
  EXPECT_EQ(player.table().pushed_out(), 1'000 - (kSmall.datagrams - 1));
  EXPECT_EQ(player.send(part(1, 0, 8)).kind, Kind::kFirst) << "held packets stay";
  EXPECT_EQ(player.bytes_of(player.sessions()), 16U);
  player.send(part(2, 0, 8));
  for (uint32_t id = 0; id < kSmall.datagrams - 2; ++id) {
    player.send(part(20'000 + id, 0, 8));
  }
  EXPECT_EQ(player.send(part(2, 8, 16, true)).kind, Kind::kForward);
}

TEST(FragmentTable, RefusesWhenNobodyCollects) {
  auto table = FragmentTable::create(kSmall, SOCKET_ID_ANY);
  ASSERT_TRUE(table);
  uint64_t packet = 0;
  auto* mbuf = reinterpret_cast<rte_mbuf*>(&packet);
  uint32_t held = 0;
  for (uint32_t id = 0; id < 100; ++id) {
    held += table->on_fragment(part(id, 8, 16), id, 0, mbuf).kind == Kind::kHeld;
  }
  EXPECT_EQ(held, 2 * kSmall.held_packets);
  std::vector<ReleasedFragment> released(100);
  EXPECT_EQ(table->collect(released), held - table->held());
  EXPECT_EQ(table->on_fragment(part(100, 8, 16), 100, 0, mbuf).kind, Kind::kHeld);
}

TEST(FragmentTable, RefusesLimitsWithoutRoomBesideTheHold) {
  EXPECT_FALSE(FragmentTable::create({.datagrams = 8, .held_packets = 8}, SOCKET_ID_ANY));
  EXPECT_FALSE(FragmentTable::create({.datagrams = 8, .held_packets = 0}, SOCKET_ID_ANY));
}

}  // namespace
}  // namespace sluice::table

// SPDX-License-Identifier: BSD-3-Clause
// Neighbours to next hops and back, with the kernel and the clock played. Test thread.
#include "control/kernel/neighbours.h"

#include <gtest/gtest.h>
#include <linux/neighbour.h>

namespace sluice::control {
namespace {

using namespace std::chrono_literals;
using Kind = NeighbourRequest::Kind;

constexpr int kInterface = 7;
constexpr uint8_t kPort = 2;

class NeighboursTest : public testing::Test {
 protected:
  NeighboursTest() { neighbours.add_port(kInterface, kPort); }

  static net::Ipv4 address(uint32_t host) { return net::Ipv4::from_host(0x0A000000 + host); }
  static net::Mac mac(uint8_t last) { return {{2, 0, 0, 0, 0, last}}; }

  void hear(uint32_t host, uint16_t state, std::optional<net::Mac> at) {
    neighbours.on_event({kInterface, address(host), state, at, false}, now);
  }
  void hear_removed(uint32_t host, uint16_t state) {
    neighbours.on_event({kInterface, address(host), state, std::nullopt, true}, now);
  }
  [[nodiscard]] std::optional<net::Mac> next_hop(uint32_t host) const {
    const snapshot::NextHopIndex index = table.find(kPort, address(host));
    if (index == snapshot::kNoNextHop || !table.get(index).is_resolved) {
      return std::nullopt;
    }
    return table.get(index).mac;
  }
  void refresh_for(std::chrono::milliseconds time) {
    for (auto end = now + time; now < end; now += Neighbours::kTick) {
      neighbours.refresh(now);
    }
  }
  [[nodiscard]] size_t count(Kind kind) const {
    return static_cast<size_t>(
        std::count_if(sent.begin(), sent.end(), [&](const auto& r) { return r.kind == kind; }));
  }

  snapshot::NextHopTable table{16'384};
  std::vector<NeighbourRequest> sent;
  Neighbours neighbours{table, [this](std::span<const NeighbourRequest> requests) {
                          sent.insert(sent.end(), requests.begin(), requests.end());
                        }};
  Neighbours::Clock::time_point now{1h};
};

TEST_F(NeighboursTest, EveryStateWithAMacIsUsable) {
  for (const uint16_t state :
       {NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_PERMANENT, NUD_NOARP}) {
    hear(state, state, mac(static_cast<uint8_t>(state)));
    EXPECT_EQ(next_hop(state), mac(static_cast<uint8_t>(state)));
  }
}

TEST_F(NeighboursTest, FailureTakesTheMacAwayButMakesNoSlot) {
  hear(1, NUD_REACHABLE, mac(1));
  hear(1, NUD_FAILED, std::nullopt);
  EXPECT_EQ(next_hop(1), std::nullopt);
  hear(2, NUD_FAILED, std::nullopt);
  EXPECT_EQ(table.find(kPort, address(2)), snapshot::kNoNextHop);
}

TEST_F(NeighboursTest, ARemovedEntryKeepsItsMacAndIsGivenBack) {
  hear(1, NUD_STALE, mac(1));
  hear_removed(1, NUD_STALE);
  EXPECT_EQ(next_hop(1), mac(1));
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0], (NeighbourRequest{Kind::kRestore, kInterface, address(1), mac(1)}));
}

TEST_F(NeighboursTest, ResolvesAtMostOnceASecond) {
  neighbours.resolve(kPort, address(1), now);
  neighbours.resolve(kPort, address(1), now + 900ms);
  EXPECT_EQ(count(Kind::kResolve), 1U);
  neighbours.resolve(kPort, address(1), now + 1100ms);
  EXPECT_EQ(count(Kind::kResolve), 2U);
}

TEST_F(NeighboursTest, AScanOfANetworkIsBounded) {
  for (uint32_t host = 1; host <= 5000; ++host) {
    neighbours.resolve(kPort, address(host), now);
  }
  EXPECT_EQ(sent.size(), Neighbours::kMaxAsksPerTick);
  EXPECT_EQ(table.size(), 0U) << "asking makes no slots";
}

TEST_F(NeighboursTest, EachIsConfirmedOnceARoundEvenlySpread) {
  for (uint32_t host = 1; host <= 600; ++host) {
    hear(host, NUD_REACHABLE, mac(1));
  }
  refresh_for(Neighbours::kRound);
  EXPECT_EQ(count(Kind::kConfirm), 600U);
  sent.clear();
  neighbours.refresh(now);
  EXPECT_EQ(sent.size(), 50U);
}

TEST_F(NeighboursTest, ThousandsAreConfirmedInLongerRounds) {
  for (uint32_t host = 1; host <= 8000; ++host) {
    hear(host, NUD_REACHABLE, mac(1));
  }
  refresh_for(1s);
  EXPECT_EQ(sent.size(), 20 * Neighbours::kMaxAsksPerTick);
  refresh_for(3s);
  std::set<net::Address> confirmed;
  for (const NeighbourRequest& request : sent) {
    confirmed.insert(request.address);
  }
  EXPECT_EQ(confirmed.size(), 8000U);
}

TEST_F(NeighboursTest, FixedEntriesAndThoseBeingAskedAreNotTouched) {
  hear(1, NUD_PERMANENT, mac(1));
  hear(2, NUD_NOARP, mac(2));
  hear(3, NUD_PROBE, mac(3));
  refresh_for(2s);
  neighbours.resolve(kPort, address(1), now);
  EXPECT_TRUE(sent.empty());
}

TEST_F(NeighboursTest, ASilentOneIsAskedEverMoreSeldom) {
  table.find_or_add(kPort, address(1));
  refresh_for(60s);
  EXPECT_GE(sent.size(), 5U);
  EXPECT_LE(sent.size(), 7U);  // after 0, 1, 3, 7, 15, 31, 63 s
}

TEST_F(NeighboursTest, ResyncTreatsWhatIsNotListedAsRemoved) {
  hear(1, NUD_REACHABLE, mac(1));
  hear(2, NUD_REACHABLE, mac(2));
  const std::vector<NeighbourEvent> listed = {
      {kInterface, address(1), NUD_STALE, mac(9), false},
  };
  neighbours.resync(listed, now);
  EXPECT_EQ(next_hop(1), mac(9));
  EXPECT_EQ(next_hop(2), mac(2));
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].kind, Kind::kRestore);
}

TEST_F(NeighboursTest, AFullTableIsCounted) {
  snapshot::NextHopTable small{2};
  Neighbours crowded(small, [](auto) {});
  crowded.add_port(kInterface, kPort);
  for (uint32_t host = 1; host <= 3; ++host) {
    crowded.on_event({kInterface, address(host), NUD_REACHABLE, mac(1), false}, now);
  }
  EXPECT_EQ(crowded.table_full_count(), 1U);
}

TEST_F(NeighboursTest, OtherInterfacesAreIgnored) {
  neighbours.on_event({kInterface + 1, address(1), NUD_REACHABLE, mac(1), false}, now);
  EXPECT_EQ(table.size(), 0U);
}

}  // namespace
}  // namespace sluice::control

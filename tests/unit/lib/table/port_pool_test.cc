// SPDX-License-Identifier: BSD-3-Clause
// Each port once until released, in every pool of its own. Tests.
#include "lib/table/port_pool.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rte_memory.h>

#include <set>
#include <vector>

namespace sluice::table {
namespace {

PortPool make_pool(uint32_t pools, uint16_t first, uint16_t last) {
  auto pool = PortPool::create(pools, first, last, SOCKET_ID_ANY);
  EXPECT_TRUE(pool) << (pool ? "" : pool.error().message);
  return std::move(*pool);
}

TEST(PortPool, GivesEachPortOnceUntilReleased) {
  // Sizes around the words of the bitmap and of its summary, up to all ports there are.
  for (const uint32_t count : {1U, 2U, 63U, 64U, 65U, 4'095U, 4'096U, 4'097U, 64'512U, 65'536U}) {
    const auto first = static_cast<uint16_t>(count == 65'536 ? 0 : 1'024);
    PortPool pool = make_pool(1, first, static_cast<uint16_t>(first + count - 1));
    ASSERT_EQ(pool.size(), count);
    std::vector<bool> seen(65'536);
    for (uint32_t i = 0; i < count; ++i) {
      const auto port = pool.take(0);
      ASSERT_TRUE(port) << i << " of " << count;
      ASSERT_GE(port->host(), first);
      ASSERT_LT(port->host(), first + count);
      ASSERT_FALSE(seen[port->host()]) << port->host();
      seen[port->host()] = true;
    }
    EXPECT_EQ(pool.in_use(0), count);
    EXPECT_FALSE(pool.take(0));
    EXPECT_EQ(pool.in_use(0), count) << "a refusal takes nothing";
  }
}

TEST(PortPool, BeginsAnywhereOnceScattered) {
  constexpr uint32_t kPools = 50;
  PortPool pool = make_pool(kPools, 1'024, 11'023);
  pool.scatter(1);
  std::set<uint16_t> firsts;
  for (uint32_t p = 0; p < kPools; ++p) {
    std::set<uint16_t> lent;
    firsts.insert(pool.take(p)->host());
    for (uint32_t i = 1; i < pool.size(); ++i) {
      lent.insert(pool.take(p)->host());
    }
    EXPECT_EQ(lent.size(), pool.size() - 1) << "scattering loses no port";
  }
  EXPECT_GT(firsts.size(), kPools - 5);
}

TEST(PortPool, GivesTheOnlyFreePortWhereverItLies) {
  PortPool pool = make_pool(1, 1'000, 1'299);
  for (uint32_t i = 0; i < 300; ++i) {
    ASSERT_TRUE(pool.take(0));
  }
  for (uint16_t port = 1'000; port < 1'300; ++port) {
    pool.release(0, net::Be16::from_host(port));
    EXPECT_EQ(pool.take(0), net::Be16::from_host(port));
    EXPECT_FALSE(pool.take(0));
  }
}

TEST(PortPool, LetsAReturnedPortRestUntilAllOthersWereLent) {
  PortPool pool = make_pool(1, 1'024, 2'023);
  const auto first = pool.take(0);
  pool.release(0, *first);
  for (uint32_t i = 1; i < 1'000; ++i) {
    const auto port = pool.take(0);
    ASSERT_TRUE(port);
    ASSERT_NE(port, first);
    pool.release(0, *port);
  }
  EXPECT_EQ(pool.take(0), first);
}

TEST(PortPool, LendsTheSamePortOnceInEachPool) {
  constexpr uint32_t kPools = 100;
  PortPool pool = make_pool(kPools, 5'000, 5'002);
  for (uint32_t p = 0; p < kPools; ++p) {
    std::set<uint16_t> ports;
    while (const auto port = pool.take(p)) {
      ports.insert(port->host());
    }
    EXPECT_EQ(ports, (std::set<uint16_t>{5'000, 5'001, 5'002})) << "pool " << p;
  }
  pool.release(7, net::Be16::from_host(5'001));
  for (uint32_t p = 0; p < kPools; ++p) {
    EXPECT_EQ(pool.take(p).has_value(), p == 7);
  }
}

TEST(PortPool, LendsTheWantedPortWhileItIsFree) {
  PortPool pool = make_pool(1, 1'025, 2'023);
  for (const uint16_t wanted : {1'025, 1'500, 2'023}) {
    EXPECT_EQ(pool.take_like(0, net::Be16::from_host(wanted)), net::Be16::from_host(wanted));
    const auto other = pool.take_like(0, net::Be16::from_host(wanted));
    ASSERT_TRUE(other);
    EXPECT_NE(other->host(), wanted);
    EXPECT_EQ(other->host() % 2, wanted % 2) << "parity stays";
  }
  EXPECT_EQ(pool.in_use(0), 6U);
}

TEST(PortPool, KeepsParityForWantedPortsOfOthersShares) {
  for (const uint16_t first : {1'024, 1'025}) {
    PortPool pool = make_pool(1, first, static_cast<uint16_t>(first + 999));
    for (uint32_t i = 0; i < 400; ++i) {
      EXPECT_EQ(pool.take_like(0, net::Be16::from_host(40'001))->host() % 2, 1);
      EXPECT_EQ(pool.take_like(0, net::Be16::from_host(80))->host() % 2, 0);
    }
  }
}

TEST(PortPool, LendsTheLastPortsWhateverTheirParity) {
  PortPool pool = make_pool(1, 1'000, 1'299);
  std::set<uint16_t> lent;
  for (uint32_t i = 0; i < 300; ++i) {
    const auto port = pool.take_like(0, net::Be16::from_host(7));
    ASSERT_TRUE(port) << i;
    lent.insert(port->host());
  }
  EXPECT_EQ(lent.size(), 300U);
  EXPECT_FALSE(pool.take_like(0, net::Be16::from_host(7)));
  EXPECT_FALSE(pool.take_like(0, net::Be16::from_host(1'000)));
}

// A set of lent ports for each pool, against pools of awkward sizes.
TEST(PortPoolProperty, BehavesAsASetOfLentPorts) {
  EXPECT_TRUE(rc::check([](uint8_t size, const std::vector<uint16_t>& commands) {
    constexpr uint16_t kFirst = 60'000;
    constexpr uint32_t kPools = 3;
    PortPool pool = make_pool(kPools, kFirst, static_cast<uint16_t>(kFirst + size));
    std::vector<std::set<uint16_t>> lent(kPools);
    for (const uint16_t command : commands) {
      const uint32_t p = command % kPools;
      std::set<uint16_t>& model = lent[p];
      // Runs of takings, so that small pools are used up.
      const uint32_t takings = command / 4 % 2 == 0 ? 1 + command / 8 % 100 : 0;
      for (uint32_t i = 0; i < takings; ++i) {
        const bool wants_one = command % 16 > 7;
        const auto port =
            wants_one ? pool.take_like(p, net::Be16::from_host(kFirst + i)) : pool.take(p);
        RC_ASSERT(port.has_value() == (model.size() <= size));
        RC_ASSERT((!port || (port->host() >= kFirst && port->host() <= kFirst + size)));
        RC_ASSERT((!port || model.insert(port->host()).second));
      }
      if (takings == 0 && !model.empty()) {
        auto victim = model.begin();
        std::advance(victim, command / 8 % model.size());
        pool.release(p, net::Be16::from_host(*victim));
        model.erase(victim);
      }
      RC_ASSERT(pool.in_use(p) == model.size());
    }
  }));
}

}  // namespace
}  // namespace sluice::table

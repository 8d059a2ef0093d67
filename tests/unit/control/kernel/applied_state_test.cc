// SPDX-License-Identifier: BSD-3-Clause
// Addresses and routes on the taps: idempotent, ours only, never a gap. Test thread.
#include "control/kernel/applied_state.h"

#include "tests/unit/control/kernel/network_test.h"

namespace sluice::control {
namespace {

using AppliedStateTest = KernelTest;

KernelState with_vip() {
  return {.addresses = {{0, prefix("192.0.2.1/24")}, {0, prefix("192.0.2.10/32")}},
          .routes = {{0, prefix("0.0.0.0/0"), ip("192.0.2.254")}}};
}

TEST_F(AppliedStateTest, AddsOnceAndIsIdempotent) {
  ASSERT_TRUE(kernel->apply(with_vip()));
  const std::string once = run("ip -o addr show dev wan0; ip route show table main");
  ASSERT_TRUE(kernel->apply(with_vip()));
  EXPECT_EQ(run("ip -o addr show dev wan0; ip route show table main"), once);
  EXPECT_TRUE(has(once, "192.0.2.10/32")) << once;
  EXPECT_TRUE(has(once, "default via 192.0.2.254 dev wan0")) << once;
}

TEST_F(AppliedStateTest, RemovesWhatIsNoLongerWanted) {
  ASSERT_TRUE(kernel->apply(with_vip()));
  KernelState less = with_vip();
  less.addresses.pop_back();
  less.routes.clear();
  ASSERT_TRUE(kernel->apply(less));
  EXPECT_FALSE(has(run("ip addr show dev wan0"), "192.0.2.10/32"));
  EXPECT_FALSE(has(run("ip route show table main"), "default"));
  EXPECT_TRUE(has(run("ip addr show dev wan0"), "192.0.2.1/24"));
}

TEST_F(AppliedStateTest, RemovingTheFirstAddressOfANetworkKeepsTheOthers) {
  KernelState two = {.addresses = {{0, prefix("192.0.2.1/24")}, {0, prefix("192.0.2.2/24")}},
                     .routes = {}};
  ASSERT_TRUE(kernel->apply(two));
  two.addresses.erase(two.addresses.begin());
  ASSERT_TRUE(kernel->apply(two));
  EXPECT_TRUE(has(run("ip addr show dev wan0"), "192.0.2.2/24"));
}

TEST_F(AppliedStateTest, LeavesAloneWhatOthersAdded) {
  run("ip addr add 192.0.2.10/32 dev wan0 && ip addr add 198.51.100.1/24 dev wan0"
      " && ip route add 203.0.113.0/24 via 198.51.100.2");
  ASSERT_TRUE(kernel->apply(with_vip())) << "what exists already is no error";
  ASSERT_TRUE(kernel->apply({}));
  const std::string left = run("ip addr show dev wan0; ip route");
  EXPECT_TRUE(has(left, "192.0.2.10/32")) << left;
  EXPECT_TRUE(has(left, "198.51.100.1/24")) << left;
  EXPECT_TRUE(has(left, "203.0.113.0/24")) << left;
  EXPECT_FALSE(has(left, "192.0.2.1/24")) << left;
}

// The kernel refuses the second length while the first is there.
TEST_F(AppliedStateTest, AChangedPrefixLengthOfIpv6ReplacesTheAddress) {
  const auto with_length = [](const char* text) {
    return KernelState{.addresses = {{0, prefix(text)}}, .routes = {}};
  };
  ASSERT_TRUE(kernel->apply(with_length("2001:db8::1/64")));
  for (const char* changed : {"2001:db8::1/80", "2001:db8::1/64"}) {
    const Status status = kernel->apply(with_length(changed));
    ASSERT_TRUE(status) << status.error().message;
    const std::string found = run("ip -6 -o addr show dev wan0 scope global");
    EXPECT_TRUE(has(found, changed)) << found;
    EXPECT_EQ(found.find("2001:db8::1/"), found.rfind("2001:db8::1/")) << found;
  }
  ASSERT_TRUE(kernel->apply({}));
  EXPECT_FALSE(has(run("ip -6 addr show dev wan0"), "2001:db8::1/"));
}

TEST_F(AppliedStateTest, AddsAgainWhatSomebodyRemoved) {
  ASSERT_TRUE(kernel->apply(with_vip()));
  run("ip addr del 192.0.2.10/32 dev wan0");
  ASSERT_TRUE(kernel->apply(with_vip()));
  EXPECT_TRUE(has(run("ip addr show dev wan0"), "192.0.2.10/32"));
}

TEST_F(AppliedStateTest, AChangedGatewayReplacesTheRoute) {
  ASSERT_TRUE(kernel->apply(with_vip()));
  KernelState changed = with_vip();
  changed.routes[0].via = ip("192.0.2.253");
  ASSERT_TRUE(kernel->apply(changed));
  const std::string found = run("ip route");
  EXPECT_TRUE(has(found, "default via 192.0.2.253")) << found;
  EXPECT_FALSE(has(found, "192.0.2.254")) << found;
}

TEST_F(AppliedStateTest, ARouteOfSomebodyElseIsReportedNotReplaced) {
  run("ip addr add 198.51.100.1/24 dev lan0 && ip route add default via 198.51.100.2");
  const Status status = kernel->apply(with_vip());
  ASSERT_FALSE(status);
  EXPECT_TRUE(has(status.error().message, "ip route del 0.0.0.0/0")) << status.error().message;
  EXPECT_TRUE(has(run("ip route"), "default via 198.51.100.2"));
  EXPECT_TRUE(has(run("ip addr show dev wan0"), "192.0.2.10/32")) << "the rest is done";
}

TEST_F(AppliedStateTest, AGatewayOutsideAllNetworksIsExplained) {
  const Status status =
      kernel->apply({.addresses = {}, .routes = {{0, prefix("0.0.0.0/0"), ip("192.0.2.254")}}});
  ASSERT_FALSE(status);
  EXPECT_TRUE(has(status.error().message, "wan0")) << status.error().message;
  EXPECT_TRUE(has(status.error().message, "add such an address")) << status.error().message;
}

TEST_F(AppliedStateTest, AnAddressMovesToAnotherTap) {
  ASSERT_TRUE(kernel->apply(with_vip()));
  KernelState moved = with_vip();
  moved.addresses[1].port = 1;
  ASSERT_TRUE(kernel->apply(moved));
  EXPECT_FALSE(has(run("ip addr show dev wan0"), "192.0.2.10/32"));
  EXPECT_TRUE(has(run("ip addr show dev lan0"), "192.0.2.10/32"));
}

}  // namespace
}  // namespace sluice::control

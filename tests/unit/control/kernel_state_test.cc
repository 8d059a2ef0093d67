// SPDX-License-Identifier: BSD-3-Clause
// Which addresses and routes a configuration puts on which tap. Tests.
#include "control/kernel_state.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/control/config/models.h"

namespace sluice::control {
namespace {

constexpr uint8_t kWan = 0;
constexpr uint8_t kLan = 1;

net::Ipv4 ip(uint32_t host) { return net::Ipv4::from_host(host); }

bool has(const KernelState& state, uint8_t port, net::Prefix prefix) {
  return std::ranges::count(state.addresses, KernelState::Address{port, prefix}) == 1;
}

TEST(KernelState, HasPortAddressesWithTheirPrefix) {
  const config::Model model = config::small_model();
  const KernelState state = kernel_state(model);
  EXPECT_TRUE(has(state, kWan, model.ports[0].addresses[0]));
  EXPECT_TRUE(has(state, kLan, model.ports[1].addresses[0]));
}

TEST(KernelState, HasLocalAddressesAsHostAddressesOnTheirPort) {
  const config::Model model = config::small_model();
  const KernelState state = kernel_state(model);
  for (const net::Address& address : model.local_pools[0].addresses) {
    EXPECT_TRUE(has(state, kLan, {address, 32}));
  }
}

TEST(KernelState, HasIpv6HostAddressesWhole) {
  config::Model model = config::small_model();
  const net::Address local = *net::Address::parse("fd00::10");
  const net::Address vip = *net::Address::parse("2001:db8::80");
  const net::Address gone = *net::Address::parse("fd00::11");
  model.local_pools[0].addresses.push_back(local);
  model.services[0].vip.address = vip;
  model.ports[kWan].addresses.push_back(*net::Prefix::parse("2001:db8::1/64"));
  model.ports[kWan].routes = {{*net::Prefix::parse("::/0"), *net::Address::parse("fe80::1")}};
  const DrainingAddress draining{model.ports[kLan].name, gone};
  const KernelState state = kernel_state(model, {&draining, 1});
  EXPECT_TRUE(has(state, kLan, {local, 128}));
  EXPECT_TRUE(has(state, kLan, {gone, 128}));
  EXPECT_TRUE(has(state, kWan, {vip, 128}));
  EXPECT_TRUE(has(state, kWan, *net::Prefix::parse("2001:db8::1/64")));
  ASSERT_EQ(state.routes.size(), 1U);
  EXPECT_EQ(state.routes[0].via, *net::Address::parse("fe80::1"));
}

// Both versions have a default route, and each has one alone.
TEST(KernelState, TransitionKeepsTheDefaultRouteOfTheOtherIpVersion) {
  const KernelState::GatewayRoute v4{kWan, {ip(0), 0}, ip(0xC00002FE)};
  const KernelState::GatewayRoute v6{kWan, {net::Ipv6{}, 0}, *net::Address::parse("fe80::1")};
  const auto routes =
      transition({.addresses = {}, .routes = {v4}}, {.addresses = {}, .routes = {v6}}).routes;
  EXPECT_EQ(std::ranges::count(routes, v4), 1);
  EXPECT_EQ(std::ranges::count(routes, v6), 1);
}

TEST(KernelState, HasDrainingAddressesOnTheirPort) {
  const config::Model model = config::small_model();
  const DrainingAddress draining{model.ports[kLan].name, ip(0x0A000063)};
  EXPECT_TRUE(has(kernel_state(model, {&draining, 1}), kLan, {draining.address, 32}));
  EXPECT_FALSE(has(kernel_state(model), kLan, {draining.address, 32}));
}

TEST(KernelState, LeavesExternallyAnnouncedVipsAlone) {
  config::Model model = config::small_model();
  for (config::Service& service : model.services) {
    service.port = model.ports[kWan].name;
    service.vip.address = ip(0xC0000263);
    service.announce = config::Announce::kExternal;
  }
  EXPECT_FALSE(has(kernel_state(model), kWan, {ip(0xC0000263), 32}));
  model.services[0].announce = config::Announce::kKernel;
  EXPECT_TRUE(has(kernel_state(model), kWan, {ip(0xC0000263), 32}));
}

TEST(KernelState, HasAVipOfSeveralServicesOnce) {
  config::Model model = config::small_model();
  for (config::Service& service : model.services) {
    service.port = model.ports[kWan].name;
    service.vip.address = ip(0xC0000263);
  }
  EXPECT_TRUE(has(kernel_state(model), kWan, {ip(0xC0000263), 32}));
}

TEST(KernelState, DoesNotAddAPortAddressASecondTimeAsVip) {
  config::Model model = config::small_model();
  model.services[0].port = model.ports[kWan].name;
  model.services[0].vip.address = model.ports[kWan].addresses[0].address;
  const KernelState state = kernel_state(model);
  EXPECT_FALSE(has(state, kWan, {model.ports[kWan].addresses[0].address, 32}));
  EXPECT_TRUE(has(state, kWan, model.ports[kWan].addresses[0]));
}

TEST(KernelState, HasRoutesOnTheirPort) {
  config::Model model = config::small_model();
  model.ports[kLan].routes = {{{ip(0), 0}, ip(0x0A0000FE)}};
  const KernelState state = kernel_state(model);
  ASSERT_EQ(state.routes.size(), 1U);
  EXPECT_EQ(state.routes[0], (KernelState::GatewayRoute{kLan, {ip(0), 0}, ip(0x0A0000FE)}));
}

TEST(KernelState, TransitionHasTheAddressesThatEitherWantsOnce) {
  config::Model model = config::small_model();
  const KernelState before = kernel_state(model);
  const net::Address gone = model.local_pools[0].addresses.back();
  model.local_pools[0].addresses.back() = ip(0x0A000063);
  const KernelState both = transition(before, kernel_state(model));
  EXPECT_TRUE(has(both, kLan, {gone, 32}));
  EXPECT_TRUE(has(both, kLan, {ip(0x0A000063), 32}));
  EXPECT_EQ(both.addresses.size(), before.addresses.size() + 1);
}

// The kernel has one route per target and refuses a second one.
TEST(KernelState, TransitionHasOneRoutePerTargetTheOneAfter) {
  const KernelState::GatewayRoute kept{kWan, {ip(0xCB007100), 24}, ip(0xC0000202)};
  const KernelState::GatewayRoute former{kLan, {ip(0), 0}, ip(0x0A0000FE)};
  const KernelState::GatewayRoute other_gateway{kLan, {ip(0), 0}, ip(0x0A0000FD)};
  const KernelState::GatewayRoute other_port{kWan, {ip(0), 0}, ip(0xC00002FE)};
  const KernelState before{.addresses = {}, .routes = {former, kept}};
  for (const KernelState::GatewayRoute& after : {other_gateway, other_port}) {
    const auto routes = transition(before, {.addresses = {}, .routes = {after}}).routes;
    EXPECT_EQ(std::ranges::count(routes, after), 1);
    EXPECT_EQ(std::ranges::count(routes, kept), 1) << "removed only after the change";
    EXPECT_EQ(routes.size(), 2U);
  }
}

}  // namespace
}  // namespace sluice::control

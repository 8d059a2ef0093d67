// SPDX-License-Identifier: BSD-3-Clause
// What a snapshot says of source NAT, and what stays of a rule that goes. Tests.
#include "tests/unit/control/compiler_fixture.h"

namespace sluice::control {
namespace {

config::SnatRule rule_of(const char* name) {
  config::SnatRule rule;
  rule.name = name;
  rule.inside = {snapshot::AddressRange::of(*net::Prefix::parse("10.9.0.0/16"))};
  rule.local_pool = "public";
  return rule;
}

const net::Flow kFromInside{{*net::Address::parse("10.9.0.1"), net::Be16::from_host(5'000)},
                            {*net::Address::parse("198.51.100.1"), net::Be16::from_host(53)},
                            static_cast<uint8_t>(net::Protocol::kUdp)};

// The first four servers are the services' own.
TEST_F(CompilerTest, ASourceNatRuleKeepsItsIdAndTimeoutsWhileItHasSessions) {
  const net::Address outside = *net::Address::parse("192.0.2.20");
  model_.local_pools.push_back({"public", "wan0", {outside}});
  model_.snat = {rule_of("office")};
  const auto before = compile();
  const ServerId id = compiler_.snat_id(model_.snat[0]).value();
  EXPECT_EQ(id, 4U);
  EXPECT_TRUE(before->is_snat_address(outside));
  ASSERT_NE(before->find_snat_rule(kFromInside), nullptr);
  EXPECT_EQ(before->find_snat_rule(kFromInside)->server_id, id);
  EXPECT_EQ(before->timeouts_of(id)[size_t(table::SessionState::kEstablished)],
            seconds_to_ticks(7'440));
  EXPECT_TRUE(compiler_.local_address_id(outside).has_value());

  with_sessions_ = {id};
  lent_ = {compiler_.local_address_id(outside).value()};
  model_.snat.clear();
  (void)compile();
  const auto after = compile();
  EXPECT_EQ(after->find_snat_rule(kFromInside), nullptr);
  EXPECT_FALSE(after->is_configured(id));
  EXPECT_TRUE(after->is_local_address(outside)) << "drains";
  EXPECT_EQ(after->timeouts_of(id)[size_t(table::SessionState::kUdp)], seconds_to_ticks(300));
  model_.snat = {rule_of("other"), rule_of("office")};
  (void)compile();
  EXPECT_EQ(compiler_.snat_id(model_.snat[1]), id);
  EXPECT_NE(compiler_.snat_id(model_.snat[0]), id);

  with_sessions_.clear();
  model_.snat.clear();
  (void)compile();
  (void)compile();
  EXPECT_EQ(compiler_.snat_id(rule_of("office")), std::nullopt);
}

TEST_F(CompilerTest, SourceNatIsAskedForEverywhereUnlessItSays) {
  model_.local_pools.push_back({"public", "wan0", {*net::Address::parse("192.0.2.20")}});
  model_.snat = {rule_of("office")};
  model_.snat[0].protocol = config::SnatProtocol::kTcp;
  EXPECT_EQ(compile()->find_snat_rule(kFromInside), nullptr);
  model_.snat[0].protocol = config::SnatProtocol::kAny;
  model_.snat[0].to = {snapshot::AddressRange::of(*net::Prefix::parse("203.0.113.0/24"))};
  EXPECT_EQ(compile()->find_snat_rule(kFromInside), nullptr);
  model_.snat[0].to.clear();
  EXPECT_NE(compile()->find_snat_rule(kFromInside), nullptr);
  net::Flow flow = kFromInside;
  flow.destination = {*net::Address::parse("192.0.2.1"), net::Be16::from_host(53)};
  EXPECT_EQ(compile()->find_snat_rule(flow), nullptr) << "an address of the director";
}

}  // namespace
}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// What the commands say of source NAT.
#include "tests/unit/control/server/server_fixture.h"

namespace sluice::control {
namespace {

class SourceNat : public ServerTest {
 protected:
  void SetUp() override { start(); }
};

TEST_F(SourceNat, RulesAreListedWithTheirCounters) {
  EXPECT_TRUE(result("snat.list")["rules"].empty());
  config::Model model = director_.running();
  model.local_pools.push_back(
      {"public", "wan0", {*net::Ipv4::parse("192.0.2.20"), *net::Ipv4::parse("192.0.2.21")}});
  config::SnatRule rule;
  rule.name = "office";
  rule.inside = {snapshot::AddressRange::of(*net::Prefix::parse("10.0.0.0/24"))};
  rule.local_pool = "public";
  model.snat.push_back(rule);
  ASSERT_TRUE(director_.apply(model).has_value());
  const Json office = result("snat.list")["rules"][0];
  EXPECT_EQ(office["name"], "office");
  EXPECT_EQ(office["inside"], Json::array({"10.0.0.0/24"}));
  EXPECT_EQ(office["to"], Json::array());
  EXPECT_EQ(office["ports"], "1-65535");
  EXPECT_EQ(office["protocol"], "any");
  EXPECT_EQ(office["filtering"], "address-and-port");
  EXPECT_EQ(office["timeouts"]["established"], 7440);
  EXPECT_EQ(office["timeouts"]["icmp"], 60);
  EXPECT_EQ(office["ports_in_use"], 20 + 21);
  EXPECT_EQ(office["packets_in"], 107);
}

TEST_F(SourceNat, SessionsShowBothOfTheirEndpoints) {
  director_.sessions_ = make_sessions(1);
  director_.sessions_[0].mode = table::ForwardingMode::kSnat;
  director_.sessions_[0].protocol = net::Protocol::kIcmp;
  const Json session = result("session.list", {{"protocol", "icmp"}})["sessions"][0];
  EXPECT_EQ(session["mode"], "snat");
  EXPECT_EQ(session["protocol"], "icmp");
  EXPECT_EQ(session["local"], "10.0.0.100:1");
  EXPECT_EQ(director_.last_filter_.protocol, net::Protocol::kIcmp);
}

}  // namespace
}  // namespace sluice::control

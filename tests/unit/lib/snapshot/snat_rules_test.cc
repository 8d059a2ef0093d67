// SPDX-License-Identifier: BSD-3-Clause
// Which packets a source NAT rule takes, and which are nobody's but ours. Tests.
#include "lib/snapshot/snat_rules.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <vector>

namespace sluice::snapshot {
namespace {

constexpr ServerId kOffice = 40, kGuests = 41;

net::Address address(const char* text) { return net::Prefix::parse(text)->address; }
AddressRange range(const char* prefix) { return AddressRange::of(*net::Prefix::parse(prefix)); }

net::Flow flow(const char* from, const char* to, uint8_t protocol = IPPROTO_TCP) {
  return {*net::Endpoint::parse(from), *net::Endpoint::parse(to), protocol};
}

SnatRuleSpec office() {
  SnatRuleSpec spec;
  spec.id = 7;
  spec.server_id = kOffice;
  spec.inside = {range("10.1.0.0/16"), range("2001:db8:1::/48")};
  spec.destinations = {range("0.0.0.0/0"), range("::/0")};
  spec.timeouts[table::SessionState::kUdp] = 200;
  spec.public_addresses = {{.id = 3, .address = address("203.0.113.1")},
                           {.id = 4, .address = address("2001:db8:ff::1")},
                           {.id = 5, .address = address("203.0.113.2")}};
  return spec;
}

SnatRuleSpec guests() {
  SnatRuleSpec spec;
  spec.id = 8;
  spec.server_id = kGuests;
  spec.inside = {{address("10.2.0.10"), address("10.2.0.19")}};
  spec.destinations = {range("198.51.100.0/24")};
  spec.ports = {.first = 80, .last = 443};
  spec.protocol = net::Protocol::kTcp;
  spec.filtering = SnatFiltering::kEndpointIndependent;
  spec.public_addresses = {{.id = 6, .address = address("203.0.113.9")}};
  return spec;
}

Snapshot build(const std::vector<SnatRuleSpec>& rules) {
  SnapshotBuilder builder(1, 128, {}, 1);
  ServiceSpec web;
  web.vip = *net::Endpoint::parse("192.0.2.10:80");
  web.local_addresses = {{.id = 0, .address = address("10.0.0.100")}};
  builder.add(web);
  for (const SnatRuleSpec& rule : rules) {
    builder.add(rule);
  }
  builder.set_port_address(0, address("192.0.2.2"));
  builder.keep_from_snat(address("192.0.2.3"));
  return std::move(builder).build();
}

ServerId found(const Snapshot& snapshot, const net::Flow& of) {
  const SnatRule* rule = snapshot.find_snat_rule(of);
  return rule == nullptr ? 0 : rule->server_id;
}

TEST(SnatRules, AreNoneWithoutRules) {
  const Snapshot snapshot = build({});
  EXPECT_EQ(snapshot.find_snat_rule(flow("10.1.0.1:1", "8.8.8.8:53")), nullptr);
  EXPECT_EQ(snapshot.snat_rule_of(kOffice), nullptr);
  EXPECT_FALSE(snapshot.is_snat_address(address("203.0.113.1")));
}

TEST(SnatRules, MatchByInsideDestinationPortAndProtocol) {
  const Snapshot snapshot = build({office(), guests()});
  EXPECT_EQ(found(snapshot, flow("10.1.255.255:1", "8.8.8.8:53")), kOffice);
  EXPECT_EQ(found(snapshot, flow("10.1.0.0:1", "8.8.8.8:53", IPPROTO_UDP)), kOffice);
  EXPECT_EQ(found(snapshot, flow("10.1.0.1:77", "8.8.8.8:0", IPPROTO_ICMP)), kOffice);
  EXPECT_EQ(found(snapshot, flow("[2001:db8:1::1]:1", "[2001:db8:9::1]:9")), kOffice);
  EXPECT_EQ(found(snapshot, flow("10.2.0.10:1", "198.51.100.1:80")), kGuests);
  EXPECT_EQ(found(snapshot, flow("10.2.0.19:1", "198.51.100.1:443")), kGuests);
  for (const net::Flow& nobodys :
       {flow("10.2.0.9:1", "198.51.100.1:80"), flow("10.2.0.20:1", "198.51.100.1:80"),
        flow("10.2.0.10:1", "198.51.101.1:80"), flow("10.2.0.10:1", "198.51.100.1:79"),
        flow("10.2.0.10:1", "198.51.100.1:444"),
        flow("10.2.0.10:1", "198.51.100.1:80", IPPROTO_UDP),
        flow("10.2.0.10:9", "198.51.100.1:0", IPPROTO_ICMP),
        flow("10.1.0.1:1", "198.51.100.1:80", IPPROTO_SCTP),
        flow("[2001:db8:2::1]:1", "[2001:db8:9::1]:9")}) {
    EXPECT_EQ(found(snapshot, nobodys), 0U) << nobodys.source.to_string();
  }
}

TEST(SnatRules, AreAskedFirstToLast) {
  SnatRuleSpec everybody = guests();
  everybody.server_id = 50;
  everybody.inside = {range("10.0.0.0/8")};
  EXPECT_EQ(found(build({guests(), everybody}), flow("10.2.0.10:1", "198.51.100.1:80")), kGuests);
  EXPECT_EQ(found(build({everybody, guests()}), flow("10.2.0.10:1", "198.51.100.1:80")), 50U);
}

TEST(SnatRules, OfIcmpTakeBothVersions) {
  SnatRuleSpec pings = office();
  pings.protocol = net::Protocol::kIcmp;
  const Snapshot snapshot = build({pings});
  EXPECT_EQ(found(snapshot, flow("10.1.0.1:7", "8.8.8.8:0", IPPROTO_ICMP)), kOffice);
  EXPECT_EQ(found(snapshot, flow("[2001:db8:1::1]:7", "[2001:db8:9::1]:0", IPPROTO_ICMPV6)),
            kOffice);
  EXPECT_EQ(found(snapshot, flow("10.1.0.1:7", "8.8.8.8:53")), 0U);
}

// The office may send anywhere, but these are no remote hosts.
TEST(SnatRules, LeaveWhatIsOurs) {
  const Snapshot snapshot = build({office()});
  for (const char* ours : {"192.0.2.10:22", "10.0.0.100:9", "192.0.2.2:22", "192.0.2.3:22",
                           "224.0.0.18:1", "255.255.255.255:67", "127.0.0.1:1"}) {
    EXPECT_EQ(found(snapshot, flow("10.1.0.1:1", ours)), 0U) << ours;
  }
  EXPECT_EQ(found(snapshot, flow("[2001:db8:1::1]:1", "[fe80::1]:9")), 0U);
}

TEST(SnatRules, TakeWhatInsideHostsSendToPublicAddresses) {
  SnatRuleSpec abroad = office();
  abroad.destinations = {range("198.51.100.0/24")};
  const Snapshot snapshot = build({guests(), abroad});
  EXPECT_TRUE(snapshot.is_snat_address(address("203.0.113.2")));
  EXPECT_TRUE(snapshot.is_local_address(address("203.0.113.2")));
  EXPECT_FALSE(snapshot.is_snat_address(address("10.0.0.100"))) << "a service's local address";
  EXPECT_EQ(found(snapshot, flow("10.1.0.1:1", "203.0.113.9:5000")), kOffice);
  EXPECT_EQ(found(snapshot, flow("203.0.113.1:1", "203.0.113.9:5000")), 0U) << "came round";
  EXPECT_EQ(found(snapshot, flow("198.51.100.9:1", "203.0.113.1:5000")), 0U) << "an answer";
  EXPECT_EQ(found(snapshot, flow("10.1.0.1:1", "203.0.113.9:0", IPPROTO_ICMP)), 0U);
}

TEST(SnatRules, LookLikeAServiceAndItsServer) {
  const Snapshot snapshot = build({office(), guests()});
  const SnatRule* rule = snapshot.snat_rule_of(kOffice);
  ASSERT_NE(rule, nullptr);
  EXPECT_EQ(rule->service.id, 7U);
  EXPECT_TRUE(snapshot.is_configured(kOffice));
  EXPECT_EQ(snapshot.timeouts_of(kOffice)[static_cast<size_t>(table::SessionState::kUdp)],
            seconds_to_ticks(200));
  const auto v4 = snapshot.local_addresses_of(rule->service, true);
  ASSERT_EQ(v4.size(), 2U);
  EXPECT_EQ(v4[0].id, 3);
  EXPECT_EQ(v4[1].id, 5);
  EXPECT_EQ(snapshot.local_addresses_of(rule->service, false).size(), 1U);
  EXPECT_EQ(snapshot.snat_rule_of(kGuests)->filtering, SnatFiltering::kEndpointIndependent);
}

TEST(SnatRules, LendEachProtocolPortsOfItsOwn) {
  EXPECT_EQ(snat_port_pool(2, IPPROTO_TCP), 2 * kPortPoolsPerAddress);
  EXPECT_EQ(snat_port_pool(2, IPPROTO_UDP), 2 * kPortPoolsPerAddress + 1);
  EXPECT_EQ(snat_port_pool(2, IPPROTO_ICMP), 2 * kPortPoolsPerAddress + 2);
  EXPECT_EQ(snat_port_pool(2, IPPROTO_ICMPV6), 2 * kPortPoolsPerAddress + 2);
}

}  // namespace
}  // namespace sluice::snapshot

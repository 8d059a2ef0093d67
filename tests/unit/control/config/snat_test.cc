// SPDX-License-Identifier: BSD-3-Clause
// Source NAT rules: read, written, compared, and what they do not go with. Tests.
#include <gtest/gtest.h>

#include <string>

#include "control/config/address_ranges.h"
#include "control/config/diff.h"
#include "control/config/validate.h"
#include "control/config/yaml_reader.h"
#include "control/config/yaml_writer.h"
#include "tests/unit/control/config/models.h"

namespace sluice::config {
namespace {

AddressRange range(const char* text) { return parse_address_range(text).value(); }

/// The small model with inside hosts 10.0.0.0/24 behind 192.0.2.20.
Model with_rule() {
  Model model = small_model();
  model.local_pools.push_back({"public", "wan0", {*net::Address::parse("192.0.2.20")}});
  SnatRule& rule = model.snat.emplace_back();
  rule.name = "office";
  rule.inside = {range("10.0.0.0/24")};
  rule.local_pool = "public";
  return model;
}

template <typename Edit>
std::string problem_after(Edit edit) {
  Model model = with_rule();
  edit(model.snat[0], model);
  const Problems problems = validate(model);
  return problems.empty() ? "" : problems.front().key + ": " + problems.front().message;
}

template <typename Edit>
std::string lines_after(Edit edit) {
  Model to = with_rule();
  edit(to);
  std::string lines;
  for (const Difference& difference : diff(with_rule(), to)) {
    lines += difference.to_string() + "\n";
  }
  return lines;
}

TEST(AddressRanges, HaveThreeForms) {
  for (const char* text : {"10.0.0.0/24", "10.0.0.1", "10.0.0.1-10.0.0.9", "0.0.0.0/0", "::/0",
                           "2001:db8::/64", "2001:db8::1-2001:db8::9", "2001:db8::1"}) {
    EXPECT_EQ(to_string(range(text)), text);
  }
  EXPECT_EQ(to_string(range("10.0.0.0-10.0.0.255")), "10.0.0.0/24");
  EXPECT_EQ(to_string(range("10.0.0.7/32")), "10.0.0.7");
  for (const char* text : {"", "10.0.0.1/24", "10.0.0.9-10.0.0.1", "10.0.0.1-2001:db8::1",
                           "10.0.0.", "10.0.0.1-", "10.0.0.0/33", "any"}) {
    EXPECT_FALSE(parse_address_range(text).has_value()) << text;
  }
}

TEST(SnatRules, HaveTheTimeoutsOfTheRfcs) {
  const table::Timeouts timeouts = SnatRule{}.timeouts;
  EXPECT_EQ(timeouts[table::SessionState::kEstablished], 7'440U);  // RFC 5382 REQ-5
  EXPECT_EQ(timeouts[table::SessionState::kSynSent], 240U);
  EXPECT_EQ(timeouts[table::SessionState::kUdp], 300U);  // RFC 4787 REQ-5
  EXPECT_EQ(timeouts[table::SessionState::kIcmp], 60U);  // RFC 5508 REQ-2
}

TEST(SnatRules, AreReadBackAsWritten) {
  Model model = with_rule();
  EXPECT_NE(to_yaml(model).find("snat:\n  - name: \"office\"\n    inside: [10.0.0.0/24]\n    "
                                "local_pool: \"public\"\n"),
            std::string::npos)
      << to_yaml(model);
  SnatRule& rule = model.snat.emplace_back(model.snat[0]);
  rule.name = "web";
  rule.inside.push_back(range("10.1.0.3-10.1.0.7"));
  rule.to = {range("198.51.100.0/24")};
  rule.ports = {80, 443};
  rule.protocol = SnatProtocol::kTcp;
  rule.filtering = snapshot::SnatFiltering::kEndpointIndependent;
  rule.timeouts[table::SessionState::kIcmp] = 10;
  const auto read = read_text(to_yaml(model), "t.yaml");
  ASSERT_TRUE(read.has_value()) << read.error().front().to_string();
  EXPECT_EQ(read->snat, model.snat);
  EXPECT_EQ(*read, model);
}

TEST(SnatRules, LeaveTheOtherPoolToServicesWithoutOne) {
  Model model = with_rule();
  std::string text = to_yaml(model);
  for (const std::string line : {"    local_pool: \"lan\"\n"}) {
    for (size_t at = text.find(line); at != std::string::npos; at = text.find(line)) {
      text.erase(at, line.size());
    }
  }
  const auto read = read_text(text, "t.yaml");
  ASSERT_TRUE(read.has_value()) << read.error().front().to_string();
  EXPECT_EQ(*read, model);
}

TEST(SnatRules, ShowInADifference) {
  EXPECT_EQ(lines_after([](Model& m) { m.snat.clear(); }),
            "- snat office ([10.0.0.0/24] by public)\n");
  EXPECT_EQ(lines_after([](Model& m) {
              SnatRule& rule = m.snat[0];
              rule.inside.push_back(range("10.1.0.0/16"));
              rule.to = {range("198.51.100.0/24")};
              rule.ports = {1, 443};
              rule.protocol = SnatProtocol::kUdp;
              rule.filtering = snapshot::SnatFiltering::kEndpointIndependent;
              rule.timeouts[table::SessionState::kUdp] = 120;
            }),
            "~ snat office: inside [10.0.0.0/24] -> [10.0.0.0/24, 10.1.0.0/16]\n"
            "~ snat office: to anywhere -> [198.51.100.0/24]\n"
            "~ snat office: ports 1-65535 -> 1-443\n"
            "~ snat office: protocol any -> udp\n"
            "~ snat office: filtering address-and-port -> endpoint-independent\n"
            "~ snat office: timeouts: udp 300 -> 120\n");
  EXPECT_EQ(lines_after([](Model& m) { m.limits.snat_mappings_per_worker = 8; }),
            "~ limits: snat_mappings_per_worker 65536 -> 8 (needs a restart)\n");
}

TEST(SnatRules, AreAskedInTheirOrder) {
  Model from = with_rule();
  from.snat.push_back(from.snat[0]);
  from.snat[1].name = "rest";
  Model to = from;
  std::swap(to.snat[0], to.snat[1]);
  ASSERT_EQ(diff(from, to).size(), 1U);
  EXPECT_EQ(diff(from, to)[0].to_string(), "~ snat: order");
}

TEST(SnatRules, HavePoolsOfTheirOwn) {
  EXPECT_EQ(problem_after([](SnatRule&, Model&) {}), "");
  EXPECT_EQ(problem_after([](SnatRule& rule, Model&) { rule.local_pool = "lan"; }),
            "snat[0].local_pool: lan is the pool of service web, too; an inside host keeps its "
            "public port toward everybody, a service lends it again toward another server: give "
            "each a pool of its own");
  EXPECT_EQ(problem_after([](SnatRule& rule, Model&) { rule.local_pool = "publik"; }),
            "snat[0].local_pool: no local_pool is called \"publik\"; did you mean \"public\"?");
  EXPECT_EQ(
      problem_after([](SnatRule& rule, Model&) { rule.inside.push_back(range("fd00::/64")); }),
      "snat[0].local_pool: local_pool public has no IPv6 address for the inside hosts "
      "fd00::/64; add one to the pool");
}

TEST(SnatRules, MistakesAreExplained) {
  EXPECT_EQ(problem_after([](SnatRule& rule, Model&) { rule.inside.clear(); }),
            "snat[0].inside: no inside hosts; allowed: at least one prefix or range, such as "
            "10.0.0.0/24");
  EXPECT_EQ(problem_after([](SnatRule& rule, Model&) { rule.to = {range("2001:db8::/32")}; }),
            "snat[0].to[0]: 2001:db8::/32 is IPv6, and no inside host is; source NAT keeps the IP "
            "version");
  EXPECT_EQ(problem_after([](SnatRule& rule, Model&) {
              rule.ports = {9, 8};
            }),
            "snat[0].ports: 9-8 is not a range of ports; allowed: within 1-65535");
  EXPECT_EQ(problem_after([](SnatRule& rule, Model&) {
              rule.protocol = SnatProtocol::kIcmp;
              rule.ports = {1, 443};
            }),
            "snat[0].ports: icmp has no ports; leave it out");
  EXPECT_EQ(
      problem_after([](SnatRule& rule, Model&) { rule.name = "of fice"; }),
      "snat[0].name: \"of fice\" is not a name; allowed: 1..64 letters, digits, \".\", \"_\", "
      "\"-\"");
  EXPECT_EQ(problem_after([](SnatRule& rule, Model& m) { m.snat.push_back(rule); }),
            "snat[1].name: another rule is called office already");
  EXPECT_EQ(problem_after([](SnatRule&, Model& m) { m.limits.servers = 4; }),
            "services: 5 servers are configured, limits.servers allows 4; raise limits.servers");
}

TEST(SnatRules, UnreadableRangesAreReportedWithTheirLine) {
  std::string text = to_yaml(with_rule());
  text.replace(text.find("10.0.0.0/24]\n    local_pool: \"public\""), 11, "10.0.0.7/24");
  const auto read = read_text(text, "t.yaml");
  ASSERT_FALSE(read.has_value());
  ASSERT_EQ(read.error().size(), 1U);
  EXPECT_NE(read.error()[0].to_string().find("snat[0].inside[0]: \"10.0.0.7/24\" is not a prefix"),
            std::string::npos)
      << read.error()[0].to_string();
}

TEST(SnatRules, ServicesHaveNoIcmpTimeout) {
  std::string text = to_yaml(small_model());
  text.insert(text.find("    servers:"), "    timeouts: {icmp: 5}\n");
  const auto read = read_text(text, "t.yaml");
  ASSERT_FALSE(read.has_value());
  EXPECT_NE(read.error()[0].to_string().find("timeouts.icmp: unknown key"), std::string::npos);
}

}  // namespace
}  // namespace sluice::config

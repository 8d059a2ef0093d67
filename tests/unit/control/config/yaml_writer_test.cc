// SPDX-License-Identifier: BSD-3-Clause
// What `save` writes must read back as the same configuration.
#include "control/config/yaml_writer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "control/config/validate.h"
#include "control/config/yaml_reader.h"
#include "tests/unit/control/config/models.h"

namespace sluice::config {
namespace {

TEST(YamlWriter, LeavesOutWhatIsDefault) {
  Model model = small_model();
  model.services.pop_back();
  EXPECT_EQ(to_yaml(model), R"(ports:
  - name: "wan0"
    device: "net_ring0"
    addresses: [192.0.2.1/24]
  - name: "lan0"
    device: "net_ring1"
    addresses: [10.0.0.1/24]
local_pools:
  - name: "lan"
    port: "lan0"
    addresses:
      - 10.0.0.10-10.0.0.11
services:
  - name: "web"
    protocol: tcp
    vip: 192.0.2.10
    port: 80
    interface: "wan0"
    scheduler: wrr
    mode: full-nat
    local_pool: "lan"
    servers:
      - {address: 10.0.0.101, port: 80, weight: 1}
      - {address: 10.0.0.102, port: 80, weight: 1}
)");
}

TEST(YamlWriter, WritesModesAndTunnelsThatAreNotTheDefault) {
  Model model = small_model();
  model.services.pop_back();
  Service& web = model.services.front();
  web.mode = snapshot::ForwardingMode::kTunnel;
  web.tunnel = {snapshot::TunnelType::kGue, net::Be16::from_host(6081)};
  web.servers.back().mode = snapshot::ForwardingMode::kNat;
  const std::string text = to_yaml(model);
  EXPECT_NE(text.find("    mode: tunnel\n    tunnel: gue\n    gue_port: 6081\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("- {address: 10.0.0.101, port: 80, weight: 1}\n"), std::string::npos) << text;
  EXPECT_NE(text.find("- {address: 10.0.0.102, port: 80, weight: 1, mode: nat}\n"),
            std::string::npos)
      << text;
}

TEST(YamlWriter, WritesVlansThatReadBack) {
  Model model = small_model();
  model.ports.front().mtu = 9'000;
  model.ports.push_back(vlan_port("wan0.100", "wan0", 100, 1'500));
  model.ports.push_back(vlan_port("wan0.200", "wan0", 200, 9'000));
  const std::string text = to_yaml(model);
  EXPECT_NE(
      text.find("  - name: \"wan0.100\"\n    parent: \"wan0\"\n    vlan: 100\n    mtu: 1500\n"),
      std::string::npos)
      << text;
  EXPECT_EQ(read_text(text, "t.yaml").value(), model);
}

TEST(YamlWriter, WritesIpv6ThatReadsBackWithoutQuotes) {
  Model model = small_model();
  model.services.pop_back();
  model.limits.extended_sessions_per_worker = 1'000;
  model.ports[0].addresses.push_back(*net::Prefix::parse("2001:db8::1/64"));
  model.ports[0].routes = {
      {*net::Prefix::parse("::/0"), *net::Address::parse("fe80::1")},
      {*net::Prefix::parse("2001:db8:5::/48"), *net::Address::parse("fe80::5")}};
  model.local_pools[0].addresses = {*net::Address::parse("fd00::ffff"),
                                    *net::Address::parse("fd00::1:0"),
                                    *net::Address::parse("fd00::9")};
  Service& web = model.services.front();
  web.vip.address = *net::Address::parse("2001:db8::");
  web.servers = {{*net::Endpoint::parse("[fd00::2]:80"), 1}};
  const std::string text = to_yaml(model);
  for (const char* const line :
       {"  extended_sessions_per_worker: 1000\n", "    addresses: [192.0.2.1/24, 2001:db8::1/64]\n",
        "      - {to: default, via: fe80::1}\n", "      - {to: 2001:db8:5::/48, via: fe80::5}\n",
        "      - fd00::ffff-fd00::1:0\n      - fd00::9\n", "    vip: \"2001:db8::\"\n",
        "      - {address: fd00::2, port: 80, weight: 1}\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "is not in\n" << text;
  }
  const auto again = read_text(text, "saved");
  ASSERT_TRUE(again) << again.error().front().to_string();
  EXPECT_EQ(*again, model);
}

TEST(YamlWriterProperty, ReadsBackAsTheSameModel) {
  EXPECT_TRUE(rc::check([](uint64_t seed) {
    const Model model = random_model(seed);
    const std::string text = to_yaml(model);
    RC_LOG() << text;
    const auto again = read_text(text, "saved");
    if (!again) {
      RC_LOG() << again.error().front().to_string();
    }
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == model);
  }));
}

}  // namespace
}  // namespace sluice::config

// SPDX-License-Identifier: BSD-3-Clause
// Reading good files: defaults, short forms, the examples of conf/, size and hostile input.
#include "control/config/yaml_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "control/config/schema.h"
#include "control/config/validate.h"
#include "control/config/yaml_tree.h"
#include "control/config/yaml_writer.h"
#include "tests/unit/control/config/models.h"

namespace sluice::config {
namespace {

const std::string kConf = SLUICE_CONF_DIR;

std::string all_problems(const Problems& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    text += problem.to_string() + "\n";
  }
  return text;
}

Model read_good(const std::string& text) {
  auto model = read_text(text, "t.yaml");
  EXPECT_TRUE(model.has_value()) << (model ? "" : all_problems(model.error()));
  return model ? *model : Model{};
}

const char* const kMinimal = R"(
ports:
  - {name: wan0, device: net_ring0, addresses: [192.0.2.1/24]}
  - {name: lan0, device: net_ring1, addresses: [10.0.0.1/24]}
local_pools:
  - {name: lan, addresses: [10.0.0.10, 10.0.0.20-10.0.0.22]}
services:
  - protocol: udp
    vip: 192.0.2.10
    port: 53
    servers: [{address: 10.0.0.53}, {address: 10.0.0.54, port: 5353, weight: 0}]
)";

TEST(YamlReader, LeavesDefaultsWhereTheFileSaysNothing) {
  const Model model = read_good(kMinimal);

  EXPECT_EQ(model.director, Director{});
  EXPECT_EQ(model.dpdk, Dpdk{});
  EXPECT_EQ(model.limits, Limits{});
  EXPECT_EQ(model.services.at(0).scheduler, "wrr");
  EXPECT_EQ(model.services.at(0).timeouts, table::Timeouts{});
}

TEST(YamlReader, FillsInNamesPortsAndPools) {
  const Model model = read_good(kMinimal);

  EXPECT_EQ(model.services.at(0).name, "udp-192.0.2.10-53");
  EXPECT_EQ(model.services.at(0).port, "wan0");
  EXPECT_EQ(model.services.at(0).local_pool, "lan");
  EXPECT_EQ(model.local_pools.at(0).port, "lan0");
}

TEST(YamlReader, GivesVlansTheMtuOfTheirParent) {
  const Model model = read_text(
                          "ports:\n"
                          "  - {name: wan0, device: net_ring0, mtu: 9000}\n"
                          "  - {name: wan0.100, parent: wan0, vlan: 100}\n"
                          "  - {name: wan0.200, parent: wan0, vlan: 200, mtu: 1400}\n"
                          "  - {name: lan0, device: net_ring1}\n",
                          "t.yaml")
                          .value();
  EXPECT_EQ(model.ports[1].mtu, 9'000);
  EXPECT_EQ(model.ports[2].mtu, 1'400);
  EXPECT_EQ(model.ports[3].mtu, 1'500);
  EXPECT_TRUE(model.ports[1].is_vlan());
  EXPECT_FALSE(model.ports[0].is_vlan());
}

TEST(YamlReader, CallsPciDevicesAsDpdkDoes) {
  const Model model = read_good(
      "ports: [{name: wan0, device: \"03:00.0\"}, {name: lan0, device: \"0000:AF:00.1,x=Y\"}]");
  EXPECT_EQ(model.ports.at(0).device, "0000:03:00.0");
  EXPECT_EQ(model.ports.at(1).device, "0000:af:00.1,x=Y");
}

TEST(YamlReader, GivesServersTheServicesPortAndWeightOne) {
  const auto servers = read_good(kMinimal).services.at(0).servers;

  EXPECT_EQ(servers.at(0), (Server{*net::Endpoint::parse("10.0.0.53:53"), 1}));
  EXPECT_EQ(servers.at(1), (Server{*net::Endpoint::parse("10.0.0.54:5353"), 0}));
}

TEST(YamlReader, ReadsModesOfServicesAndServers) {
  const Service service = read_good(R"(
ports: [{name: wan0, device: net_ring0, addresses: [192.0.2.1/24]}]
local_pools: [{name: main, addresses: [192.0.2.20]}]
services:
  - protocol: tcp
    vip: 192.0.2.10
    port: 80
    mode: tunnel
    tunnel: gue
    gue_port: 6081
    servers:
      - {address: 192.0.2.101}
      - {address: 192.0.2.102, mode: dr}
      - {address: 192.0.2.103, mode: nat, port: 8080}
      - {address: 192.0.2.104, mode: full-nat, port: 8080}
)")
                              .services.at(0);

  EXPECT_EQ(service.mode, snapshot::ForwardingMode::kTunnel);
  EXPECT_EQ(service.tunnel,
            (snapshot::Tunnel{snapshot::TunnelType::kGue, net::Be16::from_host(6081)}));
  EXPECT_EQ(service.servers.at(0).mode, std::nullopt);
  EXPECT_EQ(service.mode_of(service.servers.at(0)), snapshot::ForwardingMode::kTunnel);
  EXPECT_EQ(service.mode_of(service.servers.at(1)), snapshot::ForwardingMode::kDirectRouting);
  EXPECT_EQ(service.mode_of(service.servers.at(2)), snapshot::ForwardingMode::kNat);
  EXPECT_EQ(service.mode_of(service.servers.at(3)), snapshot::ForwardingMode::kFullNat);
}

TEST(YamlReader, ForwardsInFullNatAndTunnelsInIpipByDefault) {
  const Service service = read_good(kMinimal).services.at(0);
  EXPECT_EQ(service.mode, snapshot::ForwardingMode::kFullNat);
  EXPECT_EQ(service.tunnel,
            (snapshot::Tunnel{snapshot::TunnelType::kIpip, net::Be16::from_host(6080)}));
}

TEST(YamlReader, SpreadsAddressRangesWithBothEnds) {
  const Model model = read_good(kMinimal);
  std::string text;
  for (const net::Address& address : model.local_pools.at(0).addresses) {
    text += address.to_string() + " ";
  }
  EXPECT_EQ(text, "10.0.0.10 10.0.0.20 10.0.0.21 10.0.0.22 ");
}

const char* const kBothVersions = R"(
ports:
  - name: wan0
    device: net_ring0
    addresses: [192.0.2.1/24, 2001:db8::1/64]
    routes:
      - {to: default, via: 192.0.2.254}
      - {to: default, via: fe80::1}
      - {to: "2001:db8:5::/48", via: "2001:db8::5"}
  - {name: lan0, device: net_ring1, addresses: ["fd00::1/64"]}
local_pools:
  - {name: lan, addresses: ["fd00::fffe-fd00::1:1", 10.0.0.1, "2001:db8::10"]}
services:
  - protocol: tcp
    vip: 2001:DB8::80
    port: 80
    servers: [{address: "fd00::2"}, {address: 10.0.0.53, port: 8080}]
)";

TEST(YamlReader, ReadsAddressesOfBothIpVersions) {
  const Model model = read_good(kBothVersions);
  const Service& service = model.services.at(0);
  EXPECT_EQ(model.ports.at(0).addresses.at(1), net::Prefix::parse("2001:db8::1/64"));
  EXPECT_EQ(service.vip, net::Endpoint::parse("[2001:db8::80]:80"));
  EXPECT_EQ(service.servers.at(0).endpoint, net::Endpoint::parse("[fd00::2]:80"));
  EXPECT_EQ(service.servers.at(1).endpoint, net::Endpoint::parse("10.0.0.53:8080"));
  std::string pool;
  for (const net::Address& address : model.local_pools.at(0).addresses) {
    pool += address.to_string() + " ";
  }
  EXPECT_EQ(pool, "fd00::fffe fd00::ffff fd00::1:0 fd00::1:1 10.0.0.1 2001:db8::10 ");
}

TEST(YamlReader, FindsPortsAndNamesOfIpv6) {
  const Model model = read_good(kBothVersions);
  EXPECT_EQ(model.local_pools.at(0).port, "lan0");
  EXPECT_EQ(model.services.at(0).port, "wan0");
  EXPECT_EQ(model.services.at(0).name, "tcp-2001-db8--80-80");
}

TEST(YamlReader, TakesTheVersionOfADefaultRouteFromItsGateway) {
  const auto routes = read_good(kBothVersions).ports.at(0).routes;
  EXPECT_EQ(routes.at(0),
            (Route{*net::Prefix::parse("0.0.0.0/0"), *net::Address::parse("192.0.2.254")}));
  EXPECT_EQ(routes.at(1), (Route{*net::Prefix::parse("::/0"), *net::Address::parse("fe80::1")}));
  EXPECT_EQ(routes.at(2),
            (Route{*net::Prefix::parse("2001:db8:5::/48"), *net::Address::parse("2001:db8::5")}));
}

TEST(YamlReader, ReadsTheWholeAddressSpaceEndWithoutWrapping) {
  const auto model =
      read_text("local_pools: [{name: a, addresses: [255.255.255.250-255.255.255.255]}]", "t.yaml");
  ASSERT_FALSE(model.has_value());  // class E, but read and refused by the rules
  EXPECT_NE(all_problems(model.error()).find("255.255.255.255 is not a unicast"),
            std::string::npos);
}

TEST(YamlReader, ReadsModeAsOctalQuotedOrNot) {
  const std::string rest = kMinimal;
  EXPECT_EQ(read_good("director: {control_socket: {mode: \"0600\"}}\n" + rest)
                .director.control_socket.mode,
            0600U);
  EXPECT_EQ(
      read_good("director: {control_socket: {mode: 0640}}\n" + rest).director.control_socket.mode,
      0640U);
}

TEST(YamlReader, TakesSectionsWithoutContentAsEmpty) {
  const Model model = read_good("director:\ndpdk: {}\n" + std::string(kMinimal));
  EXPECT_EQ(model.director, Director{});
}

class ConfFile : public testing::TestWithParam<const char*> {};

TEST_P(ConfFile, LoadsAndSurvivesWritingAndReading) {
  const auto model = read_file(kConf + "/" + GetParam());

  ASSERT_TRUE(model.has_value()) << all_problems(model.error());
  EXPECT_EQ(read_good(to_yaml(*model)), *model);
}

INSTANTIATE_TEST_SUITE_P(Conf, ConfFile,
                         testing::Values("sluice.example.yaml", "minimal.yaml", "lab.yaml",
                                         "lab-one-arm.yaml"));

// Collects "services[].servers[].weight" and so on from a tree.
void collect_keys(const Node& node, const std::string& prefix, std::set<std::string>& keys) {
  for (const Entry& entry : node.entries) {
    keys.insert(prefix + entry.key);
    collect_keys(entry.value, prefix + entry.key + ".", keys);
  }
  for (const Node& item : node.items) {
    collect_keys(item, prefix.substr(0, prefix.size() - 1) + "[].", keys);
  }
}

TEST(ExampleFile, NamesEveryKeyTheReaderKnows) {
  std::ifstream file(kConf + "/sluice.example.yaml");
  std::stringstream text;
  text << file.rdbuf();
  const auto tree = parse_yaml(text.str(), "example");
  ASSERT_TRUE(tree.has_value());
  std::set<std::string> named;
  collect_keys(*tree, "", named);

  for (const std::string& key : known_keys()) {
    EXPECT_TRUE(named.contains(key)) << key << " is missing in conf/sluice.example.yaml";
  }
}

TEST(ExampleFile, ShowsTheDefaults) {
  const auto model = read_file(kConf + "/sluice.example.yaml");
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ(model->director, Director{});
  EXPECT_EQ(model->dpdk, Dpdk{});
  EXPECT_EQ(model->limits, Limits{});
  EXPECT_EQ(model->services.at(0).timeouts, table::Timeouts{});
}

TEST(YamlReader, SaysWhyAFileCannotBeRead) {
  EXPECT_EQ(all_problems(read_file("/nonexistent/x.yaml").error()),
            "/nonexistent/x.yaml: cannot be read: No such file or directory\n");
  EXPECT_EQ(all_problems(read_file("/").error()), "/: cannot be read: Is a directory\n");
}

TEST(YamlReader, RefusesEndlessFiles) {
  EXPECT_EQ(all_problems(read_file("/dev/zero").error()), "/dev/zero: larger than 64 MiB\n");
}

TEST(YamlReader, RefusesLongLines) {
  const auto model = read_text("a: [\n" + std::string(100'000, '['), "t.yaml");
  EXPECT_EQ(all_problems(model.error()), "t.yaml:2:1: line longer than 64 KiB\n");
}

TEST(YamlReader, ShowsBytesThatAreNotAsciiInHex) {
  const auto model = read_text("p\xff\x80rts: 1\n", "t.yaml");
  ASSERT_FALSE(model.has_value());
  const std::string text = all_problems(model.error());
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\n' || (c >= 0x20 && c < 0x7f);
  })) << text;
}

TEST(YamlReader, StopsCountingAtAThousandProblems) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) {
    text += "key" + std::to_string(i) + ": 1\n";
  }
  const auto model = read_text(text, "t.yaml");
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().size(), 1'001U);
  EXPECT_EQ(model.error().back().message, "more problems than can be listed; fix these first");
}

TEST(YamlReader, SurvivesDamagedFiles) {
  std::ifstream file(kConf + "/sluice.example.yaml");
  std::stringstream stream;
  stream << file.rdbuf();
  const std::string good = stream.str();
  std::mt19937 random(42);
  for (int round = 0; round < 300; ++round) {
    std::string text = good;
    for (int edit = 0; edit < 5; ++edit) {
      const size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, random() % 40);
          break;
        default:
          text.insert(at, std::string_view("{}[]:-&*!|>'\"%@`#,?\n\t ").substr(random() % 20, 2));
      }
    }
    const auto model = read_text(text, "t.yaml");
    EXPECT_TRUE(model.has_value() || !model.error().empty());
  }
}

TEST(YamlReader, ReadsTenThousandServicesOfTenServersInSeconds) {
  const std::string text = to_yaml(large_model(10'000, 10));
  const auto start = std::chrono::steady_clock::now();
  const Model model = read_good(text);
  const auto took = std::chrono::steady_clock::now() - start;

  EXPECT_EQ(model.services.size(), 10'000U);
  EXPECT_LT(took, std::chrono::seconds(30));  // 1.2 s alone on the reference machine
}

}  // namespace
}  // namespace sluice::config

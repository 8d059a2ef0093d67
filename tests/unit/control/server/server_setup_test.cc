// SPDX-License-Identifier: BSD-3-Clause
// What real servers are told to run, mode by mode.
#include "control/server/commands/server_setup.h"

#include <gtest/gtest.h>

#include <string>

#include "control/config/yaml_reader.h"

namespace sluice::control {
namespace {

using Lines = std::vector<std::string>;
using snapshot::ForwardingMode;

// A director of two networks, a service in `mode` with these servers.
config::Model model_of(const std::string& mode, const std::string& servers,
                       const std::string& pool = "10.0.0.100-10.0.0.103") {
  const auto model = config::read_text(R"(
limits: {local_addresses: 1024}
ports:
  - {name: wan0, device: net_ring0, addresses: [192.0.2.1/24]}
  - {name: lan0, device: net_ring1, addresses: [10.0.0.1/24]}
local_pools: [{name: lan, port: lan0, addresses: [)" +
                                           pool + R"(]}]
services:
  - {name: web, protocol: tcp, vip: 192.0.2.10, port: 80, mode: )" +
                                           mode + ", servers: [" + servers + "]}\n",
                                       "test.yaml");
  EXPECT_TRUE(model.has_value()) << (model ? "" : model.error().front().to_string());
  return model.value_or(config::Model{});
}

ServerSetup only_setup(const config::Model& model) {
  const auto setups = server_setups(model);
  EXPECT_EQ(setups.size(), 1U);
  return setups.empty() ? ServerSetup{} : setups.front();
}

const char* const kQuietArp =
    "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2";

TEST(ServerSetup, FullNatNeedsNothingOnTheDirectorsNetwork) {
  const config::Model model = model_of("full-nat", "{address: 10.0.0.2}");
  EXPECT_EQ(only_setup(model).commands, Lines{});
  EXPECT_EQ(only_setup(model).notes, Lines{});
}

TEST(ServerSetup, FullNatRoutesLocalAddressesThatAreElsewhere) {
  const config::Model model =
      model_of("full-nat", "{address: 10.0.0.2}", "10.0.0.100, 172.16.0.1-172.16.0.4");
  EXPECT_EQ(only_setup(model).commands, (Lines{"ip route replace 172.16.0.1/32 via 10.0.0.1",
                                               "ip route replace 172.16.0.2/31 via 10.0.0.1",
                                               "ip route replace 172.16.0.4/32 via 10.0.0.1"}));
  EXPECT_EQ(
      only_setup(model_of("full-nat", "{address: 10.0.0.2}", "172.16.0.0-172.16.0.255")).commands,
      Lines{"ip route replace 172.16.0.0/24 via 10.0.0.1"});
}

TEST(ServerSetup, FullNatWithScatteredLocalAddressesAsksForARoute) {
  std::string pool = "172.16.0.1";
  for (int i = 3; i < 40; i += 2) {
    pool += ", 172.16.0." + std::to_string(i);
  }
  const config::Model model = model_of("full-nat", "{address: 10.0.0.2}", pool);
  EXPECT_EQ(only_setup(model).commands, Lines{});
  EXPECT_EQ(only_setup(model).notes,
            Lines{"it needs a route to 172.16.0.1-172.16.0.39 via 10.0.0.1"});
}

TEST(ServerSetup, FullNatBehindRoutersLeavesItToThem) {
  const config::Model model = model_of("full-nat", "{address: 10.9.9.9}");
  EXPECT_EQ(only_setup(model).commands, Lines{});
  EXPECT_EQ(only_setup(model).notes,
            Lines{"its routers must send packets to 10.0.0.100-10.0.0.103 to the director"});
}

TEST(ServerSetup, ServersMustReadTheClientsAddress) {
  config::Model model = model_of("full-nat", "{address: 10.0.0.2, port: 8080}");
  config::Service& service = model.services.front();
  service.client_address = snapshot::ClientAddress::kProxyV1;
  EXPECT_EQ(only_setup(model).commands, Lines{});
  EXPECT_EQ(only_setup(model).notes,
            Lines{"connections to 10.0.0.2:8080 begin with a PROXY protocol header; nginx: listen "
                  "10.0.0.2:8080 proxy_protocol; set_real_ip_from 10.0.0.100/30; real_ip_header "
                  "proxy_protocol;"});
  service.client_address = snapshot::ClientAddress::kToa;
  EXPECT_NE(only_setup(model).notes.at(0).find("load a toa module"), std::string::npos);
  service.protocol = net::Protocol::kUdp;
  service.client_address = snapshot::ClientAddress::kUoa;
  EXPECT_NE(only_setup(model).notes.at(0).find("load a uoa module"), std::string::npos);
  service.client_address = snapshot::ClientAddress::kProxyV2;
  EXPECT_NE(only_setup(model).notes.at(0).find("datagrams to 10.0.0.2:8080 begin with"),
            std::string::npos);
}

TEST(ServerSetup, NatNeedsTheDirectorAsGateway) {
  const config::Model near = model_of("nat", "{address: 10.0.0.2, port: 8080}");
  EXPECT_EQ(only_setup(near).commands, Lines{"ip route replace default via 10.0.0.1"});
  const config::Model far = model_of("nat", "{address: 10.9.9.9}");
  EXPECT_EQ(only_setup(far).commands, Lines{});
  EXPECT_EQ(only_setup(far).notes,
            Lines{"its routers must send all packets to clients through the director"});
}

TEST(ServerSetup, DirectRoutingNeedsTheVipAndSilence) {
  const config::Model near = model_of("dr", "{address: 10.0.0.2}");
  EXPECT_EQ(only_setup(near).commands,
            (Lines{kQuietArp, "ip address replace 192.0.2.10/32 dev lo"}));
  EXPECT_EQ(only_setup(near).notes, Lines{});
  EXPECT_EQ(only_setup(model_of("dr", "{address: \"fd00::9\"}")).notes,
            Lines{"it must be on one network with the director: dr reaches it by MAC address"});
}

TEST(ServerSetup, TunnelsNeedADeviceWithTheVip) {
  config::Model model = model_of("tunnel", "{address: 10.9.9.9}");
  EXPECT_EQ(
      only_setup(model).commands,
      (Lines{kQuietArp, "ip link add sluice-ipip type ipip local 10.9.9.9",
             "sysctl -w net.ipv4.conf.sluice-ipip.rp_filter=2",
             "ip address replace 192.0.2.10/32 dev sluice-ipip", "ip link set sluice-ipip up"}));
  EXPECT_EQ(only_setup(model).notes,
            Lines{"clients' packets have room for 1480 bytes in the tunnel: routes "
                  "to clients with \"advmss 1440\" spare them finding out"});
  model.services.front().tunnel.type = snapshot::TunnelType::kGre;
  EXPECT_EQ(
      only_setup(model).commands,
      (Lines{kQuietArp, "ip link add sluice-gre type gre local 10.9.9.9",
             "sysctl -w net.ipv4.conf.sluice-gre.rp_filter=2",
             "ip address replace 192.0.2.10/32 dev sluice-gre", "ip link set sluice-gre up"}));
}

TEST(ServerSetup, GueIsIpipBehindAUdpPort) {
  config::Model model = model_of("tunnel", "{address: 10.0.0.2}");
  model.services.front().tunnel = {snapshot::TunnelType::kGue, net::Be16::from_host(6081)};
  model.ports.back().mtu = 9000;
  EXPECT_EQ(
      only_setup(model).commands,
      (Lines{kQuietArp, "modprobe fou", "ip fou add port 6081 gue",
             "ip link add sluice-ipip type ipip local 10.0.0.2",
             "sysctl -w net.ipv4.conf.sluice-ipip.rp_filter=2",
             "ip address replace 192.0.2.10/32 dev sluice-ipip", "ip link set sluice-ipip up"}));
  EXPECT_EQ(only_setup(model).notes,
            Lines{"clients' packets have room for 8968 bytes in the tunnel: routes "
                  "to clients with \"advmss 8928\" spare them finding out"});
}

// The same director with IPv6 beside IPv4.
config::Model model6_of(const std::string& mode, const std::string& vip, const std::string& servers,
                        const std::string& pool = "\"fd00::100-fd00::103\", 10.0.0.100") {
  const auto model =
      config::read_text(R"(
limits: {local_addresses: 1024}
ports:
  - {name: wan0, device: net_ring0, addresses: [192.0.2.1/24, "2001:db8::1/64"]}
  - {name: lan0, device: net_ring1, addresses: [10.0.0.1/24, "fd00::1/64"]}
local_pools: [{name: lan, port: lan0, addresses: [)" +
                            pool + R"(]}]
services:
  - {name: web, protocol: tcp, vip: ")" +
                            vip + "\", port: 80, mode: " + mode + ", servers: [" + servers + "]}\n",
                        "test.yaml");
  EXPECT_TRUE(model.has_value()) << (model ? "" : model.error().front().to_string());
  return model.value_or(config::Model{});
}

const char* const kVip6 = "2001:db8::80";

TEST(ServerSetup, FullNatRoutesTheLocalAddressesOfTheServersIpVersion) {
  const std::string pool = "10.0.0.100, 172.16.0.1, \"fd00::100\", \"fd00:1::fffe-fd00:1::1:1\"";
  const auto commands = [&](const std::string& server) {
    return only_setup(model6_of("full-nat", kVip6, "{address: \"" + server + "\"}", pool)).commands;
  };
  EXPECT_EQ(commands("10.0.0.2"), Lines{"ip route replace 172.16.0.1/32 via 10.0.0.1"});
  EXPECT_EQ(commands("fd00::2"), (Lines{"ip -6 route replace fd00:1::fffe/127 via fd00::1",
                                        "ip -6 route replace fd00:1::1:0/127 via fd00::1"}));
  EXPECT_EQ(only_setup(model6_of("full-nat", kVip6, "{address: \"fd00:9::9\"}")).notes,
            Lines{"its routers must send packets to fd00::100-fd00::103 to the director"});
}

TEST(ServerSetup, NatOverIpv6NeedsTheDirectorAsGateway) {
  EXPECT_EQ(only_setup(model6_of("nat", kVip6, "{address: \"fd00::2\"}")).commands,
            Lines{"ip -6 route replace default via fd00::1"});
}

// Linux answers neighbour solicitations for the addresses of the receiving interface alone.
TEST(ServerSetup, DirectRoutingOverIpv6NeedsTheVipAlone) {
  EXPECT_EQ(only_setup(model6_of("dr", kVip6, "{address: \"fd00::2\"}")).commands,
            Lines{"ip -6 address replace 2001:db8::80/128 dev lo"});
  EXPECT_EQ(only_setup(model6_of("dr", "192.0.2.10", "{address: \"fd00::2\"}")).commands,
            (Lines{kQuietArp, "ip address replace 192.0.2.10/32 dev lo"}));
}

struct TunnelCase {
  snapshot::TunnelType type;
  const char* vip;
  const char* server;
  Lines commands;
  const char* room;  // bytes, and TCP's
};

class TunnelSetup : public testing::TestWithParam<TunnelCase> {};

TEST_P(TunnelSetup, TakesOffTheOuterHeader) {
  const TunnelCase& row = GetParam();
  config::Model model =
      model6_of("tunnel", row.vip, std::string("{address: \"") + row.server + "\"}");
  model.services.front().tunnel.type = row.type;
  const ServerSetup setup = only_setup(model);
  EXPECT_EQ(setup.commands, row.commands);
  EXPECT_EQ(setup.notes.size(), 1U);
  EXPECT_NE(setup.notes.at(0).find(row.room), std::string::npos) << setup.notes.at(0);
}

constexpr const char* kLoose = "sysctl -w net.ipv4.conf.";
using snapshot::TunnelType;

INSTANTIATE_TEST_SUITE_P(
    BothVersions, TunnelSetup,
    testing::Values(
        TunnelCase{TunnelType::kIpip,
                   kVip6,
                   "fd00::2",
                   {"ip link add sluice-ip6tnl type ip6tnl mode any local fd00::2",
                    "ip -6 address replace 2001:db8::80/128 dev sluice-ip6tnl",
                    "ip link set sluice-ip6tnl up"},
                   "1460 bytes in the tunnel: routes to clients with \"advmss 1400\" "},
        TunnelCase{
            TunnelType::kIpip,
            kVip6,
            "10.0.0.2",
            {"ip link add sluice-sit type sit local 10.0.0.2",
             "ip -6 address replace 2001:db8::80/128 dev sluice-sit", "ip link set sluice-sit up"},
            "1480 bytes in the tunnel: routes to clients with \"advmss 1420\" "},
        TunnelCase{
            TunnelType::kIpip,
            "192.0.2.10",
            "fd00::2",
            {kQuietArp, "ip link add sluice-ip6tnl type ip6tnl mode any local fd00::2",
             std::string(kLoose) + "sluice-ip6tnl.rp_filter=2",
             "ip address replace 192.0.2.10/32 dev sluice-ip6tnl", "ip link set sluice-ip6tnl up"},
            "1460 bytes in the tunnel: routes to clients with \"advmss 1420\" "},
        TunnelCase{TunnelType::kGre,
                   kVip6,
                   "fd00::2",
                   {"ip link add sluice-ip6gre type ip6gre local fd00::2",
                    "ip -6 address replace 2001:db8::80/128 dev sluice-ip6gre",
                    "ip link set sluice-ip6gre up"},
                   "1456 bytes in the tunnel: routes to clients with \"advmss 1396\" "},
        TunnelCase{
            TunnelType::kGre,
            kVip6,
            "10.0.0.2",
            {"ip link add sluice-gre type gre local 10.0.0.2",
             "ip -6 address replace 2001:db8::80/128 dev sluice-gre", "ip link set sluice-gre up"},
            "1476 bytes in the tunnel: routes to clients with \"advmss 1416\" "},
        TunnelCase{TunnelType::kGue,
                   kVip6,
                   "fd00::2",
                   {"modprobe fou6", "ip fou add port 6080 gue -6",
                    "ip link add sluice-ip6tnl type ip6tnl mode any local fd00::2",
                    "ip -6 address replace 2001:db8::80/128 dev sluice-ip6tnl",
                    "ip link set sluice-ip6tnl up"},
                   "1448 bytes in the tunnel: routes to clients with \"advmss 1388\" "},
        TunnelCase{
            TunnelType::kGue,
            kVip6,
            "10.0.0.2",
            {"modprobe fou", "ip fou add port 6080 gue",
             "ip link add sluice-sit type sit local 10.0.0.2",
             "ip -6 address replace 2001:db8::80/128 dev sluice-sit", "ip link set sluice-sit up"},
            "1468 bytes in the tunnel: routes to clients with \"advmss 1408\" "}));

TEST(ServerSetup, IsOneOfEachMachineHoweverManyServicesItServes) {
  config::Model model = model_of("dr", "{address: 10.0.0.2}, {address: 10.0.0.3, mode: nat}");
  config::Service dns = model.services.front();
  dns.name = "dns";
  dns.protocol = net::Protocol::kUdp;
  dns.vip = *net::Endpoint::parse("192.0.2.11:53");
  dns.servers.front().endpoint.port = dns.vip.port;
  dns.servers.pop_back();
  model.services.push_back(dns);

  const auto setups = server_setups(model);
  ASSERT_EQ(setups.size(), 2U);
  EXPECT_EQ(setups[0].commands, (Lines{kQuietArp, "ip address replace 192.0.2.10/32 dev lo",
                                       "ip address replace 192.0.2.11/32 dev lo"}));
  EXPECT_EQ(setups[0].services.size(), 2U);
  EXPECT_EQ(setups[1].modes, std::vector{ForwardingMode::kNat});
  const auto only_dns = server_setups(model, 1);
  ASSERT_EQ(only_dns.size(), 1U);
  EXPECT_EQ(only_dns[0].commands, (Lines{kQuietArp, "ip address replace 192.0.2.11/32 dev lo"}));
}

}  // namespace
}  // namespace sluice::control

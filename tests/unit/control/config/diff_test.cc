// SPDX-License-Identifier: BSD-3-Clause
// What an operator reads before a reload.
#include "control/config/diff.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/unit/control/config/models.h"

namespace sluice::config {
namespace {

std::vector<std::string> lines(const Model& from, const Model& to) {
  std::vector<std::string> text;
  for (const Difference& difference : diff(from, to)) {
    text.push_back(difference.to_string());
  }
  return text;
}

using Lines = std::vector<std::string>;

/// The lines for one edit of the small model.
template <typename Edit>
Lines lines_after(Edit edit) {
  Model edited = small_model();
  edit(edited);
  return lines(small_model(), edited);
}

TEST(Diff, IsEmptyForEqualModels) { EXPECT_TRUE(diff(small_model(), small_model()).empty()); }

TEST(Diff, ShowsAWeight) {
  EXPECT_EQ(lines_after([](Model& m) { m.services[0].servers[1].weight = 5; }),
            Lines{"~ service web: server 10.0.0.102:80: weight 1 -> 5"});
}

TEST(Diff, ShowsServersComingAndGoing) {
  EXPECT_EQ(lines_after([](Model& m) {
              m.services[0].servers[0].endpoint = *net::Endpoint::parse("10.0.0.103:80");
            }),
            (Lines{"- service web: server 10.0.0.101:80 (weight 1)",
                   "+ service web: server 10.0.0.103:80 (weight 1)"}));
}

TEST(Diff, ShowsServersInAnotherOrder) {
  EXPECT_EQ(
      lines_after([](Model& m) { std::swap(m.services[0].servers[0], m.services[0].servers[1]); }),
      Lines{"~ service web: servers: order"});
}

TEST(Diff, ShowsServicesComingAndGoing) {
  EXPECT_EQ(lines_after([](Model& m) { m.services.pop_back(); }),
            Lines{"- service dns (udp 192.0.2.10:53, wrr, full-nat, 2 servers)"});
  Model without = small_model();
  without.services.erase(without.services.begin());
  EXPECT_EQ(lines(without, small_model()),
            Lines{"+ service web (tcp 192.0.2.10:80, wrr, full-nat, 2 servers)"});
}

TEST(Diff, KnowsARenamedServiceByItsVip) {
  EXPECT_EQ(lines_after([](Model& m) { m.services[0].name = "www"; }),
            Lines{"~ service www: name web -> www"});
}

TEST(Diff, ShowsEachKeyOfAService) {
  EXPECT_EQ(
      lines_after([](Model& m) {
        Service& web = m.services[0];
        web.vip = *net::Endpoint::parse("192.0.2.11:8080");
        web.port = "lan0";
        web.announce = Announce::kExternal;
        web.scheduler = "rr";
        web.timeouts[table::SessionState::kEstablished] = 60;
      }),
      (Lines{"~ service web: vip 192.0.2.10:80 -> 192.0.2.11:8080",
             "~ service web: interface wan0 -> lan0", "~ service web: announce kernel -> external",
             "~ service web: scheduler wrr -> rr",
             "~ service web: timeouts: established 900 -> 60"}));
}

TEST(Diff, ShowsForwardingModesAndTunnels) {
  EXPECT_EQ(
      lines_after([](Model& m) {
        m.services[0].mode = snapshot::ForwardingMode::kTunnel;
        m.services[0].tunnel = {snapshot::TunnelType::kGue, net::Be16::from_host(6081)};
        m.services[0].local_pool.clear();
      }),
      (Lines{"~ service web: mode full-nat -> tunnel", "~ service web: tunnel ipip -> gue",
             "~ service web: gue_port 6080 -> 6081", "~ service web: local_pool lan -> (none)"}));
}

TEST(Diff, ShowsAServersModeEvenWhereItIsTheServices) {
  const auto with_mode = [](snapshot::ForwardingMode mode) {
    Model model = small_model();
    model.services[0].servers[1].mode = mode;
    return model;
  };
  const std::string server = "~ service web: server 10.0.0.102:80: mode ";
  EXPECT_EQ(lines(small_model(), with_mode(snapshot::ForwardingMode::kFullNat)),
            Lines{server + "the service's -> full-nat"});
  EXPECT_EQ(lines(with_mode(snapshot::ForwardingMode::kNat),
                  with_mode(snapshot::ForwardingMode::kDirectRouting)),
            Lines{server + "nat -> dr"});
  EXPECT_EQ(lines(with_mode(snapshot::ForwardingMode::kDirectRouting), small_model()),
            Lines{server + "dr -> the service's"});
}

TEST(Diff, ShowsAddressesOfPoolsAndPortsAsLive) {
  EXPECT_EQ(
      lines_after([](Model& m) {
        m.local_pools[0].addresses[1] = *net::Ipv4::parse("10.0.0.12");
        m.ports[0].addresses.push_back(*net::Prefix::parse("192.0.2.2/24"));
        m.ports[0].routes.push_back({{{}, 0}, *net::Ipv4::parse("192.0.2.254")});
      }),
      (Lines{"+ port wan0: address 192.0.2.2/24", "+ port wan0: route default via 192.0.2.254",
             "- local pool lan: address 10.0.0.11", "+ local pool lan: address 10.0.0.12"}));
}

TEST(Diff, ShowsIpv6) {
  EXPECT_EQ(
      lines_after([](Model& m) {
        m.local_pools[0].addresses.push_back(*net::Address::parse("fd00::12"));
        m.ports[0].addresses.push_back(*net::Prefix::parse("2001:db8::2/64"));
        m.ports[0].routes.push_back({{net::Ipv6{}, 0}, *net::Address::parse("fe80::1")});
        m.ports[0].routes.push_back({{{}, 0}, *net::Address::parse("192.0.2.254")});
        m.services[0].servers.push_back({*net::Endpoint::parse("[fd00::101]:80"), 2});
      }),
      (Lines{"+ port wan0: address 2001:db8::2/64", "+ port wan0: route default via fe80::1",
             "+ port wan0: route default via 192.0.2.254", "+ local pool lan: address fd00::12",
             "+ service web: server [fd00::101]:80 (weight 2)"}));
  EXPECT_EQ(
      lines_after([](Model& m) { m.services[0].vip = *net::Endpoint::parse("[2001:db8::80]:80"); }),
      Lines{"~ service web: vip 192.0.2.10:80 -> [2001:db8::80]:80"});
  EXPECT_EQ(lines_after([](Model& m) { m.limits.extended_sessions_per_worker = 5; }),
            Lines{"~ limits: extended_sessions_per_worker 262144 -> 5 (needs a restart)"});
}

TEST(Diff, MarksWhatNeedsARestart) {
  EXPECT_EQ(lines_after([](Model& m) {
              m.director.workers = 4;
              m.director.control_socket.mode = 0600;
              m.director.control_socket.group = "adm";
              m.director.poll.mode = PollMode::kAdaptive;
              m.director.punt.icmp_pps = 5;
              m.director.local_ports.first = 2000;
              m.dpdk.huge_pages = false;
              m.dpdk.worker_cores = {1, 2};
              m.limits.sessions_per_worker = 5;
              m.ports[0].mtu = 9000;
              m.ports[1].device = "net_ring7";
            }),
            (Lines{"~ director: workers 1 -> 4 (needs a restart)",
                   "~ director: control_socket: mode 0660 -> 0600 (needs a restart)",
                   "~ director: control_socket: group (none) -> adm (needs a restart)",
                   "~ director: poll: mode busy -> adaptive (needs a restart)",
                   "~ director: punt: icmp_pps 1000 -> 5 (needs a restart)",
                   "~ director: local_ports 1024-65535 -> 2000-65535 (needs a restart)",
                   "~ dpdk: huge_pages true -> false (needs a restart)",
                   "~ dpdk: worker_cores [] -> [1, 2] (needs a restart)",
                   "~ limits: sessions_per_worker 1048576 -> 5 (needs a restart)",
                   "~ port wan0: mtu 1500 -> 9000 (needs a restart)",
                   "~ port lan0: device net_ring1 -> net_ring7 (needs a restart)"}));
  EXPECT_EQ(lines_after([](Model& m) { m.ports.pop_back(); }),
            Lines{"- port lan0 (net_ring1) (needs a restart)"});
  EXPECT_EQ(lines_after([](Model& m) { m.ports.push_back(vlan_port("v", "wan0", 7)); }),
            Lines{"+ port v (VLAN 7 of wan0) (needs a restart)"});
  EXPECT_EQ(lines_after([](Model& m) {
              m.ports[1].device.clear();
              m.ports[1].parent = "wan0";
              m.ports[1].vlan = 7;
            }),
            (Lines{"~ port lan0: device net_ring1 -> (none) (needs a restart)",
                   "~ port lan0: parent (none) -> wan0 (needs a restart)",
                   "~ port lan0: vlan 0 -> 7 (needs a restart)"}));
  EXPECT_EQ(lines_after([](Model& m) { std::swap(m.ports[0], m.ports[1]); }),
            Lines{"~ ports: order (needs a restart)"});
}

TEST(DiffProperty, IsEmptyExactlyWhenModelsAreEqual) {
  EXPECT_TRUE(rc::check([](uint64_t seed, uint64_t edit) {
    const Model from = random_model(seed);
    const Model to = mutated(from, edit);
    RC_ASSERT(diff(from, from).empty());
    RC_ASSERT(diff(from, to).empty() == (from == to));
    RC_ASSERT(diff(to, from).empty() == (from == to));
  }));
}

TEST(DiffProperty, SeesEveryChangeBetweenUnrelatedModels) {
  EXPECT_TRUE(rc::check([](uint64_t one, uint64_t other) {
    const Model from = random_model(one), to = random_model(other);
    RC_ASSERT(diff(from, to).empty() == (from == to));
  }));
}

}  // namespace
}  // namespace sluice::config

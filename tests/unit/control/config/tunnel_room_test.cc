// SPDX-License-Identifier: BSD-3-Clause
// How much room a tunnel must leave for IPv6, on the port that leads to its server. Tests.
#include <gtest/gtest.h>

#include <string>

#include "control/config/validate.h"
#include "tests/unit/control/config/models.h"

namespace sluice::config {
namespace {

using snapshot::TunnelType;

net::Address address(const char* text) { return *net::Address::parse(text); }

/// The small model's web service, reached by clients of IPv6 through a tunnel to `server`.
Model with_tunnel(const char* server, TunnelType type, uint16_t lan_mtu) {
  Model model = small_model();
  model.ports[1].addresses.push_back({address("fd00::1"), 64});
  model.ports[1].mtu = lan_mtu;
  Service& web = model.services[0];
  web.vip.address = address("2001:db8::10");
  web.mode = snapshot::ForwardingMode::kTunnel;
  web.tunnel.type = type;
  web.servers = {{{address(server), web.vip.port}, 1}};
  return model;
}

std::string problem_of(const Model& model) {
  const Problems problems = validate(model);
  return problems.empty() ? "" : problems.front().key + ": " + problems.front().message;
}

struct Room {
  const char* server;
  TunnelType type;
  uint16_t least_mtu;
};

TEST(TunnelRoom, IsForPacketsOf1280BytesOfIpv6) {
  for (const Room& room :
       {Room{"10.0.0.101", TunnelType::kIpip, 1'300}, Room{"10.0.0.101", TunnelType::kGre, 1'304},
        Room{"10.0.0.101", TunnelType::kGue, 1'312}, Room{"fd00::101", TunnelType::kIpip, 1'320},
        Room{"fd00::101", TunnelType::kGue, 1'332}}) {
    EXPECT_EQ(problem_of(with_tunnel(room.server, room.type, room.least_mtu)), "");
    EXPECT_EQ(
        problem_of(with_tunnel(room.server, room.type, room.least_mtu - 1)),
        "services[0].servers[0].mode: IPv6 needs room for packets of 1280 bytes, and port lan0 "
        "leaves 1279 in this tunnel; raise its mtu to at least " +
            std::to_string(room.least_mtu));
  }
}

TEST(TunnelRoom, OfIpv4MayBeLess) {
  Model model = with_tunnel("10.0.0.101", TunnelType::kGue, 576);
  model.services[0].vip.address = address("192.0.2.11");
  EXPECT_EQ(problem_of(model), "");
}

TEST(TunnelRoom, BehindAGatewayIsThatOfTheWidestPort) {
  Model model = with_tunnel("10.9.0.1", TunnelType::kIpip, 1'280);
  EXPECT_EQ(problem_of(model), "");
  model.ports[0].mtu = 1'290;
  EXPECT_NE(problem_of(model).find("port wan0 leaves 1270"), std::string::npos)
      << problem_of(model);
}

}  // namespace
}  // namespace sluice::config

// SPDX-License-Identifier: BSD-3-Clause
// Direct routing reaches servers by their MAC: they must be on a network of the director. Tests.
#include <gtest/gtest.h>

#include <string>

#include "control/config/validate.h"
#include "tests/unit/control/config/models.h"

namespace sluice::config {
namespace {

/// The small model, its web service's server in mode dr somewhere else.
Model with_server(const char* server) {
  Model model = small_model();
  Service& web = model.services[0];
  web.mode = snapshot::ForwardingMode::kDirectRouting;
  web.servers = {{{*net::Address::parse(server), web.vip.port}, 1}};
  return model;
}

std::string problem_of(const Model& model) {
  const Problems problems = validate(model);
  return problems.empty() ? "" : problems.front().key + ": " + problems.front().message;
}

TEST(DirectRouting, NeedsItsServersOnANetworkOfAPort) {
  EXPECT_EQ(problem_of(with_server("10.0.0.77")), "");
  EXPECT_EQ(problem_of(with_server("10.9.0.77")),
            "services[0].servers[0].address: 10.9.0.77 is on no network of ports[].addresses: dr "
            "reaches a server by its MAC alone, a gateway would send the packets back; give a port "
            "an address there, or use tunnel");
}

TEST(DirectRouting, LeavesIpVersionsWithoutAnyNetworkToTheKernel) {
  Model model = with_server("fd00::77");
  EXPECT_EQ(problem_of(model), "");
  model.ports[1].addresses.push_back({*net::Address::parse("fe80::1"), 64});
  model.ports[1].addresses.push_back({*net::Address::parse("fd00:1::1"), 128});
  EXPECT_EQ(problem_of(model), "") << "no network either";
  model.ports[1].addresses.push_back({*net::Address::parse("fd00:1::2"), 64});
  EXPECT_NE(problem_of(model), "");
}

}  // namespace
}  // namespace sluice::config

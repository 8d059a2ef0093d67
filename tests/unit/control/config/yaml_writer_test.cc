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

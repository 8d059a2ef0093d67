// SPDX-License-Identifier: BSD-3-Clause
// The keys schedule_by and no_server: read, written, compared, and what they do not go with. Tests.
#include <gtest/gtest.h>

#include <string>

#include "control/config/diff.h"
#include "control/config/validate.h"
#include "control/config/yaml_reader.h"
#include "control/config/yaml_writer.h"
#include "tests/unit/control/config/models.h"

namespace sluice::config {
namespace {

/// The small model with its DNS service's servers reached directly, scheduled by packet.
Model by_packet() {
  Model model = small_model();
  Service& dns = model.services[1];
  dns.schedule_by = ScheduleBy::kPacket;
  dns.mode = snapshot::ForwardingMode::kDirectRouting;
  for (Server& server : dns.servers) {
    server.endpoint.port = dns.vip.port;
  }
  return model;
}

std::string first_problem(const Model& model) {
  const Problems problems = validate(model);
  return problems.empty() ? "" : problems.front().message;
}

TEST(SchedulingKeys, AreReadBackAsWritten) {
  Model model = by_packet();
  model.services[0].no_server = NoServer::kDrop;
  const std::string text = to_yaml(model);
  EXPECT_NE(text.find("    schedule_by: packet\n"), std::string::npos) << text;
  EXPECT_NE(text.find("    no_server: drop\n"), std::string::npos) << text;
  const auto read = read_text(text, "t.yaml");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->services, model.services);
}

TEST(SchedulingKeys, AreLeftOutWhenTheyAreTheDefault) {
  const std::string text = to_yaml(small_model());
  EXPECT_EQ(text.find("schedule_by"), std::string::npos);
  EXPECT_EQ(text.find("no_server"), std::string::npos);
}

TEST(SchedulingKeys, ShowInADifference) {
  Model to = by_packet();
  to.services[1].no_server = NoServer::kDrop;
  std::string lines;
  for (const Difference& difference : diff(by_packet(), to)) {
    lines += difference.to_string() + "\n";
  }
  EXPECT_EQ(lines, "~ service dns: no_server reject -> drop\n");
}

TEST(SchedulingKeys, OnePacketIsForDatagramsWithoutAnswers) {
  EXPECT_EQ(first_problem(by_packet()), "");
  Model tcp = by_packet();
  tcp.services[1].protocol = net::Protocol::kTcp;
  EXPECT_NE(first_problem(tcp).find("for UDP services only"), std::string::npos)
      << first_problem(tcp);
  for (const auto mode : {snapshot::ForwardingMode::kFullNat, snapshot::ForwardingMode::kNat}) {
    Model answered = by_packet();
    answered.services[1].servers[1].mode = mode;
    EXPECT_NE(first_problem(answered).find("needs a session for the answers"), std::string::npos)
        << first_problem(answered);
  }
}

}  // namespace
}  // namespace sluice::config

// SPDX-License-Identifier: BSD-3-Clause
// What an SCTP service may ask for, and the timeouts of its states. Tests.
#include <gtest/gtest.h>

#include <string>

#include "control/config/names.h"
#include "control/config/validate.h"
#include "control/config/yaml_reader.h"
#include "control/config/yaml_writer.h"
#include "tests/unit/control/config/models.h"

namespace sluice::config {
namespace {

using snapshot::ForwardingMode;

/// The small model with its DNS service as an SCTP service.
Model with_sctp(ForwardingMode mode) {
  Model model = small_model();
  model.services[1].protocol = net::Protocol::kSctp;
  model.services[1].mode = mode;
  return model;
}

std::vector<std::string> problems_of(const Model& model) {
  std::vector<std::string> lines;
  for (const Problem& problem : validate(model)) {
    lines.push_back(problem.key + ": " + problem.message);
  }
  return lines;
}

constexpr const char* kWhy =
    "full-nat cannot carry SCTP: an association's INIT names the client's addresses, which "
    "full-nat "
    "replaces, and either end may change over to another of its addresses; use nat, dr or tunnel";

TEST(SctpRules, LetEveryModePassButFullNat) {
  for (const auto& [word, mode] : kForwardingModes) {
    const auto expected = mode == ForwardingMode::kFullNat
                              ? std::vector<std::string>{std::string("services[1].mode: ") + kWhy}
                              : std::vector<std::string>{};
    EXPECT_EQ(problems_of(with_sctp(mode)), expected) << word;
  }
}

TEST(SctpRules, NameTheServerThatAsksForFullNat) {
  Model model = with_sctp(ForwardingMode::kNat);
  model.services[1].servers[1].mode = ForwardingMode::kFullNat;
  EXPECT_EQ(problems_of(model),
            std::vector<std::string>{std::string("services[1].servers[1].mode: ") + kWhy});
}

TEST(SctpRules, AskForNoLocalPool) {
  Model model = with_sctp(ForwardingMode::kFullNat);
  model.services[1].local_pool.clear();
  EXPECT_EQ(problems_of(model), std::vector<std::string>{std::string("services[1].mode: ") + kWhy});
}

TEST(SctpRules, RefuseOnePacketScheduling) {
  Model model = with_sctp(ForwardingMode::kDirectRouting);
  model.services[1].schedule_by = ScheduleBy::kPacket;
  EXPECT_EQ(problems_of(model), std::vector<std::string>{
                                    "services[1].schedule_by: packet is for UDP services only: the "
                                    "segments of a connection belong together"});
}

TEST(SctpRules, TimeoutsAreReadBackAsWritten) {
  Model model = with_sctp(ForwardingMode::kNat);
  model.services[1].timeouts[table::SessionState::kSctpInit1] = 5;
  model.services[1].timeouts[table::SessionState::kSctpCookieWait] = 6;
  model.services[1].timeouts[table::SessionState::kSctpClosed] = 7;
  const std::string text = to_yaml(model);
  EXPECT_NE(text.find("    protocol: sctp\n"), std::string::npos) << text;
  EXPECT_NE(text.find("timeouts: {sctp_unanswered: 5, sctp_setup: 6, sctp_closing: 7}"),
            std::string::npos)
      << text;
  const auto read = read_text(text, "t.yaml");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->services, model.services);
}

}  // namespace
}  // namespace sluice::config

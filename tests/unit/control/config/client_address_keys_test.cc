// SPDX-License-Identifier: BSD-3-Clause
// The keys client_address and sequence_numbers: read, written, compared, and what they do not go
// with. Tests.
#include <gtest/gtest.h>

#include <string>

#include "control/config/diff.h"
#include "control/config/names.h"
#include "control/config/validate.h"
#include "control/config/yaml_reader.h"
#include "control/config/yaml_writer.h"
#include "tests/unit/control/config/models.h"

namespace sluice::config {
namespace {

using snapshot::ClientAddress;
using snapshot::ForwardingMode;

std::string first_problem(const Model& model) {
  const Problems problems = validate(model);
  return problems.empty() ? "" : problems.front().key + ": " + problems.front().message;
}

/// The first problem of the small model with its TCP (0) or UDP (1) service's clients told by
/// `how`.
std::string problem_of(size_t service, ClientAddress how) {
  Model model = small_model();
  model.services[service].client_address = how;
  return first_problem(model);
}

TEST(ClientAddressKeys, AreReadBackAsWritten) {
  Model model = small_model();
  model.services[0].client_address = ClientAddress::kProxyV1;
  model.services[0].sequence_numbers = SequenceNumbers::kNew;
  model.services[1].client_address = ClientAddress::kUoa;
  const std::string text = to_yaml(model);
  EXPECT_NE(text.find("    client_address: proxy-v1\n    sequence_numbers: new\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("    client_address: uoa\n"), std::string::npos) << text;
  const auto read = read_text(text, "t.yaml");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->services, model.services);
}

TEST(ClientAddressKeys, AreLeftOutWhenTheyAreTheDefault) {
  const std::string text = to_yaml(small_model());
  EXPECT_EQ(text.find("client_address"), std::string::npos);
  EXPECT_EQ(text.find("sequence_numbers"), std::string::npos);
}

TEST(ClientAddressKeys, ShowInADifference) {
  Model to = small_model();
  to.services[0].client_address = ClientAddress::kToa;
  to.services[0].sequence_numbers = SequenceNumbers::kNew;
  std::string lines;
  for (const Difference& difference : diff(small_model(), to)) {
    lines += difference.to_string() + "\n";
  }
  EXPECT_EQ(lines,
            "~ service web: client_address none -> toa\n"
            "~ service web: sequence_numbers keep -> new\n");
}

TEST(ClientAddressKeys, EachProtocolHasItsOwn) {
  for (const auto how : {ClientAddress::kToa, ClientAddress::kProxyV1, ClientAddress::kProxyV2}) {
    EXPECT_EQ(problem_of(0, how), "");
  }
  for (const auto how : {ClientAddress::kUoa, ClientAddress::kProxyV2}) {
    EXPECT_EQ(problem_of(1, how), "");
  }
  EXPECT_EQ(problem_of(0, ClientAddress::kUoa),
            "services[0].client_address: uoa is for UDP services only; allowed for TCP: none, toa, "
            "proxy-v1, proxy-v2");
  EXPECT_EQ(problem_of(1, ClientAddress::kProxyV1),
            "services[1].client_address: proxy-v1 is for TCP services only; allowed for UDP: none, "
            "proxy-v2, uoa");
  EXPECT_EQ(problem_of(1, ClientAddress::kToa),
            "services[1].client_address: toa is for TCP services only; allowed for UDP: none, "
            "proxy-v2, uoa");
  Model datagrams = small_model();
  datagrams.services[1].sequence_numbers = SequenceNumbers::kNew;
  EXPECT_EQ(first_problem(datagrams),
            "services[1].sequence_numbers: new is for TCP services only: UDP has no sequence "
            "numbers; leave it out");
}

TEST(ClientAddressKeys, AreForFullNatServersAlone) {
  for (const auto mode :
       {ForwardingMode::kNat, ForwardingMode::kDirectRouting, ForwardingMode::kTunnel}) {
    const std::string word(word_for(kForwardingModes, mode));
    Model told = small_model();
    told.services[0].client_address = ClientAddress::kToa;
    told.services[0].servers[1].mode = mode;
    EXPECT_EQ(first_problem(told), "services[0].servers[1].mode: mode " + word +
                                       " keeps the client's address: leave client_address out, or "
                                       "use full-nat");
    Model renewed = small_model();
    renewed.services[0].sequence_numbers = SequenceNumbers::kNew;
    renewed.services[0].mode = mode;
    EXPECT_EQ(first_problem(renewed), "services[0].servers[0].mode: mode " + word +
                                          " keeps the client's sequence numbers: leave "
                                          "sequence_numbers out, or use full-nat");
  }
}

TEST(ClientAddressKeys, NeedSessions) {
  Model model = small_model();
  model.services[1].client_address = ClientAddress::kUoa;
  model.services[1].schedule_by = ScheduleBy::kPacket;
  model.services[1].mode = ForwardingMode::kDirectRouting;
  EXPECT_EQ(first_problem(model),
            "services[1].client_address: uoa needs sessions, and schedule_by: packet makes none; "
            "leave one of them out");
}

TEST(ClientAddressKeys, MisspeltWordsAreReportedWithTheirLine) {
  std::string text = to_yaml(small_model());
  const size_t mode = text.find("    mode: full-nat\n");
  text.insert(mode, "    client_address: proxy\n    sequence_numbers: renew\n");
  const auto read = read_text(text, "t.yaml");
  ASSERT_FALSE(read.has_value());
  ASSERT_EQ(read.error().size(), 2U);
  EXPECT_NE(read.error()[0].to_string().find("services[0].client_address: \"proxy\" is not known"),
            std::string::npos)
      << read.error()[0].to_string();
  EXPECT_NE(read.error()[1].to_string().find("allowed: keep, new"), std::string::npos)
      << read.error()[1].to_string();
}

}  // namespace
}  // namespace sluice::config

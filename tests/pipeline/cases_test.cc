// SPDX-License-Identifier: BSD-3-Clause
// Plays every packet table and checks that no drop reason is left without a case. Tests.
#include "tests/pipeline/cases.h"

#include <gtest/gtest.h>

#include <iterator>
#include <string>

namespace sluice::test {
namespace {

std::vector<PacketCase> all_cases() {
  std::vector<PacketCase> all;
  for (auto* table :
       {full_nat_cases, mode_cases, ip_version_cases, icmp_cases, one_packet_cases, checksum_cases,
        bad_packet_cases, fragment_cases, refused_fragment_cases, refusal_cases, next_hop_cases,
        punt_cases, reload_cases, snat_cases, snat_icmp_cases, snat_refusal_cases}) {
    std::vector<PacketCase> cases = table();
    std::move(cases.begin(), cases.end(), std::back_inserter(all));
  }
  return all;
}

class Packets : public testing::TestWithParam<PacketCase> {};

TEST_P(Packets, TakeTheWayTheTableSays) { play(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Pipeline, Packets, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return case_name(info.param); });

bool is_expected_somewhere(size_t counter, const std::vector<PacketCase>& cases) {
  for (const PacketCase& packet_case : cases) {
    for (const Step& step : packet_case.steps) {
      for (const ExpectedCount& expected : step.counters) {
        if (static_cast<size_t>(expected.id) == counter && expected.value > 0) {
          return true;
        }
      }
    }
  }
  return false;
}

TEST(PacketTables, ReachEveryDropReasonAndPuntClass) {
  const std::vector<PacketCase> cases = all_cases();
  for (size_t i = 0; i < dataplane::kCounterCount; ++i) {
    const std::string_view name = dataplane::kCounterInfo[i].name;
    if (name.starts_with("drop_") || name.starts_with("punt_")) {
      EXPECT_TRUE(is_expected_somewhere(i, cases)) << "no packet case expects " << name;
    }
  }
}

}  // namespace
}  // namespace sluice::test

// SPDX-License-Identifier: BSD-3-Clause
// The one test that every bad file goes through. Tests only.
#include "tests/unit/control/config/bad_files.h"

#include "control/config/yaml_reader.h"

namespace sluice::config {

TEST_P(BadFile, IsReportedCompletely) {
  const auto model = read_text(GetParam().text, "t.yaml");

  ASSERT_FALSE(model.has_value());
  std::vector<std::string> problems;
  for (const Problem& problem : model.error()) {
    problems.push_back(problem.to_string());
  }
  EXPECT_EQ(problems, GetParam().problems);
}

}  // namespace sluice::config

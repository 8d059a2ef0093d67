// SPDX-License-Identifier: BSD-3-Clause
// The command line: what it takes, what it refuses, what its help teaches.
#include "control/options.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::control {
namespace {

tl::expected<Options, Answered> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "sluiced");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Options, HaveDefaults) {
  const auto options = parse({});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(*options, Options{});
  EXPECT_EQ(options->config_path, "/etc/sluice/sluice.yaml");
}

TEST(Options, TakeEveryOption) {
  const auto options = parse({"--config", "x.yaml", "--check", "--log-level=debug", "--log-target",
                              "file:/var/log/sluiced.log"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(*options,
            (Options{"x.yaml", true, LogLevel::kDebug, LogTarget::kFile, "/var/log/sluiced.log"}));
  EXPECT_EQ(parse({"-c", "y.yaml", "--log-target=syslog"})->log_target, LogTarget::kSyslog);
}

TEST(Options, RefuseMistakesWithExitCode2) {
  for (const std::vector<const char*>& arguments :
       std::vector<std::vector<const char*>>{{"--konfig", "x"},
                                             {"x.yaml"},
                                             {"--config"},
                                             {"--config="},
                                             {"--log-level", "loud"},
                                             {"--log-target", "file:"},
                                             {"--log-target", "printer"},
                                             {"--check=yes"},
                                             {"--check", "--check"},
                                             {"-x"}}) {
    const auto options = parse(arguments);
    ASSERT_FALSE(options.has_value()) << arguments[0];
    EXPECT_EQ(options.error().exit_code, kExitUsage) << arguments[0];
    EXPECT_NE(options.error().text.find("Try: sluiced --help"), std::string::npos);
  }
}

TEST(Options, SayWhatIsAllowed) {
  EXPECT_EQ(parse({"--log-level", "loud"}).error().text,
            "sluiced: --log-level: \"loud\" is not a level; allowed: trace, debug, info, warn, "
            "error\nTry: sluiced --help\n");
}

TEST(Options, TeachInHelp) {
  const auto answer = parse({"--help"});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().exit_code, kExitOk);
  for (const char* lesson :
       {"--config", "--check", "--log-level", "--log-target", "--version", "Examples:", "SIGHUP",
        "SIGTERM", "Exit codes:", "Files:", "/etc/sluice/sluice.yaml", "sluicectl"}) {
    EXPECT_NE(answer.error().text.find(lesson), std::string::npos) << lesson;
  }
}

TEST(Options, TellTheVersion) {
  const auto answer = parse({"--version"});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().exit_code, kExitOk);
  EXPECT_EQ(answer.error().text.rfind("sluiced ", 0), 0U);
}

}  // namespace
}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// The command line of sluiced. Control thread, before anything else.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace sluice::control {

// Exit codes of sluiced; --help lists them.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitBadConfiguration = 3;

enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarn, kError };
enum class LogTarget : uint8_t { kStderr, kSyslog, kFile };

/// What to run, when the command line asks to run something.
struct Options {
  std::string config_path = "/etc/sluice/sluice.yaml";
  bool check_only = false;
  LogLevel log_level = LogLevel::kInfo;
  LogTarget log_target = LogTarget::kStderr;
  std::string log_file;  // with LogTarget::kFile
  friend bool operator==(const Options&, const Options&) = default;
};

/// The command line was answered: print `text` (to stderr unless exit_code is 0) and exit.
struct Answered {
  int exit_code = kExitOk;
  std::string text;
};

/// Reads the command line.  Errors: --help, --version and mistakes, as what to print.
[[nodiscard]] tl::expected<Options, Answered> parse_options(int argc, const char* const* argv);

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Reading the command line with Boost.Program_options, and the help that teaches. Control thread.
#include "control/options.h"

#include <array>
#include <boost/program_options.hpp>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::control {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kIntroduction =
    R"(sluiced - a layer-4 load balancer ("director") of the LVS family on DPDK

It takes TCP, UDP and SCTP for virtual addresses (VIP) from its ports, chooses
a real server for each new session and passes the packets on, without the kernel's
network stack. Everything it does is said in one YAML file; sluicectl asks and
changes a running director.

Usage: sluiced [--config FILE] [--check] [--log-level LEVEL] [--log-target TARGET]

)";

constexpr std::string_view kLessons = R"(
Examples:
  sluiced --check --config new.yaml   list every mistake of a file, start nothing
  sudo sluiced --config lab.yaml      run in the foreground, log to stderr
  sluicectl status                    ask the running director how it is
  sluicectl diff new.yaml             see what a reload would change

Signals:
  SIGTERM, SIGINT  stop: ports closed, taps gone, exit code 0
  SIGHUP           read the file again; a bad file changes nothing and is logged

Exit codes:
  0  stopped as asked, or --check found no mistake
  1  could not start or go on; the last log line says why and what helps
  2  wrong command line
  3  bad configuration, each problem as file:line:column: key: what is wrong

Files:
  /etc/sluice/sluice.yaml   configuration; conf/sluice.example.yaml has every key
  /run/sluice/control.sock  control socket (director.control_socket.path)

CPU cores, memory and devices come from the dpdk: and ports: sections; no EAL
options are needed here (dpdk.extra_args passes some through).
)";

constexpr auto kLogLevels = std::to_array<std::pair<std::string_view, LogLevel>>({
    {"trace", LogLevel::kTrace},
    {"debug", LogLevel::kDebug},
    {"info", LogLevel::kInfo},
    {"warn", LogLevel::kWarn},
    {"error", LogLevel::kError},
});

po::options_description described_options() {
  const Options standard;
  po::options_description options("Options");
  options.add_options()  //
      ("config,c",
       po::value<std::string>()->value_name("FILE")->default_value(standard.config_path),
       "the configuration")                                                     //
      ("check", "read and check the configuration, then exit (0 good, 3 bad)")  //
      ("log-level", po::value<std::string>()->value_name("LEVEL")->default_value("info"),
       "trace, debug, info, warn or error")  //
      ("log-target", po::value<std::string>()->value_name("TARGET")->default_value("stderr"),
       "stderr, syslog or file:PATH")              //
      ("version,V", "print the version and exit")  //
      ("help,h", "print this text and exit");
  return options;
}

tl::unexpected<Answered> wrong(const std::string& what) {
  return tl::unexpected(Answered{kExitUsage, "sluiced: " + what + "\nTry: sluiced --help\n"});
}

std::optional<LogLevel> parse_level(std::string_view word) {
  for (const auto& [name, level] : kLogLevels) {
    if (name == word) {
      return level;
    }
  }
  return std::nullopt;
}

bool set_target(std::string_view word, Options& options) {
  constexpr std::string_view kFilePrefix = "file:";
  if (word == "stderr" || word == "syslog") {
    options.log_target = word == "stderr" ? LogTarget::kStderr : LogTarget::kSyslog;
    return true;
  }
  if (!word.starts_with(kFilePrefix) || word.size() == kFilePrefix.size()) {
    return false;
  }
  options.log_target = LogTarget::kFile;
  options.log_file = word.substr(kFilePrefix.size());
  return true;
}

tl::expected<Options, Answered> options_of(const po::variables_map& given) {
  Options options;
  options.config_path = given["config"].as<std::string>();
  options.check_only = given.contains("check");
  if (options.config_path.empty()) {
    return wrong("--config needs the path of a file");
  }
  const auto& level_word = given["log-level"].as<std::string>();
  const auto level = parse_level(level_word);
  if (!level) {
    return wrong("--log-level: \"" + level_word +
                 "\" is not a level; allowed: trace, debug, info, warn, error");
  }
  options.log_level = *level;
  const auto& target_word = given["log-target"].as<std::string>();
  if (!set_target(target_word, options)) {
    return wrong("--log-target: \"" + target_word +
                 "\" is not a target; allowed: stderr, syslog, file:PATH");
  }
  return options;
}

}  // namespace

tl::expected<Options, Answered> parse_options(int argc, const char* const* argv) {
  const po::options_description options = described_options();
  po::variables_map given;
  try {
    const po::positional_options_description no_positions;
    po::store(po::command_line_parser(argc, argv).options(options).positional(no_positions).run(),
              given);
  } catch (const po::too_many_positional_options_error&) {
    return wrong("takes options only; a configuration is given with --config FILE");
  } catch (const po::error& error) {
    return wrong(error.what());
  }
  if (given.contains("help")) {
    std::ostringstream text;
    text << kIntroduction << options << kLessons;
    return tl::unexpected(Answered{kExitOk, text.str()});
  }
  if (given.contains("version")) {
    return tl::unexpected(Answered{kExitOk, "sluiced " SLUICE_VERSION "\n"});
  }
  return options_of(given);
}

}  // namespace sluice::control

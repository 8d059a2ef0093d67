// SPDX-License-Identifier: BSD-3-Clause
// The command line of sluice-replay. Main thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/net/address.h"

namespace sluice::bench {

enum class Directions : uint8_t { kBoth, kToServerOnly };
enum class Load : uint8_t { kLiveSessions, kNewSessions };

struct ReplayOptions {
  std::vector<uint32_t> sessions;  // one measurement each
  net::Protocol protocol = net::Protocol::kUdp;
  Directions directions = Directions::kBoth;
  Load load = Load::kLiveSessions;
  uint32_t rounds = 7;
  uint32_t round_ms = 400;
  uint32_t memory_mb = 0;  // 0: as much as the largest measurement needs
  uint32_t cpu = 0;
  bool wants_small_pages = false;
  std::string pcap_path;      // empty: a temporary file, removed at the end
  std::string pages_in_json;  // set by main
};

/// What the command line asked for: options, or a text to print and an exit status.
struct CommandLine {
  ReplayOptions options;
  bool must_exit = false;
  int status = 0;
};

/// Prints help and errors itself.
CommandLine read_command_line(int argc, char** argv);

}  // namespace sluice::bench

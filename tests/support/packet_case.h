// SPDX-License-Identifier: BSD-3-Clause
// A packet test as a table row: name, configuration, packets in, packets out, counters.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/director.h"
#include "tests/support/frame.h"
#include "tests/support/world.h"

namespace sluice::test {

struct PortFrame {
  uint8_t port = 0;
  Frame frame;
  uint16_t queue = 0;  // where RSS would put it; of no meaning for packets out
};

struct ExpectedCount {
  dataplane::CounterId id;
  uint64_t value;
};

/// One moment of a case. Drop reasons and punt classes that `counters` does not name must not move.
struct Step {
  std::function<void(Director&)> before = {};  // a reload, a new route, time passing
  std::vector<PortFrame> in = {};              // one burst
  std::function<void(Director&)> act = {};     // instead of one poll of every worker
  std::vector<PortFrame> out = {};             // port by port, in order
  std::vector<Frame> to_kernel_control = {};
  std::vector<Frame> to_kernel = {};
  std::vector<ExpectedCount> counters = {};
};

struct PacketCase {
  std::string name;
  DirectorConfig config;
  std::vector<Step> steps;
};

/// Plays a case; every difference is a gtest failure. No packet buffer may stay behind.
void play(const PacketCase& packet_case);

/// For gtest's names and messages.
std::ostream& operator<<(std::ostream& stream, const PacketCase& packet_case);
std::string case_name(const PacketCase& packet_case);

/// `before` steps in words.
std::function<void(Director&)> wait_seconds(uint32_t seconds);
std::function<void(Director&)> poll_rounds(uint32_t rounds);
std::function<void(Director&)> reload(std::vector<snapshot::ServiceSpec> services);

}  // namespace sluice::test

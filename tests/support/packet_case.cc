// SPDX-License-Identifier: BSD-3-Clause
// Playing the rows of packet tables. Tests.
#include "tests/support/packet_case.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <ostream>

namespace sluice::test {
namespace {

using CounterValues = std::array<uint64_t, dataplane::kCounterCount>;

CounterValues read_counters(const Director& director) {
  CounterValues values{};
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = director.count(static_cast<dataplane::CounterId>(i));
  }
  return values;
}

bool must_be_named(size_t counter) {
  const std::string_view name = dataplane::kCounterInfo[counter].name;
  return name.starts_with("drop_") || name.starts_with("punt_");
}

void expect_counters(const Step& step, const CounterValues& before, const CounterValues& after) {
  for (size_t i = 0; i < after.size(); ++i) {
    const auto named = std::find_if(
        step.counters.begin(), step.counters.end(),
        [i](const ExpectedCount& expected) { return static_cast<size_t>(expected.id) == i; });
    if (named != step.counters.end()) {
      EXPECT_EQ(after[i] - before[i], named->value) << dataplane::kCounterInfo[i].name;
    } else if (must_be_named(i)) {
      EXPECT_EQ(after[i] - before[i], 0U) << dataplane::kCounterInfo[i].name;
    }
  }
}

void expect_frames(const std::string& where, const std::vector<Frame>& expected,
                   const std::vector<Frame>& actual) {
  EXPECT_EQ(expected.size(), actual.size()) << where << ": number of packets";
  for (size_t i = 0; i < std::min(expected.size(), actual.size()); ++i) {
    EXPECT_EQ(expected[i], actual[i])
        << where << ", packet " << i << "\nexpected:" << to_hex(expected[i])
        << "\nactual:" << to_hex(actual[i]);
  }
  for (size_t i = expected.size(); i < actual.size(); ++i) {
    ADD_FAILURE() << where << ": not expected:" << to_hex(actual[i]);
  }
}

std::vector<Frame> expected_on(const Step& step, uint8_t port) {
  std::vector<Frame> frames;
  for (const PortFrame& out : step.out) {
    if (out.port == port) {
      frames.push_back(out.frame);
    }
  }
  return frames;
}

void play_step(Director& director, const Step& step, uint32_t ports) {
  if (step.before) {
    step.before(director);
  }
  const CounterValues before = read_counters(director);
  for (const PortFrame& in : step.in) {
    director.send(in.port, in.frame, in.queue);
  }
  if (step.act) {
    step.act(director);
  } else {
    director.poll();
  }
  expect_counters(step, before, read_counters(director));
  for (uint8_t port = 0; port < ports; ++port) {
    expect_frames("port " + std::to_string(port), expected_on(step, port),
                  director.take_sent(port));
  }
  expect_frames("kernel, control", step.to_kernel_control, director.take_punted_control());
  expect_frames("kernel", step.to_kernel, director.take_punted_other());
}

}  // namespace

void play(const PacketCase& packet_case) {
  Director director(packet_case.config);
  for (size_t i = 0; i < packet_case.steps.size(); ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    play_step(director, packet_case.steps[i], packet_case.config.ports);
  }
  EXPECT_EQ(director.buffers_in_use(), 0U) << "packet buffers leaked";
}

std::ostream& operator<<(std::ostream& stream, const PacketCase& packet_case) {
  return stream << packet_case.name;
}

std::string case_name(const PacketCase& packet_case) { return packet_case.name; }

std::function<void(Director&)> wait_seconds(uint32_t seconds) {
  return [seconds](Director& director) { director.advance_seconds(seconds); };
}

std::function<void(Director&)> poll_rounds(uint32_t rounds) {
  return [rounds](Director& director) { director.poll(rounds); };
}

std::function<void(Director&)> reload(std::vector<snapshot::ServiceSpec> services) {
  return [services](Director& director) { director.install(services); };
}

}  // namespace sluice::test

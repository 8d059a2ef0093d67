// SPDX-License-Identifier: BSD-3-Clause
// Parsing and rewriting 64-byte frames that lie in the first-level cache. Main thread.
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/support/traffic.h"
#include "lib/net/parse.h"
#include "lib/net/rewrite.h"

namespace sluice::bench {
namespace {

constexpr net::Endpoint kVip{net::Ipv4::from_host(0xC0000201), net::Be16::from_host(80)};
constexpr net::Mac kMac{{2, 0, 0, 0, 0, 1}};
constexpr uint32_t kFrames = 32;  // a burst

std::vector<Frame> some_frames(net::Protocol protocol) {
  std::vector<Frame> frames;
  for (uint32_t i = 0; i < kFrames; ++i) {
    frames.push_back(make_frame(client_flow(i, kVip, protocol), kMac, 0x10));
  }
  return frames;
}

void report_per_packet(benchmark::State& state) {
  state.counters["s_per_packet"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kFrames,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void parse_frames(benchmark::State& state, net::Protocol protocol) {
  const auto frames = some_frames(protocol);
  net::FlowKey4 key;
  net::FlowKey6 key6;
  net::PacketFields fields;
  // By address: DoNotOptimize(key) would load the key whole right after its fields were stored.
  benchmark::DoNotOptimize(&key);
  benchmark::DoNotOptimize(&fields);
  for (auto _ : state) {
    for (const Frame& frame : frames) {
      const auto verdict =
          net::parse(frame.data(), kFrameBytes, kFrameBytes, kMac, key, key6, fields);
      if (verdict != net::ParseVerdict::kFlow) {
        return state.SkipWithError("a frame was not parsed");
      }
      benchmark::ClobberMemory();
    }
  }
  report_per_packet(state);
}
BENCHMARK_CAPTURE(parse_frames, udp, net::Protocol::kUdp);
BENCHMARK_CAPTURE(parse_frames, tcp, net::Protocol::kTcp);

void rewrite_frames(benchmark::State& state, net::Protocol protocol) {
  auto frames = some_frames(protocol);
  const net::FlowKey4 before = client_flow(0, kVip, protocol);
  const auto rewrite = net::Rewrite::between(before, turned_around(before));
  for (auto _ : state) {
    for (Frame& frame : frames) {
      net::apply_rewrite(rewrite, frame.data() + net::kEthernetBytes, frame.data() + 34, protocol);
    }
    benchmark::ClobberMemory();
  }
  report_per_packet(state);
}
BENCHMARK_CAPTURE(rewrite_frames, udp, net::Protocol::kUdp);
BENCHMARK_CAPTURE(rewrite_frames, tcp, net::Protocol::kTcp);

}  // namespace
}  // namespace sluice::bench

// SPDX-License-Identifier: BSD-3-Clause
// Checksums of a 20-byte IPv4 header: applying a session's delta beside summing anew. Main thread.
#include <benchmark/benchmark.h>
#include <rte_ip.h>

#include <array>

#include "bench/support/traffic.h"
#include "lib/net/checksum.h"

namespace sluice::bench {
namespace {

constexpr net::Endpoint kVip{net::Ipv4::from_host(0xC0000201), net::Be16::from_host(80)};
constexpr size_t kIpOffset = 14;

Frame some_frame() { return make_frame(client_flow(7, kVip, net::Protocol::kUdp), net::Mac{}, 0); }

void apply_delta(benchmark::State& state) {
  net::ChecksumDelta delta;
  delta.change32(0x0A000001, 0xC6120001).change32(0xC0000201, 0xC6120101).decrement_ttl();
  uint16_t checksum = 0x1234;
  for (auto _ : state) {
    checksum = delta.apply(checksum);
    benchmark::DoNotOptimize(checksum);
  }
}
BENCHMARK(apply_delta)->Name("delta/apply");

void apply_delta_udp(benchmark::State& state) {
  net::ChecksumDelta delta;
  delta.change32(0x0A000001, 0xC6120001).change16(80, 8'080);
  uint16_t checksum = 0x1234;
  for (auto _ : state) {
    checksum = delta.apply_udp(checksum);
    benchmark::DoNotOptimize(checksum);
  }
}
BENCHMARK(apply_delta_udp)->Name("delta/apply_udp");

void compute_delta(benchmark::State& state) {
  uint32_t before = 0x0A000001;
  for (auto _ : state) {
    net::ChecksumDelta delta;
    delta.change32(before, 0xC6120001).change32(0xC0000201, 0xC6120101).decrement_ttl();
    benchmark::DoNotOptimize(delta);
    benchmark::DoNotOptimize(++before);
  }
}
BENCHMARK(compute_delta)->Name("delta/compute_for_a_session");

void sum_header(benchmark::State& state) {
  Frame frame = some_frame();
  for (auto _ : state) {
    benchmark::DoNotOptimize(frame.data());
    benchmark::ClobberMemory();
    const uint16_t sum = net::sum_words({frame.data() + kIpOffset, sizeof(rte_ipv4_hdr)});
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(sum_header)->Name("full/sum_words");

void sum_header_dpdk(benchmark::State& state) {
  Frame frame = some_frame();
  for (auto _ : state) {
    benchmark::DoNotOptimize(frame.data());
    benchmark::ClobberMemory();
    const uint16_t sum =
        rte_ipv4_cksum(reinterpret_cast<const rte_ipv4_hdr*>(frame.data() + kIpOffset));
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(sum_header_dpdk)->Name("dpdk/rte_ipv4_cksum");

}  // namespace
}  // namespace sluice::bench

// SPDX-License-Identifier: BSD-3-Clause
// sluice-replay: measures the real worker on replayed packets. Main thread only.
#include <rte_mbuf.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/replay/options.h"
#include "bench/replay/replay.h"
#include "bench/support/bench_eal.h"
#include "dataplane/eal.h"

namespace sluice::bench {
namespace {

/// Removes a file of ours when it goes.
struct TemporaryFile {
  std::string path;
  ~TemporaryFile() {
    if (!path.empty()) {
      std::remove(path.c_str());
    }
  }
};

std::string make_temporary_file() {
  std::string path = "/tmp/sluice-replay-XXXXXX";
  const int file = mkstemp(path.data());
  if (file >= 0) {
    close(file);
  }
  return path;
}

MempoolPtr make_packets(const ReplayOptions& options, uint32_t most_sessions) {
  // Small buffers: a million preloaded packets would otherwise need gigabytes.
  constexpr uint16_t kDataBytes = RTE_PKTMBUF_HEADROOM + 128;
  constexpr uint32_t kCache = 256;
  constexpr uint32_t kInFlight = 4'096;
  const uint32_t count = replayed_packets(options, most_sessions) + kInFlight;
  return MempoolPtr(
      rte_pktmbuf_pool_create("packets", count, kCache, 0, kDataBytes, SOCKET_ID_ANY));
}

int run(ReplayOptions options) {
  TemporaryFile temporary;
  if (options.pcap_path.empty()) {
    options.pcap_path = temporary.path = make_temporary_file();
  }
  const uint32_t most = *std::max_element(options.sessions.begin(), options.sessions.end());
  const uint32_t megabytes =
      options.memory_mb != 0 ? options.memory_mb : needed_megabytes(options, most);
  const Pages pages = options.wants_small_pages ? Pages::kSmall : choose_pages(megabytes);
  options.pages_in_json = to_string(pages);
  auto eal = dataplane::Eal::start(eal_arguments(megabytes, pages, options.cpu));
  if (!eal) {
    std::cerr << "sluice-replay: " << eal.error().message << '\n';
    return 1;
  }
  const MempoolPtr packets = make_packets(options, most);
  if (!packets) {
    std::cerr << "sluice-replay: not enough DPDK memory for the packets: raise --memory-mb\n";
    return 1;
  }
  for (const uint32_t sessions : options.sessions) {
    const auto result = measure(options, sessions, packets.get());
    if (!result) {
      std::cerr << "sluice-replay: at " << sessions << " sessions: " << result.error().message
                << '\n';
      return 1;
    }
    std::cout << result->dump() << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  const auto line = sluice::bench::read_command_line(argc, argv);
  return line.must_exit ? line.status : sluice::bench::run(line.options);
}

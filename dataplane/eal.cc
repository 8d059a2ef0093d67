// SPDX-License-Identifier: BSD-3-Clause
// Starting and cleaning up the DPDK environment. Control thread.
#include "dataplane/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <utility>

namespace sluice::dataplane {

Result<Eal> Eal::start(std::vector<std::string> arguments) {
  Eal eal(std::move(arguments));
  std::vector<char*> argv;
  for (std::string& argument : eal.arguments_) {
    argv.push_back(argument.data());
  }
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    return fail(std::string("DPDK did not start: ") + rte_strerror(rte_errno));
  }
  eal.is_running_ = true;
  return eal;
}

Eal::Eal(Eal&& other) noexcept
    : arguments_(std::move(other.arguments_)),
      is_running_(std::exchange(other.is_running_, false)) {}

Eal::~Eal() {
  if (is_running_) {
    rte_eal_cleanup();
  }
}

Result<MempoolPtr> make_packet_buffers(uint32_t count, uint32_t frame_bytes, uint32_t workers) {
  constexpr uint32_t kCachePerLcore = 256;
  const auto data_bytes =
      static_cast<uint16_t>(RTE_PKTMBUF_HEADROOM + packet_room_bytes(frame_bytes));
  // Caches of all lcores together must leave most buffers to the ports.
  const uint32_t cache = std::min(kCachePerLcore, count / (4 * (workers + 1)));
  MempoolPtr pool(
      rte_pktmbuf_pool_create("packet_buffers", count, cache, 0, data_bytes, SOCKET_ID_ANY));
  if (!pool) {
    return fail("not enough DPDK memory for " + std::to_string(count) + " packet buffers (" +
                std::to_string(static_cast<uint64_t>(count) * (data_bytes + 256) >> 20) +
                " MiB): raise dpdk.memory_mb or lower limits.packet_buffers");
  }
  return pool;
}

}  // namespace sluice::dataplane

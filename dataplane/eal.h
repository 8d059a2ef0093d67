// SPDX-License-Identifier: BSD-3-Clause
// The DPDK environment as a scope: started once, cleaned up at the end. Control thread.
#pragma once

#include <rte_mempool.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/dpdk_ptr.h"
#include "lib/base/result.h"

namespace sluice::dataplane {

/// Starts the EAL with `arguments` (the program's name first) and cleans it up when destroyed.
/// The calling thread becomes the main lcore.
class Eal {
 public:
  /// Errors: the EAL's own reason; its log has more.
  static Result<Eal> start(std::vector<std::string> arguments);

  Eal(Eal&& other) noexcept;
  Eal& operator=(Eal&&) = delete;
  ~Eal();

 private:
  explicit Eal(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}

  std::vector<std::string> arguments_;  // the EAL keeps pointers into them
  bool is_running_ = false;
};

/// How many bytes of a frame a packet buffer holds when the largest frame has `frame_bytes`: more,
/// as several NICs use whole KiB of a buffer only and would split the frame.
[[nodiscard]] constexpr uint32_t packet_room_bytes(uint32_t frame_bytes) {
  constexpr uint32_t kUnit = 1'024, kSmallest = 2'048;
  return std::max(kSmallest, (frame_bytes + kUnit - 1) / kUnit * kUnit);
}

/// The packet buffers shared by all ports and workers; each holds a frame of `frame_bytes` in one
/// piece.  Errors: not enough DPDK memory, with the amount.
Result<MempoolPtr> make_packet_buffers(uint32_t count, uint32_t frame_bytes, uint32_t workers);

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// The DPDK environment as a scope: started once, cleaned up at the end. Control thread.
#pragma once

#include <rte_mempool.h>

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

/// The packet buffers shared by all ports and workers.
/// Errors: not enough DPDK memory, with the amount.
Result<MempoolPtr> make_packet_buffers(uint32_t count, uint16_t mtu, uint32_t workers);

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// Carries frames between the workers' rings and the taps, unchanged. Control thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "control/kernel/kernel.h"
#include "control/kernel/tap.h"

namespace sluice::control {

/// Moves a bounded number of frames each way a call, so that the control loop stays responsive.
/// mbufs for reading are kept from call to call: an idle poll costs one read(2) a tap.
class TapExchange {
 public:
  static constexpr uint32_t kMaxPerCall = 256;  // each way

  /// Owner: `exchange` and `counters` outlive this.
  TapExchange(const PacketExchange& exchange, KernelCounters& counters);
  ~TapExchange();
  TapExchange(const TapExchange&) = delete;
  TapExchange& operator=(const TapExchange&) = delete;

  /// Serves `tap`, the twin of `port`, whose index is the number of those added before; the tap
  /// stays in its owner's hands.
  /// Errors: a frame of that MTU needs more segments than we chain (16).
  Status add_tap(Tap& tap, const KernelPort& port);

  /// Returns how many frames moved or were dropped.
  uint32_t run();

 private:
  static constexpr uint32_t kMaxSegments = 16;
  static constexpr uint32_t kFrameOverhead = 18;  // Ethernet header and one VLAN tag

  struct Twin {
    Tap* tap;
    uint32_t max_frame_bytes;
  };

  uint32_t run_to_kernel();
  void write_to_tap(rte_mbuf* packet);
  uint32_t run_from_kernel();
  bool read_from_tap(size_t port);
  bool fill_spare(uint32_t segments);
  rte_mbuf* take_frame(uint32_t size);

  const PacketExchange& exchange_;
  KernelCounters& counters_;
  uint32_t segment_bytes_ = 0;
  std::vector<Twin> twins_;
  std::vector<rte_mbuf*> spare_;  // empty mbufs for the next frame
  size_t first_twin_ = 0;         // takes turns, so that no tap starves the others
};

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// The one port of a replayed worker: first a pair of rings to open sessions through, then a pcap
// file that repeats for ever. Main thread.
#pragma once

#include <rte_mbuf.h>

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dataplane/port.h"
#include "lib/base/dpdk_ptr.h"
#include "lib/base/result.h"

namespace sluice::bench {

/// A worker knows its ports by number, so the pcap device can take the place of the ring device
/// between two polls: it gets the same number, the lowest free one.
class ReplayPort {
 public:
  /// `packets` outlives the port.
  explicit ReplayPort(rte_mempool* packets) : packets_(packets) {}
  ~ReplayPort();

  /// Opens the ring device.
  Status open_rings();
  /// Closes the ring device, if open, and opens `pcap_path` in its place.
  Status open_pcap(const std::string& pcap_path);

  /// Puts a frame where the worker receives it. Rings only.
  Status feed(std::span<const uint8_t> frame);
  /// A packet the worker has sent, or null; the caller frees it. Rings only.
  rte_mbuf* take_sent();

  [[nodiscard]] const dataplane::Port& port() const { return *port_; }

 private:
  Status open(const std::string& device, uint16_t mtu);
  void close();

  rte_mempool* packets_;
  RingPtr to_worker_;
  RingPtr from_worker_;
  std::optional<dataplane::Port> port_;
  const char* device_ = nullptr;  // plugged in now
};

}  // namespace sluice::bench

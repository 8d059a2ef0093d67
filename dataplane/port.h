// SPDX-License-Identifier: BSD-3-Clause
// One Ethernet port of DPDK: configured, started, and stopped when its owner lets go.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <string>

#include "dataplane/rss.h"
#include "lib/base/result.h"
#include "lib/net/address.h"

namespace sluice::dataplane {

struct PortConfig {
  uint16_t dpdk_port = 0;
  std::string name;     // for messages
  uint16_t queues = 1;  // receive and transmit queue pairs: one per worker
  uint16_t mtu = 1500;
  uint16_t rx_descriptors = 1024;
  uint16_t tx_descriptors = 1024;
};

/// What the device counted since it was started.
struct PortStatistics {
  uint64_t rx_packets = 0;
  uint64_t tx_packets = 0;
  uint64_t rx_missed = 0;  // no descriptor or buffer was free
  uint64_t rx_errors = 0;
  uint64_t tx_errors = 0;
};

/// A started port with `queues` queue pairs; queue i belongs to worker i.
/// Thread: created and destroyed by the control thread, queues polled by their workers.
class Port {
 public:
  /// Errors: device refuses the queues or MTU, with its limits in the message.
  static Result<Port> open(const PortConfig& config, rte_mempool* packet_buffers);

  Port(Port&& other) noexcept;
  Port& operator=(Port&&) = delete;
  ~Port();  // stops and closes the device

  [[nodiscard]] uint16_t dpdk_port() const { return dpdk_port_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const net::Mac& mac() const { return mac_; }
  [[nodiscard]] uint16_t mtu() const { return mtu_; }
  [[nodiscard]] uint16_t queues() const { return queues_; }
  /// How the device spreads flows over several queues.
  [[nodiscard]] const Rss& rss() const { return rss_; }
  [[nodiscard]] bool is_link_up() const;
  [[nodiscard]] PortStatistics statistics() const;

 private:
  Port() = default;

  static constexpr uint16_t kClosed = UINT16_MAX;
  uint16_t dpdk_port_ = kClosed;
  uint16_t mtu_ = 0;
  uint16_t queues_ = 0;
  Rss rss_;
  std::string name_;
  net::Mac mac_;
};

/// The DPDK port number of a device name or PCI address.  Errors: no such device.
Result<uint16_t> find_port(const std::string& device);

}  // namespace sluice::dataplane

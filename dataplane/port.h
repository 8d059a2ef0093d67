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
  bool has_vlans = false;  // frames may be longer by a tag
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

/// A VLAN of an open port.
struct VlanConfig {
  std::string name;
  uint16_t vlan = 0;  // 1..4094
  uint16_t mtu = 1500;
};

/// A started port with `queues` queue pairs; queue i belongs to worker i. A VLAN of another port
/// has that one's queues, MAC address and link. Thread: created and destroyed by the control
/// thread, queues polled by their workers.
class Port {
 public:
  /// Errors: device refuses the queues or MTU, with its limits in the message.
  static Result<Port> open(const PortConfig& config, rte_mempool* packet_buffers);

  /// Owner: the device stays `parent`'s, which outlives the VLAN.
  static Port open_vlan(const Port& parent, const VlanConfig& config);

  Port(Port&& other) noexcept;
  Port& operator=(Port&&) = delete;
  ~Port();  // stops and closes the device, unless it is another port's

  [[nodiscard]] uint16_t dpdk_port() const { return dpdk_port_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const net::Mac& mac() const { return mac_; }
  [[nodiscard]] uint16_t mtu() const { return mtu_; }
  /// What frames of this port are tagged with; 0: not at all.
  [[nodiscard]] uint16_t vlan() const { return vlan_; }
  [[nodiscard]] uint16_t queues() const { return queues_; }
  /// How the device spreads flows over several queues.
  [[nodiscard]] const Rss& rss() const { return rss_; }
  [[nodiscard]] bool is_link_up() const;
  /// Of the device, and so of all its VLANs together.
  [[nodiscard]] PortStatistics statistics() const;

 private:
  Port() = default;

  static constexpr uint16_t kClosed = UINT16_MAX;
  uint16_t dpdk_port_ = kClosed;
  uint16_t mtu_ = 0;
  uint16_t vlan_ = 0;
  uint16_t queues_ = 0;
  Rss rss_;
  std::string name_;
  net::Mac mac_;
};

/// The DPDK port number of a device name or PCI address.  Errors: no such device.
Result<uint16_t> find_port(const std::string& device);

}  // namespace sluice::dataplane

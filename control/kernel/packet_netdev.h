// SPDX-License-Identifier: BSD-3-Clause
// Keeps the kernel's own stack off a netdev that DPDK drives through net_af_packet. Control thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/kernel/netlink.h"
#include "lib/base/result.h"

namespace sluice::control {

/// A packet socket only gets copies: the kernel still sees every frame of the netdev. As our taps
/// hold the addresses, it would answer ARP there with the netdev's MAC and reset connections it
/// does not know. So the frames are dropped at the netdev's ingress hook, behind the packet socket
/// (nftables table `netdev sluice_<name>`); where the kernel lacks nf_tables, sysctls keep it quiet
/// as far as they can. Besides: offloads off (a frame of DPDK is what the wire carries), all
/// multicast and foreign MACs received (VRRP, OSPF), IPv6 off, an MTU not below the port's, link
/// up.
///
/// A killed daemon leaves the table behind; the next start replaces it.
class PacketNetdev {
 public:
  /// Errors: no such netdev; it carries an address (which would stop working); `mtu` is too much.
  /// What is done less well than it should be goes to `warnings`.
  static Result<PacketNetdev> open(const std::string& name, uint16_t mtu, NetlinkRequests& requests,
                                   std::vector<std::string>& warnings);

  PacketNetdev(PacketNetdev&& other) noexcept;
  PacketNetdev& operator=(PacketNetdev&&) = delete;
  ~PacketNetdev();

  [[nodiscard]] static std::string table_name(const std::string& netdev);

 private:
  explicit PacketNetdev(std::string name) : name_(std::move(name)) {}

  Status receive_everything(int interface);
  void keep_kernel_off(std::vector<std::string>& warnings);

  std::string name_;       // empty: moved from
  int reception_fd_ = -1;  // promiscuous as long as this packet socket is open
  bool has_table_ = false;
};

}  // namespace sluice::control

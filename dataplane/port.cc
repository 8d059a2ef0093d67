// SPDX-License-Identifier: BSD-3-Clause
// Configuring and closing Ethernet devices. Control thread.
#include "dataplane/port.h"

#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace sluice::dataplane {
namespace {

std::string reason(int error) { return std::string(rte_strerror(error < 0 ? -error : error)); }

// The MTU to ask of the device. Most drivers count a VLAN tag to the Ethernet header; of the others
// a larger MTU is asked for. A packet socket takes frames of any size its ring has room for, but
// names 1518 bytes as its limit.
uint32_t device_mtu(const PortConfig& config, const rte_eth_dev_info& info) {
  constexpr uint32_t kTaggedHeader = RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN + RTE_ETHER_CRC_LEN;
  if (info.driver_name != nullptr && std::string_view(info.driver_name) == "net_af_packet") {
    return std::min<uint32_t>(config.mtu, RTE_ETHER_MTU);
  }
  const bool says_header = info.max_mtu != UINT16_MAX && info.max_rx_pktlen > info.max_mtu;
  const bool counts_tag = !says_header || info.max_rx_pktlen - info.max_mtu >= kTaggedHeader;
  return config.mtu + (config.has_vlans && !counts_tag ? RTE_VLAN_HLEN : 0U);
}

rte_eth_conf device_configuration(const PortConfig& config, const rte_eth_dev_info& info,
                                  const Rss& rss) {
  rte_eth_conf device{};
  device.rxmode.mtu = device_mtu(config, info);
  if (config.queues > 1) {
    request(rss, device);
  }
  return device;
}

Status set_up_queues(const PortConfig& config, rte_mempool* packet_buffers) {
  uint16_t rx_descriptors = config.rx_descriptors;
  uint16_t tx_descriptors = config.tx_descriptors;
  if (const int error =
          rte_eth_dev_adjust_nb_rx_tx_desc(config.dpdk_port, &rx_descriptors, &tx_descriptors);
      error != 0) {
    return fail("port " + config.name + ": cannot size its queues: " + reason(error));
  }
  for (uint16_t queue = 0; queue < config.queues; ++queue) {
    int error = rte_eth_rx_queue_setup(config.dpdk_port, queue, rx_descriptors, SOCKET_ID_ANY,
                                       nullptr, packet_buffers);
    if (error == 0) {
      error =
          rte_eth_tx_queue_setup(config.dpdk_port, queue, tx_descriptors, SOCKET_ID_ANY, nullptr);
    }
    if (error != 0) {
      return fail("port " + config.name + ": cannot set up queue " + std::to_string(queue) + ": " +
                  reason(error));
    }
  }
  return {};
}

// Virtual devices answer -ENOTSUP to some of these; a director must hear multicast (VRRP, OSPF)
// and, for virtual MACs, everything. What it must not forward it drops by destination MAC.
void hear_everything(uint16_t dpdk_port) {
  rte_eth_promiscuous_enable(dpdk_port);
  rte_eth_allmulticast_enable(dpdk_port);
}

}  // namespace

Result<Port> Port::open(const PortConfig& config, rte_mempool* packet_buffers) {
  rte_eth_dev_info info{};
  if (const int error = rte_eth_dev_info_get(config.dpdk_port, &info); error != 0) {
    return fail("port " + config.name + ": cannot read the device: " + reason(error));
  }
  const uint16_t queues = std::min(info.max_rx_queues, info.max_tx_queues);
  if (queues < config.queues) {
    return fail("port " + config.name + ": has " + std::to_string(queues) + " queue pairs, but " +
                std::to_string(config.queues) + " workers need one each: lower director.workers");
  }
  const Rss rss = rss_of(info);
  const rte_eth_conf device = device_configuration(config, info, rss);
  if (const int error =
          rte_eth_dev_configure(config.dpdk_port, config.queues, config.queues, &device);
      error != 0) {
    return fail("port " + config.name + ": refuses " + std::to_string(config.queues) +
                " queues with MTU " + std::to_string(config.mtu) +
                " (allowed: " + std::to_string(info.min_mtu) + ".." + std::to_string(info.max_mtu) +
                "): " + reason(error));
  }
  Port port;
  port.dpdk_port_ = config.dpdk_port;  // from here on the destructor closes the device
  port.name_ = config.name;
  port.mtu_ = config.mtu;
  port.queues_ = config.queues;
  port.rss_ = rss;
  if (auto status = set_up_queues(config, packet_buffers); !status) {
    return tl::unexpected(status.error());
  }
  if (const int error = rte_eth_dev_start(config.dpdk_port); error != 0) {
    return fail("port " + config.name + ": cannot start: " + reason(error));
  }
  if (config.queues > 1) {
    read_table(config.dpdk_port, port.rss_);
  }
  hear_everything(config.dpdk_port);
  rte_ether_addr mac{};
  rte_eth_macaddr_get(config.dpdk_port, &mac);
  std::copy_n(mac.addr_bytes, port.mac_.bytes.size(), port.mac_.bytes.begin());
  return port;
}

Port Port::open_vlan(const Port& parent, const VlanConfig& config) {
  Port port;
  port.dpdk_port_ = parent.dpdk_port_;
  port.name_ = config.name;
  port.mtu_ = config.mtu;
  port.vlan_ = config.vlan;
  port.queues_ = parent.queues_;
  port.rss_ = parent.rss_;
  port.mac_ = parent.mac_;
  return port;
}

Port::Port(Port&& other) noexcept
    : dpdk_port_(std::exchange(other.dpdk_port_, kClosed)),
      mtu_(other.mtu_),
      vlan_(other.vlan_),
      queues_(other.queues_),
      rss_(std::move(other.rss_)),
      name_(std::move(other.name_)),
      mac_(other.mac_) {}

Port::~Port() {
  if (dpdk_port_ != kClosed && vlan_ == 0) {
    rte_eth_dev_stop(dpdk_port_);
    rte_eth_dev_close(dpdk_port_);
  }
}

bool Port::is_link_up() const {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(dpdk_port_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

PortStatistics Port::statistics() const {
  rte_eth_stats device{};
  rte_eth_stats_get(dpdk_port_, &device);
  return {.rx_packets = device.ipackets,
          .tx_packets = device.opackets,
          .rx_missed = device.imissed,
          .rx_errors = device.ierrors,
          .tx_errors = device.oerrors};
}

Result<uint16_t> find_port(const std::string& device) {
  const std::string name = device.substr(0, device.find(','));
  uint16_t dpdk_port = 0;
  if (rte_eth_dev_get_port_by_name(name.c_str(), &dpdk_port) != 0) {
    return fail("no DPDK device " + name +
                ": is it bound (dpdk-devbind.py --status) and spelt "
                "as in the dpdk log?");
  }
  return dpdk_port;
}

}  // namespace sluice::dataplane

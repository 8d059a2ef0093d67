// SPDX-License-Identifier: BSD-3-Clause
// Ring and pcap devices under one port number. Main thread.
#include "bench/replay/replay_port.h"

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>

#include <cstring>
#include <utility>

namespace sluice::bench {
namespace {

constexpr uint32_t kRingSize = 256;
constexpr const char* kRingDevice = "net_ring_feed";
constexpr const char* kPcapDevice = "net_pcap0";
constexpr uint16_t kMtu = 1'500;

}  // namespace

ReplayPort::~ReplayPort() { close(); }

void ReplayPort::close() {
  port_.reset();
  if (device_ != nullptr) {
    rte_eal_hotplug_remove("vdev", std::exchange(device_, nullptr));
  }
}

Status ReplayPort::open(const std::string& device, uint16_t mtu) {
  const auto number = dataplane::find_port(device);
  if (!number) {
    return tl::unexpected(number.error());
  }
  auto port = dataplane::Port::open({.dpdk_port = *number, .name = device, .mtu = mtu}, packets_);
  if (!port) {
    return tl::unexpected(port.error());
  }
  port_.emplace(std::move(*port));
  return {};
}

Status ReplayPort::open_rings() {
  constexpr unsigned kFlags = RING_F_SP_ENQ | RING_F_SC_DEQ;
  to_worker_.reset(rte_ring_create("to_worker", kRingSize, SOCKET_ID_ANY, kFlags));
  from_worker_.reset(rte_ring_create("from_worker", kRingSize, SOCKET_ID_ANY, kFlags));
  if (!to_worker_ || !from_worker_) {
    return fail("not enough DPDK memory for the feeding rings");
  }
  rte_ring* rx = to_worker_.get();
  rte_ring* tx = from_worker_.get();
  if (rte_eth_from_rings("feed", &rx, 1, &tx, 1, 0) < 0) {
    return fail(std::string("net_ring: ") + rte_strerror(rte_errno));
  }
  device_ = kRingDevice;
  return open(kRingDevice, kMtu);
}

Status ReplayPort::open_pcap(const std::string& pcap_path) {
  std::optional<uint16_t> number;
  if (port_) {
    number = port_->dpdk_port();
    close();
  }
  const std::string arguments = "rx_pcap=" + pcap_path + ",infinite_rx=1";
  if (const int error = rte_eal_hotplug_add("vdev", kPcapDevice, arguments.c_str()); error != 0) {
    return fail("net_pcap with " + pcap_path + ": " + rte_strerror(-error));
  }
  device_ = kPcapDevice;
  if (auto status = open(kPcapDevice, kMtu); !status) {
    return status;
  }
  if (number && port_->dpdk_port() != *number) {
    return fail("net_pcap did not get the port number of the ring device");
  }
  return {};
}

Status ReplayPort::feed(std::span<const uint8_t> frame) {
  rte_mbuf* packet = rte_pktmbuf_alloc(packets_);
  if (packet == nullptr) {
    return fail("no packet buffer left to open sessions with");
  }
  std::memcpy(rte_pktmbuf_append(packet, static_cast<uint16_t>(frame.size())), frame.data(),
              frame.size());
  if (rte_ring_sp_enqueue(to_worker_.get(), packet) != 0) {
    rte_pktmbuf_free(packet);
    return fail("the feeding ring is full");
  }
  return {};
}

rte_mbuf* ReplayPort::take_sent() {
  void* packet = nullptr;
  return rte_ring_sc_dequeue(from_worker_.get(), &packet) == 0 ? static_cast<rte_mbuf*>(packet)
                                                               : nullptr;
}

}  // namespace sluice::bench

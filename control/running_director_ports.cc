// SPDX-License-Identifier: BSD-3-Clause
// Opening the running director's devices, their VLANs and the packet buffers. Control thread.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "control/running_director.h"
#include "control/sizing.h"
#include "dataplane/eal.h"

namespace sluice::control {

Status RunningDirector::open_ports() {
  auto buffers = dataplane::make_packet_buffers(
      packet_buffer_count(model_), largest_frame_bytes(model_), model_.director.workers);
  if (!buffers) {
    return tl::unexpected(buffers.error());
  }
  packet_buffers_ = std::move(*buffers);
  for (const config::Port& port : model_.ports) {
    if (port.is_vlan()) {
      open_vlan(port);
    } else if (auto status = open_device(port); !status) {
      return status;
    }
  }
  link_is_up_.assign(ports_.size(), true);
  return {};
}

Status RunningDirector::open_device(const config::Port& port) {
  const auto dpdk_port = dataplane::find_port(port.device);
  if (!dpdk_port) {
    return fail("port " + port.name + ": " + dpdk_port.error().message);
  }
  auto opened = dataplane::Port::open(
      {.dpdk_port = *dpdk_port,
       .name = port.name,
       .queues = static_cast<uint16_t>(model_.director.workers),
       .mtu = port.mtu,
       .has_vlans = std::ranges::count(model_.ports, port.name, &config::Port::parent) != 0},
      packet_buffers_.get());
  if (!opened) {
    return tl::unexpected(opened.error());
  }
  spdlog::info("port {}: {} with {} queues, MAC {}, MTU {}", port.name, port.device,
               opened->queues(), opened->mac().to_string(), opened->mtu());
  ports_.push_back(std::move(*opened));
  return {};
}

void RunningDirector::open_vlan(const config::Port& port) {
  // Stands above, says validate().
  const auto parent = std::ranges::find(ports_, port.parent, &dataplane::Port::name);
  ports_.push_back(
      dataplane::Port::open_vlan(*parent, {.name = port.name, .vlan = port.vlan, .mtu = port.mtu}));
  spdlog::info("port {}: VLAN {} of {}, MTU {}", port.name, port.vlan, port.parent, port.mtu);
}

}  // namespace sluice::control

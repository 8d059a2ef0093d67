// SPDX-License-Identifier: BSD-3-Clause
// Building the EAL's argument list. Control thread.
#include "control/eal_args.h"

#include <rte_ether.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "control/config/device.h"

namespace sluice::control {
namespace {

using config::Device;

// "0@0,1@2,2@3": lcore@cpu. Lcores are numbers of our own, so workers may share a CPU.
std::string lcore_map(const config::Model& model, std::span<const uint32_t> usable) {
  std::string map = "0@" + std::to_string(model.dpdk.control_core);
  uint32_t lcore = 1;
  for (const uint32_t core : worker_cores(model, usable)) {
    map += "," + std::to_string(lcore++) + "@" + std::to_string(core);
  }
  return map;
}

// One director per control socket, so its path tells two directors on one machine apart.
std::string file_prefix(const std::string& socket_path) {
  uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char letter : socket_path) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3ULL;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "sluice-%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

void add_memory(const config::Model& model, std::vector<std::string>& arguments) {
  arguments.push_back("-m");
  arguments.push_back(std::to_string(required_memory_mb(model)));
  if (model.dpdk.huge_pages) {
    // Nothing is left behind in /dev/hugepages. The EAL refuses it together with --no-huge.
    arguments.push_back("--in-memory");
  } else {
    arguments.push_back("--no-huge");
    arguments.push_back("--no-shconf");
  }
}

std::string vdev_argument(const Device& device, uint16_t mtu, uint32_t workers) {
  std::string argument = "--vdev=" + device.to_string();
  const bool has_ring = device.driver() == "net_af_packet" && !device.argument("framesz") &&
                        !device.argument("blocksz");
  const uint32_t frame_bytes = packet_ring_frame_bytes(mtu);
  if (has_ring && frame_bytes > packet_ring_frame_bytes(RTE_ETHER_MTU)) {
    const std::string bytes = std::to_string(frame_bytes);
    argument += ",framesz=" + bytes + ",blocksz=" + bytes;
  }
  if (device.driver() == "net_af_packet" && !device.argument("qpairs")) {
    argument += ",qpairs=" + std::to_string(workers);
  }
  return argument;
}

void add_devices(const config::Model& model, std::vector<std::string>& arguments) {
  bool has_pci = false;
  for (const config::Port& port : model.ports) {
    const auto device = config::parse_device(port.device);
    if (!device) {
      continue;  // a VLAN, or refused by validate()
    }
    if (device->kind == Device::Kind::kPci) {
      has_pci = true;
      arguments.push_back("-a");
      arguments.push_back(device->to_string());
    } else {
      arguments.push_back(vdev_argument(*device, port.mtu, model.director.workers));
    }
  }
  if (!has_pci) {
    arguments.push_back("--no-pci");
  }
}

}  // namespace

std::vector<uint32_t> worker_cores(const config::Model& model, std::span<const uint32_t> usable) {
  if (!model.dpdk.worker_cores.empty()) {
    return model.dpdk.worker_cores;
  }
  std::vector<uint32_t> choice;
  std::copy_if(usable.begin(), usable.end(), std::back_inserter(choice),
               [&](uint32_t core) { return core > model.dpdk.control_core; });
  if (choice.empty()) {
    choice.push_back(model.dpdk.control_core);
  }
  std::vector<uint32_t> cores;
  for (uint32_t worker = 0; worker < model.director.workers; ++worker) {
    cores.push_back(choice[worker % choice.size()]);
  }
  return cores;
}

std::vector<std::string> eal_arguments(const config::Model& model,
                                       std::span<const uint32_t> usable_cores) {
  std::vector<std::string> arguments = {"sluiced", "--no-telemetry"};
  arguments.push_back("--lcores=" + lcore_map(model, usable_cores));
  arguments.push_back("--main-lcore=0");
  arguments.push_back("--file-prefix=" + file_prefix(model.director.control_socket.path));
  add_memory(model, arguments);
  add_devices(model, arguments);
  arguments.insert(arguments.end(), model.dpdk.extra_args.begin(), model.dpdk.extra_args.end());
  return arguments;
}

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// The checks before start, over facts only. Control thread.
#include "control/preflight.h"

#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "control/config/device.h"
#include "control/eal_args.h"

namespace sluice::control {
namespace {

using config::Device;

/// One run of the checks; each adds its sentences to problems_.
class Preflight {
 public:
  Preflight(const config::Model& model, const SystemFacts& facts) : model_(model), facts_(facts) {}

  std::vector<std::string> run() {
    check_cpu();
    if (facts_.control_socket_answers) {
      // Its taps and devices are in use too; one sentence says it all.
      fail("another director answers on " + model_.director.control_socket.path +
           "; stop it, or set director.control_socket.path to another path");
      return std::move(problems_);
    }
    check_rights();
    check_cores();
    check_memory();
    for (const config::Port& port : model_.ports) {
      check_port(port);
    }
    return std::move(problems_);
  }

 private:
  void fail(std::string sentence) { problems_.push_back(std::move(sentence)); }

  void check_cpu() {
    std::string list;
    for (const std::string& feature : facts_.missing_cpu_features) {
      list += (list.empty() ? "" : ", ") + feature;
    }
    if (!list.empty()) {
      fail("this CPU lacks " + list +
           ", which sluiced was built for; build it for this machine: meson configure "
           "-Dmarch=native");
    }
  }

  void check_rights() {
    static constexpr std::array kNeeded = {
        std::pair{CAP_NET_ADMIN, std::string_view("CAP_NET_ADMIN")},
        std::pair{CAP_NET_RAW, std::string_view("CAP_NET_RAW")},
        std::pair{CAP_IPC_LOCK, std::string_view("CAP_IPC_LOCK")},
    };
    std::string missing;
    for (const auto& [capability, name] : kNeeded) {
      const bool is_needed = capability != CAP_IPC_LOCK || model_.dpdk.huge_pages;
      if (is_needed && (facts_.effective_capabilities >> capability & 1) == 0) {
        missing += (missing.empty() ? "" : ", ") + std::string(name);
      }
    }
    if (!missing.empty()) {
      fail("not permitted: " + missing +
           " missing; run as root (sudo sluiced ...) or under systemd with AmbientCapabilities=");
    }
    if (!facts_.has_tun) {
      fail("/dev/net/tun is missing, ports cannot have taps; run: modprobe tun");
    }
  }

  [[nodiscard]] std::string usable_text() const {
    std::string text;
    for (const uint32_t core : facts_.usable_cores) {
      text += (text.empty() ? "" : ",") + std::to_string(core);
    }
    return text.empty() ? "none" : text;
  }

  void check_core(uint32_t core, const std::string& key) {
    if (!facts_.present_cores.contains(core)) {
      fail(key + ": this machine has no CPU " + std::to_string(core) + "; choose from " +
           usable_text());
    } else if (!std::binary_search(facts_.usable_cores.begin(), facts_.usable_cores.end(), core)) {
      fail(
          key + ": CPU " + std::to_string(core) +
          " is outside this process's affinity mask (taskset, CPUAffinity=, cpuset); choose from " +
          usable_text());
    }
  }

  void check_cores() {
    const config::Dpdk& dpdk = model_.dpdk;
    check_core(dpdk.control_core, "dpdk.control_core");
    const std::set<uint32_t> named(dpdk.worker_cores.begin(), dpdk.worker_cores.end());
    for (const uint32_t core : named) {
      check_core(core, "dpdk.worker_cores");
    }
    // A busy worker never lets go of its CPU: sharing one must be asked for.
    const auto after_control =
        std::count_if(facts_.usable_cores.begin(), facts_.usable_cores.end(),
                      [&](uint32_t core) { return core > dpdk.control_core; });
    if (dpdk.worker_cores.empty() && model_.director.poll.mode == config::PollMode::kBusy &&
        model_.director.workers > static_cast<uint64_t>(after_control)) {
      fail("director.workers: " + std::to_string(model_.director.workers) + " workers, but only " +
           std::to_string(after_control) +
           " CPUs come after dpdk.control_core; lower director.workers, name CPUs in "
           "dpdk.worker_cores (one may be named twice) or set director.poll.mode: adaptive");
    }
  }

  void check_memory() {
    const uint64_t needed_mb = required_memory_mb(model_);
    if (!model_.dpdk.huge_pages) {
      if (needed_mb > facts_.available_memory_mb) {
        fail("not enough memory: " + std::to_string(needed_mb) + " MiB needed, " +
             std::to_string(facts_.available_memory_mb) +
             " MiB available; lower limits.sessions_per_worker or director.workers");
      }
      return;
    }
    uint64_t free_mb = 0;
    for (const auto& pages : facts_.huge_pages) {
      free_mb += pages.free * pages.page_kib >> 10;
    }
    if (needed_mb > free_mb) {
      fail_huge_pages(needed_mb, free_mb);
    }
  }

  void fail_huge_pages(uint64_t needed_mb, uint64_t free_mb) {
    const std::string shortage = "not enough huge pages: " + std::to_string(needed_mb) +
                                 " MiB needed, " + std::to_string(free_mb) + " MiB free; ";
    const auto two_mib = std::find_if(facts_.huge_pages.begin(), facts_.huge_pages.end(),
                                      [](const auto& pages) { return pages.page_kib == 2'048; });
    if (two_mib == facts_.huge_pages.end()) {
      fail(shortage + "this kernel offers no 2 MiB pages: boot with hugepagesz=1G hugepages=" +
           std::to_string((needed_mb + 1'023) / 1'024) + ", or set dpdk.huge_pages: false");
      return;
    }
    const uint64_t wanted = two_mib->total + (needed_mb - free_mb + 1) / 2;
    fail(shortage + "run: echo " + std::to_string(wanted) +
         " > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages (or set dpdk.huge_pages: "
         "false for virtual devices)");
  }

  void check_port(const config::Port& port) {
    if (facts_.netdevs.contains(port.name)) {
      fail("port " + port.name +
           ": a network device of this name exists already; see: ip link "
           "show " +
           port.name + "; remove it (ip link delete " + port.name +
           ") or give the port another name");
    }
    const auto device = config::parse_device(port.device);
    if (!device) {
      return;  // a VLAN, or refused by validate()
    }
    const std::string netdev(device->kernel_netdev());
    if (!netdev.empty() && !facts_.netdevs.contains(netdev)) {
      fail("port " + port.name + ": no network device " + netdev +
           " in this network namespace; list them with: ip link, or create it: ip link add " +
           netdev + " type veth peer name " + netdev.substr(0, 12) + "-p");
    }
    if (device->kind == Device::Kind::kPci) {
      check_pci(port, *device);
    }
  }

  void check_pci(const config::Port& port, const Device& device) {
    // Bound for user space, or a driver that shares the NIC with DPDK.
    static constexpr std::array<std::string_view, 6> kUsable = {
        "vfio-pci", "uio_pci_generic", "igb_uio", "mlx5_core", "mlx4_core", "mana"};
    const auto found = facts_.pci_drivers.find(device.name);
    if (found == facts_.pci_drivers.end()) {
      fail("port " + port.name + ": no PCI device " + device.name +
           "; list them with: dpdk-devbind.py --status-dev net");
      return;
    }
    if (std::find(kUsable.begin(), kUsable.end(), found->second) == kUsable.end()) {
      fail("port " + port.name + ": PCI device " + device.name + " is bound to " +
           (found->second.empty() ? "no driver" : found->second) +
           ", DPDK cannot use it; run: modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci " +
           device.name + " (to keep it over a reboot: driverctl set-override " + device.name +
           " vfio-pci)");
    }
  }

  const config::Model& model_;
  const SystemFacts& facts_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> preflight(const config::Model& model, const SystemFacts& facts) {
  return Preflight(model, facts).run();
}

}  // namespace sluice::control

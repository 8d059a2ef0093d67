// SPDX-License-Identifier: BSD-3-Clause
// Refuses before the EAL starts what cannot work, each time with the command that cures it. Control
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/config/model.h"

namespace sluice::control {

/// What the checks know of the machine; a test fills it with facts of its own.
struct SystemFacts {
  uint64_t effective_capabilities = 0;            // bit n: capability n of linux/capability.h
  std::vector<std::string> missing_cpu_features;  // compiled for, not in this CPU: "avx2"
  std::set<uint32_t> present_cores;
  std::vector<uint32_t> usable_cores;              // the affinity mask, ascending
  std::set<std::string> netdevs;                   // in this network namespace
  std::map<std::string, std::string> pci_drivers;  // full PCI name -> bound driver, "" for none

  struct HugePages {
    uint64_t page_kib = 2'048;
    uint64_t total = 0;
    uint64_t free = 0;
  };
  std::vector<HugePages> huge_pages;
  uint64_t available_memory_mb = 0;
  bool has_tun = false;  // /dev/net/tun
  bool control_socket_answers = false;
};

/// Reads the facts that matter to `model` from /sys, /proc and the control socket's path.
[[nodiscard]] SystemFacts read_system_facts(const config::Model& model);

/// The CPUs this process may run on, ascending.
[[nodiscard]] std::vector<uint32_t> read_usable_cores();

/// Everything that keeps `model` from running on such a machine, one sentence each; empty: go.
[[nodiscard]] std::vector<std::string> preflight(const config::Model& model,
                                                 const SystemFacts& facts);

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// What a worker is told once, before it starts.
#pragma once

#include <cstdint>

#include "lib/table/fragment_table.h"

namespace sluice::dataplane {

/// Sizes of everything a worker allocates at start.
struct WorkerLimits {
  uint32_t sessions = 65'536;
  uint32_t extended_sessions = 65'536;  // of them, with an IPv6 address
  uint32_t services = 1'024;
  uint32_t servers = 16'384;
  uint32_t local_addresses = 16;
  uint32_t snat_mappings = 0;  // inside endpoints with a public one; 0 where no rule will be
  table::FragmentLimits fragments = {};
};

/// Who decides which worker a client's flow belongs to.
enum class Steering : uint8_t {
  kByDevice,  // the worker it arrives at: RSS brings every packet of a flow to the same queue
  kByHash,    // the worker its key's hash names; others hand its packets over
};

/// How an idle worker waits. 0: it never sleeps (busy polling).
struct PollPolicy {
  uint32_t max_sleep_us = 0;
};

/// Packets a second to the kernel, per class.
struct PuntLimits {
  uint32_t control_pps = 10'000;  // for ARP, and as much for other control traffic
  uint32_t icmp_pps = 1'000;      // for ICMP, and as much for ICMP errors of our own
  uint32_t other_pps = 1'000;     // for what is sent to VIPs, and as much for the rest
};

}  // namespace sluice::dataplane

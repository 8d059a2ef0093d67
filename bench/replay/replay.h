// SPDX-License-Identifier: BSD-3-Clause
// One measurement: sessions opened, packets replayed, every packet accounted for. Main thread.
#pragma once

#include <rte_mempool.h>

#include <nlohmann/json_fwd.hpp>

#include "bench/replay/options.h"
#include "lib/base/result.h"

namespace sluice::bench {

/// Packets of the pcap file for `sessions`; small numbers of sessions repeat in random order.
uint32_t replayed_packets(const ReplayOptions& options, uint32_t sessions);

/// DPDK memory for the measurement of `sessions`.
uint32_t needed_megabytes(const ReplayOptions& options, uint32_t sessions);

/// Runs one measurement.  Errors: not enough memory; or packets were not forwarded.
Result<nlohmann::json> measure(const ReplayOptions& options, uint32_t sessions,
                               rte_mempool* packets);

}  // namespace sluice::bench

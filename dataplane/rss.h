// SPDX-License-Identifier: BSD-3-Clause
// Receive side scaling: how a device spreads flows over its queues, alike on all ports. Control
// thread, but for queue_of().
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/worker_config.h"
#include "lib/net/flow_key.h"

struct rte_eth_conf;
struct rte_eth_dev_info;

namespace sluice::dataplane {

/// What decides, together with the key all ports are given, which queue a flow goes to.
struct Rss {
  uint64_t hash_types = 0;     // RTE_ETH_RSS_..., of those the director asks for
  uint16_t table_entries = 0;  // from hash to queue
  uint8_t key_bytes = 0;
  std::vector<uint16_t> table = {};  // queues; empty until the device was asked, or if it knows not
  friend bool operator==(const Rss&, const Rss&) = default;
};

/// What a device can do of what the director asks for.
Rss rss_of(const rte_eth_dev_info& info);

/// Asks for `rss` with the director's key instead of the driver's.
void request(const Rss& rss, rte_eth_conf& device);

/// Reads the table of a started device into `rss`, whose rule is then known in full.
void read_table(uint16_t dpdk_port, Rss& rss);

/// The queue that a whole TCP, UDP or SCTP packet of `flow` arrives at, for those that arrive
/// elsewhere: the device spreads fragments by their addresses alone. Thread: any.  Cost: a loop
/// over 12 or 36 bytes, for rare packets. Errors: nothing, when the table is not known.  Source:
/// Toeplitz hash as in the specification of RSS.
[[nodiscard]] std::optional<uint16_t> queue_of(const Rss& rss, const net::Flow& flow);

/// Whether every packet of a flow comes to the same worker whichever port it arrives by: ECMP and
/// link failures move flows between ports.
Steering steering_over(std::span<const Rss> ports);

}  // namespace sluice::dataplane

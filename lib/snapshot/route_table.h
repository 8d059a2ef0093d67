// SPDX-License-Identifier: BSD-3-Clause
// The kernel's routes, compiled for the workers: immutable, longest prefix match by binary search.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lib/net/address.h"
#include "lib/snapshot/next_hop_table.h"

namespace sluice::snapshot {

/// A route as netlink tells it. Unreachable, prohibit and blackhole routes have no port.
struct Route {
  net::Prefix target;
  std::optional<uint8_t> port;          // index into the director's ports
  std::optional<net::Address> gateway;  // none: the target is on-link; of any IP version (RFC 8950)
  uint32_t metric = 0;                  // the smaller wins among equal prefixes
  friend bool operator==(const Route&, const Route&) = default;
};

/// Where a destination goes: through `gateway` when it is set, else straight to the neighbour.
struct RouteResult {
  uint8_t port = 0;
  bool is_on_link = false;
  NextHopIndex gateway = kNoNextHop;  // slot of the gateway in the NextHopTable
  net::Address gateway_address;
};

/// Disjoint address ranges sorted by their first address; a look-up is one binary search. IPv4 has
/// the range of its mapped addresses, into which no IPv6 route reaches.
/// A route table is built anew for each change and handed to the workers like a snapshot.
class RouteTable {
 public:
  RouteTable() = default;
  /// Compiles `routes`; gateways get slots in `next_hops`.  Thread: control.
  RouteTable(std::span<const Route> routes, NextHopTable& next_hops, uint16_t epoch);

  /// The way to `destination`, or nothing.  Cost: O(log routes), no allocation.  Thread: any.
  [[nodiscard]] std::optional<RouteResult> find(const net::Address& destination) const;

  /// Changes with every table; sessions compare it to know that their next hop is still the
  /// route's.
  [[nodiscard]] uint16_t epoch() const { return epoch_; }

 private:
  struct Range {
    net::Ipv6 first;
    bool is_routed;
    RouteResult result;
  };

  std::vector<Range> ranges_;
  uint16_t epoch_ = 0;
};

}  // namespace sluice::snapshot

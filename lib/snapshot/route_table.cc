// SPDX-License-Identifier: BSD-3-Clause
// Compiles prefixes into disjoint ranges. Control thread builds, workers search.
#include "lib/snapshot/route_table.h"

#include <algorithm>

namespace sluice::snapshot {
namespace {

// Widest prefix first, and the best metric first among equal prefixes: then a stack of enclosing
// prefixes flattens them in one pass.
std::vector<Route> in_nesting_order(std::span<const Route> routes) {
  std::vector<Route> sorted(routes.begin(), routes.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const Route& a, const Route& b) {
    const uint32_t first_a = a.target.network().host();
    const uint32_t first_b = b.target.network().host();
    if (first_a != first_b) {
      return first_a < first_b;
    }
    return a.target.length != b.target.length ? a.target.length < b.target.length
                                              : a.metric < b.metric;
  });
  const auto same_target = [](const Route& a, const Route& b) {
    return a.target.network() == b.target.network() && a.target.length == b.target.length;
  };
  sorted.erase(std::unique(sorted.begin(), sorted.end(), same_target), sorted.end());
  return sorted;
}

}  // namespace

RouteTable::RouteTable(std::span<const Route> routes, NextHopTable& next_hops, uint16_t epoch)
    : epoch_(epoch) {
  struct Open {
    uint32_t last;
    bool is_routed;
    RouteResult result;
  };
  std::vector<Open> enclosing;
  ranges_.push_back({0, false, {}});

  const auto start_range = [this](uint32_t first, bool is_routed, const RouteResult& result) {
    if (ranges_.back().first == first) {
      ranges_.back() = {first, is_routed, result};
    } else {
      ranges_.push_back({first, is_routed, result});
    }
  };
  const auto close_until = [&](uint64_t first) {
    while (!enclosing.empty() && enclosing.back().last < first) {
      const uint32_t after = enclosing.back().last + 1;
      enclosing.pop_back();
      if (after == 0) {
        continue;  // the range ended at 255.255.255.255
      }
      const Open outer = enclosing.empty() ? Open{0, false, {}} : enclosing.back();
      start_range(after, outer.is_routed, outer.result);
    }
  };

  for (const Route& route : in_nesting_order(routes)) {
    const uint32_t first = route.target.network().host();
    close_until(first);
    RouteResult result;
    if (route.port) {
      result.port = *route.port;
      result.is_on_link = !route.gateway.has_value();
      if (route.gateway) {
        result.gateway = next_hops.find_or_add(*route.port, *route.gateway);
        result.gateway_address = *route.gateway;
      }
    }
    start_range(first, route.port.has_value(), result);
    enclosing.push_back({route.target.last().host(), route.port.has_value(), result});
  }
  close_until(1ULL << 32);
}

std::optional<RouteResult> RouteTable::find(net::Ipv4 destination) const {
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), destination.host(),
                       [](uint32_t address, const Range& range) { return address < range.first; });
  if (after == ranges_.begin() || !std::prev(after)->is_routed) {
    return std::nullopt;
  }
  return std::prev(after)->result;
}

}  // namespace sluice::snapshot

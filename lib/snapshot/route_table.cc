// SPDX-License-Identifier: BSD-3-Clause
// Compiles prefixes into disjoint ranges. Control thread builds, workers search.
#include "lib/snapshot/route_table.h"

#include <algorithm>
#include <utility>

namespace sluice::snapshot {
namespace {

// The length of a prefix where IPv4 stands as its mapped addresses.
uint32_t bits_of_mapped(const net::Prefix& prefix) {
  return prefix.length + 128U - prefix.address.bits();
}

// The address after `address`; nothing after the last one.
std::optional<net::Ipv6> next(net::Ipv6 address) {
  for (size_t i = address.bytes.size(); i-- > 0;) {
    if (++address.bytes[i] != 0) {
      return address;
    }
  }
  return std::nullopt;
}

// Widest prefix first, and the best metric first among equal prefixes: then a stack of enclosing
// prefixes flattens them in one pass.
std::vector<Route> in_nesting_order(std::span<const Route> routes) {
  std::vector<Route> sorted(routes.begin(), routes.end());
  // IPv6's default route must not catch IPv4.
  constexpr net::Ipv6 kMapped{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0}};
  sorted.push_back({{kMapped, 0}, std::nullopt, std::nullopt, UINT32_MAX});
  const auto target = [](const Route& route) {
    return std::pair(route.target.network(), bits_of_mapped(route.target));
  };
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Route& a, const Route& b) {
    return std::pair(target(a), a.metric) < std::pair(target(b), b.metric);
  });
  const auto same_target = [&](const Route& a, const Route& b) { return target(a) == target(b); };
  sorted.erase(std::unique(sorted.begin(), sorted.end(), same_target), sorted.end());
  return sorted;
}

}  // namespace

RouteTable::RouteTable(std::span<const Route> routes, NextHopTable& next_hops, uint16_t epoch)
    : epoch_(epoch) {
  struct Open {
    net::Ipv6 last;
    bool is_routed = false;
    RouteResult result = {};
  };
  std::vector<Open> enclosing;
  ranges_.push_back({{}, false, {}});

  const auto start_range = [this](const net::Ipv6& first, bool is_routed,
                                  const RouteResult& result) {
    if (ranges_.back().first == first) {
      ranges_.back() = {first, is_routed, result};
    } else {
      ranges_.push_back({first, is_routed, result});
    }
  };
  const auto close_innermost = [&] {
    const auto after = next(enclosing.back().last);
    enclosing.pop_back();
    if (after) {
      const Open outer = enclosing.empty() ? Open{} : enclosing.back();
      start_range(*after, outer.is_routed, outer.result);
    }
  };

  for (const Route& route : in_nesting_order(routes)) {
    const net::Ipv6 first = route.target.network().v6();
    while (!enclosing.empty() && enclosing.back().last < first) {
      close_innermost();
    }
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
    enclosing.push_back({route.target.last().v6(), route.port.has_value(), result});
  }
  while (!enclosing.empty()) {
    close_innermost();
  }
}

std::optional<RouteResult> RouteTable::find(const net::Address& destination) const {
  const auto after = std::upper_bound(
      ranges_.begin(), ranges_.end(), destination.v6(),
      [](const net::Ipv6& address, const Range& range) { return address < range.first; });
  if (after == ranges_.begin() || !std::prev(after)->is_routed) {
    return std::nullopt;
  }
  return std::prev(after)->result;
}

}  // namespace sluice::snapshot

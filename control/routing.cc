// SPDX-License-Identifier: BSD-3-Clause
// Publishing route tables and requesting next hops. Control thread.
#include "control/routing.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

namespace sluice::control {

void Routing::publish() {
  auto table = std::make_unique<const snapshot::RouteTable>(routes_, next_hops_, ++epoch_);
  table_ = *table;
  const Status sent = supervisor_.publish(std::move(table));
  if (!sent && !is_publish_due_) {
    spdlog::error("routes: {}; trying again until it does", sent.error().message);
  }
  is_publish_due_ = !sent;
}

void Routing::publish_if_due() {
  if (is_publish_due_) {
    publish();
  }
}

void Routing::replace(std::span<const snapshot::Route> routes,
                      const std::vector<config::Service>& services) {
  routes_.assign(routes.begin(), routes.end());
  publish();
  for (const snapshot::Route& route : routes_) {
    if (route.port && route.gateway) {
      kernel_.resolve(*route.port, *route.gateway);
    }
  }
  request_servers(services);
}

void Routing::request_servers(const std::vector<config::Service>& services) {
  for (const config::Service& service : services) {
    for (const config::Server& server : service.servers) {
      const auto route = table_.find(server.endpoint.address);
      if (route && route->is_on_link) {
        next_hops_.find_or_add(route->port, server.endpoint.address);
        kernel_.resolve(route->port, server.endpoint.address);
      }
    }
  }
}

void Routing::resolve(uint8_t port, net::Ipv4 address,
                      const std::vector<config::Service>& services) {
  if (next_hops_.find_or_add(port, address) == snapshot::kNoNextHop) {
    forget_next_hops(services);
  }
  kernel_.resolve(port, address);
}

// Sessions look their next hops up again with the new epoch, so that only those in use come back.
void Routing::forget_next_hops(const std::vector<config::Service>& services) {
  spdlog::warn("{} neighbours fill limits.neighbours: forgetting them all, raise the limit",
               next_hops_.size());
  next_hops_.clear();
  publish();
  request_servers(services);
}

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Publishing route tables and requesting next hops. Control thread.
#include "control/routing.h"

#include <spdlog/spdlog.h>

#include <algorithm>
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
  lacks_gateway_ = std::ranges::any_of(routes_, [&](const snapshot::Route& route) {
    return route.port && route.gateway &&
           next_hops_.find(*route.port, *route.gateway) == snapshot::kNoNextHop;
  });
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
  if (lacks_gateway_) {
    forget_silent(services);
  }
  request_gateways();
  request_servers(services);
}

void Routing::request_gateways() {
  for (const snapshot::Route& route : routes_) {
    if (route.port && route.gateway) {
      kernel_.resolve(*route.port, *route.gateway);
    }
  }
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

void Routing::resolve(uint8_t port, const net::Address& address,
                      const std::vector<config::Service>& services, Clock::time_point now) {
  if (next_hops_.find_or_add(port, address) != snapshot::kNoNextHop) {
    kernel_.resolve(port, address);
    return;
  }
  ++refused_;
  if (!forgot_at_ || now - *forgot_at_ >= kForgetInterval) {
    forgot_at_ = now;
    forget_silent(services);
    request_gateways();
    request_servers(services);
  }
}

// The slots of gateways and real servers: a silent one among them may come back any moment.
std::vector<snapshot::NextHopIndex> Routing::wanted(
    const std::vector<config::Service>& services) const {
  std::vector<snapshot::NextHopIndex> slots;
  const auto add = [&](uint8_t port, const net::Address& address) {
    if (const auto slot = next_hops_.find(port, address); slot != snapshot::kNoNextHop) {
      slots.push_back(slot);
    }
  };
  for (const snapshot::Route& route : routes_) {
    if (route.port && route.gateway) {
      add(*route.port, *route.gateway);
    }
  }
  for (const config::Service& service : services) {
    for (const config::Server& server : service.servers) {
      if (const auto route = table_.find(server.endpoint.address); route && route->is_on_link) {
        add(route->port, server.endpoint.address);
      }
    }
  }
  return slots;
}

// Clients with addresses of our own networks fill the table, spoofed ones above all: each new
// session asks for its client. Those that answered stay, and whoever needs a forgotten one asks
// again.
void Routing::forget_silent(const std::vector<config::Service>& services) {
  if (next_hops_.has_retired()) {
    return;  // a worker has not even taken the last change
  }
  const uint32_t forgotten = next_hops_.retire_unresolved(wanted(services));
  spdlog::warn(
      "limits.neighbours: all {} are in use, {} requests refused; forgot {} that do not answer: "
      "find who uses so many addresses of our networks (sluicectl neighbour list), or raise the "
      "limit and restart",
      next_hops_.capacity(), refused_, forgotten);
  refused_ = 0;
  if (forgotten != 0) {
    publish();
  }
}

void Routing::reuse_forgotten() {
  if (next_hops_.has_retired() && !is_publish_due_ && supervisor_.is_installed()) {
    next_hops_.reuse_retired();
    if (lacks_gateway_) {
      publish();
    }
  }
}

}  // namespace sluice::control

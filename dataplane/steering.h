// SPDX-License-Identifier: BSD-3-Clause
// Which worker has, or would open, the session of a packet. Worker thread.
#pragma once

#include "dataplane/context.h"

namespace sluice::dataplane {

/// The worker that a client's endpoint names: packets of both directions lead to it.
inline uint8_t worker_of_client(const Context& context, uint8_t protocol,
                                const net::Endpoint& client) {
  const uint32_t hash =
      context.sessions.hasher()(net::FlowKey6{client.address.v6(), {}, client.port, {}, protocol});
  return static_cast<uint8_t>(uint64_t{hash} * context.peers.size() >> 32);
}

/// The worker that has all sessions an inside host opens through source NAT.
inline uint8_t worker_of_host(const Context& context, const net::Address& host) {
  const uint32_t hash = context.sessions.hasher()(net::FlowKey6{host.v6(), {}, {}, {}, 0});
  return static_cast<uint8_t>(uint64_t{hash} * context.peers.size() >> 32);
}

/// Whether the client names the worker of its sessions with `service`; else the NIC's queue does.
inline bool is_steered(const Context& context, const snapshot::Service& service) {
  return context.steering == Steering::kByHash || service.is_steered_by_client;
}

/// The worker that has, or would open, the session of a packet to `service`.
inline uint8_t owner_of_request(const Context& context, const snapshot::Service& service,
                                const net::Flow& flow) {
  return is_steered(context, service) ? worker_of_client(context, flow.protocol, flow.source)
                                      : context.id;
}

/// As owner_of_request(), for a packet that arrived where the device brings its kind instead of its
/// flow: a fragment.
inline uint8_t owner_of_fragmented_request(const Context& context, const snapshot::Service& service,
                                           const net::Flow& flow) {
  const uint8_t owner = owner_of_request(context, service, flow);
  if (context.steering == Steering::kByHash || service.is_steered_by_client) {
    return owner;
  }
  const auto queue = queue_of(context.rss, flow);
  return queue && *queue < context.peers.size() ? static_cast<uint8_t>(*queue) : owner;
}

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// Session listings, answered by the worker in slices small enough not to delay packets.
#pragma once

#include "dataplane/context.h"
#include "dataplane/sessions.h"

namespace sluice::dataplane {

[[nodiscard]] inline bool matches(const SessionFilter& filter, net::Protocol protocol,
                                  const table::SessionEndpoints& session) {
  return (!filter.client || *filter.client == session.client.address) &&
         (!filter.protocol || *filter.protocol == protocol) &&
         (!filter.vip || *filter.vip == session.vip) &&
         (!filter.server || *filter.server == session.server);
}

[[nodiscard]] inline SessionInfo describe(const Context& context, const table::Session& session,
                                          const table::SessionEndpoints& endpoints) {
  const auto left =
      static_cast<int32_t>(session.last_seen + timeout_ticks(context, session) - context.now);
  return {
      .protocol = session.protocol,
      .state = session.state,
      .mode = session.mode,
      .worker = context.id,
      .expires_in_seconds = static_cast<uint32_t>(std::max(left, 0)) / kTicksPerSecond,
      .client = endpoints.client,
      .vip = endpoints.vip,
      .local = endpoints.local,
      .server = endpoints.server,
  };
}

/// Continues a listing by one slice.  Returns whether it is answered.
inline bool continue_listing(const Context& context, ListSessions& listing) {
  constexpr uint32_t kSlotsPerSlice = 64;
  const uint32_t capacity = context.sessions.capacity();
  for (uint32_t slice = 0; slice < kSlotsPerSlice; ++slice) {
    listing.is_done = listing.cursor >= capacity;
    if (listing.is_done || listing.count == listing.out.size() || listing.max_slots == 0) {
      return true;
    }
    const table::Session& session = context.sessions[listing.cursor++];
    --listing.max_slots;
    if (!session.is_used()) {
      continue;
    }
    const table::SessionEndpoints endpoints = context.sessions.endpoints(session);
    if (matches(listing.filter, session.protocol, endpoints)) {
      listing.out[listing.count++] = describe(context, session, endpoints);
    }
  }
  return false;
}

}  // namespace sluice::dataplane

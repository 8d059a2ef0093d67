// SPDX-License-Identifier: BSD-3-Clause
// What admission is told about a packet, and what it answers. Worker thread.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/sessions.h"
#include "lib/net/flow_key.h"

namespace sluice::dataplane {

/// A packet that no session knows, and what admission must know of it.
struct Newcomer {
  rte_mbuf* packet;
  net::Flow flow;
  uint8_t ttl;
  bool may_open_session;  // a SYN, a datagram
  bool is_fragment = false;
};

/// What a packet without a session opened.
struct Admitted {
  table::SessionIndex session = table::kNoSession;  // kNoSession: the packet has gone its way
  Lifetime lifetime = Lifetime::kTimeout;
  table::Direction direction = table::Direction::kToServer;  // of the packet
};

/// Whether a request may come from `source`. Nobody's packets may be forwarded from a link-local
/// address (RFC 4291 2.5.6), and only we send from ours: answers to a made-up one would come back
/// as requests.
inline bool is_client(const Context& context, const net::Address& source) {
  return !source.is_link_local() && !context.snapshot->is_vip(source) &&
         !context.snapshot->is_local_address(source);
}

}  // namespace sluice::dataplane

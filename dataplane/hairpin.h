// SPDX-License-Identifier: BSD-3-Clause
// From inside host to inside host by a public endpoint (hairpinning, RFC 4787 REQ-9, RFC 5382
// REQ-8, RFC 5508 REQ-7). Rare packets, worker thread.
//
// A:a sends to B's public endpoint W':w'. Its session translates the source, A:a -> W:w, as that of
// any packet to the outside; what would leave then goes to the worker that lends w', as if it had
// arrived from the outside, and takes the session of B's host to B. So each host has a session of
// its own, on its own worker, and B's filtering decides. A packet crosses two rings at most: what
// comes round has a public source, of which no rule takes packets, and each round costs TTL.
#pragma once

#include <rte_ether.h>

#include "dataplane/context.h"
#include "dataplane/punt.h"

namespace sluice::dataplane {

/// Whether what leaves `session` in `direction` comes round to another session of source NAT.
inline bool turns_back(const Context& context, const table::Session& session,
                       table::Direction direction) {
  return session.mode == table::ForwardingMode::kSnat && direction == table::Direction::kToServer &&
         context.snapshot->is_snat_address(context.sessions.next_address(session, direction));
}

/// Lets a translated packet come round to `owner`. `in` is the port it came by.
/// Returns false when it was dropped.
inline bool turn_back(Context& context, const PortView& in, rte_mbuf* packet, uint8_t owner) {
  auto& ethernet = *rte_pktmbuf_mtod(packet, rte_ether_hdr*);
  std::memcpy(&ethernet.dst_addr, in.mac.bytes.data(), in.mac.bytes.size());
  if (!hand_off(context, in, packet, owner)) {
    return false;
  }
  context.count(CounterId::kSnatHairpinned);
  return true;
}

/// As turn_back(), to the worker that lends `public_port`.
inline bool turn_back(Context& context, const PortView& in, rte_mbuf* packet,
                      net::Be16 public_port) {
  return turn_back(context, in, packet, context.snapshot->owner_of_port(public_port));
}

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// Stage 4: what a packet means for its session: TCP state, time stamp, the server's counters.
#pragma once

#include "dataplane/context.h"
#include "dataplane/sessions.h"
#include "lib/net/parse.h"

namespace sluice::dataplane {

/// Follows one packet of session `ref`. Writes the stamp only when the tick has moved on: most
/// packets of a busy session leave the record clean.
inline void track(Context& context, table::SessionRef ref, const net::PacketFields& fields) {
  table::Session& session = context.sessions[ref.index];
  if (session.protocol == net::Protocol::kTcp) {
    const table::SessionState next = table::next_state(
        session.state, session.segment_origin(ref.direction), table::tcp_event(fields.tcp_flags));
    if (next != session.state) {
      change_state(context, ref.index, next);
    }
  }
  if (session.last_seen != context.now) {
    session.last_seen = context.now;
  }
  ServerCounters& server = context.servers[session.server_id];
  if (ref.direction == table::Direction::kToServer) {
    server.packets_in.add(1);
    server.bytes_in.add(fields.ip_bytes);
  } else {
    server.packets_out.add(1);
    server.bytes_out.add(fields.ip_bytes);
  }
}

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// Stage 4: what a packet means for its session: TCP or SCTP state, time stamp, the server's
// counters.
#pragma once

#include "dataplane/context.h"
#include "dataplane/sessions.h"
#include "lib/net/parse.h"
#include "lib/table/sctp_state.h"

namespace sluice::dataplane {

/// Follows the TCP or SCTP state of session `ref`.
inline void track_state(Context& context, table::SessionRef ref, uint8_t tcp_flags) {
  const table::Session& session = context.sessions[ref.index];
  if (session.protocol == net::Protocol::kUdp) {
    return;
  }
  const table::SegmentOrigin origin = session.segment_origin(ref.direction);
  const table::SessionState next =
      session.protocol == net::Protocol::kTcp
          ? table::next_state(session.state, origin, table::tcp_event(tcp_flags))
          : table::next_state(session.state, origin, net::sctp_event(tcp_flags));
  if (next != session.state) {
    change_state(context, ref.index, next);
  }
}

/// Notes a packet of session `ref`. Writes the stamp only when the tick has moved on: most packets
/// of a busy session leave the record clean.
inline void track_packet(Context& context, table::SessionRef ref, uint32_t ip_bytes) {
  table::Session& session = context.sessions[ref.index];
  if (session.last_seen != context.now) {
    session.last_seen = context.now;
  }
  ServerCounters& server = context.servers[session.server_id];
  if (ref.direction == table::Direction::kToServer) {
    server.packets_in.add(1);
    server.bytes_in.add(ip_bytes);
  } else {
    server.packets_out.add(1);
    server.bytes_out.add(ip_bytes);
  }
}

/// Follows one packet of session `ref`.
inline void track(Context& context, table::SessionRef ref, const net::PacketFields& fields) {
  track_state(context, ref, fields.tcp_flags);
  track_packet(context, ref, fields.ip_bytes);
}

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// The life of a session in its worker: created, moved between states, ended.
#pragma once

#include "dataplane/context.h"
#include "dataplane/forward/modes.h"
#include "dataplane/next_hop.h"

namespace sluice::dataplane {

inline Counter& connection_gauge(Context& context, const table::Session& session) {
  ServerCounters& server = context.servers[session.server_id];
  return table::is_active(session.state) ? server.active : server.inactive;
}

inline uint32_t timeout_ticks(const Context& context, const table::Session& session) {
  return context.snapshot->timeouts_of(session.server_id)[static_cast<size_t>(session.state)];
}

/// Moves a session to `next`. Only a shorter timeout touches the wheel: a longer one is noticed
/// when the old deadline comes.
inline void change_state(Context& context, table::SessionIndex index, table::SessionState next) {
  table::Session& session = context.sessions[index];
  const uint32_t old_timeout = timeout_ticks(context, session);
  Counter& before = connection_gauge(context, session);
  session.state = next;
  connection_gauge(context, session).add(1);  // first: a server with sessions never reads as idle
  before.subtract(1);
  const uint32_t new_timeout = timeout_ticks(context, session);
  if (new_timeout < old_timeout) {
    context.wheel.cancel(index);
    context.wheel.schedule(index, context.now + new_timeout);
  }
}

/// Gives back all a session holds. It has left the wheel already.
inline void end_session(Context& context, table::SessionIndex index) {
  table::Session& session = context.sessions[index];
  connection_gauge(context, session).subtract(1);
  const net::Flow to_server = context.sessions.sent(session, table::Direction::kToServer);
  with_mode(session.mode, [&](auto mode) { mode.close(context, session, to_server); });
  context.sessions.erase(index);
}

/// Ends sessions whose idle timeout has passed. Bounded per call: looks at `budget` sessions.
/// Returns how many it looked at.
inline uint32_t expire_sessions(Context& context, uint32_t budget) {
  return context.wheel.run(
      context.now, budget,
      [&](table::SessionIndex index) {
        const table::Session& session = context.sessions[index];
        return session.last_seen + timeout_ticks(context, session);
      },
      [&](table::SessionIndex index) {
        context.count(CounterId::kSessionsExpired);
        end_session(context, index);
      });
}

/// Picks a server for a new session.  Errors: nothing when no server has weight.
inline const snapshot::Server* schedule(Context& context, const snapshot::Service& service) {
  const auto candidates = context.snapshot->candidates_of(service);
  sched::State& state = context.services[service.id].scheduler;
  if (state.servers_version != service.servers_version) {
    service.scheduler->servers_changed(state, service.plan, candidates);
    state.servers_version = service.servers_version;
  }
  const auto picked = service.scheduler->pick(state, service.plan, candidates);
  return picked ? &context.snapshot->servers_of(service)[*picked] : nullptr;
}

/// Looks the next hops of all directions that pass up; what has none is asked for again with its
/// packets.
inline void find_next_hops(Context& context, table::Session& session) {
  session.route_epoch = context.routes->epoch();
  find_next_hop(context, session, table::Direction::kToServer);
  if (table::answers_pass(session.mode)) {
    find_next_hop(context, session, table::Direction::kToClient);
  }
}

/// A new session or the reason why there is none.
struct Admission {
  table::SessionIndex session = table::kNoSession;
  CounterId refusal = CounterId::kDropNoServer;
};

inline Admission refuse_table_full(Context& context) {
  if (context.table_full_events.allow(context.now)) {
    send_event(context, {.kind = Event::Kind::kSessionTableFull});
  }
  return {.refusal = CounterId::kDropSessionTableFull};
}

using Insertion = table::SessionTable::Insertion;

inline table::SessionState first_state(net::Protocol protocol) {
  switch (protocol) {
    case net::Protocol::kUdp:
      return table::SessionState::kUdp;
    case net::Protocol::kIcmp:
    case net::Protocol::kIcmpv6:
      return table::SessionState::kIcmp;
    case net::Protocol::kTcp:
    case net::Protocol::kSctp:
      break;
  }
  return table::SessionState::kNone;
}

enum class Lifetime : uint8_t {
  kTimeout,    // found by its packets until its idle timeout
  kOnePacket,  // one-packet scheduling: the packet's alone, to be discarded with it
};

/// Makes a session findable, unless it is for one packet.
inline Insertion insert_session(Context& context, Lifetime lifetime, table::SessionIndex index) {
  return lifetime == Lifetime::kOnePacket ? Insertion::kDone : context.sessions.insert(index);
}

/// What the server of a new session is told. The servers of other modes see the client themselves,
/// one packet has no handshake, and each transport has its own ways.
inline table::Disclosure disclosure_of(const snapshot::Service& service,
                                       const snapshot::Server& server, Lifetime lifetime) {
  using snapshot::ClientAddress;
  if (server.mode != table::ForwardingMode::kFullNat || lifetime == Lifetime::kOnePacket) {
    return {};
  }
  const ClientAddress wanted = service.client_address;
  if (service.protocol == net::Protocol::kTcp) {
    return {wanted == ClientAddress::kUoa ? ClientAddress::kNone : wanted,
            service.renews_sequence_numbers};
  }
  const bool is_for_udp = wanted == ClientAddress::kProxyV2 || wanted == ClientAddress::kUoa;
  return {service.protocol == net::Protocol::kUdp && is_for_udp ? wanted : ClientAddress::kNone,
          false};
}

/// Opens a session for the flow `from_client` to `server`. Both keys are in before it returns: the
/// answer may arrive within the same burst.
inline Admission create_session_toward(Context& context, const snapshot::Service& service,
                                       const snapshot::Server& server, const net::Flow& from_client,
                                       Lifetime lifetime) {
  const table::SessionIndex index = context.sessions.allocate();
  if (index == table::kNoSession) {
    return refuse_table_full(context);
  }
  table::Session& session = context.sessions[index];
  session.protocol = static_cast<net::Protocol>(from_client.protocol);
  session.mode = server.mode;
  const Opened to_server = with_mode(server.mode, [&](auto mode) {
    return mode.open(context, service, server, from_client, session);
  });
  if (!to_server) {
    context.sessions.discard(index);
    return {.refusal = to_server.error()};
  }
  const Insertion insertion =
      context.sessions.set_flows(index, from_client, *to_server, server.endpoint.address,
                                 disclosure_of(service, server, lifetime))
          ? insert_session(context, lifetime, index)
          : Insertion::kFull;
  if (insertion != Insertion::kDone) {
    with_mode(session.mode, [&](auto mode) { mode.close(context, session, *to_server); });
    context.sessions.discard(index);
    return insertion == Insertion::kFull ? refuse_table_full(context)
                                         : Admission{.refusal = CounterId::kDropAddressInUse};
  }
  session.server_id = server.id;
  session.last_seen = context.now;
  session.state = first_state(session.protocol);
  context.has_extended4 =
      context.has_extended4 || (session.is_extended && (from_client.is_v4() || to_server->is_v4()));
  find_next_hops(context, session);
  context.servers[server.id].sessions_created.add(1);
  context.count(CounterId::kSessionsCreated);
  if (lifetime == Lifetime::kTimeout) {
    connection_gauge(context, session).add(1);
    context.wheel.schedule(index, context.now + timeout_ticks(context, session));
  }
  return {.session = index};
}

/// Opens a session for the flow `from_client` to `service`.
inline Admission create_session(Context& context, const snapshot::Service& service,
                                const net::Flow& from_client, Lifetime lifetime) {
  const snapshot::Server* server = schedule(context, service);
  return server == nullptr
             ? Admission{.refusal = CounterId::kDropNoServer}
             : create_session_toward(context, service, *server, from_client, lifetime);
}

}  // namespace sluice::dataplane

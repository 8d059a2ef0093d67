// SPDX-License-Identifier: BSD-3-Clause
// What the control thread and a worker say to each other: commands down, the same pointers back as
// acknowledgements, and small events up. Each way is one single-producer single-consumer ring.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "lib/net/address.h"
#include "lib/snapshot/route_table.h"
#include "lib/snapshot/snapshot.h"
#include "lib/table/session.h"
#include "lib/table/tcp_state.h"

namespace sluice::dataplane {

/// A request to one worker. The sender owns it and may touch it again only after the worker has
/// handed the pointer back (Supervisor::take_completion).
struct Command {
  enum class Kind : uint8_t { kInstallSnapshot, kInstallRoutes, kListSessions };
  Kind kind;
};

/// From the next burst on, read this snapshot. Acknowledged when the worker no longer reads the
/// previous one.
struct InstallSnapshot : Command {
  explicit InstallSnapshot(const snapshot::Snapshot* next)
      : Command{Kind::kInstallSnapshot}, snapshot(next) {}
  const snapshot::Snapshot* snapshot;
};

/// From the next burst on, read this route table. Acknowledged as InstallSnapshot.
struct InstallRoutes : Command {
  explicit InstallRoutes(const snapshot::RouteTable* next)
      : Command{Kind::kInstallRoutes}, routes(next) {}
  const snapshot::RouteTable* routes;
};

/// Which sessions a listing wants; an empty field matches everything.
struct SessionFilter {
  std::optional<net::Address> client = {};
  std::optional<net::Protocol> protocol = {};
  std::optional<net::Endpoint> vip = {};
  std::optional<net::Endpoint> server = {};
};

/// One session as operators see it.
struct SessionInfo {
  net::Protocol protocol = net::Protocol::kTcp;
  table::SessionState state = table::SessionState::kNone;
  table::ForwardingMode mode = table::ForwardingMode::kFullNat;
  uint8_t worker = 0;
  uint32_t expires_in_seconds = 0;
  net::Endpoint client;
  net::Endpoint vip;
  net::Endpoint local;
  net::Endpoint server;
};

/// Copies matching sessions from slot `cursor` on into `out`. The worker looks at a bounded number
/// of slots between two bursts, so a listing of any size never delays packets.
struct ListSessions : Command {
  ListSessions() : Command{Kind::kListSessions} {}
  SessionFilter filter;
  std::span<SessionInfo> out;
  uint32_t max_slots = 65'536;  // slots to look at before answering, matches or not
  // Answer:
  uint32_t cursor = 0;   // in: first slot to look at; out: where the next page starts
  uint32_t count = 0;    // sessions written to out
  bool is_done = false;  // no slots after cursor
};

/// Something the control thread should know or do.
struct Event {
  enum class Kind : uint8_t {
    kResolveNextHop,    // ask the kernel for `address` on `port`
    kSessionTableFull,  // at most one a second per worker
    kNoLocalPort,       // at most one a second per worker; address is the server's
  };
  Kind kind = Kind::kResolveNextHop;
  uint8_t worker = 0;
  uint8_t port = 0;
  uint8_t unused = 0;
  net::Address address = {};
};
static_assert(sizeof(Event) % sizeof(uint32_t) == 0);  // rte_ring's unit

}  // namespace sluice::dataplane

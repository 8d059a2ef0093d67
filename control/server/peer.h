// SPDX-License-Identifier: BSD-3-Clause
// Who is at the other end of a control connection, and whether they may speak. Control thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace sluice::control {

/// The process that connected, as the kernel recorded it at connect(2).
struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary

  /// "uid 1000 (pid 4711)"
  [[nodiscard]] std::string to_string() const;
};

/// Reads SO_PEERCRED and SO_PEERGROUPS: no look-up in a user database, which might block.
[[nodiscard]] Result<Peer> read_peer(int socket);

/// Root, the daemon's own user and members of one group may speak.
struct PeerPolicy {
  uid_t own_uid = 0;
  std::optional<gid_t> group;

  [[nodiscard]] bool is_allowed(const Peer& peer) const;
};

/// The id of a group name.  Errors: no such group, with the command that makes it.
[[nodiscard]] Result<gid_t> find_group(const std::string& name);

}  // namespace sluice::control

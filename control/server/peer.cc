// SPDX-License-Identifier: BSD-3-Clause
// Peer credentials of Unix sockets. Control thread.
#include "control/server/peer.h"

#include <grp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sluice::control {

std::string Peer::to_string() const {
  return "uid " + std::to_string(uid) + " (pid " + std::to_string(pid) + ")";
}

Result<Peer> read_peer(int socket) {
  ucred credentials{};
  socklen_t length = sizeof(credentials);
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return fail(std::string("SO_PEERCRED: ") + std::strerror(errno));
  }
  Peer peer{.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid, .groups = {}};

  length = 0;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, nullptr, &length) != 0 && errno == ERANGE) {
    peer.groups.resize(length / sizeof(gid_t));
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &length) != 0) {
      return fail(std::string("SO_PEERGROUPS: ") + std::strerror(errno));
    }
  }
  return peer;
}

bool PeerPolicy::is_allowed(const Peer& peer) const {
  if (peer.uid == 0 || peer.uid == own_uid) {
    return true;
  }
  if (!group) {
    return false;
  }
  return peer.gid == *group || std::ranges::find(peer.groups, *group) != peer.groups.end();
}

Result<gid_t> find_group(const std::string& name) {
  const struct group* entry = getgrnam(name.c_str());
  if (entry == nullptr) {
    return fail("director.control_socket.group: no group \"" + name +
                "\" on this machine; create it with: groupadd --system " + name);
  }
  return entry->gr_gid;
}

}  // namespace sluice::control

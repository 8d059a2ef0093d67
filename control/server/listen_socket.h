// SPDX-License-Identifier: BSD-3-Clause
// The socket file of the control server: made with the right owner and mode, removed with its
// owner. Control thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "lib/base/result.h"

namespace sluice::control {

struct ListenSocketOptions {
  std::string path;
  mode_t mode = 0660;
  std::optional<gid_t> group;
};

/// A listening Unix socket and its file. The file goes when the object goes, unless somebody has
/// put another one in its place.
class ListenSocket {
 public:
  /// Makes the parent directory (0755) if it is missing and replaces a socket file nobody serves.
  /// Errors: another process serves it (says which), a file of another kind is in the way.
  static Result<ListenSocket> open(const ListenSocketOptions& options);

  ListenSocket(ListenSocket&& other) noexcept;
  ListenSocket& operator=(ListenSocket&& other) = delete;
  ~ListenSocket();

  /// Gives the descriptor away; the file stays this object's.
  [[nodiscard]] int release_descriptor();

 private:
  explicit ListenSocket(std::string path) : path_(std::move(path)) {}

  std::string path_;
  int descriptor_ = -1;
  dev_t device_ = 0;  // of the file we made, 0 before that
  ino_t inode_ = 0;
};

}  // namespace sluice::control

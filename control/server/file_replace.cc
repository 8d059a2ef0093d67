// SPDX-License-Identifier: BSD-3-Clause
// Write, sync, rename. Control thread.
#include "control/server/file_replace.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace sluice::control {
namespace {

constexpr mode_t kNewFileMode = 0644;

tl::unexpected<Error> fail_at(const std::string& path, const char* step) {
  return fail(path + ": " + step + ": " + std::strerror(errno));
}

bool write_all(int file, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = write(file, text.data() + done, text.size() - done);
    if (written < 0 && errno != EINTR) {
      return false;
    }
    done += written > 0 ? static_cast<size_t>(written) : 0;
  }
  return true;
}

// A complete and synced file at `path`, which did not exist before.
Status write_new(const std::string& path, const std::string& text, const struct stat* like) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    return fail_at(path, "create");
  }
  const mode_t mode = like != nullptr ? like->st_mode & 07777 : kNewFileMode;
  Status status;
  if (!write_all(file, text)) {
    status = fail_at(path, "write");
  } else if (like != nullptr && fchown(file, like->st_uid, like->st_gid) != 0) {
    status = fail_at(path, "chown");
  } else if (fchmod(file, mode) != 0) {
    status = fail_at(path, "chmod");
  } else if (fsync(file) != 0) {
    status = fail_at(path, "fsync");
  }
  close(file);
  if (!status) {
    unlink(path.c_str());
  }
  return status;
}

void sync_directory_of(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const int directory =
      open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    fsync(directory);  // best effort: the rename itself has succeeded
    close(directory);
  }
}

}  // namespace

Result<std::string> replace_file(const std::string& path, const std::string& text) {
  std::error_code error;
  const std::filesystem::path resolved = std::filesystem::weakly_canonical(path, error);
  const std::string target = error ? path : resolved.string();
  const std::string fresh = target + ".new";
  const std::string backup = target + ".bak";

  struct stat old {};
  const bool exists = stat(target.c_str(), &old) == 0;
  unlink(fresh.c_str());  // of an attempt that was interrupted
  if (Status written = write_new(fresh, text, exists ? &old : nullptr); !written) {
    return tl::unexpected(written.error());
  }
  if (exists) {
    unlink(backup.c_str());
    // A second name for the old file: at every moment `target` exists, complete.
    if (link(target.c_str(), backup.c_str()) != 0) {
      const auto failure = fail_at(backup, "keep the old file");
      unlink(fresh.c_str());
      return failure;
    }
  }
  if (rename(fresh.c_str(), target.c_str()) != 0) {
    const auto failure = fail_at(target, "rename");
    unlink(fresh.c_str());
    return failure;
  }
  sync_directory_of(target);
  return exists ? backup : std::string();
}

}  // namespace sluice::control

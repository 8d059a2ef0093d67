// SPDX-License-Identifier: BSD-3-Clause
// Creation, replacement and removal of the control socket's file. Control thread.
#include "control/server/listen_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "control/server/peer.h"

namespace sluice::control {
namespace {

// Connections wait here while the control thread is busy; the kernel refuses more.
constexpr int kBacklog = 64;

tl::unexpected<Error> fail_at(const std::string& path, const std::string& step, int error) {
  return fail("control socket " + path + ": " + step + ": " + std::strerror(error));
}

Result<sockaddr_un> make_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return fail("director.control_socket.path: " + std::to_string(path.size()) +
                " characters; a socket path has 1.." +
                std::to_string(sizeof(address.sun_path) - 1));
  }
  path.copy(address.sun_path, path.size());
  return address;
}

Status make_parent(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (parent.empty() || std::filesystem::exists(parent, error)) {
    return {};
  }
  std::filesystem::create_directories(parent, error);
  if (error) {
    return fail("control socket " + path + ": cannot make directory " + parent.string() + ": " +
                error.message());
  }
  // Whatever the umask was: group members must be able to reach the socket.
  if (chmod(parent.c_str(), 0755) != 0) {
    return fail_at(path, "chmod of " + parent.string(), errno);
  }
  return {};
}

std::string describe_process(pid_t pid) {
  std::string name;
  std::ifstream comm("/proc/" + std::to_string(pid) + "/comm");
  std::getline(comm, name);
  return (name.empty() ? "a process" : name) + ", pid " + std::to_string(pid);
}

// Removes a socket file nobody listens on; an error when somebody does.
Status remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? Status{} : Status{fail_at(path, "stat", errno)};
  }
  if (!S_ISSOCK(info.st_mode)) {
    return fail("control socket " + path +
                ": a file that is no socket is in the way; move it or change "
                "director.control_socket.path");
  }
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) {
    return fail_at(path, "socket", errno);
  }
  const int result = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = result == 0 ? 0 : errno;
  const Result<Peer> owner = read_peer(probe);
  close(probe);
  if (error == 0 || error == EAGAIN) {  // EAGAIN: alive, but its backlog is full
    const bool is_known = error == 0 && owner.has_value();
    return fail("control socket " + path + ": " +
                (is_known ? describe_process(owner->pid) : "another process") +
                " serves it already; stop that one or change director.control_socket.path");
  }
  if (error != ECONNREFUSED && error != EPROTOTYPE) {
    return fail_at(path, "probing the file that is there", error);
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return fail_at(path, "removing the stale socket", errno);
  }
  return {};
}

}  // namespace

Result<ListenSocket> ListenSocket::open(const ListenSocketOptions& options) {
  const std::string& path = options.path;
  const Result<sockaddr_un> address = make_address(path);
  if (!address) {
    return tl::unexpected(address.error());
  }
  if (Status parent = make_parent(path); !parent) {
    return tl::unexpected(parent.error());
  }
  if (Status stale = remove_stale(path, *address); !stale) {
    return tl::unexpected(stale.error());
  }

  ListenSocket made(path);
  made.descriptor_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made.descriptor_ < 0) {
    return fail_at(path, "socket", errno);
  }
  // Nobody may connect before owner and mode are right. Only this thread creates files.
  const mode_t old_umask = umask(0777);
  const int bound =
      bind(made.descriptor_, reinterpret_cast<const sockaddr*>(&*address), sizeof(*address));
  const int bind_error = errno;
  umask(old_umask);
  if (bound != 0) {
    return fail_at(path, "bind", bind_error);
  }
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return fail_at(path, "stat", errno);
  }
  made.device_ = info.st_dev;
  made.inode_ = info.st_ino;
  if (options.group && lchown(path.c_str(), static_cast<uid_t>(-1), *options.group) != 0) {
    return fail_at(path, "chown to group " + std::to_string(*options.group), errno);
  }
  if (chmod(path.c_str(), options.mode) != 0) {
    return fail_at(path, "chmod", errno);
  }
  if (listen(made.descriptor_, kBacklog) != 0) {
    return fail_at(path, "listen", errno);
  }
  return made;
}

ListenSocket::ListenSocket(ListenSocket&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      device_(other.device_),
      inode_(std::exchange(other.inode_, 0)) {}

ListenSocket::~ListenSocket() {
  if (descriptor_ >= 0) {
    close(descriptor_);
  }
  struct stat info {};
  if (inode_ != 0 && lstat(path_.c_str(), &info) == 0 && info.st_ino == inode_ &&
      info.st_dev == device_) {
    unlink(path_.c_str());
  }
}

int ListenSocket::release_descriptor() { return std::exchange(descriptor_, -1); }

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Kernel parameters as files. Control thread.
#include "control/kernel/sysctl.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace sluice::control {
namespace {

constexpr const char* kRoot = "/proc/sys/";

}  // namespace

Status write_sysctl(const std::string& path, const std::string& value) {
  const int fd = ::open((kRoot + path).c_str(), O_WRONLY | O_CLOEXEC);
  bool is_written = false;
  int reason = errno;
  if (fd >= 0) {
    is_written = ::write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size());
    reason = errno;
    ::close(fd);
  }
  if (!is_written) {
    return fail("cannot set " + path + ": " + std::strerror(reason) +
                "; set it by hand: sysctl -w " + path + "=" + value);
  }
  return {};
}

Result<std::string> read_sysctl(const std::string& path) {
  const int fd = ::open((kRoot + path).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return fail("cannot read " + path + ": " + std::strerror(errno));
  }
  std::array<char, 128> text{};
  const ssize_t size = ::read(fd, text.data(), text.size());
  ::close(fd);
  std::string value(text.data(), size > 0 ? static_cast<size_t>(size) : 0);
  while (!value.empty() && value.back() == '\n') {
    value.pop_back();
  }
  return value;
}

void write_interface_sysctls(const std::string& name, std::span<const InterfaceSysctl> sysctls,
                             std::vector<std::string>& warnings) {
  for (const InterfaceSysctl& sysctl : sysctls) {
    const std::string path = sysctl.before_name + name + sysctl.after_name;
    if (::access((kRoot + path).c_str(), F_OK) != 0) {
      continue;
    }
    if (const Status status = write_sysctl(path, sysctl.value); !status) {
      warnings.push_back(status.error().message);
    }
  }
}

}  // namespace sluice::control

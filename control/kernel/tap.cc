// SPDX-License-Identifier: BSD-3-Clause
// Taps by /dev/net/tun. Control thread.
#include "control/kernel/tap.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice::control {
namespace {

constexpr const char* kDevice = "/dev/net/tun";

std::string driver_of(const std::string& name) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&info);
  const bool is_known = fd >= 0 && ::ioctl(fd, SIOCETHTOOL, &request) == 0;
  if (fd >= 0) {
    ::close(fd);
  }
  return is_known ? info.driver : "unknown";
}

tl::unexpected<Error> name_taken(const std::string& name) {
  const std::string driver = driver_of(name);
  const std::string what = driver == "tun"
                               ? "a tap or tun, perhaps of another sluiced: stop that one, or"
                               : "driver " + driver + ": choose another name under ports, or";
  return fail("port " + name + ": the kernel has an interface of that name already (" + what +
              " remove it with: ip link delete " + name + ")");
}

tl::unexpected<Error> cannot_open_device(const std::string& name, int reason) {
  const std::string start = "port " + name + ": cannot open " + kDevice + ": ";
  if (reason == ENOENT || reason == ENXIO || reason == ENODEV) {
    return fail(start +
                "no tun driver; load it with: modprobe tun (in a container, pass the device "
                "in: --device /dev/net/tun)");
  }
  return fail(start + std::strerror(reason) + "; run sluiced as root");
}

tl::unexpected<Error> cannot_create(const std::string& name, int reason) {
  if (reason == EBUSY || reason == EEXIST || if_nametoindex(name.c_str()) != 0) {
    return name_taken(name);
  }
  if (reason == EPERM) {
    return fail("port " + name +
                ": no permission to create a tap; run sluiced as root or with CAP_NET_ADMIN");
  }
  return fail("port " + name + ": cannot create the tap: " + std::strerror(reason));
}

}  // namespace

Result<Tap> Tap::create(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return fail("port " + name + ": an interface name has 1 to 15 characters");
  }
  const int fd = ::open(kDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    return cannot_open_device(name, errno);
  }
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  // Exclusive: without it a persistent tap of that name would be taken over silently.
  request.ifr_flags = IFF_TAP | IFF_NO_PI | static_cast<short>(IFF_TUN_EXCL);
  if (::ioctl(fd, TUNSETIFF, &request) != 0) {
    const int reason = errno;
    ::close(fd);
    return cannot_create(name, reason);
  }
  Tap tap(fd, name, static_cast<int>(if_nametoindex(name.c_str())));
  if (::ioctl(fd, TUNSETOFFLOAD, 0UL) != 0) {
    return fail("port " + name + ": cannot switch the tap's offloads off: " + std::strerror(errno));
  }
  return tap;
}

Tap::Tap(Tap&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), name_(std::move(other.name_)), index_(other.index_) {}

Tap& Tap::operator=(Tap&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(name_, other.name_);
  std::swap(index_, other.index_);
  return *this;
}

Tap::~Tap() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Status Tap::set_carrier(Carrier carrier) {
  int is_up = carrier == Carrier::kUp ? 1 : 0;
  if (::ioctl(fd_, TUNSETCARRIER, &is_up) != 0) {
    return fail("port " + name_ + ": cannot set the tap's carrier: " + std::strerror(errno));
  }
  return {};
}

bool Tap::write_frame(std::span<const iovec> parts) {
  return ::writev(fd_, parts.data(), static_cast<int>(parts.size())) > 0;
}

uint32_t Tap::read_frame(std::span<const iovec> parts) {
  const ssize_t size = ::readv(fd_, parts.data(), static_cast<int>(parts.size()));
  return size > 0 ? static_cast<uint32_t>(size) : 0;
}

void Tap::send_frame(std::span<const uint8_t> frame) const {
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = index_;
  const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return;
  }
  (void)::sendto(fd, frame.data(), frame.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&to),
                 sizeof(to));
  ::close(fd);
}

}  // namespace sluice::control

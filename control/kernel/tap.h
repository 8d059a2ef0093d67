// SPDX-License-Identifier: BSD-3-Clause
// A tap interface: the twin of a DPDK port in the kernel. It lives as long as its file descriptor.
// Control thread.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <string>

#include "lib/base/result.h"
#include "lib/net/address.h"

namespace sluice::control {

enum class Carrier : uint8_t { kDown, kUp };

/// Owns /dev/net/tun opened as one interface. Not persistent: when the process ends, however it
/// ends, the interface and its addresses, routes and neighbours are gone and keepalived sees it.
/// Frames go in and out bare: no packet information, no virtio header, no unfinished checksums.
class Tap {
 public:
  /// Creates interface `name`, still down.
  /// Errors: name taken (by what, and how to remove it), no /dev/net/tun, not root.
  static Result<Tap> create(const std::string& name);

  Tap(Tap&& other) noexcept;
  Tap& operator=(Tap&& other) noexcept;
  ~Tap();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] int index() const { return index_; }

  /// Tells the kernel whether the port has a link.
  Status set_carrier(Carrier carrier);

  /// Hands one frame to the kernel. Errors: false when the interface is down or out of memory.
  [[nodiscard]] bool write_frame(std::span<const iovec> parts);
  /// Takes one frame from the kernel; 0 when there is none. A frame longer than `parts` is cut.
  [[nodiscard]] uint32_t read_frame(std::span<const iovec> parts);

  /// Sends a frame by the interface, as the kernel's own would go out. Best effort.
  void send_frame(std::span<const uint8_t> frame) const;

 private:
  Tap(int fd, std::string name, int index) : fd_(fd), name_(std::move(name)), index_(index) {}

  int fd_ = -1;
  std::string name_;
  int index_ = 0;
};

}  // namespace sluice::control

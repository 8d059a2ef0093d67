// SPDX-License-Identifier: BSD-3-Clause
// Netlink sockets: requests that wait for the kernel's answer, and a monitor that follows what
// anybody changes. What the messages say is in rtnetlink.h. Control thread.
#pragma once

#include <linux/netlink.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "lib/base/result.h"

struct mnl_socket;

namespace sluice::control {

struct MnlSocketDeleter {
  void operator()(mnl_socket* socket) const;
};
using MnlSocketPtr = std::unique_ptr<mnl_socket, MnlSocketDeleter>;

/// One request under construction, in a buffer of its own; big enough for all we ever ask.
class NetlinkMessage {
 public:
  NetlinkMessage(uint16_t type, uint16_t flags);

  /// Adds the fixed header that follows nlmsghdr, zeroed. Call once, before the first attribute.
  template <typename Header>
  Header& add_header() {
    return *static_cast<Header*>(add_bytes(sizeof(Header)));
  }
  void put(uint16_t attribute, const void* bytes, size_t size);
  void put_u32(uint16_t attribute, uint32_t value);

  [[nodiscard]] nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_.data()); }

 private:
  void* add_bytes(size_t size);

  alignas(nlmsghdr) std::array<char, 256> buffer_;
};

/// Asks the kernel and waits for the answer; used at start, on a reload and for dumps.
class NetlinkRequests {
 public:
  static Result<NetlinkRequests> open();

  /// Sends `message` and waits for the acknowledgement.
  /// Returns 0 or the kernel's errno; ETIMEDOUT when it does not answer within 2 s.
  [[nodiscard]] int request(NetlinkMessage& message);

  /// Calls `each` for every message of a dump, after the whole dump came in. Starts anew when the
  /// kernel says that something changed in between.  Returns 0 or errno.
  [[nodiscard]] int dump(NetlinkMessage& message, const std::function<void(const nlmsghdr&)>& each);

 private:
  explicit NetlinkRequests(MnlSocketPtr socket);
  int receive(uint32_t sequence, std::vector<std::vector<char>>* collected);

  MnlSocketPtr socket_;
  std::vector<char> buffer_;
  uint32_t sequence_ = 0;
};

/// Delivers the kernel's notifications on the event loop, and sends requests whose answer comes as
/// a notification too (neighbour probes).
class NetlinkMonitor {
 public:
  struct Events {
    std::function<void(const nlmsghdr&)> on_message;
    std::function<void()> on_overrun;  // some were lost: dump everything again
  };

  explicit NetlinkMonitor(boost::asio::io_context& io);
  ~NetlinkMonitor();
  NetlinkMonitor(const NetlinkMonitor&) = delete;
  NetlinkMonitor& operator=(const NetlinkMonitor&) = delete;

  /// Subscribes to the RTMGRP_ bits in `groups` and starts to deliver.
  Status open(unsigned groups, uint32_t receive_buffer_bytes, Events events);

  /// Sends without waiting.  Returns false when the kernel's queue is full.
  bool send(std::span<NetlinkMessage> messages);

  [[nodiscard]] uint64_t overrun_count() const { return overruns_; }
  [[nodiscard]] uint64_t malformed_count() const { return malformed_; }

 private:
  void wait();
  void receive_all();
  bool receive_one();
  void deliver(size_t size);

  boost::asio::posix::stream_descriptor descriptor_;
  MnlSocketPtr socket_;
  Events events_;
  std::vector<char> buffer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // handlers may outlive us
  uint64_t overruns_ = 0;
  uint64_t malformed_ = 0;
};

}  // namespace sluice::control

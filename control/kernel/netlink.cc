// SPDX-License-Identifier: BSD-3-Clause
// Netlink sockets by libmnl. Control thread.
#include "control/kernel/netlink.h"

#include <libmnl/libmnl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice::control {
namespace {

constexpr size_t kBufferBytes = 32'768;  // the kernel makes no larger dump datagrams
constexpr int kDumpAttempts = 5;
constexpr int kDatagramsPerWakeup = 256;  // then other handlers of the loop get their turn
constexpr timeval kAnswerTimeout{.tv_sec = 2, .tv_usec = 0};

Result<MnlSocketPtr> open_socket(unsigned groups) {
  MnlSocketPtr socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (!socket || mnl_socket_bind(socket.get(), groups, MNL_SOCKET_AUTOPID) != 0) {
    return fail(std::string("cannot open a netlink socket: ") + std::strerror(errno));
  }
  return socket;
}

}  // namespace

void MnlSocketDeleter::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }

NetlinkMessage::NetlinkMessage(uint16_t type, uint16_t flags) {
  nlmsghdr* header = mnl_nlmsg_put_header(buffer_.data());
  header->nlmsg_type = type;
  header->nlmsg_flags = NLM_F_REQUEST | flags;
}

void* NetlinkMessage::add_bytes(size_t size) { return mnl_nlmsg_put_extra_header(header(), size); }

void NetlinkMessage::put(uint16_t attribute, const void* bytes, size_t size) {
  mnl_attr_put(header(), attribute, size, bytes);
}

void NetlinkMessage::put_u32(uint16_t attribute, uint32_t value) {
  mnl_attr_put_u32(header(), attribute, value);
}

NetlinkRequests::NetlinkRequests(MnlSocketPtr socket)
    : socket_(std::move(socket)), buffer_(kBufferBytes) {}

Result<NetlinkRequests> NetlinkRequests::open() {
  Result<MnlSocketPtr> socket = open_socket(0);
  if (!socket) {
    return tl::unexpected(socket.error());
  }
  ::setsockopt(mnl_socket_get_fd(socket->get()), SOL_SOCKET, SO_RCVTIMEO, &kAnswerTimeout,
               sizeof(kAnswerTimeout));
  return NetlinkRequests(std::move(*socket));
}

int NetlinkRequests::request(NetlinkMessage& message) {
  message.header()->nlmsg_flags |= NLM_F_ACK;
  message.header()->nlmsg_seq = ++sequence_;
  if (mnl_socket_sendto(socket_.get(), message.header(), message.header()->nlmsg_len) < 0) {
    return errno;
  }
  return receive(sequence_, nullptr);
}

int NetlinkRequests::dump(NetlinkMessage& message,
                          const std::function<void(const nlmsghdr&)>& each) {
  message.header()->nlmsg_flags |= NLM_F_DUMP;
  int result = EINTR;
  std::vector<std::vector<char>> collected;
  for (int attempt = 0; result == EINTR && attempt < kDumpAttempts; ++attempt) {
    collected.clear();
    message.header()->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), message.header(), message.header()->nlmsg_len) < 0) {
      return errno;
    }
    result = receive(sequence_, &collected);
  }
  for (const std::vector<char>& datagram : collected) {
    const auto* header = reinterpret_cast<const nlmsghdr*>(datagram.data());
    for (int left = static_cast<int>(datagram.size()); mnl_nlmsg_ok(header, left);
         header = mnl_nlmsg_next(header, &left)) {
      if (header->nlmsg_type >= NLMSG_MIN_TYPE) {
        each(*header);
      }
    }
  }
  return result;
}

// Reads up to the acknowledgement or the dump's end. An interrupted dump is read to its end too, so
// that its rest does not answer the next question.
int NetlinkRequests::receive(uint32_t sequence, std::vector<std::vector<char>>* collected) {
  const unsigned port = mnl_socket_get_portid(socket_.get());
  bool is_interrupted = false;
  while (true) {
    const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (size < 0) {
      return errno == EAGAIN ? ETIMEDOUT : errno;
    }
    auto* header = reinterpret_cast<nlmsghdr*>(buffer_.data());
    if (size < static_cast<ssize_t>(sizeof(nlmsghdr)) || header->nlmsg_seq != sequence) {
      continue;  // the late answer to a request that timed out
    }
    int left = static_cast<int>(size);
    for (nlmsghdr* each = header; mnl_nlmsg_ok(each, left); each = mnl_nlmsg_next(each, &left)) {
      is_interrupted |= (each->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      each->nlmsg_flags &= static_cast<uint16_t>(~NLM_F_DUMP_INTR);
    }
    const int result =
        mnl_cb_run(buffer_.data(), static_cast<size_t>(size), sequence, port, nullptr, nullptr);
    if (result < 0) {
      return errno;
    }
    if (collected != nullptr) {
      collected->emplace_back(buffer_.begin(), buffer_.begin() + size);
    }
    if (result == MNL_CB_STOP) {
      return is_interrupted ? EINTR : 0;
    }
  }
}

NetlinkMonitor::NetlinkMonitor(boost::asio::io_context& io)
    : descriptor_(io), buffer_(kBufferBytes) {}

NetlinkMonitor::~NetlinkMonitor() {
  *alive_ = false;
  if (descriptor_.is_open()) {
    descriptor_.release();  // libmnl closes the descriptor
  }
}

Status NetlinkMonitor::open(unsigned groups, uint32_t receive_buffer_bytes, Events events) {
  Result<MnlSocketPtr> socket = open_socket(groups);
  if (!socket) {
    return tl::unexpected(socket.error());
  }
  socket_ = std::move(*socket);
  const int fd = mnl_socket_get_fd(socket_.get());
  const int size = static_cast<int>(receive_buffer_bytes);
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
  }
  events_ = std::move(events);
  descriptor_.assign(fd);
  descriptor_.non_blocking(true);
  wait();
  return {};
}

void NetlinkMonitor::wait() {
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [this, alive = alive_](const boost::system::error_code& error) {
                           if (!*alive || error) {
                             return;
                           }
                           receive_all();
                           if (*alive) {
                             wait();
                           }
                         });
}

void NetlinkMonitor::receive_all() {
  const std::shared_ptr<bool> alive = alive_;  // a handler may destroy us
  for (int i = 0; i < kDatagramsPerWakeup && *alive; ++i) {
    if (!receive_one()) {
      return;
    }
  }
}

bool NetlinkMonitor::receive_one() {
  sockaddr_nl from{};
  socklen_t from_size = sizeof(from);
  const ssize_t size =
      ::recvfrom(mnl_socket_get_fd(socket_.get()), buffer_.data(), buffer_.size(),
                 MSG_DONTWAIT | MSG_TRUNC, reinterpret_cast<sockaddr*>(&from), &from_size);
  if (size < 0) {
    if (errno != ENOBUFS) {
      return errno == EINTR;
    }
    ++overruns_;
    events_.on_overrun();
    return true;
  }
  if (from.nl_pid != 0 || static_cast<size_t>(size) > buffer_.size()) {
    ++malformed_;  // not from the kernel, or longer than it ever sends
    return true;
  }
  deliver(static_cast<size_t>(size));
  return true;
}

void NetlinkMonitor::deliver(size_t size) {
  const std::shared_ptr<bool> alive = alive_;
  const auto* header = reinterpret_cast<const nlmsghdr*>(buffer_.data());
  int left = static_cast<int>(size);
  for (; *alive && mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
    if (header->nlmsg_type >= NLMSG_MIN_TYPE) {
      events_.on_message(*header);
    }
  }
  if (*alive && left > 0) {
    ++malformed_;
  }
}

bool NetlinkMonitor::send(std::span<NetlinkMessage> messages) {
  // One system call carries many: the kernel takes them one after the other.
  std::vector<iovec> parts;
  parts.reserve(messages.size());
  for (NetlinkMessage& message : messages) {
    parts.push_back({message.header(), message.header()->nlmsg_len});
  }
  sockaddr_nl to{};
  to.nl_family = AF_NETLINK;
  msghdr header{};
  header.msg_name = &to;
  header.msg_namelen = sizeof(to);
  header.msg_iov = parts.data();
  header.msg_iovlen = parts.size();
  return ::sendmsg(mnl_socket_get_fd(socket_.get()), &header, MSG_DONTWAIT) >= 0;
}

}  // namespace sluice::control

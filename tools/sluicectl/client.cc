// SPDX-License-Identifier: BSD-3-Clause
// Connecting, one line out, one line in. Single-threaded.
#include "tools/sluicectl/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice::ctl {
namespace {

// A little longer than the director lets its workers take, so that its own words arrive.
constexpr time_t kTimeoutSeconds = 40;
constexpr size_t kReadBytes = 64 * 1024;

std::string advice(int error) {
  switch (error) {
    case ENOENT:
    case ECONNREFUSED:
      return "; is it running? start it with: systemctl start sluiced (or name its socket with "
             "--socket)";
    case EACCES:
      return "; use sudo, or join the group of director.control_socket.group";
    default:
      return "";
  }
}

CallError to_error(const Json& error) {
  CallError out{CallError::Kind::kRefused, error.value("message", "refused without a reason"), {}};
  const auto data = error.find("data");
  if (data == error.end() || !data->is_object() || !data->contains("problems")) {
    return out;
  }
  const Json& problems = (*data)["problems"];
  for (size_t i = 1; i < problems.size(); ++i) {  // the first is in the message
    out.details.push_back(problems[i].value("text", ""));
  }
  return out;
}

}  // namespace

Client::~Client() {
  if (socket_ >= 0) {
    close(socket_);
  }
}

tl::unexpected<CallError> Client::unreachable(const std::string& why) const {
  return tl::unexpected(CallError{
      CallError::Kind::kUnreachable, "cannot reach sluiced at " + path_ + ": " + why, {}});
}

Call<void> Client::connect() {
  if (socket_ >= 0) {
    return {};
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.empty() || path_.size() >= sizeof(address.sun_path)) {
    return unreachable("a socket path has 1.." + std::to_string(sizeof(address.sun_path) - 1) +
                       " characters");
  }
  path_.copy(address.sun_path, path_.size());
  socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) {
    return unreachable(std::strerror(errno));
  }
  const timeval timeout{.tv_sec = kTimeoutSeconds, .tv_usec = 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    const int error = errno;
    close(std::exchange(socket_, -1));
    return unreachable(std::strerror(error) + advice(error));
  }
  return {};
}

Call<std::string> Client::exchange(const std::string& line) {
  size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t count = send(socket_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) {
      break;  // refused clients are told why and cut off: read what there is
    }
    sent += count > 0 ? static_cast<size_t>(count) : 0;
  }
  std::array<char, kReadBytes> buffer;
  while (true) {
    if (const size_t end = input_.find('\n'); end != std::string::npos) {
      std::string reply = input_.substr(0, end);
      input_.erase(0, end + 1);
      return reply;
    }
    const ssize_t count = recv(socket_, buffer.data(), buffer.size(), 0);
    if (count > 0) {
      input_.append(buffer.data(), static_cast<size_t>(count));
    } else if (count == 0) {
      return unreachable("it closed the connection; see its log");
    } else if (errno == EAGAIN) {
      return unreachable("no answer within " + std::to_string(kTimeoutSeconds) + " s; see its log");
    } else if (errno != EINTR) {
      return unreachable(std::strerror(errno));
    }
  }
}

Call<Json> Client::call(const std::string& method, const Json& params) {
  if (auto connected = connect(); !connected) {
    return tl::unexpected(connected.error());
  }
  const Json request = {
      {"jsonrpc", "2.0"}, {"id", next_id_++}, {"method", method}, {"params", params}};
  const auto line = exchange(request.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  if (!line) {
    return tl::unexpected(line.error());
  }
  const Json reply = Json::parse(*line, nullptr, false);
  if (!reply.is_object()) {
    return unreachable("what answers there does not speak sluice's protocol");
  }
  if (const auto error = reply.find("error"); error != reply.end() && error->is_object()) {
    return tl::unexpected(to_error(*error));
  }
  if (!reply.contains("result")) {
    return unreachable("what answers there does not speak sluice's protocol");
  }
  return reply["result"];
}

}  // namespace sluice::ctl

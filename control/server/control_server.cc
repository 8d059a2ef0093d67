// SPDX-License-Identifier: BSD-3-Clause
// Accepting and refusing clients of the control socket. Control thread.
#include "control/server/control_server.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <string>
#include <utility>

#include "control/server/activity.h"
#include "control/server/connection.h"
#include "control/server/listen_socket.h"
#include "control/server/peer.h"
#include "control/server/rpc.h"
#include "control/server/token_bucket.h"

namespace sluice::control {
namespace {

using boost::asio::local::stream_protocol;

// After accept(2) failed (no descriptors left): try again, but do not spin.
constexpr auto kAcceptRetry = std::chrono::milliseconds(100);
// Refusals in the log: enough to notice, too few to fill a disk.
constexpr double kRefusalsLoggedPerSecond = 1;
constexpr double kRefusalsLoggedAtOnce = 5;

}  // namespace

class ControlServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& io, Director& director, ListenSocket socket, PeerPolicy policy,
       const ServerLimits& limits)
      : acceptor_(io),
        sample_timer_(io),
        retry_timer_(io),
        file_(std::move(socket)),
        policy_(policy),
        limits_(limits),
        activity_(director),
        rpc_(std::make_unique<Rpc>(io, director, activity_, limits)),
        refusals_logged_(kRefusalsLoggedPerSecond, kRefusalsLoggedAtOnce,
                         TokenBucket::Clock::now()) {
    acceptor_.assign(stream_protocol(), file_->release_descriptor());
  }

  void start() {
    accept();
    sample_later();
  }

  void close() {
    is_closed_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    sample_timer_.cancel(ignored);
    retry_timer_.cancel(ignored);
    for (const auto& [key, connection] : std::exchange(connections_, {})) {
      connection->close();
    }
    rpc_.reset();  // commands that are still to answer find nobody
    file_.reset();
  }

  [[nodiscard]] size_t client_count() const { return connections_.size(); }

 private:
  void accept() {
    acceptor_.async_accept([self = shared_from_this()](const auto& error, auto socket) {
      if (self->is_closed_) {
        return;
      }
      if (error) {
        return self->retry_later(error.message());
      }
      self->welcome(std::move(socket));
      self->accept();
    });
  }

  void retry_later(const std::string& reason) {
    log_refusal("cannot accept a client: " + reason);
    retry_timer_.expires_after(kAcceptRetry);
    retry_timer_.async_wait([self = shared_from_this()](const auto& error) {
      if (!error && !self->is_closed_) {
        self->accept();
      }
    });
  }

  void sample_later() {
    sample_timer_.expires_after(std::chrono::seconds(Activity::kSamplePeriodSeconds));
    sample_timer_.async_wait([self = shared_from_this()](const auto& error) {
      if (!error && !self->is_closed_) {
        self->activity_.sample();
        self->sample_later();
      }
    });
  }

  void welcome(stream_protocol::socket socket) {
    Result<Peer> peer = read_peer(socket.native_handle());
    if (!peer) {
      return refuse_client(socket, ErrorCode::kNotPermitted,
                           "cannot tell who you are: " + peer.error().message);
    }
    if (!policy_.is_allowed(*peer)) {
      return refuse_client(socket, ErrorCode::kNotPermitted,
                           peer->to_string() +
                               " may not use this socket; be root or a member of "
                               "director.control_socket.group");
    }
    const uint32_t kept = peer->uid == 0 ? 0 : limits_.clients_kept_for_root;
    if (connections_.size() + kept >= limits_.max_clients) {
      return refuse_client(socket, ErrorCode::kTooManyClients,
                           std::to_string(connections_.size()) +
                               " clients are connected already; close some and try again");
    }
    const auto connection =
        std::make_shared<Connection>(std::move(socket), *std::move(peer), *rpc_, limits_,
                                     [this](Connection& closed) { connections_.erase(&closed); });
    connections_.emplace(connection.get(), connection);
    connection->start();
  }

  // One short line into an empty socket buffer: this cannot block.
  void refuse_client(stream_protocol::socket& socket, ErrorCode code, const std::string& why) {
    const std::string line = error_line(code, why) + "\n";
    if (send(socket.native_handle(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
      log_refusal("refused client left before it was told");
    }
    log_refusal("refused: " + why);
  }

  void log_refusal(const std::string& why) {
    const auto now = TokenBucket::Clock::now();
    if (refusals_logged_.wait(now) == TokenBucket::Clock::duration::zero()) {
      refusals_logged_.take(1, now);
      spdlog::warn("control socket: {}", why);
    }
  }

  stream_protocol::acceptor acceptor_;
  boost::asio::steady_timer sample_timer_;
  boost::asio::steady_timer retry_timer_;
  std::optional<ListenSocket> file_;
  PeerPolicy policy_;
  ServerLimits limits_;
  Activity activity_;
  std::unique_ptr<Rpc> rpc_;
  TokenBucket refusals_logged_;
  std::map<Connection*, std::shared_ptr<Connection>> connections_;
  bool is_closed_ = false;
};

Result<std::unique_ptr<ControlServer>> ControlServer::open(
    boost::asio::io_context& io, Director& director, const config::Director::ControlSocket& socket,
    const ServerLimits& limits) {
  PeerPolicy policy{.own_uid = geteuid(), .group = std::nullopt};
  if (!socket.group.empty()) {
    const Result<gid_t> group = find_group(socket.group);
    if (!group) {
      return tl::unexpected(group.error());
    }
    policy.group = *group;
  }
  auto file = ListenSocket::open({socket.path, static_cast<mode_t>(socket.mode), policy.group});
  if (!file) {
    return tl::unexpected(file.error());
  }
  auto impl = std::make_shared<Impl>(io, director, *std::move(file), policy, limits);
  impl->start();
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
}

ControlServer::ControlServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

ControlServer::~ControlServer() { impl_->close(); }

size_t ControlServer::client_count() const { return impl_->client_count(); }

}  // namespace sluice::control

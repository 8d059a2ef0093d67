// SPDX-License-Identifier: BSD-3-Clause
// One client of the control socket: lines in, replies out, and a deadline for everything. Control
// thread. Private to control/server.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "control/server/peer.h"
#include "control/server/rpc.h"
#include "control/server/server_limits.h"
#include "control/server/token_bucket.h"

namespace sluice::control {

/// A client does one thing at a time: it is idle, sends a message, waits for the answer or reads
/// the reply; each has a deadline. While it waits or reads, nothing is read from it, so what it can
/// occupy is one message and one reply; whatever else it sends stays in its own socket buffer.
///
///   idle --first byte--> receiving --newline--> answering --reply--> sending --all read--> idle
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;
  using OnClosed = std::function<void(Connection&)>;

  Connection(Socket socket, Peer peer, Rpc& rpc, const ServerLimits& limits, OnClosed on_closed);

  void start();
  /// Idempotent. Nothing of `rpc` or the owner is touched afterwards.
  void close();

  [[nodiscard]] const Peer& peer() const { return peer_; }

 private:
  enum class Phase { kNew, kIdle, kReceiving, kPaused, kAnswering, kSending, kClosed };
  enum class After { kContinue, kClose };

  void continue_later();
  void next_message();
  bool take_line(std::string& line);
  void receive();
  void on_received(const boost::system::error_code& error, size_t bytes);
  void run_when_allowed(std::string message);
  void run(const std::string& message);
  void send(std::string line, After after);
  void on_sent(const boost::system::error_code& error, After after);
  void enter(Phase phase);
  void on_deadline();
  /// Says why and closes.
  void give_up(ErrorCode code, const std::string& message);

  // One read; a request is usually a few hundred bytes.
  static constexpr size_t kReadBytes = 16 * 1024;
  // Buffers that a rare large message made bigger than this are given back.
  static constexpr size_t kKeptBytes = 64 * 1024;

  Socket socket_;
  boost::asio::steady_timer deadline_;
  boost::asio::steady_timer pause_;
  Peer peer_;
  Rpc& rpc_;
  ServerLimits limits_;
  OnClosed on_closed_;
  TokenBucket requests_;
  Phase phase_ = Phase::kNew;
  uint64_t request_number_ = 0;  // tells a late answer from the one waited for
  bool is_at_end_ = false;       // the client has closed its sending side
  std::string input_;
  size_t begin_ = 0;    // of the first unread message in input_
  size_t scanned_ = 0;  // no newline in [begin_, scanned_)
  std::array<char, kReadBytes> read_buffer_;
  std::string output_;
};

}  // namespace sluice::control

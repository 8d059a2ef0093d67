// SPDX-License-Identifier: BSD-3-Clause
// Lines, limits and deadlines of one client. Control thread.
#include "control/server/connection.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace sluice::control {
namespace {

std::string in_seconds(std::chrono::milliseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

Connection::Connection(Socket socket, Peer peer, Rpc& rpc, const ServerLimits& limits,
                       OnClosed on_closed)
    : socket_(std::move(socket)),
      deadline_(socket_.get_executor()),
      pause_(socket_.get_executor()),
      peer_(std::move(peer)),
      rpc_(rpc),
      limits_(limits),
      on_closed_(std::move(on_closed)),
      requests_(limits.requests_per_second, limits.request_burst, TokenBucket::Clock::now()) {}

void Connection::start() { next_message(); }

void Connection::close() {
  if (phase_ == Phase::kClosed) {
    return;
  }
  phase_ = Phase::kClosed;
  boost::system::error_code ignored;
  deadline_.cancel(ignored);
  pause_.cancel(ignored);
  socket_.close(ignored);
  std::exchange(on_closed_, {})(*this);
}

// By way of the event loop: other clients get their turn, and a buffer full of requests does not
// recurse.
void Connection::continue_later() {
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] { self->next_message(); });
}

void Connection::next_message() {
  if (phase_ == Phase::kClosed) {
    return;
  }
  std::string line;
  if (take_line(line)) {
    if (line.size() <= limits_.max_message_bytes) {
      return run_when_allowed(std::move(line));
    }
  } else if (input_.size() - begin_ <= limits_.max_message_bytes) {
    return is_at_end_ ? close() : receive();
  }
  give_up(ErrorCode::kInvalidRequest,
          "a message has at most " + std::to_string(limits_.max_message_bytes) + " bytes");
}

// The next line that is not blank; at the end of the stream also an unfinished one.
bool Connection::take_line(std::string& line) {
  while (true) {
    size_t end = input_.find('\n', scanned_);
    if (end == std::string::npos) {
      scanned_ = input_.size();
      if (!is_at_end_ || begin_ == input_.size()) {
        return false;
      }
      end = input_.size();
    }
    line = input_.substr(begin_, end - begin_);
    begin_ = std::min(end + 1, input_.size());
    scanned_ = begin_;
    if (line.find_first_not_of(" \t\r") != std::string::npos) {
      return true;
    }
  }
}

void Connection::receive() {
  input_.erase(0, begin_);
  begin_ = 0;
  scanned_ = input_.size();
  if (input_.empty() && input_.capacity() > kKeptBytes) {
    input_.shrink_to_fit();
  }
  enter(input_.empty() ? Phase::kIdle : Phase::kReceiving);
  socket_.async_read_some(boost::asio::buffer(read_buffer_),
                          [self = shared_from_this()](const auto& error, size_t bytes) {
                            self->on_received(error, bytes);
                          });
}

void Connection::on_received(const boost::system::error_code& error, size_t bytes) {
  if (phase_ != Phase::kIdle && phase_ != Phase::kReceiving) {
    return;  // given up meanwhile
  }
  if (error && error != boost::asio::error::eof) {
    return close();
  }
  is_at_end_ = static_cast<bool>(error);
  input_.append(read_buffer_.data(), bytes);
  next_message();
}

void Connection::run_when_allowed(std::string message) {
  const auto wait = requests_.wait(TokenBucket::Clock::now());
  if (wait <= TokenBucket::Clock::duration::zero()) {
    return run(message);
  }
  enter(Phase::kPaused);
  pause_.expires_after(wait);
  pause_.async_wait([self = shared_from_this(), message = std::move(message)](const auto& error) {
    if (!error && self->phase_ == Phase::kPaused) {
      self->run(message);
    }
  });
}

void Connection::run(const std::string& message) {
  enter(Phase::kAnswering);
  const uint64_t number = ++request_number_;
  rpc_.handle(message, peer_, [weak = weak_from_this(), number](RpcOutcome outcome) {
    const auto self = weak.lock();
    if (!self || self->phase_ != Phase::kAnswering || self->request_number_ != number) {
      return;
    }
    const double periods = std::chrono::duration<double>(outcome.busy) /
                           std::chrono::duration<double>(self->limits_.time_per_token);
    self->requests_.take(outcome.calls + periods, TokenBucket::Clock::now());
    if (outcome.reply.empty()) {
      self->continue_later();
    } else {
      self->send(std::move(outcome.reply), After::kContinue);
    }
  });
}

void Connection::send(std::string line, After after) {
  enter(Phase::kSending);
  output_ = std::move(line);
  output_ += '\n';
  boost::asio::async_write(socket_, boost::asio::buffer(output_),
                           [self = shared_from_this(), after](const auto& error, size_t) {
                             self->on_sent(error, after);
                           });
}

void Connection::on_sent(const boost::system::error_code& error, After after) {
  if (phase_ == Phase::kClosed) {
    return;
  }
  if (error || after == After::kClose) {
    return close();
  }
  output_.clear();
  if (output_.capacity() > kKeptBytes) {
    output_.shrink_to_fit();
  }
  continue_later();
}

void Connection::enter(Phase phase) {
  if (std::exchange(phase_, phase) == phase) {
    return;  // the deadline of a phase is not moved by doing a little of it
  }
  switch (phase) {
    case Phase::kIdle:
      deadline_.expires_after(limits_.idle_timeout);
      break;
    case Phase::kReceiving:
      deadline_.expires_after(limits_.receive_timeout);
      break;
    case Phase::kAnswering:
      deadline_.expires_after(limits_.answer_timeout);
      break;
    case Phase::kSending:
      deadline_.expires_after(limits_.send_timeout);
      break;
    case Phase::kPaused:
    case Phase::kNew:
    case Phase::kClosed:
      deadline_.cancel();
      return;
  }
  deadline_.async_wait([weak = weak_from_this()](const auto& error) {
    const auto self = weak.lock();
    // A wait that ended just before the timer was set anew comes without an error: look again.
    if (!error && self && self->deadline_.expiry() <= TokenBucket::Clock::now()) {
      self->on_deadline();
    }
  });
}

void Connection::on_deadline() {
  if (phase_ == Phase::kReceiving) {
    give_up(ErrorCode::kInvalidRequest, "no newline within " + in_seconds(limits_.receive_timeout) +
                                            " of the message's first byte");
  } else if (phase_ == Phase::kAnswering) {
    give_up(ErrorCode::kNoAnswer, "no answer from the workers within " +
                                      in_seconds(limits_.answer_timeout) + "; see the log");
  } else if (phase_ != Phase::kPaused) {
    close();
  }
}

void Connection::give_up(ErrorCode code, const std::string& message) {
  send(error_line(code, message), After::kClose);
}

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// What one client, and all of them, may take from the control thread. Values; control thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "control/server/protocol.h"

namespace sluice::control {

/// Tests use smaller ones; the daemon uses these.
struct ServerLimits {
  using Milliseconds = std::chrono::milliseconds;

  size_t max_message_bytes = kMaxMessageBytes;

  // Operators, scripts and a metrics collector; 64 input buffers of 1 MiB are the memory bound.
  uint32_t max_clients = 64;
  // Kept free for root, so that a group member's leaking script cannot lock the administrator out.
  uint32_t clients_kept_for_root = 8;

  // A request is about 50 us of the control thread; whoever takes longer pays for it: a token for
  // the request and one for each `time_per_token`. So one client gets at most a quarter of the
  // thread, and 1000 pages of sessions a second are as fast as anybody reads. Over it, answers come
  // late.
  uint32_t requests_per_second = 1000;
  uint32_t request_burst = 200;
  std::chrono::microseconds time_per_token{250};

  // Reading and applying a configuration takes milliseconds, a large one a second. All clients
  // together get this part of the control thread for it, after a burst; over it they wait.
  double shared_part = 0.25;
  Milliseconds shared_burst{1000};

  // Between requests: a client that polls each minute stays, a forgotten one goes.
  Milliseconds idle_timeout = std::chrono::minutes(5);
  // From a message's first byte to its newline: 1 MiB on a local socket takes milliseconds.
  Milliseconds receive_timeout = std::chrono::seconds(10);
  // Workers answer in microseconds; a listing that takes this long never ends.
  Milliseconds answer_timeout = std::chrono::seconds(30);
  // A client that does not read its reply is cut off; until then no further request of it is run,
  // so one reply is all that is ever queued for a client.
  Milliseconds send_timeout = std::chrono::seconds(10);

  // A batch is a convenience; its replies together are held in memory until the last one.
  uint32_t max_batch = 64;
  size_t max_batch_reply_bytes = 4U << 20;
};

// Requests nest three deep (batch, request, params, timeouts). Deeper JSON is an attack or a
// mistake.
inline constexpr int kMaxJsonDepth = 16;

}  // namespace sluice::control

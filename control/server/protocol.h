// SPDX-License-Identifier: BSD-3-Clause
// The control protocol's constants, shared by the daemon and sluicectl. README.md describes them.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::control {

inline constexpr std::string_view kDefaultSocketPath = "/run/sluice/control.sock";

// A message carries at most one configuration file (`diff`): 16 000 servers are about 0.8 MiB.
inline constexpr size_t kMaxMessageBytes = 1U << 20;

// A page of `session.list`: what one worker finds between two bursts without delaying packets.
inline constexpr unsigned kMaxSessionPage = 1000;

/// Error codes of replies: JSON-RPC 2.0's own, then ours.
enum class ErrorCode : int {
  kParse = -32700,           // not JSON
  kInvalidRequest = -32600,  // JSON, but no request; too long, too deep
  kUnknownMethod = -32601,
  kInvalidParams = -32602,
  kInternal = -32603,
  kRefused = -32000,       // the configuration would break; data.problems says where
  kNotFound = -32001,      // no such service or server
  kExists = -32002,        // the service or server is there already
  kNotPermitted = -32003,  // the peer's user may not use the socket
  kTooManyClients = -32004,
  kCannotWrite = -32005,   // `save` could not write the file
  kNoAnswer = -32006,      // the workers did not answer in time
  kReplyTooLong = -32007,  // the rest of a batch was not carried out
};

}  // namespace sluice::control

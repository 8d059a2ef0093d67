// SPDX-License-Identifier: BSD-3-Clause
// One connection to the director's control socket, used by sluicectl alone: blocking calls, one at
// a time. Single-threaded.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "lib/base/result.h"

namespace sluice::ctl {

using Json = nlohmann::ordered_json;

/// Why a call failed: the director could not be reached, or it said no.
struct CallError {
  enum class Kind { kUnreachable, kRefused };
  Kind kind = Kind::kRefused;
  std::string message;               // one line
  std::vector<std::string> details;  // further lines: configuration problems after the first
};

template <typename T>
using Call = tl::expected<T, CallError>;

class Client {
 public:
  explicit Client(std::string path) : path_(std::move(path)) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  /// The result of `method`; connects first if need be.
  /// Errors: not reachable (with what to do), or refused by the director.
  Call<Json> call(const std::string& method, const Json& params);

 private:
  Call<void> connect();
  Call<std::string> exchange(const std::string& line);
  [[nodiscard]] tl::unexpected<CallError> unreachable(const std::string& why) const;

  std::string path_;
  int socket_ = -1;
  int next_id_ = 1;
  std::string input_;
};

}  // namespace sluice::ctl

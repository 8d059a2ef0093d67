// SPDX-License-Identifier: BSD-3-Clause
// The value-or-error type used wherever an operation can fail off the packet path.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace sluice {

/// Why an operation failed, in words an operator can act on.
struct Error {
  std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(std::string message) {
  return tl::unexpected<Error>(Error{std::move(message)});
}

}  // namespace sluice

// SPDX-License-Identifier: BSD-3-Clause
// Replaces a file so that a crash leaves the old or the new one, never half. Control thread.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace sluice::control {

/// Writes `text` over `path`, keeping mode and owner of the old file, which stays as `path`.bak.
/// Returns the backup's path, empty when there was no file. A symbolic link stays one.
/// Errors: what could not be written, and why; the old file is then untouched.
[[nodiscard]] Result<std::string> replace_file(const std::string& path, const std::string& text);

}  // namespace sluice::control

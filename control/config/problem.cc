// SPDX-License-Identifier: BSD-3-Clause
// The one-line form of a problem. Control thread.
#include "control/config/problem.h"

namespace sluice::config {

std::string Problem::to_string() const {
  std::string text;
  if (!file.empty()) {
    text += file + ":";
    if (line > 0) {
      text += std::to_string(line) + ":" + std::to_string(column) + ":";
    }
    text += " ";
  }
  if (!key.empty()) {
    text += key + ": ";
  }
  return text + message;
}

}  // namespace sluice::config

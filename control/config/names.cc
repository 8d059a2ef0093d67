// SPDX-License-Identifier: BSD-3-Clause
// Ranges as operators read them. Control thread.
#include "control/config/names.h"

namespace sluice::config {

std::string NumberRange::to_string() const {
  const std::string range = std::to_string(min) + ".." + std::to_string(max);
  return zero == Zero::kIsAutomatic ? range + " or 0 (automatic)" : range;
}

}  // namespace sluice::config

// SPDX-License-Identifier: BSD-3-Clause
// Model to YAML text: what `sluicectl save` writes. Reading it back gives the same model.
#pragma once

#include <string>

#include "control/config/model.h"

namespace sluice::config {

/// The model as YAML, defaults left out where that is lossless.  Thread: control.
[[nodiscard]] std::string to_yaml(const Model& model);

}  // namespace sluice::config

// SPDX-License-Identifier: BSD-3-Clause
// The rules a model must keep beyond the types of its values: references, uniqueness, limits.
#pragma once

#include "control/config/model.h"
#include "control/config/problem.h"

namespace sluice::config {

/// All broken rules of `model`; empty when it is fit to run. Problems carry the key, no line: the
/// reader adds file, line and column.  Thread: control.
[[nodiscard]] Problems validate(const Model& model);

}  // namespace sluice::config

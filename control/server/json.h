// SPDX-License-Identifier: BSD-3-Clause
// JSON values of the control socket. Private to control/server. Control thread.
#pragma once

#include <nlohmann/json.hpp>

namespace sluice::control {

/// What we answer. Keys keep the order they were written in: replies read as their author meant.
using Json = nlohmann::ordered_json;

/// What a client sent. Sorted keys: an ordered object would take quadratic time to read, and a
/// client could stop the control thread with one message of many keys.
using RequestJson = nlohmann::json;

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Services and real servers as JSON, with what they counted. Control thread.
#pragma once

#include "control/server/commands/command.h"

namespace sluice::control {

[[nodiscard]] Json to_json(const Director& director, const config::Service& service,
                           const config::Server& server);

/// The service, its totals and its servers. Timeouts only with `Detail::kFull`.
enum class Detail { kList, kFull };
[[nodiscard]] Json to_json(const Director& director, const config::Service& service, Detail detail);

/// The sum over a service's servers.
[[nodiscard]] dataplane::ServerTotals totals_of(const Director& director,
                                                const config::Service& service);

/// Appends the seven numbers of `totals` to a JSON object.
void append(Json& object, const dataplane::ServerTotals& totals);

}  // namespace sluice::control

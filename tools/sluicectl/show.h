// SPDX-License-Identifier: BSD-3-Clause
// Results of the director as a human reads them. Single-threaded.
#pragma once

#include <iosfwd>

#include "tools/sluicectl/verb.h"

namespace sluice::ctl {

void show_status(const Invocation& invocation, const Json& result);
void show_services(const Invocation& invocation, const Json& result);
void show_service(const Invocation& invocation, const Json& result);
void show_servers(const Invocation& invocation, const Json& result);
/// A script for each real server, with comments.
void show_howto(std::ostream& out, const Json& result);
void show_counters(const Invocation& invocation, const Json& result);
void show_neighbours(const Invocation& invocation, const Json& result);
/// The outcome of an edit: what changed, one line each, and the generation.
void show_changes(const Invocation& invocation, const Json& result);
/// What would change, and whether that needs a restart.
void show_difference(std::ostream& out, const Json& result);

/// Fixed columns: sessions are printed before the next page is known.
void show_session_header(std::ostream& out);
void show_session(std::ostream& out, const Json& session);

/// "3 d 4 h", "12 min 5 s"
[[nodiscard]] std::string duration(uint64_t seconds);

}  // namespace sluice::ctl

// SPDX-License-Identifier: BSD-3-Clause
// Verbs that do more than ask once and show the result. Single-threaded.
#pragma once

#include "tools/sluicectl/verb.h"

namespace sluice::ctl {

/// Page after page, each printed before the next is asked for.
Exit list_sessions(const Verb& verb, const Invocation& invocation);
/// Reads the file here and lets the director compare it.
Exit diff_file(const Verb& verb, const Invocation& invocation);
/// Reads a file here if one is named and lets the director say what real servers need.
Exit server_howto(const Verb& verb, const Invocation& invocation);
/// Prints the configuration, writes it here, or has the director write its file.
Exit save(const Verb& verb, const Invocation& invocation);
/// Asks once; JSON as it came, or for a human.
Exit ask_and_show(const Verb& verb, const Invocation& invocation);

}  // namespace sluice::ctl

// SPDX-License-Identifier: BSD-3-Clause
// Names of session states. Control thread and tests.
#include "lib/table/tcp_state.h"

namespace sluice::table {

std::string_view to_string(SessionState state) {
  static constexpr std::array<std::string_view, kSessionStateCount> kNames = {
      "NONE",       "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT", "CLOSE",
      "CLOSE_WAIT", "LAST_ACK",    "LISTEN",   "SYNACK",   "UDP",      "ICMP"};
  return kNames[static_cast<size_t>(state)];
}

}  // namespace sluice::table

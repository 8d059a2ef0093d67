// SPDX-License-Identifier: BSD-3-Clause
// All forwarding modes, one line each.
#pragma once

#include "dataplane/forward/full_nat.h"
#include "dataplane/forward/nat.h"
#include "dataplane/forward/snat.h"
#include "dataplane/forward/untranslated.h"

namespace sluice::dataplane {

/// Calls `f` with the mode's type.
template <typename F>
auto with_mode(table::ForwardingMode mode, F&& f) {
  switch (mode) {
    case table::ForwardingMode::kNat:
      return f(Nat{});
    case table::ForwardingMode::kDirectRouting:
      return f(DirectRouting{});
    case table::ForwardingMode::kTunnel:
      return f(Tunnel{});
    case table::ForwardingMode::kSnat:
      return f(Snat{});
    case table::ForwardingMode::kFullNat:
      break;
  }
  return f(FullNat{});
}

}  // namespace sluice::dataplane

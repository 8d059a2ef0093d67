// SPDX-License-Identifier: BSD-3-Clause
// A packet's way through a worker, on one screen. One direction, no callbacks:
//
//   rx burst -> parse -> lookup (bulk) -> admit (misses only) -> track -> forward -> transmit
//
// Each stage is a plain function over the burst. What is unusual leaves at parse; what is new
// passes through admit; everything else is a straight run from its session record to the transmit
// buffer.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/context.h"
#include "dataplane/stages/admit.h"
#include "dataplane/stages/forward.h"
#include "dataplane/stages/lookup.h"
#include "dataplane/stages/parse.h"

namespace sluice::dataplane {

/// Takes a burst received on `port` to its end: afterwards it owns no packet.
inline void run_pipeline(Context& context, const PortView& port, Origin origin, Burst& burst) {
  parse_stage(context, port, origin, burst);
  if (burst.count == 0) {
    return;
  }
  lookup_stage(context, burst);
  admit_stage(context, port, origin, burst);
  forward_stage(context, burst);
}

}  // namespace sluice::dataplane

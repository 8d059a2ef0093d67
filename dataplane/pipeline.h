// SPDX-License-Identifier: BSD-3-Clause
// A packet's way through a worker, on one screen. One direction, no callbacks:
//
//   rx burst -> parse -> lookup (bulk) -> admit (misses only) -> track -> forward -> transmit
//
// Each stage is a plain function over the burst. What is unusual leaves at parse, fragments for a
// stage of their own behind the others; what is new passes through admit; everything else is a
// straight run from its session record to the transmit buffer.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/context.h"
#include "dataplane/stages/admit.h"
#include "dataplane/stages/forward.h"
#include "dataplane/stages/fragments.h"
#include "dataplane/stages/lookup.h"
#include "dataplane/stages/parse.h"

namespace sluice::dataplane {

/// Takes a burst received on `port` to its end: afterwards it owns no packet.
inline void run_pipeline(Context& context, const PortView& port, Origin origin, Burst& burst) {
  parse_stage(context, port, origin, burst);
  if (burst.count != 0) {
    lookup_stage(context, burst);
    admit_stage(context, port, origin, burst);
    forward_stage(context, port, burst);
    end_one_packet_sessions(context, burst);
  }
  fragments_stage(context, port, origin, burst);
}

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// Putting 802.1Q tags on frames before they are sent. Worker thread.
#include "dataplane/vlan.h"

namespace sluice::dataplane {

void tag_waiting(Context& context, PortView& port) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < port.tx.count; ++i) {
    rte_mbuf* packet = port.tx.packets[i];
    packet->vlan_tci = port.vlan;
    if (rte_vlan_insert(&packet) != 0) {  // untagged it would leave into another network
      context.counters[CounterId::kTxBytes].subtract(packet->pkt_len);
      drop(context, packet, CounterId::kDropNoBuffer);
      continue;
    }
    port.tx.packets[kept++] = packet;
  }
  port.tx.count = kept;
}

}  // namespace sluice::dataplane

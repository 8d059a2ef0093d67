// SPDX-License-Identifier: BSD-3-Clause
// Stage 6: packets to transmit queues, in as few calls as possible.
#pragma once

#include <rte_ethdev.h>

#include "dataplane/context.h"
#include "dataplane/vlan.h"

namespace sluice::dataplane {

/// Sends what waits for `port`; what the queue does not take is dropped and counted.
inline void flush(Context& context, PortView& port) {
  TxBuffer& tx = port.tx;
  const uint32_t tag_bytes = port.vlan == 0 ? 0 : sizeof(rte_vlan_hdr);
  if (tag_bytes != 0) {
    tag_waiting(context, port);
  }
  const uint16_t sent = rte_eth_tx_burst(port.dpdk_port, port.queue, tx.packets.data(),
                                         static_cast<uint16_t>(tx.count));
  context.count(CounterId::kTxPackets, sent);
  for (uint32_t i = sent; i < tx.count; ++i) {
    context.counters[CounterId::kTxBytes].subtract(tx.packets[i]->pkt_len - tag_bytes);
    drop(context, tx.packets[i], CounterId::kDropTxFull);
  }
  tx.count = 0;
}

/// Queues a packet for sending by `port`.
inline void transmit(Context& context, PortView& port, rte_mbuf* packet) {
  context.count(CounterId::kTxBytes, packet->pkt_len);
  port.tx.packets[port.tx.count++] = packet;
  if (port.tx.count == TxBuffer::kSize) {
    flush(context, port);
  }
}

inline void flush_all(Context& context) {
  for (PortView& port : context.ports) {
    if (port.tx.count != 0) {
      flush(context, port);
    }
  }
}

}  // namespace sluice::dataplane

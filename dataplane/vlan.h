// SPDX-License-Identifier: BSD-3-Clause
// 802.1Q tags: off when a frame comes in, on when it goes out; in between nothing knows of them.
// Worker thread.
#pragma once

#include <rte_ether.h>

#include <optional>
#include <span>

#include "dataplane/burst.h"
#include "dataplane/context.h"
#include "lib/net/byte_order.h"

namespace sluice::dataplane {

/// Takes the tag off a frame, or finds it where the device put it.
/// Returns the VLAN id, 0 for a frame without one (a priority tag is none, IEEE 802.1Q 6.9);
/// nothing for a frame with a second tag, or one that ends within its tag.
inline std::optional<uint16_t> take_tag(rte_mbuf* packet) {
  constexpr uint16_t kVlanIdBits = 0x0FFF;
  if (packet->data_len < sizeof(rte_ether_hdr)) {
    return 0;  // parse drops it
  }
  const auto ether_type = [packet] {
    return net::Be16{rte_pktmbuf_mtod(packet, const rte_ether_hdr*)->ether_type}.host();
  };
  bool is_tagged = (packet->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0;
  if (!is_tagged && packet->data_len >= sizeof(rte_ether_hdr) + sizeof(rte_vlan_hdr)) {
    is_tagged = rte_vlan_strip(packet) == 0;
  }
  if (ether_type() == RTE_ETHER_TYPE_VLAN || ether_type() == RTE_ETHER_TYPE_QINQ) {
    return std::nullopt;
  }
  return is_tagged ? packet->vlan_tci & kVlanIdBits : 0;
}

/// Untags what `device` received in `burst` and moves it to `packets`, the port that each came by
/// in its mbuf; what no port is for is dropped.  Returns how many there are.
inline uint32_t sort_by_vlan(Context& context, const PortView& device, const Burst& burst,
                             std::span<rte_mbuf*, kBurstSize> packets) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < burst.count; ++i) {
    rte_mbuf* packet = burst.packets[i];
    const auto vlan = take_tag(packet);
    const uint8_t port = vlan ? device.port_of_vlan[*vlan] : PortView::kNone;
    if (port == PortView::kNone) {
      context.count(CounterId::kRxPackets);
      context.count(CounterId::kRxBytes, packet->pkt_len);
      drop(context, packet, CounterId::kDropUnknownVlan);
      continue;
    }
    packet->port = port;
    packets[kept++] = packet;
  }
  return kept;
}

/// Moves the packets of the first one's port from `packets` to `burst`, in order.
/// Returns how many are left, at the front.
inline uint32_t take_burst(std::span<rte_mbuf*> packets, Burst& burst) {
  const uint16_t port = packets.front()->port;
  uint32_t left = 0;
  burst.count = 0;
  for (rte_mbuf* packet : packets) {
    (packet->port == port ? burst.packets[burst.count++] : packets[left++]) = packet;
  }
  return left;
}

/// Tags the frames that wait for `port`, which is a VLAN. Of its own file: in line it would make
/// the straight path longer, which has no tags.
void tag_waiting(Context& context, PortView& port);

}  // namespace sluice::dataplane

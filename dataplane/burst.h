// SPDX-License-Identifier: BSD-3-Clause
// The packets of one receive call on their way through the stages. Worker thread.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>

#include "lib/net/flow_key.h"
#include "lib/net/parse.h"
#include "lib/table/session_table.h"

namespace sluice::dataplane {

inline constexpr uint32_t kBurstSize = 32;

/// Where a burst came from. A handed-off packet was received, and counted so, by another worker.
enum class Origin : uint8_t { kPort, kHandOff };

/// A structure of arrays: slot i of each array belongs to packet i. It owns its mbufs; only drop,
/// punt, hand-off and transmit let go of them. A worker uses one again and again: parse sets all.
struct Burst {
  uint32_t count = 0;
  uint32_t fragment_count = 0;  // after parse: off the straight path
  uint64_t v6 = 0;              // after parse: bit i is set when packet i is IPv6
  uint64_t syns = 0;            // after parse: bit i is set when packet i is a SYN or INIT
  uint64_t live = 0;            // after admit: bit i is set while packet i has a session
  uint64_t one_packet = 0;      // after admit: bit i is set when that session is packet i's alone
  std::array<rte_mbuf*, kBurstSize> packets;
  std::array<rte_mbuf*, kBurstSize> fragments;
  std::array<net::FlowKey4, kBurstSize> keys4;  // where the bit of v6 is clear
  std::array<net::FlowKey6, kBurstSize> keys6;  // where it is set
  std::array<net::PacketFields, kBurstSize> fields;
  std::array<uint32_t, kBurstSize> hashes;  // of keys4, for bursts without IPv6
  std::array<void*, kBurstSize> found;      // table::SessionRef as data

  [[nodiscard]] table::SessionRef session(uint32_t i) const {
    return table::SessionRef::from_data(found[i]);
  }
  [[nodiscard]] net::Flow flow(uint32_t i) const {
    return (v6 >> i & 1) == 0 ? net::Flow(keys4[i]) : net::Flow(keys6[i]);
  }
};

static_assert(kBurstSize <= table::SessionTable::kMaxBulk);

}  // namespace sluice::dataplane

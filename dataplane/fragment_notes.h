// SPDX-License-Identifier: BSD-3-Clause
// What a worker tells another one about a fragment that it hands over: what only the datagram's
// first fragment says.
#pragma once

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include <cstdint>
#include <optional>

#include "lib/base/result.h"
#include "lib/net/fragment.h"
#include "lib/table/fragment_table.h"

namespace sluice::dataplane {

struct FragmentNote {
  net::FragmentPorts ports;
  table::FragmentDecision decision;
};

/// Keeps notes in the packets themselves, in a field and a flag that DPDK reserves for us, so that
/// they cross a ring of packets.
/// Thread: created by the control thread, used by all workers.
class FragmentNotes {
 public:
  /// The same field for every caller of the process.  Errors: other code has taken all fields.
  static Result<FragmentNotes> create() {
    constexpr rte_mbuf_dynfield kField{.name = "sluice_fragment_note",
                                       .size = sizeof(FragmentNote),
                                       .align = alignof(FragmentNote),
                                       .flags = 0};
    constexpr rte_mbuf_dynflag kFlag{.name = "sluice_has_fragment_note", .flags = 0};
    const int offset = rte_mbuf_dynfield_register(&kField);
    const int bit = rte_mbuf_dynflag_register(&kFlag);
    if (offset < 0 || bit < 0) {
      return fail("no room in packet buffers for notes about fragments");
    }
    return FragmentNotes(static_cast<uint32_t>(offset), uint64_t{1} << bit);
  }

  void attach(rte_mbuf* packet, const FragmentNote& note) const {
    *RTE_MBUF_DYNFIELD(packet, offset_, FragmentNote*) = note;
    packet->ol_flags |= flag_;
  }

  /// Takes the note off a packet, if it has one.
  [[nodiscard]] std::optional<FragmentNote> take(rte_mbuf* packet) const {
    if ((packet->ol_flags & flag_) == 0) {
      return std::nullopt;
    }
    packet->ol_flags &= ~flag_;
    return *RTE_MBUF_DYNFIELD(packet, offset_, const FragmentNote*);
  }

 private:
  FragmentNotes(uint32_t offset, uint64_t flag) : offset_(offset), flag_(flag) {}

  uint32_t offset_;
  uint64_t flag_;
};

}  // namespace sluice::dataplane

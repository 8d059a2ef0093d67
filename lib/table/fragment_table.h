// SPDX-License-Identifier: BSD-3-Clause
// One worker's unfinished datagrams: where their fragments go, and those that came too early.
#pragma once

#include <cstdint>
#include <span>

#include "lib/base/dpdk_ptr.h"
#include "lib/base/ticks.h"
#include "lib/net/fragment.h"
#include "lib/table/byte_ranges.h"

struct rte_mbuf;

namespace sluice::table {

/// Why a fragment must be dropped. A datagram that loses one for a reason other than kDuplicate
/// loses all that are held or still to come for the same reason.
enum class FragmentDrop : uint8_t {
  kNone,           // forward it
  kDuplicate,      // brings nothing new
  kOverlap,        // overlaps or contradicts another one (RFC 5722, RFC 1858)
  kTooManyRanges,  // more gaps than ByteRanges can remember
  kTooManyHeld,    // the datagram's first fragment is late, its share of the hold is used up
  kHoldFull,       // pushed out of the hold by newer ones, or nobody called collect()
  kTableFull,      // pushed out of the table by newer datagrams
  kTimedOut,       // its first fragment did not come in time
  kRefused,        // refuse() said so
};

/// What the caller decided about a first fragment. The table only keeps it.
struct FragmentDecision {
  // The identification to send all fragments with where the source address changes: the client's
  // own may be in use by another client behind the same local address (RFC 6864 5.3).
  uint32_t identification = 0;
  uint8_t owner = 0;           // the worker that has the session
  uint8_t protocol = 0;        // of L4; later IPv6 fragments need not tell it
  bool is_forwarded = false;   // else the datagram is the kernel's
  bool keeps_version = false;  // IPv4 and IPv6 headers cannot replace one another

  friend constexpr bool operator==(const FragmentDecision&, const FragmentDecision&) = default;
};
static_assert(sizeof(FragmentDecision) == 8);

/// A datagram between on_fragment() and decide(). Names nothing once the datagram is forgotten.
struct DatagramHandle {
  uint32_t index = 0;
  uint32_t generation = 0;
};

struct FragmentOutcome {
  enum class Kind : uint8_t {
    kForward,  // by `decision` and `ports`
    kFirst,    // find or admit the session of this packet, then decide() or refuse() `datagram`
    kHeld,     // the table has the packet now; it comes back through collect()
    kDrop,     // for `reason`
  };
  Kind kind = Kind::kDrop;
  FragmentDrop reason = FragmentDrop::kNone;
  DatagramHandle datagram = {};
  FragmentDecision decision = {};
  net::FragmentPorts ports = {};
};

/// A held packet that is the caller's again: to be forwarded, or dropped for `reason`.
struct ReleasedFragment {
  rte_mbuf* packet = nullptr;
  FragmentDrop reason = FragmentDrop::kNone;
  FragmentDecision decision = {};
  net::FragmentPorts ports = {};
};

struct FragmentLimits {
  uint32_t datagrams = 4'096;       // at once, 264 bytes each; more than held_packets
  uint32_t held_packets = 1'024;    // at once, of all datagrams, 80 bytes and a buffer each
  uint32_t held_per_datagram = 64;  // 64 KB through links of 1 280 bytes, last fragment first
};

/// Lets all fragments of a datagram follow its first one without reassembling it.
///
/// A datagram is remembered from its first packet to its last: the moment all bytes have passed it
/// is forgotten, so that its identification may be used again at once (IPv4 has 65 536, RFC 4963).
/// Example, in the order C A B: C is held; A is kFirst, decide() releases C; B is kForward and
/// completes the datagram. What is incomplete is forgotten after kIdleTicks without a packet.
///
/// Floods: the datagrams that hold packets and those that do not are two queues, oldest first. A
/// full hold pushes out the oldest holder, a full table the oldest of the others: what has waited
/// longest is the least likely to be completed. So fragments without a first never displace a
/// datagram on its way (they are limited by the hold), and first fragments without a rest never
/// displace held packets. Honest datagrams get through while they take less time than the flood
/// needs to send held_packets or datagrams - held_packets of its own.
///
/// No byte of a datagram is forwarded twice: a fragment with nothing new is dropped (RFC 8200 4.5
/// allows it for duplicates), one that is partly new poisons the datagram, in both IP versions.
///
/// Owner: one worker. Memory: all taken at creation. Every operation is O(1), besides walking the
/// packets it releases.
class FragmentTable {
 public:
  // Fragments of a datagram leave together: what parts them is queueing and unequal paths, far
  // below a second, and the pace of a slow link, where each still follows the last. RFC 791 and RFC
  // 8200 allow 60 s in all; much less keeps a lost fragment from catching the next datagram with
  // the same identification.
  static constexpr uint32_t kIdleTicks = seconds_to_ticks(2);
  static constexpr uint32_t kLongestTicks = seconds_to_ticks(60) - kIdleTicks;
  // A held packet costs a buffer. Counts from the first early fragment, whatever follows.
  static constexpr uint32_t kHoldTicks = seconds_to_ticks(1);

  /// Errors: not enough DPDK memory; limits that do not fit together.
  static Result<FragmentTable> create(const FragmentLimits& limits, int numa_node);

  /// Judges one fragment. `key_hash` is fragment.key.hash(). For kHeld the packet is the table's.
  [[nodiscard]] FragmentOutcome on_fragment(const net::Fragment& fragment, uint32_t key_hash,
                                            Tick now, rte_mbuf* packet);

  /// Lets the datagram's other fragments follow its first and releases the held ones. May be called
  /// long after on_fragment(): fragments are held until then.  Errors: false, when the datagram was
  /// forgotten meanwhile; its first fragment may be forwarded all the same.
  bool decide(DatagramHandle datagram, const FragmentDecision& decision, Tick now);

  /// Drops the datagram's other fragments, held ones and later ones, as kRefused.
  void refuse(DatagramHandle datagram, Tick now);

  /// Forgets what is overdue. `budget` bounds the datagrams and packets looked at, but for the
  /// last datagram's.  Returns how many it looked at.  Call: every turn.
  uint32_t expire(Tick now, uint32_t budget);

  /// Hands out packets that are held no more, in the order they came.
  /// Owner: caller.  Returns how many.  Call: every turn until it returns less than `out` has room
  /// for; packets not collected take places of the hold.
  uint32_t collect(std::span<ReleasedFragment> out);

  /// Releases everything held, as kTimedOut, and forgets everything.
  void clear();

  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] uint32_t held() const { return held_; }
  /// How many incomplete datagrams were forgotten before their time, for newer ones.
  [[nodiscard]] uint64_t pushed_out() const { return pushed_out_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  enum class State : uint8_t { kWaiting, kDecided, kPoisoned };

  struct alignas(64) Datagram {
    // Finding it and keeping it in order: the first line.
    net::FragmentKey key;
    uint32_t key_hash;
    uint32_t next_in_chain;  // the free list while unused
    uint32_t older;
    uint32_t newer;
    Tick since;  // when it joined its queue
    uint16_t held_count;
    State state;
    FragmentDrop reason;  // kPoisoned
    // Judging its fragments: the second line, and further ones with many ranges.
    Tick created;
    uint32_t generation;  // of the record
    FragmentDecision decision;
    net::FragmentPorts ports;
    uint32_t first_held;
    uint32_t last_held;
    uint16_t total_bytes;  // 0 until the last fragment came
    uint16_t first_bytes;  // of the first fragment, 0 until it came
    ByteRanges ranges;
  };
  static_assert(sizeof(Datagram) == 256);

  struct Place {
    ReleasedFragment fragment;
    uint32_t next;
  };

  struct Queue {
    uint32_t oldest = kNone;
    uint32_t newest = kNone;
  };

  FragmentTable() = default;
  Queue& queue_of(const Datagram& datagram) {
    return datagram.held_count > 0 ? holding_ : passing_;
  }
  void join_queue(uint32_t index, Tick now);
  void leave_queue(uint32_t index);
  [[nodiscard]] bool is_overdue(const Datagram& datagram, Tick now) const {
    return now - datagram.since >= (datagram.held_count > 0 ? kHoldTicks : kIdleTicks);
  }
  [[nodiscard]] bool names(DatagramHandle handle) const;

  [[nodiscard]] uint32_t find(const net::FragmentKey& key, uint32_t key_hash) const;
  uint32_t begin(const net::FragmentKey& key, uint32_t key_hash, Tick now);
  void retire(uint32_t index);
  void forget(uint32_t index, FragmentDrop reason);
  void push_out(uint32_t index, FragmentDrop reason);
  void poison(uint32_t index, FragmentDrop reason, Tick now);
  static FragmentDrop note(Datagram& datagram, const net::Fragment& fragment);

  FragmentOutcome hold(uint32_t index, Tick now, rte_mbuf* packet);
  FragmentOutcome forward(uint32_t index, Tick now);
  void release_held(Datagram& datagram, FragmentDrop reason);

  DpdkArray<Datagram> datagrams_;
  DpdkArray<uint32_t> chains_;  // by the low bits of the key hash
  DpdkArray<Place> places_;
  FragmentLimits limits_;
  uint32_t chain_mask_ = 0;
  uint32_t size_ = 0;
  uint32_t held_ = 0;
  uint32_t free_datagram_ = kNone;
  uint32_t free_place_ = kNone;
  Queue holding_;   // with held packets, by when the first of them came
  Queue passing_;   // without, by their last packet
  Queue released_;  // places: out of the hold, not collected yet
  uint64_t pushed_out_ = 0;
};

}  // namespace sluice::table

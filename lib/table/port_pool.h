// SPDX-License-Identifier: BSD-3-Clause
// Lends local ports so that no two sessions share (L:lport, R:rport).
#pragma once

#include <cstdint>
#include <optional>

#include "lib/base/counter.h"
#include "lib/base/dpdk_ptr.h"
#include "lib/net/byte_order.h"

namespace sluice::table {

/// One worker's local ports: for each local address a fixed number of pools, each of which has
/// every port of the worker's share once. A real server endpoint always uses the same pool, so a
/// port is never lent twice toward it, and the same port serves many servers.
///
/// A pool is a bitmap with one summary bit per word and a cursor that walks forward: taking a port
/// is two bit scans, and a returned port rests until the cursor has come round (a server's
/// TIME_WAIT). Memory: 1 bit a port and pool, 8 KiB for a whole address and pool, given at start.
/// Owner: one worker.
class PortPool {
 public:
  /// Ports first_port..last_port (host order, both included) for each of `pools` pools.
  static Result<PortPool> create(uint32_t pools, uint16_t first_port, uint16_t last_port,
                                 int numa_node);

  /// Lets each pool begin at a port of its own, drawn from `seed`. Servers remember connections of
  /// a director that was restarted: beginning with the same ports again would meet all of them.
  void scatter(uint64_t seed);

  /// Takes a free port of `pool`, or nothing when all are lent.
  /// Owner: caller, until release().  Cost: O(1), no allocation.
  [[nodiscard]] std::optional<net::Be16> take(uint32_t pool);

  /// As take(), but `wanted` if that is free, else one that is even or odd as it is; only when none
  /// of those is found near the cursor any other.
  /// Cost: O(1), no allocation.  Source: RFC 4787 REQ-3, REQ-4.
  [[nodiscard]] std::optional<net::Be16> take_like(uint32_t pool, net::Be16 wanted);

  /// Returns a port that take(pool) or take_like(pool) gave.
  void release(uint32_t pool, net::Be16 port);

  /// Ports lent of `pool` (thread: any), and ports there are.
  [[nodiscard]] uint64_t in_use(uint32_t pool) const { return headers_[pool].in_use.get(); }
  [[nodiscard]] uint32_t size() const { return port_count_; }

 private:
  static constexpr uint32_t kWordBits = 64;
  static constexpr uint32_t kMaxSummaryWords = 65536 / kWordBits / kWordBits;

  struct alignas(64) Header {
    uint64_t words_with_free[kMaxSummaryWords];  // bit w: word w of the bitmap has a free port
    Counter in_use;                              // worker writes, control reads
    uint32_t cursor;                             // port index to look at next
  };

  PortPool() = default;
  [[nodiscard]] std::optional<uint32_t> find_free(uint32_t pool, uint32_t from) const;
  [[nodiscard]] std::optional<uint32_t> find_parity(uint32_t pool, uint32_t odd) const;
  [[nodiscard]] net::Be16 lend(uint32_t pool, uint32_t index);
  uint64_t* words_of(uint32_t pool) { return free_bits_.data() + pool * words_per_pool_; }
  [[nodiscard]] const uint64_t* words_of(uint32_t pool) const {
    return free_bits_.data() + pool * words_per_pool_;
  }

  DpdkArray<Header> headers_;
  DpdkArray<uint64_t> free_bits_;  // 1: free
  uint32_t port_count_ = 0;
  uint32_t words_per_pool_ = 0;
  uint32_t summary_words_ = 0;
  uint16_t first_port_ = 0;
};

}  // namespace sluice::table

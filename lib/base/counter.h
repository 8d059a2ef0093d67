// SPDX-License-Identifier: BSD-3-Clause
// A statistics cell with one writer and any number of readers.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice {

/// Written by one worker with plain moves (no locked instruction), read by the control thread.
class Counter {
 public:
  void add(uint64_t n) { value_.store(get() + n, std::memory_order_relaxed); }
  void subtract(uint64_t n) { value_.store(get() - n, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace sluice

// SPDX-License-Identifier: BSD-3-Clause
// Owning handles over DPDK objects, so that every one of them is freed exactly once.
#pragma once

#include <rte_hash.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "lib/base/result.h"

namespace sluice {

template <auto Free>
struct DpdkDeleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using HashPtr = std::unique_ptr<rte_hash, DpdkDeleter<&rte_hash_free>>;
using MempoolPtr = std::unique_ptr<rte_mempool, DpdkDeleter<&rte_mempool_free>>;
using RingPtr = std::unique_ptr<rte_ring, DpdkDeleter<&rte_ring_free>>;

/// A zeroed, cache-line aligned array in EAL memory (huge pages where the EAL has them).
template <typename T>
class DpdkArray {
 public:
  static_assert(std::is_trivially_destructible_v<T>);

  /// Errors: not enough EAL memory; `what` names the consumer in the message.
  static Result<DpdkArray> create(size_t count, int numa_node, const char* what) {
    void* memory = rte_zmalloc_socket(what, count * sizeof(T), RTE_CACHE_LINE_SIZE, numa_node);
    if (memory == nullptr) {
      return fail(std::string("not enough DPDK memory for ") + what + " (" +
                  std::to_string(count * sizeof(T) >> 20) + " MiB)");
    }
    return DpdkArray(static_cast<T*>(memory), count);
  }

  DpdkArray() = default;

  T& operator[](size_t index) { return data_.get()[index]; }
  const T& operator[](size_t index) const { return data_.get()[index]; }
  T* data() { return data_.get(); }
  [[nodiscard]] const T* data() const { return data_.get(); }
  [[nodiscard]] size_t size() const { return size_; }

 private:
  DpdkArray(T* data, size_t size) : data_(data), size_(size) {}

  std::unique_ptr<T, DpdkDeleter<&rte_free>> data_;
  size_t size_ = 0;
};

}  // namespace sluice

// SPDX-License-Identifier: BSD-3-Clause
// Two-level bitmap search for free ports. Worker thread.
#include "lib/table/port_pool.h"

#include <algorithm>
#include <bit>
#include <random>

namespace sluice::table {

Result<PortPool> PortPool::create(uint32_t pools, uint16_t first_port, uint16_t last_port,
                                  int numa_node) {
  PortPool pool;
  pool.first_port_ = first_port;
  pool.port_count_ = last_port - first_port + 1U;
  pool.words_per_pool_ = (pool.port_count_ + kWordBits - 1) / kWordBits;
  pool.summary_words_ = (pool.words_per_pool_ + kWordBits - 1) / kWordBits;

  auto headers = DpdkArray<Header>::create(pools, numa_node, "local port pools");
  if (!headers) {
    return tl::unexpected(headers.error());
  }
  auto bits = DpdkArray<uint64_t>::create(static_cast<size_t>(pools) * pool.words_per_pool_,
                                          numa_node, "local port bitmaps");
  if (!bits) {
    return tl::unexpected(bits.error());
  }
  pool.headers_ = std::move(*headers);
  pool.free_bits_ = std::move(*bits);

  for (uint32_t p = 0; p < pools; ++p) {
    for (uint32_t port = 0; port < pool.port_count_; ++port) {
      pool.words_of(p)[port / kWordBits] |= 1ULL << port % kWordBits;
    }
    for (uint32_t word = 0; word < pool.words_per_pool_; ++word) {
      pool.headers_[p].words_with_free[word / kWordBits] |= 1ULL << word % kWordBits;
    }
  }
  return pool;
}

void PortPool::scatter(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<uint32_t> any_port(0, port_count_ - 1);
  for (size_t pool = 0; pool < headers_.size(); ++pool) {
    headers_[pool].cursor = any_port(random);
  }
}

std::optional<uint32_t> PortPool::find_free(uint32_t pool, uint32_t from) const {
  const uint32_t first_word = from / kWordBits;
  if (first_word >= words_per_pool_) {
    return std::nullopt;
  }
  const uint64_t* words = words_of(pool);
  const uint64_t rest_of_word = words[first_word] & ~0ULL << from % kWordBits;
  if (rest_of_word != 0) {
    return first_word * kWordBits + static_cast<uint32_t>(std::countr_zero(rest_of_word));
  }
  const uint32_t next_word = first_word + 1;
  uint64_t mask = next_word % kWordBits == 0 ? ~0ULL : ~0ULL << next_word % kWordBits;
  for (uint32_t summary = next_word / kWordBits; summary < summary_words_; ++summary) {
    const uint64_t candidates = headers_[pool].words_with_free[summary] & mask;
    if (candidates != 0) {
      const uint32_t word =
          summary * kWordBits + static_cast<uint32_t>(std::countr_zero(candidates));
      return word * kWordBits + static_cast<uint32_t>(std::countr_zero(words[word]));
    }
    mask = ~0ULL;
  }
  return std::nullopt;
}

std::optional<net::Be16> PortPool::take(uint32_t pool) {
  Header& header = headers_[pool];
  if (header.in_use.get() == port_count_) {
    return std::nullopt;
  }
  auto port = find_free(pool, header.cursor);
  if (!port) {
    port = find_free(pool, 0);
  }
  header.cursor = *port + 1;
  return lend(pool, *port);
}

std::optional<net::Be16> PortPool::take_like(uint32_t pool, net::Be16 wanted) {
  const uint32_t index = wanted.host() - static_cast<uint32_t>(first_port_);
  if (index < port_count_ && (words_of(pool)[index / kWordBits] >> index % kWordBits & 1) != 0) {
    return lend(pool, index);
  }
  const auto alike = find_parity(pool, (wanted.host() ^ first_port_) & 1);
  if (!alike) {
    return take(pool);
  }
  headers_[pool].cursor = *alike + 1;
  return lend(pool, *alike);
}

// Looks for a free index that is odd or not, from the cursor on, at few words only.
std::optional<uint32_t> PortPool::find_parity(uint32_t pool, uint32_t odd) const {
  constexpr uint32_t kMaxWords = 16;
  const uint64_t parity = 0x5555'5555'5555'5555ULL << odd;
  uint32_t from = headers_[pool].cursor;
  for (uint32_t looked_at = 0; looked_at < kMaxWords; ++looked_at) {
    auto free = find_free(pool, from);
    if (!free) {
      free = find_free(pool, 0);
    }
    if (!free) {
      return std::nullopt;
    }
    const uint32_t word = *free / kWordBits;
    const uint64_t alike = words_of(pool)[word] & parity & ~0ULL << *free % kWordBits;
    if (alike != 0) {
      return word * kWordBits + static_cast<uint32_t>(std::countr_zero(alike));
    }
    from = (word + 1) * kWordBits;
  }
  return std::nullopt;
}

net::Be16 PortPool::lend(uint32_t pool, uint32_t index) {
  Header& header = headers_[pool];
  uint64_t& word = words_of(pool)[index / kWordBits];
  word &= ~(1ULL << index % kWordBits);
  if (word == 0) {
    const uint32_t full = index / kWordBits;
    header.words_with_free[full / kWordBits] &= ~(1ULL << full % kWordBits);
  }
  header.in_use.add(1);
  return net::Be16::from_host(static_cast<uint16_t>(first_port_ + index));
}

void PortPool::release(uint32_t pool, net::Be16 port) {
  const uint32_t index = port.host() - static_cast<uint32_t>(first_port_);
  words_of(pool)[index / kWordBits] |= 1ULL << index % kWordBits;
  const uint32_t word = index / kWordBits;
  headers_[pool].words_with_free[word / kWordBits] |= 1ULL << word % kWordBits;
  headers_[pool].in_use.subtract(1);
}

}  // namespace sluice::table

// SPDX-License-Identifier: BSD-3-Clause
// The EAL as benchmarks start it: one lcore, no devices, huge pages when enough are free. Main
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::bench {

enum class Pages { kHuge, kSmall };

/// kHuge when `megabytes` are free in 2 MiB pages.
Pages choose_pages(uint32_t megabytes);

/// "2 MiB" or "4 KiB", for results.
const char* to_string(Pages pages);

/// The last CPU this process may use: interrupts and other programs prefer the first.
uint32_t last_allowed_cpu();

/// Arguments for an EAL with `megabytes` of memory whose only lcore is pinned to `cpu`.
std::vector<std::string> eal_arguments(uint32_t megabytes, Pages pages, uint32_t cpu);

}  // namespace sluice::bench

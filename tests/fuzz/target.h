// SPDX-License-Identifier: BSD-3-Clause
// What a fuzz target is: libFuzzer's entry points, and how a target says that something is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

// libFuzzer's names. Optional: once, before the first input.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
// Takes one input to its end. Returns 0.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

namespace sluice::fuzz {

/// Ends the program, which is how a fuzzer learns of a finding.
inline void check(bool condition, const char* what) {
  if (!condition) {
    std::fprintf(stderr, "finding: %s\n", what);
    std::abort();
  }
}

}  // namespace sluice::fuzz

// SPDX-License-Identifier: BSD-3-Clause
// main() of the gtest programs that need DPDK's mempools, rings or ethdevs.
#include <gtest/gtest.h>
#include <rte_eal.h>

#include "tests/support/eal.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!sluice::test::start_eal(argv[0])) {
    return 1;
  }
  const int result = RUN_ALL_TESTS();
  rte_eal_cleanup();
  return result;
}

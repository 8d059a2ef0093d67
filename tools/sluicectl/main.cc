// SPDX-License-Identifier: BSD-3-Clause
// sluicectl: speaks with a running sluiced. Single-threaded.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "tools/sluicectl/cli.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // `| head` shall end us quietly, see below
  std::ios::sync_with_stdio(false);
  errno = 0;
  const sluice::ctl::Exit exit = sluice::ctl::run({argv + 1, argv + argc}, std::cout, std::cerr);
  std::cout.flush();
  if (!std::cout && errno != EPIPE) {
    std::cerr << "sluicectl: cannot write the output: " << std::strerror(errno) << '\n';
    return static_cast<int>(sluice::ctl::Exit::kUsage);
  }
  return static_cast<int>(exit);
}

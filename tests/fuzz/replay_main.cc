// SPDX-License-Identifier: BSD-3-Clause
// Plays the files and folders it is given through a fuzz target, without libFuzzer. Tests.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/fuzz/target.h"

namespace {

using std::filesystem::path;

std::vector<path> files_of(int count, char** names) {
  std::vector<path> files;
  for (int i = 0; i < count; ++i) {
    if (!std::filesystem::is_directory(names[i])) {
      files.emplace_back(names[i]);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(names[i])) {
      if (entry.is_regular_file()) {
        files.push_back(entry.path());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

void play(const path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
  std::printf("%s (%zu bytes)\n", file.filename().c_str(), bytes.size());
  std::fflush(stdout);  // the last name printed is the one that failed
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  LLVMFuzzerInitialize(&argc, &argv);
  const std::vector<path> files = files_of(argc - 1, argv + 1);
  if (files.empty()) {
    std::fprintf(stderr, "usage: %s FILE-OR-FOLDER...; no files found\n", argv[0]);
    return 1;
  }
  for (const path& file : files) {
    play(file);
  }
  std::printf("%zu inputs\n", files.size());
  return 0;
}

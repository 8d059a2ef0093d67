// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: a configuration file. What is accepted must be written and read back the same.
// Tests.
#include <string_view>

#include "control/config/yaml_reader.h"
#include "control/config/yaml_writer.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) { return 0; }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using sluice::fuzz::check;
  namespace config = sluice::config;
  const auto model = config::read_text({reinterpret_cast<const char*>(bytes), size}, "fuzz.yaml");
  if (!model) {
    check(!model.error().empty(), "a file was refused without a reason");
    for (const config::Problem& problem : model.error()) {
      check(problem.to_string().find('\n') == std::string::npos, "a problem is more than a line");
    }
    return 0;
  }
  const auto again = config::read_text(config::to_yaml(*model), "again.yaml");
  check(again.has_value(), "what was read cannot be read again after saving it");
  check(*again == *model, "saving changed the configuration");
  return 0;
}

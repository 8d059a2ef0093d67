// SPDX-License-Identifier: BSD-3-Clause
// Golden messages: a file with mistakes and every line the operator shall see. Tests only.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// A file without mistakes, to make one in.
inline const std::string kGood =
    "ports:\n"
    "  - name: wan0\n"
    "    device: net_ring0\n"
    "    addresses: [192.0.2.1/24]\n"
    "local_pools:\n"
    "  - name: main\n"
    "    addresses: [192.0.2.20]\n"
    "services:\n"
    "  - protocol: tcp\n"
    "    vip: 192.0.2.10\n"
    "    port: 80\n"
    "    servers:\n"
    "      - {address: 192.0.2.101}\n";

/// kGood with one part replaced.
inline std::string edited(std::string_view part, std::string_view replacement) {
  std::string text = kGood;
  const size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return text.replace(at, part.size(), replacement);
}

struct BadFileCase {
  const char* name;
  std::string text;
  std::vector<std::string> problems;
};

inline std::string case_name(const testing::TestParamInfo<BadFileCase>& info) {
  return info.param.name;
}

class BadFile : public testing::TestWithParam<BadFileCase> {};

}  // namespace sluice::config

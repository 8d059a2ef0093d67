// SPDX-License-Identifier: BSD-3-Clause
// Did-you-mean, device names and the words of the file.
#include "control/config/spelling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "control/config/device.h"
#include "control/config/names.h"

namespace sluice::config {
namespace {

constexpr std::array<std::string_view, 4> kWords = {"workers", "control_socket", "poll", "punt"};

TEST(Spelling, FindsTheNearestWord) {
  EXPECT_EQ(nearest_word("worker", kWords), "workers");
  EXPECT_EQ(nearest_word("wrokers", kWords), "workers");
  EXPECT_EQ(nearest_word("contol-socket", kWords), "control_socket");
  EXPECT_EQ(nearest_word("pool", kWords), "poll");
}

TEST(Spelling, StaysSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest_word("zebra", kWords), "");
  EXPECT_EQ(nearest_word("", kWords), "");
  EXPECT_EQ(nearest_word(std::string(100'000, 'x'), kWords), "");
}

TEST(Spelling, QuotesLongAndStrangeTexts) {
  EXPECT_EQ(in_quotes("a\nb\xff"), "\"a\\x0ab\\xff\"");
  EXPECT_EQ(in_quotes(std::string(70, 'x')), "\"" + std::string(60, 'x') + "...\"");
}

TEST(Device, TakesPciNamesWithAndWithoutDomain) {
  EXPECT_EQ(parse_device("03:00.0")->name, "0000:03:00.0");
  EXPECT_EQ(parse_device("0000:AF:00.1,a=b")->name, "0000:af:00.1");
  EXPECT_EQ(parse_device("0000:AF:00.1,a=b")->arguments, "a=b");
  EXPECT_EQ(parse_device("03:00.0")->kind, Device::Kind::kPci);
}

TEST(Device, TakesVirtualDevicesApart) {
  const auto device = parse_device("net_af_packet12,iface=eth1,qpairs=2");
  ASSERT_TRUE(device.has_value());
  EXPECT_EQ(device->name, "net_af_packet12");
  EXPECT_EQ(device->driver(), "net_af_packet");
  EXPECT_EQ(device->kernel_netdev(), "eth1");
  EXPECT_EQ(device->argument("qpairs"), "2");
  EXPECT_EQ(device->argument("pairs"), std::nullopt);
}

TEST(Device, RefusesEverythingElse) {
  for (const char* text : {"", "eth0", "net_", "03:00", "03:00.8", "00000:03:00.0", "net a"}) {
    EXPECT_FALSE(parse_device(text).has_value()) << text;
  }
}

TEST(Names, CallTimeoutsAsTheStatesAreCalled) {
  constexpr auto kLast = static_cast<size_t>(table::SessionState::kIcmp);  // SCTP's share theirs
  for (size_t state = 0; state <= kLast; ++state) {
    std::string name(table::to_string(static_cast<table::SessionState>(state)));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    EXPECT_EQ(kTimeoutKeys[state], name);
  }
}

}  // namespace
}  // namespace sluice::config

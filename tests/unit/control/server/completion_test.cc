// SPDX-License-Identifier: BSD-3-Clause
// Tab completion and the manual page know what sluicectl knows.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/unit/control/server/sluicectl_fixture.h"

namespace sluice::ctl {
namespace {

// Runs bash with the completion loaded and the line typed up to its end; returns what it offers.
class Completion : public Sluicectl {
 protected:
  void SetUp() override {
    if (getenv("SLUICECTL") == nullptr || getenv("SLUICECTL_COMPLETION") == nullptr) {
      GTEST_SKIP() << "SLUICECTL and SLUICECTL_COMPLETION name the program and the script";
    }
    Sluicectl::SetUp();
  }
  void TearDown() override {
    if (thread_.joinable()) {
      Sluicectl::TearDown();
    }
  }

  std::string offers(const std::string& arguments) {
    const std::string script = folder_.file("complete.bash");
    std::ofstream(script) << "set -u\nsource \"$SLUICECTL_COMPLETION\"\n"
                          << "COMP_LINE=\"$SLUICECTL " << arguments << "\"\n"
                          << "COMP_POINT=${#COMP_LINE}\n_sluicectl\n"
                          << "echo \"${COMPREPLY[*]-}\"\n";
    const std::string command = "SLUICE_SOCKET=" + path_ + " bash " + script + " 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    std::array<char, 4096> buffer{};
    const size_t length = fread(buffer.data(), 1, buffer.size(), pipe);
    pclose(pipe);
    std::string text(buffer.data(), length);
    text.erase(text.find_last_not_of(" \n") + 1);
    return text;
  }
};

TEST_F(Completion, OffersCommands) {
  EXPECT_EQ(offers("s"), "status service server snat session save");
  EXPECT_EQ(offers("service "), "list show add set delete");
  EXPECT_EQ(offers("--json neighbour l"), "list");
  EXPECT_EQ(offers("help server d"), "delete");
  EXPECT_EQ(offers("server h"), "howto");
  EXPECT_EQ(offers("frobnicate x"), "");
}

TEST_F(Completion, OffersOptionsAndTheirValues) {
  EXPECT_EQ(offers("server set web 10.0.0.2:80 --w"), "--weight");
  EXPECT_EQ(offers("diff --e"), "--exit-code");
  EXPECT_EQ(offers("diff new.yaml --e"), "--exit-code");
  EXPECT_EQ(offers("service add x --protocol "), "tcp udp sctp");
  EXPECT_EQ(offers("session list --protocol icmp"), "icmp icmpv6");
  EXPECT_EQ(offers("service add x --scheduler w"), "wrr");
  EXPECT_EQ(offers("service add x --mode "), "full-nat nat dr tunnel");
  EXPECT_EQ(offers("service set x --tunnel g"), "gre gue");
  EXPECT_EQ(offers("service add x --vip 1"), "");
}

TEST_F(Completion, OffersLiveServicesAndServers) {
  EXPECT_EQ(offers("service show "), "web dns");
  EXPECT_EQ(offers("server add w"), "web");
  EXPECT_EQ(offers("session list --service d"), "dns");
  EXPECT_EQ(offers("server set web "), "10.0.0.2:80 10.0.0.3:80");
  EXPECT_EQ(offers("server set web 10.0.0.3:"), "80") << "readline keeps what is before the colon";
}

TEST_F(Completion, OffersEveryOptionOfEveryVerb) {
  for (const Verb& verb : all_verbs()) {
    for (const Argument& argument : verb.arguments) {
      if (argument.kind != Argument::Kind::kPlace &&
          argument.kind != Argument::Kind::kOptionalPlace) {
        const std::string option = std::string("--") + argument.name;
        EXPECT_NE((offers(std::string(verb.name) + " " + option) + " ").find(option + " "),
                  std::string::npos)
            << verb.name << " " << option;
      }
    }
  }
}

TEST_F(Completion, IsSilentWithoutADirector) {
  path_ = folder_.file("none.sock");
  EXPECT_EQ(offers("service show "), "");
}

TEST(ManualPage, NamesEveryCommandAndOption) {
  const char* path = getenv("SLUICECTL_MANUAL");
  if (path == nullptr) {
    GTEST_SKIP() << "SLUICECTL_MANUAL names the page";
  }
  std::ifstream file(path);
  std::string page(std::istreambuf_iterator<char>(file), {});
  std::erase(page, '\\');  // "\-\-weight"
  for (const Verb& verb : all_verbs()) {
    EXPECT_NE(page.find(verb.name), std::string::npos) << verb.name;
    for (const Argument& argument : verb.arguments) {
      const bool is_place = argument.kind == Argument::Kind::kPlace ||
                            argument.kind == Argument::Kind::kOptionalPlace;
      EXPECT_TRUE(is_place || page.find(std::string("--") + argument.name) != std::string::npos)
          << verb.name << " --" << argument.name;
    }
  }
}

}  // namespace
}  // namespace sluice::ctl

// SPDX-License-Identifier: BSD-3-Clause
// Taps: creation, clear refusals, and no traces. Test thread.
#include "control/kernel/tap.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/unit/control/kernel/network_test.h"

namespace sluice::control {
namespace {

using TapTest = NetworkTest;

TEST_F(TapTest, ExistsAsLongAsItsOwner) {
  {
    Result<Tap> tap = Tap::create("wan0");
    ASSERT_TRUE(tap) << tap.error().message;
    EXPECT_GT(tap->index(), 0);
    EXPECT_TRUE(has(run("ip link"), "wan0"));
  }
  EXPECT_FALSE(has(run("ip link"), "wan0"));
}

TEST_F(TapTest, LeavesNothingWhenItsProcessIsKilled) {
  const pid_t child = fork();
  if (child == 0) {
    const Result<Tap> tap = Tap::create("wan0");
    raise(SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(has(run("ip link"), "wan0"));
}

TEST_F(TapTest, RefusesATakenNameAndSaysByWhat) {
  run("ip link add wan0 type veth peer name other0");
  const Result<Tap> tap = Tap::create("wan0");
  ASSERT_FALSE(tap);
  EXPECT_TRUE(has(tap.error().message, "veth")) << tap.error().message;
  EXPECT_TRUE(has(tap.error().message, "ip link delete wan0")) << tap.error().message;
}

TEST_F(TapTest, DoesNotTakeOverAPersistentTap) {
  run("ip tuntap add dev wan0 mode tap");
  const Result<Tap> tap = Tap::create("wan0");
  ASSERT_FALSE(tap);
  EXPECT_TRUE(has(tap.error().message, "another sluiced")) << tap.error().message;
}

TEST_F(TapTest, RefusesNamesTheKernelWouldCut) {
  EXPECT_FALSE(Tap::create("a-name-of-16-chr"));
  EXPECT_FALSE(Tap::create(""));
}

}  // namespace
}  // namespace sluice::control

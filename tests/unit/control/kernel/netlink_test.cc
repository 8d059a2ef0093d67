// SPDX-License-Identifier: BSD-3-Clause
// Netlink sockets: acknowledged requests, dumps, overruns. Test thread.
#include "control/kernel/netlink.h"

#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cerrno>
#include <set>

#include "control/kernel/rtnetlink.h"
#include "tests/unit/control/kernel/network_test.h"

namespace sluice::control {
namespace {

class NetlinkTest : public NetworkTest {
 protected:
  void SetUp() override {
    NetworkTest::SetUp();
    if (!IsSkipped()) {
      run("ip link add d0 type veth");
      interface = static_cast<int>(if_nametoindex("d0"));
    }
  }
  int interface = 0;
};

TEST_F(NetlinkTest, ReturnsTheKernelsErrors) {
  Result<NetlinkRequests> requests = NetlinkRequests::open();
  ASSERT_TRUE(requests);
  NetlinkMessage add = address_message(Change::kAdd, interface, prefix("10.0.0.1/24"));
  EXPECT_EQ(requests->request(add), 0);
  EXPECT_EQ(requests->request(add), EEXIST);
  NetlinkMessage none = address_message(Change::kRemove, interface, prefix("10.0.0.2/24"));
  EXPECT_EQ(requests->request(none), EADDRNOTAVAIL);
}

TEST_F(NetlinkTest, DumpsMoreThanOneDatagram) {
  Result<NetlinkRequests> requests = NetlinkRequests::open();
  ASSERT_TRUE(requests);
  std::set<net::Address> expected;
  for (uint32_t i = 0; i < 2000; ++i) {
    const net::Ipv4 address = net::Ipv4::from_host(0x0A000001 + i);
    NetlinkMessage add = address_message(Change::kAdd, interface, {address, 32});
    ASSERT_EQ(requests->request(add), 0);
    expected.insert(address);
  }
  std::set<net::Address> found;
  NetlinkMessage dump = dump_addresses_message();
  ASSERT_EQ(requests->dump(dump,
                           [&](const nlmsghdr& each) {
                             const auto address = parse_address(each);
                             if (address && address->interface == interface) {
                               found.insert(address->prefix.address);
                             }
                           }),
            0);
  EXPECT_EQ(found, expected);
}

TEST_F(NetlinkTest, MonitorTellsOfAnOverrunAndGoesOn) {
  boost::asio::io_context io;
  int messages = 0;
  int overruns = 0;
  NetlinkMonitor monitor(io);
  ASSERT_TRUE(monitor.open(
      RTMGRP_LINK, 4096,
      {.on_message = [&](const nlmsghdr&) { ++messages; }, .on_overrun = [&] { ++overruns; }}));
  run("for i in $(seq 30); do ip link set d0 up; ip link set d0 down; done");
  io.run_for(std::chrono::milliseconds(50));
  EXPECT_GE(overruns, 1);
  const int before = messages;
  run("ip link set d0 up");
  io.run_for(std::chrono::milliseconds(50));
  EXPECT_GT(messages, before);
}

TEST_F(NetlinkTest, MonitorMayBeDestroyedByItsOwnHandler) {
  boost::asio::io_context io;
  auto monitor = std::make_unique<NetlinkMonitor>(io);
  ASSERT_TRUE(monitor->open(
      RTMGRP_LINK, 65'536,
      {.on_message = [&](const nlmsghdr&) { monitor.reset(); }, .on_overrun = [] {}}));
  run("ip link set d0 up; ip link set d0 down");
  io.run_for(std::chrono::milliseconds(50));
  EXPECT_EQ(monitor, nullptr);
}

}  // namespace
}  // namespace sluice::control

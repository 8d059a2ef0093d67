// SPDX-License-Identifier: BSD-3-Clause
// Netdevs under net_af_packet: the kernel is kept off, packet sockets are not. Test thread.
#include "control/kernel/packet_netdev.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/control/kernel/network_test.h"

namespace sluice::control {
namespace {

int packet_socket(const char* interface) {
  const int fd = ::socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

/// Takes incoming frames for 100 ms; true if one is an ARP packet with `operation`.
bool receives_arp(int fd, uint8_t operation) {
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  while (poll(&ready, 1, 100) > 0) {
    Frame frame(2000);
    sockaddr_ll from{};
    socklen_t size = sizeof(from);
    const ssize_t count =
        recvfrom(fd, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (count >= 42 && from.sll_pkttype != PACKET_OUTGOING && frame[12] == 8 && frame[13] == 6 &&
        frame[21] == operation) {
      return true;
    }
  }
  return false;
}

class PacketNetdevTest : public NetworkTest {
 protected:
  void SetUp() override {
    NetworkTest::SetUp();
    if (IsSkipped()) {
      return;
    }
    run("ip link add d0 type veth peer name p0 && ip link set p0 up"
        " && sysctl -qw net.ipv6.conf.p0.disable_ipv6=1");
    requests.emplace(std::move(*NetlinkRequests::open()));
    peer_fd = packet_socket("p0");
  }
  void TearDown() override {
    if (peer_fd >= 0) {
      ::close(peer_fd);
    }
    NetworkTest::TearDown();
  }

  // Asks on the far end for an address that is on another interface of this namespace.
  void send_arp_request() {
    const Frame request = arp_frame(1, mac("02:00:00:00:00:77"), mac("ff:ff:ff:ff:ff:ff"),
                                    ip("10.0.0.9"), ip("10.0.0.1"));
    ASSERT_EQ(::send(peer_fd, request.data(), request.size(), 0), 60);
  }

  std::optional<NetlinkRequests> requests;
  std::vector<std::string> warnings;
  int peer_fd = -1;
};

TEST_F(PacketNetdevTest, TakesFramesOfThePortsMtuAndLeavesALargerOne) {
  for (const auto& [mtu, expected] :
       {std::pair<uint16_t, std::string>{9'000, "9000"}, {1'500, "9000"}}) {
    const Result<PacketNetdev> netdev = PacketNetdev::open("d0", mtu, *requests, warnings);
    ASSERT_TRUE(netdev) << netdev.error().message;
    run("ip -o link show d0 | grep -q 'mtu " + expected + " '");
  }
}

TEST_F(PacketNetdevTest, KernelAnswersNoArpThereButPacketSocketsSeeIt) {
  // Its addresses are on the taps; here on another veth, with the weak host model of the default.
  run("ip link add tap0 type veth && ip link set tap0 up && ip addr add 10.0.0.1/24 dev tap0"
      " && ip link set d0 up");
  const int device_fd = packet_socket("d0");
  send_arp_request();
  ASSERT_TRUE(receives_arp(peer_fd, 2)) << "without care the kernel answers with the wrong MAC";

  const Result<PacketNetdev> netdev = PacketNetdev::open("d0", 1'500, *requests, warnings);
  ASSERT_TRUE(netdev) << netdev.error().message;
  EXPECT_TRUE(warnings.empty()) << warnings[0];
  (void)receives_arp(device_fd, 9);
  send_arp_request();
  EXPECT_TRUE(receives_arp(device_fd, 1));
  EXPECT_FALSE(receives_arp(peer_fd, 2));
  ::close(device_fd);
}

TEST_F(PacketNetdevTest, ReplacesALeftoverOfACrashAndRemovesItsOwn) {
  run("nft add table netdev sluice_d0 && nft add chain netdev sluice_d0 old");
  {
    const Result<PacketNetdev> netdev = PacketNetdev::open("d0", 1'500, *requests, warnings);
    ASSERT_TRUE(netdev) << netdev.error().message;
    const std::string rules = run("nft list ruleset");
    EXPECT_FALSE(has(rules, "old")) << rules;
    EXPECT_TRUE(has(rules, "policy drop")) << rules;
  }
  EXPECT_FALSE(has(run("nft list ruleset"), "sluice"));
}

TEST_F(PacketNetdevTest, IsUpPromiscuousAndWithoutOffloadsOrIpv6) {
  const Result<PacketNetdev> netdev = PacketNetdev::open("d0", 1'500, *requests, warnings);
  ASSERT_TRUE(netdev) << netdev.error().message;
  const std::string link = run("ip -d link show d0");
  EXPECT_TRUE(has(link, "UP")) << link;
  EXPECT_TRUE(has(link, "promiscuity 1")) << link;
  EXPECT_TRUE(has(link, "allmulti 1")) << link;
  const std::string features = run("ethtool -k d0");
  for (const char* off :
       {"rx-checksumming: off", "tx-checksumming: off", "tx-tcp-segmentation: off",
        "generic-segmentation-offload: off", "generic-receive-offload: off", "rx-vlan-offload: off",
        "tx-vlan-offload: off"}) {
    EXPECT_TRUE(has(features, off)) << off << "\n" << features;
  }
  EXPECT_EQ(run("sysctl -n net.ipv6.conf.d0.disable_ipv6"), "1\n");
}

TEST_F(PacketNetdevTest, RefusesADeviceWithAnAddress) {
  run("ip addr add 10.0.0.1/24 dev d0");
  const Result<PacketNetdev> netdev = PacketNetdev::open("d0", 1'500, *requests, warnings);
  ASSERT_FALSE(netdev);
  EXPECT_TRUE(has(netdev.error().message, "10.0.0.1/24")) << netdev.error().message;
  EXPECT_TRUE(has(netdev.error().message, "ip addr flush dev d0")) << netdev.error().message;
}

TEST_F(PacketNetdevTest, RefusesAMissingDevice) {
  EXPECT_FALSE(PacketNetdev::open("none0", 1'500, *requests, warnings));
}

TEST_F(PacketNetdevTest, OddNamesMakeValidTables) {
  run("ip link add eth1.5-x type veth");
  EXPECT_EQ(PacketNetdev::table_name("eth1.5-x"), "sluice_eth1_5_x");
  const Result<PacketNetdev> netdev = PacketNetdev::open("eth1.5-x", 1'500, *requests, warnings);
  ASSERT_TRUE(netdev) << netdev.error().message;
  EXPECT_TRUE(has(run("nft list ruleset"), "sluice_eth1_5_x"));
}

}  // namespace
}  // namespace sluice::control

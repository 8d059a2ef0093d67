// SPDX-License-Identifier: BSD-3-Clause
// Frames between mbufs and taps: unchanged, bounded, counted. Test thread.
#include "control/kernel/tap_exchange.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <rte_mbuf.h>
#include <sys/socket.h>
#include <unistd.h>

#include <numeric>

#include "tests/unit/control/kernel/network_test.h"

namespace sluice::control {
namespace {

constexpr uint16_t kExperimental = 0x88B5;  // an Ethernet type no stack answers

class TapExchangeTest : public NetworkTest {
 protected:
  static constexpr uint16_t kPort = 0;  // the only one

  void open(uint16_t mtu, uint16_t room_bytes = 2048) {
    workers = std::make_unique<FakeWorkers>(room_bytes);
    io_exchange = workers->exchange();
    Result<Tap> created = Tap::create("wan0");
    ASSERT_TRUE(created) << created.error().message;
    tap = std::make_unique<Tap>(std::move(*created));
    run("ip link set wan0 addrgenmode none && ip link set wan0 up mtu " + std::to_string(mtu));
    exchange = std::make_unique<TapExchange>(io_exchange, counters);
    status = exchange->add_tap(*tap, {.name = "wan0", .mac = {}, .mtu = mtu, .packet_netdev = ""});
    socket_fd = ::socket(AF_PACKET, SOCK_RAW, htons(kExperimental));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(kExperimental);
    address.sll_ifindex = tap->index();
    ASSERT_EQ(bind(socket_fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }

  void TearDown() override {
    if (socket_fd >= 0) {
      ::close(socket_fd);
    }
    exchange.reset();
    tap.reset();
    workers.reset();
    NetworkTest::TearDown();
  }

  static Frame frame(size_t size) {
    Frame result(size);
    std::iota(result.begin(), result.end(), uint8_t{1});
    result[0] = 2;  // unicast
    result[12] = kExperimental >> 8;
    result[13] = kExperimental & 0xFF;
    return result;
  }

  // A program on the host, as keepalived or BIRD is.
  void host_sends(const Frame& sent) {
    ASSERT_EQ(::send(socket_fd, sent.data(), sent.size(), 0), static_cast<ssize_t>(sent.size()));
  }
  Frame host_receives() {
    Frame received(10'000);
    const ssize_t size = ::recv(socket_fd, received.data(), received.size(), MSG_DONTWAIT);
    received.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return received;
  }

  std::unique_ptr<FakeWorkers> workers;
  PacketExchange io_exchange;
  KernelCounters counters;
  std::unique_ptr<Tap> tap;
  std::unique_ptr<TapExchange> exchange;
  Status status;
  int socket_fd = -1;
};

TEST_F(TapExchangeTest, CarriesFramesUnchangedBothWays) {
  open(1500);
  workers->punt(frame(1514), kPort);
  exchange->run();
  EXPECT_EQ(host_receives(), frame(1514));
  host_sends(frame(60));
  exchange->run();
  EXPECT_EQ(workers->take_injected(kPort), std::vector<Frame>{frame(60)});
  EXPECT_EQ(counters.to_kernel_pkts, 1U);
  EXPECT_EQ(counters.from_kernel_pkts, 1U);
}

TEST_F(TapExchangeTest, ChainsSegmentsOfJumboFrames) {
  open(9000, 1024);
  workers->punt(frame(9014), kPort, 1000);
  exchange->run();
  EXPECT_EQ(host_receives(), frame(9014));
  for (const size_t size : {60UL, 1023UL, 1024UL, 1025UL, 2048UL, 9014UL}) {
    host_sends(frame(size));
    exchange->run();
    ASSERT_EQ(workers->injected.size(), 1U);
    EXPECT_EQ(workers->injected.front()->nb_segs, (size + 1023) / 1024);
    EXPECT_EQ(workers->take_injected(kPort), std::vector<Frame>{frame(size)});
  }
}

TEST_F(TapExchangeTest, RefusesAnMtuThatNeedsTooManySegments) {
  open(9000, 512);
  ASSERT_FALSE(status);
  EXPECT_TRUE(has(status.error().message, "9000")) << status.error().message;
}

TEST_F(TapExchangeTest, DropsAndCountsWhenTheRingIsFull) {
  open(1500);
  workers->injected_capacity = 1;
  host_sends(frame(60));
  host_sends(frame(60));
  exchange->run();
  EXPECT_EQ(counters.from_kernel_pkts, 1U);
  EXPECT_EQ(counters.from_kernel_ring_full_pkts, 1U);
}

TEST_F(TapExchangeTest, WaitsForPacketBuffers) {
  open(1500);
  std::vector<rte_mbuf*> all;
  while (rte_mbuf* packet = rte_pktmbuf_alloc(io_exchange.packet_buffers)) {
    all.push_back(packet);
  }
  host_sends(frame(60));
  exchange->run();
  EXPECT_EQ(counters.from_kernel_no_buffer, 1U);
  rte_pktmbuf_free_bulk(all.data(), static_cast<unsigned>(all.size()));
  exchange->run();
  EXPECT_EQ(workers->take_injected(kPort).size(), 1U);
}

TEST_F(TapExchangeTest, DropsWhatThePortCannotSend) {
  open(1500);
  run("ip link set wan0 mtu 1800");
  host_sends(frame(1600));
  exchange->run();
  EXPECT_EQ(counters.from_kernel_oversized_pkts, 1U);
  EXPECT_TRUE(workers->injected.empty());
}

TEST_F(TapExchangeTest, RefusesWhatHasNoTapOrATapThatIsDown) {
  open(1500);
  workers->punt(frame(60), kPort + 1);
  run("ip link set wan0 down");
  workers->punt(frame(60), kPort);
  exchange->run();
  EXPECT_EQ(counters.to_kernel_refused_pkts, 2U);
}

TEST_F(TapExchangeTest, MovesABoundedNumberACall) {
  open(1500);
  for (int i = 0; i < 400; ++i) {
    workers->punt(frame(60), kPort);
    host_sends(frame(60));
  }
  exchange->run();
  EXPECT_EQ(counters.to_kernel_pkts, TapExchange::kMaxPerCall);
  EXPECT_EQ(counters.from_kernel_pkts, TapExchange::kMaxPerCall);
  exchange->run();
  EXPECT_EQ(counters.to_kernel_pkts, 400U);
}

}  // namespace
}  // namespace sluice::control

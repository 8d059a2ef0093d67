// SPDX-License-Identifier: BSD-3-Clause
// Namespaces and played workers for the tests against the real kernel. Test thread.
#include "tests/unit/control/kernel/network_test.h"

#include <fcntl.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

namespace sluice::control {

Frame arp_frame(uint16_t operation, const net::Mac& from, const net::Mac& to, net::Ipv4 sender,
                net::Ipv4 target) {
  Frame frame(60);
  std::memcpy(&frame[0], to.bytes.data(), 6);
  std::memcpy(&frame[6], from.bytes.data(), 6);
  const std::array<uint8_t, 9> fixed = {8, 6, 0, 1, 8, 0, 6, 4, 0};
  std::memcpy(&frame[12], fixed.data(), fixed.size());
  frame[21] = static_cast<uint8_t>(operation);
  std::memcpy(&frame[22], from.bytes.data(), 6);
  std::memcpy(&frame[28], &sender, 4);
  std::memcpy(&frame[32], to.bytes.data(), 6);
  std::memcpy(&frame[38], &target, 4);
  return frame;
}

Frame nd_frame(uint8_t type, const net::Mac& from, const net::Mac& to, const net::Ipv6& source,
               const net::Ipv6& destination, const net::Ipv6& target) {
  Frame frame(86);
  std::memcpy(&frame[0], to.bytes.data(), 6);
  std::memcpy(&frame[6], from.bytes.data(), 6);
  const std::array<uint8_t, 10> fixed = {0x86, 0xDD, 0x60, 0, 0, 0, 0, 32, 58, 255};
  std::memcpy(&frame[12], fixed.data(), fixed.size());
  std::memcpy(&frame[22], &source, 16);
  std::memcpy(&frame[38], &destination, 16);
  frame[54] = type;
  frame[58] = type == 136 ? 0x60 : 0;
  std::memcpy(&frame[62], &target, 16);
  frame[78] = type == 136 ? 2 : 1;
  frame[79] = 1;
  std::memcpy(&frame[80], from.bytes.data(), 6);
  uint32_t sum = 32 + 58;
  for (size_t i = 22; i < frame.size(); i += 2) {
    sum += frame[i] * 256U + frame[i + 1];
  }
  sum = (sum & 0xFFFF) + (sum >> 16);
  sum = ~((sum & 0xFFFF) + (sum >> 16));
  frame[56] = static_cast<uint8_t>(sum >> 8);
  frame[57] = static_cast<uint8_t>(sum);
  return frame;
}

bool is_icmp6(const Frame& frame, uint8_t type) {
  return frame.size() >= 78 && frame[12] == 0x86 && frame[13] == 0xDD && frame[20] == 58 &&
         frame[54] == type;
}

void NetworkTest::SetUp() {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root to make a network namespace";
  }
  // The thread's own: in a test program with helper threads /proc/self is another one's.
  home_ = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(unshare(CLONE_NEWNET), 0) << std::strerror(errno);
  run("ip link set lo up");
}

void NetworkTest::TearDown() {
  if (home_ >= 0) {
    ASSERT_EQ(setns(home_, CLONE_NEWNET), 0);
    ::close(home_);
  }
}

std::string NetworkTest::run(const std::string& command) {
  std::string output;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> text;
  while (pipe != nullptr && std::fgets(text.data(), text.size(), pipe) != nullptr) {
    output += text.data();
  }
  const int status = pipe == nullptr ? -1 : pclose(pipe);
  EXPECT_EQ(status, 0) << command << ": " << output;
  return output;
}

FakeWorkers::FakeWorkers(uint16_t room_bytes)
    : pool_(rte_pktmbuf_pool_create("test_packets", 1023, 0, 0,
                                    static_cast<uint16_t>(room_bytes + RTE_PKTMBUF_HEADROOM),
                                    SOCKET_ID_ANY)) {}

FakeWorkers::~FakeWorkers() {
  for (std::deque<rte_mbuf*>* queue : {&punted, &injected}) {
    for (rte_mbuf* packet : *queue) {
      rte_pktmbuf_free(packet);
    }
  }
  EXPECT_EQ(rte_mempool_in_use_count(pool_.get()), 0U) << "packet buffers were lost";
}

PacketExchange FakeWorkers::exchange() {
  return {.take_punted =
              [this](std::span<rte_mbuf*> packets) {
                uint32_t count = 0;
                for (; count < packets.size() && !punted.empty(); ++count) {
                  packets[count] = punted.front();
                  punted.pop_front();
                }
                return count;
              },
          .inject =
              [this](rte_mbuf* packet) {
                if (injected.size() >= injected_capacity) {
                  return false;
                }
                injected.push_back(packet);
                return true;
              },
          .packet_buffers = pool_.get()};
}

void FakeWorkers::punt(const Frame& frame, uint16_t port, uint16_t segment_bytes) {
  rte_mbuf* head = nullptr;
  for (size_t done = 0; done < frame.size();) {
    rte_mbuf* segment = rte_pktmbuf_alloc(pool_.get());
    const auto size =
        static_cast<uint16_t>(std::min<size_t>({frame.size() - done, segment_bytes, 2048}));
    std::memcpy(rte_pktmbuf_append(segment, size), &frame[done], size);
    done += size;
    if (head == nullptr) {
      head = segment;
    } else {
      rte_pktmbuf_chain(head, segment);
    }
  }
  head->port = port;
  punted.push_back(head);
}

std::vector<Frame> FakeWorkers::take_injected(uint16_t port) {
  std::vector<Frame> frames;
  std::deque<rte_mbuf*> others;
  for (rte_mbuf* packet : injected) {
    if (packet->port != port) {
      others.push_back(packet);
      continue;
    }
    Frame frame(packet->pkt_len);
    const void* bytes = rte_pktmbuf_read(packet, 0, packet->pkt_len, frame.data());
    std::memmove(frame.data(), bytes, frame.size());
    frames.push_back(std::move(frame));
    rte_pktmbuf_free(packet);
  }
  injected = std::move(others);
  return frames;
}

const FakeWorkers::Host* FakeWorkers::hearing(const rte_mbuf& packet, const net::Address& target,
                                              const net::Mac& asked) {
  ++(asked.is_multicast() ? broadcast_requests : unicast_requests);
  const auto host = hosts.find(target);
  const bool is_heard = host != hosts.end() && host->second.port == packet.port &&
                        (asked.is_multicast() || asked == host->second.mac);
  return is_heard ? &host->second : nullptr;
}

void FakeWorkers::answer_arp(const rte_mbuf& packet) {
  const auto* bytes = rte_pktmbuf_mtod(&packet, const uint8_t*);
  if (packet.pkt_len < 42 || bytes[12] != 8 || bytes[13] != 6 || bytes[21] != 1 ||
      std::memcmp(bytes + 28, bytes + 38, 4) == 0) {
    return;
  }
  net::Ipv4 target;
  net::Ipv4 sender;
  net::Mac asker;
  net::Mac asked;
  std::memcpy(&target, bytes + 38, 4);
  std::memcpy(&sender, bytes + 28, 4);
  std::memcpy(asker.bytes.data(), bytes + 6, 6);
  std::memcpy(asked.bytes.data(), bytes, 6);
  if (const Host* host = hearing(packet, target, asked)) {
    punt(arp_frame(2, host->mac, asker, target, sender), packet.port);
  }
}

void FakeWorkers::answer_solicitation(const rte_mbuf& packet) {
  Frame frame(packet.pkt_len);
  std::memcpy(frame.data(), rte_pktmbuf_mtod(&packet, const uint8_t*), packet.pkt_len);
  if (!is_icmp6(frame, 135)) {
    return;
  }
  net::Ipv6 target;
  net::Ipv6 sender;
  net::Mac asker;
  net::Mac asked;
  std::memcpy(&target, &frame[62], 16);
  std::memcpy(&sender, &frame[22], 16);
  std::memcpy(asker.bytes.data(), &frame[6], 6);
  std::memcpy(asked.bytes.data(), frame.data(), 6);
  if (const Host* host = hearing(packet, target, asked)) {
    punt(nd_frame(136, host->mac, asker, target, sender, target), packet.port);
  }
}

void FakeWorkers::answer() {
  for (rte_mbuf* packet : std::exchange(injected, {})) {
    answer_arp(*packet);
    answer_solicitation(*packet);
    rte_pktmbuf_free(packet);
  }
}

void KernelTest::SetUp() {
  NetworkTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) {
    return;
  }
  workers = std::make_unique<FakeWorkers>();
  kernel = std::make_unique<Kernel>(io, workers->exchange(), next_hops);
  const Status status =
      kernel->open({{.name = "wan0", .mac = wan_mac, .mtu = 1500, .packet_netdev = ""},
                    {.name = "lan0", .mac = lan_mac, .mtu = 1500, .packet_netdev = ""}},
                   [this](std::span<const snapshot::Route> all) {
                     routes.assign(all.begin(), all.end());
                     ++route_updates;
                   });
  ASSERT_TRUE(status) << status.error().message;
}

void KernelTest::TearDown() {
  kernel.reset();
  workers.reset();
  NetworkTest::TearDown();
}

bool KernelTest::run_until(const std::function<bool()>& condition,
                           std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    io.run_for(std::chrono::milliseconds(2));
    kernel->exchange_packets();
    workers->answer();
  }
  return true;
}

void KernelTest::run_for(std::chrono::milliseconds time) {
  (void)run_until([] { return false; }, time);
}

bool KernelTest::is_resolved(uint8_t port, const char* address, const net::Mac& to) const {
  const snapshot::NextHopIndex index = next_hops.find(port, *net::Address::parse(address));
  return index != snapshot::kNoNextHop && next_hops.get(index).is_resolved &&
         next_hops.get(index).mac == to && next_hops.get(index).port == port;
}

KernelState KernelTest::lan_state() {
  return {.addresses = {{.port = kLan, .prefix = prefix("10.0.0.1/24")}}, .routes = {}};
}

}  // namespace sluice::control

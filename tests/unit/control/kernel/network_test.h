// SPDX-License-Identifier: BSD-3-Clause
// What the tests against the real kernel share: a network namespace for each test and workers
// played by two queues. Test thread.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "control/kernel/kernel.h"
#include "lib/base/dpdk_ptr.h"
#include "lib/net/address.h"

namespace sluice::control {

inline net::Ipv4 ip(const char* text) { return *net::Ipv4::parse(text); }
inline net::Ipv6 ip6(const char* text) { return *net::Ipv6::parse(text); }
inline net::Prefix prefix(const char* text) { return *net::Prefix::parse(text); }
inline net::Mac mac(const char* text) { return *net::Mac::parse(text); }

using Frame = std::vector<uint8_t>;

/// An ARP packet in an Ethernet frame. `operation`: 1 request, 2 reply.
Frame arp_frame(uint16_t operation, const net::Mac& from, const net::Mac& to, net::Ipv4 sender,
                net::Ipv4 target);

/// A neighbour solicitation (type 135) or advertisement (136, solicited and override) of RFC 4861
/// with the sender's MAC as option.
Frame nd_frame(uint8_t type, const net::Mac& from, const net::Mac& to, const net::Ipv6& source,
               const net::Ipv6& destination, const net::Ipv6& target);

/// Whether a frame is ICMPv6 of that type.
bool is_icmp6(const Frame& frame, uint8_t type);

/// The namespace of a test: entered in SetUp, left (and with its last user gone) in TearDown.
class NetworkTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// Runs a shell command in the namespace; returns what it printed.
  static std::string run(const std::string& command);
  static bool has(const std::string& output, const std::string& part) {
    return output.find(part) != std::string::npos;
  }

 private:
  int home_ = -1;
};

/// The workers' side: what the kernel sends lands in `injected`, what the test puts into `punted`
/// goes to the kernel. Hosts in `hosts` answer ARP requests and neighbour solicitations, as real
/// servers on the wire would.
class FakeWorkers {
 public:
  explicit FakeWorkers(uint16_t room_bytes = 2048);
  ~FakeWorkers();

  PacketExchange exchange();
  /// Queues `frame` for the kernel as if DPDK port `port` had received it.
  void punt(const Frame& frame, uint16_t port, uint16_t segment_bytes = UINT16_MAX);
  /// Lets the hosts answer what was injected so far and drops it.
  void answer();
  /// Takes the injected frames; `port` filters.
  std::vector<Frame> take_injected(uint16_t port);

  struct Host {
    uint16_t port;
    net::Mac mac;
  };
  std::map<net::Address, Host> hosts;
  std::deque<rte_mbuf*> punted;
  std::deque<rte_mbuf*> injected;
  size_t injected_capacity = SIZE_MAX;
  uint32_t broadcast_requests = 0;  // ARP requests and solicitations that answer() saw
  uint32_t unicast_requests = 0;

 private:
  void answer_arp(const rte_mbuf& packet);
  void answer_solicitation(const rte_mbuf& packet);
  // The host's MAC when it hears a request for `target`, sent to `asked`.
  const Host* hearing(const rte_mbuf& packet, const net::Address& target, const net::Mac& asked);

  MempoolPtr pool_;
};

/// A director's slow path with two ports, wan0 and lan0.
class KernelTest : public NetworkTest {
 protected:
  static constexpr uint8_t kWan = 0;
  static constexpr uint8_t kLan = 1;

  void SetUp() override;
  void TearDown() override;

  /// Runs the event loop until `condition` holds. False: it did not within `limit`.
  bool run_until(const std::function<bool()>& condition,
                 std::chrono::milliseconds limit = std::chrono::seconds(5));
  void run_for(std::chrono::milliseconds time);

  [[nodiscard]] bool is_resolved(uint8_t port, const char* address, const net::Mac& to) const;
  static KernelState lan_state();  // 10.0.0.1/24 on lan0

  net::Mac wan_mac = mac("02:00:00:00:0a:01");
  net::Mac lan_mac = mac("02:00:00:00:0b:01");
  boost::asio::io_context io;
  snapshot::NextHopTable next_hops{4096};
  std::vector<snapshot::Route> routes;
  int route_updates = 0;
  std::unique_ptr<FakeWorkers> workers;
  std::unique_ptr<Kernel> kernel;
};

}  // namespace sluice::control

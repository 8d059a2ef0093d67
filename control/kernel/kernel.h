// SPDX-License-Identifier: BSD-3-Clause
// The kernel as slow path: a tap twin per port, and netlink as the source of addresses, routes and
// neighbours. Control thread.
#pragma once

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/net/address.h"
#include "lib/snapshot/next_hop_table.h"
#include "lib/snapshot/route_table.h"

struct rte_mbuf;
struct rte_mempool;

namespace sluice::control {

/// A DPDK port that gets a tap twin. The vector index of a KernelPort is the director's port index.
struct KernelPort {
  std::string name;          // of the tap, e.g. wan0
  uint16_t dpdk_port = 0;
  net::Mac mac;
  uint16_t mtu = 1500;
  std::string packet_netdev;  // the netdev under a net_af_packet device, else empty
};

/// What the director wants on its taps.
struct KernelState {
  struct Address {
    uint8_t port = 0;
    net::Ipv4Prefix prefix;
    friend auto operator<=>(const Address&, const Address&) = default;
  };
  struct GatewayRoute {
    uint8_t port = 0;
    net::Ipv4Prefix to;
    net::Ipv4 via;
    friend auto operator<=>(const GatewayRoute&, const GatewayRoute&) = default;
  };
  std::vector<Address> addresses;
  std::vector<GatewayRoute> routes;
};

/// How packets get from and to the workers; the supervisor in the daemon, rings in a test.
struct PacketExchange {
  std::function<uint32_t(std::span<rte_mbuf*>)> take_punted;
  std::function<bool(rte_mbuf*)> inject;
  rte_mempool* packet_buffers = nullptr;
};

/// Owner of the taps and of the netlink sockets. All methods: the thread that runs `io`.
class Kernel {
 public:
  using RoutesChanged = std::function<void(std::span<const snapshot::Route>)>;

  Kernel(boost::asio::io_context& io, PacketExchange exchange, snapshot::NextHopTable& next_hops);
  ~Kernel();  // taps and their addresses go away with it

  /// Creates the taps (same MAC and MTU as the port, up) and starts to follow netlink.
  /// Errors: not root, name taken (says by what), no /dev/net/tun, each with the cure.
  Status open(std::vector<KernelPort> ports, RoutesChanged on_routes_changed);

  /// Makes addresses and routes on the taps what `desired` says: adds what is missing, removes what
  /// an earlier call added and is no longer wanted, and leaves everything it did not add alone.
  Status apply(const KernelState& desired);

  /// Asks the kernel to resolve (or confirm) a neighbour; the answer lands in the next-hop table.
  void resolve(uint8_t port, net::Ipv4 address);

  /// Carries punted and injected packets until both ways are empty or a bound is reached.
  /// Returns how many moved. Called from the control loop's timer.
  uint32_t exchange_packets();

  /// Tells the tap its port's link state (carrier).
  void set_carrier(uint8_t port, bool is_up);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::control

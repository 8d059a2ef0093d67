// SPDX-License-Identifier: BSD-3-Clause
// The kernel as slow path: a tap twin per port, and netlink as the source of addresses, routes and
// neighbours. Control thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <compare>
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

/// A port that gets a tap twin. The vector index of a KernelPort is the director's port index,
/// which mbuf->port of its packets is, too.
struct KernelPort {
  std::string name;  // of the tap, e.g. wan0
  net::Mac mac;
  uint16_t mtu = 1500;
  std::string packet_netdev;  // the netdev under a net_af_packet device, else empty
};

/// What the director wants on its taps.
struct KernelState {
  struct Address {
    uint8_t port = 0;
    net::Prefix prefix;
    friend auto operator<=>(const Address&, const Address&) = default;
  };
  struct GatewayRoute {
    uint8_t port = 0;
    net::Prefix to;
    net::Address via;
    friend auto operator<=>(const GatewayRoute&, const GatewayRoute&) = default;
  };
  std::vector<Address> addresses;
  std::vector<GatewayRoute> routes;
};

/// How packets get from and to the workers; the supervisor in the daemon, rings in a test.
struct PacketExchange {
  std::function<uint32_t(std::span<rte_mbuf*>)> take_punted;  // hands the mbufs over
  std::function<bool(rte_mbuf*)> inject;                      // false: full, the mbuf stays ours
  rte_mempool* packet_buffers = nullptr;
};

/// What the slow path carried, lost and asked since the start.
struct KernelCounters {
  uint64_t to_kernel_pkts = 0;
  uint64_t to_kernel_refused_pkts = 0;  // no tap for the port, tap down or out of memory
  uint64_t from_kernel_pkts = 0;
  uint64_t from_kernel_ring_full_pkts = 0;  // no room on the way to the workers
  uint64_t from_kernel_oversized_pkts = 0;  // longer than the port's MTU allows
  uint64_t from_kernel_no_buffer = 0;       // polls without a packet buffer; the frame waits
  uint64_t neighbours_asked = 0;            // resolutions and confirmations asked of the kernel
  uint64_t neighbours_not_asked = 0;        // wanted too soon or too many at once
  uint64_t neighbours_without_slot = 0;     // next-hop table full: raise limits.neighbours
  uint64_t netlink_overruns = 0;            // notifications lost; everything was read anew
  uint64_t netlink_malformed = 0;
};

/// Owner of the taps and of the netlink sockets. All methods: the thread that runs `io`.
class Kernel {
 public:
  using RoutesChanged = std::function<void(std::span<const snapshot::Route>)>;

  Kernel(boost::asio::io_context& io, PacketExchange exchange, snapshot::NextHopTable& next_hops);
  ~Kernel();  // taps and their addresses go away with it

  /// Creates the taps (same MAC and MTU as the port, up) and starts to follow netlink.
  /// Errors: not root, name taken (says by what), no /dev/net/tun, a packet netdev with an address
  /// of its own, each with the cure.
  /// `on_routes_changed` gets the whole set, at most once per burst of changes and only when the
  /// set differs from the one before; the set is empty before the first call.
  Status open(std::vector<KernelPort> ports, RoutesChanged on_routes_changed);

  /// Makes addresses and routes on the taps what `desired` says: adds what is missing, removes what
  /// an earlier call added and is no longer wanted, and leaves everything it did not add alone.
  /// New addresses are announced by gratuitous ARP or neighbour advertisement. A port with IPv6
  /// gets a link-local address too: neighbour discovery needs one. Routes lost by a link that went
  /// down and up again come back by themselves. Errors: the first thing the kernel refused;
  /// everything else is done all the same.
  Status apply(const KernelState& desired);

  /// Asks the kernel to resolve (or confirm) a neighbour; the answer lands in the next-hop table.
  void resolve(uint8_t port, const net::Address& address);

  /// Carries punted and injected packets until both ways are empty or a bound is reached.
  /// Returns how many moved. Called from the control loop's timer.
  uint32_t exchange_packets();

  /// Tells the tap its port's link state (carrier).
  void set_carrier(uint8_t port, bool is_up);

  [[nodiscard]] KernelCounters counters() const;

  /// What an operator should know, since the last call: settings that could not be made, taps
  /// that somebody removed. One line each, with the cure; for the log.
  [[nodiscard]] std::vector<std::string> take_warnings();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::control

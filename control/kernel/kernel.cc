// SPDX-License-Identifier: BSD-3-Clause
// Puts the parts of the slow path together: taps, netdevs, netlink, neighbours, routes. Control
// thread.
#include "control/kernel/kernel.h"

#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "control/kernel/announcement.h"
#include "control/kernel/applied_state.h"
#include "control/kernel/neighbours.h"
#include "control/kernel/netlink.h"
#include "control/kernel/packet_netdev.h"
#include "control/kernel/rtnetlink.h"
#include "control/kernel/sysctl.h"
#include "control/kernel/tap.h"
#include "control/kernel/tap_exchange.h"

namespace sluice::control {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kRouteDelay{10};            // a burst of route changes becomes one update
constexpr uint32_t kMonitorBufferBytes = 4 << 20;  // more than 10 000 notifications
constexpr unsigned kGroups = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE |
                             RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE;

// Before the tap is up, so that nothing is sent that should not be. Reasons: README.md.
constexpr std::array<InterfaceSysctl, 25> kTapSysctls = {{
    {"net/ipv4/conf/", "/arp_ignore", "1"},
    {"net/ipv4/conf/", "/arp_announce", "2"},
    {"net/ipv4/conf/", "/rp_filter", "2"},
    {"net/ipv4/conf/", "/accept_redirects", "0"},
    {"net/ipv4/conf/", "/send_redirects", "0"},
    {"net/ipv4/conf/", "/forwarding", "0"},
    {"net/ipv4/conf/", "/promote_secondaries", "1"},
    {"net/ipv4/neigh/", "/locktime", "0"},
    {"net/ipv4/neigh/", "/retrans_time_ms", "250"},
    {"net/ipv4/neigh/", "/ucast_solicit", "1"},
    {"net/ipv4/neigh/", "/mcast_resolicit", "7"},
    {"net/ipv4/neigh/", "/mcast_solicit", "4"},
    {"net/ipv4/neigh/", "/delay_first_probe_time", "1"},
    {"net/ipv6/conf/", "/disable_ipv6", "0"},
    {"net/ipv6/conf/", "/addr_gen_mode", "1"},
    {"net/ipv6/conf/", "/accept_redirects", "0"},
    {"net/ipv6/conf/", "/forwarding", "0"},
    {"net/ipv6/neigh/", "/retrans_time_ms", "250"},
    {"net/ipv6/neigh/", "/ucast_solicit", "1"},
    {"net/ipv6/neigh/", "/mcast_resolicit", "7"},
    {"net/ipv6/neigh/", "/mcast_solicit", "4"},
    {"net/ipv6/neigh/", "/delay_first_probe_time", "1"},
    {"net/ipv6/conf/", "/accept_ra", "0"},
    {"net/ipv6/conf/", "/autoconf", "0"},
    {"net/ipv6/conf/", "/router_solicitations", "0"},
}};

void warn_of_small_neighbour_table(uint32_t needed, std::vector<std::string>& warnings) {
  // Absent in a network namespace other than the first, where the limit of the first holds.
  for (const std::string version : {"4", "6"}) {
    const Result<std::string> limit =
        read_sysctl("net/ipv" + version + "/neigh/default/gc_thresh3");
    if (limit && std::strtoul(limit->c_str(), nullptr, 10) < needed) {
      warnings.push_back("the kernel keeps at most " + *limit + " IPv" + version +
                         " neighbours, limits.neighbours is " + std::to_string(needed) +
                         "; if there are that many: sysctl -w net.ipv" + version +
                         ".neigh.default.gc_thresh3=" + std::to_string(2 * needed));
    }
  }
}

}  // namespace

struct Kernel::Impl {
  Impl(boost::asio::io_context& io, PacketExchange exchange_in, snapshot::NextHopTable& table)
      : exchange(std::move(exchange_in)),
        next_hops(table),
        neighbours(table, [this](auto requests) { send_neighbour_requests(requests); }),
        monitor(io),
        route_timer(io),
        refresh_timer(io),
        tap_exchange(exchange, counters) {}
  ~Impl() { *alive = false; }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status open_port(const KernelPort& port);
  Status read_neighbours();
  std::optional<uint8_t> port_of(int interface) const;
  void on_message(const nlmsghdr& message);
  void on_link(const LinkEvent& event);
  void on_overrun();
  void schedule_routes();
  void read_routes();
  void schedule_refresh();
  void send_neighbour_requests(std::span<const NeighbourRequest> asked);
  Status apply_desired();

  PacketExchange exchange;
  snapshot::NextHopTable& next_hops;
  KernelCounters counters;
  std::vector<std::string> warnings;
  RoutesChanged on_routes_changed;
  std::vector<KernelPort> ports;
  std::optional<NetlinkRequests> requests;
  std::vector<PacketNetdev> netdevs;  // outlive the taps: no address is left when they open up
  std::vector<Tap> taps;              // by port
  std::vector<uint32_t> link_flags;   // by port, as last heard
  Neighbours neighbours;
  NetlinkMonitor monitor;
  std::optional<AppliedState> applied;
  KernelState desired;
  std::vector<snapshot::Route> routes;
  boost::asio::steady_timer route_timer;
  bool is_route_read_due = false;
  Clock::duration route_read_took{};
  boost::asio::steady_timer refresh_timer;
  TapExchange tap_exchange;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);  // handlers may outlive us
};

std::optional<uint8_t> Kernel::Impl::port_of(int interface) const {
  for (size_t port = 0; port < taps.size(); ++port) {
    if (taps[port].index() == interface) {
      return static_cast<uint8_t>(port);
    }
  }
  return std::nullopt;
}

Status Kernel::Impl::open_port(const KernelPort& port) {
  if (!port.packet_netdev.empty()) {
    Result<PacketNetdev> netdev =
        PacketNetdev::open(port.packet_netdev, port.mtu, *requests, warnings);
    if (!netdev) {
      return fail("port " + port.name + ": " + netdev.error().message);
    }
    netdevs.push_back(std::move(*netdev));
  }
  Result<Tap> tap = Tap::create(port.name);
  if (!tap) {
    return tl::unexpected(tap.error());
  }
  neighbours.add_port(tap->index(), static_cast<uint8_t>(taps.size()));
  taps.push_back(std::move(*tap));
  link_flags.push_back(IFF_UP);
  write_interface_sysctls(port.name, kTapSysctls, warnings);
  NetlinkMessage message = link_up_message(taps.back().index(), &port.mac, port.mtu);
  if (const int error = requests->request(message); error != 0) {
    return fail("port " + port.name + ": cannot set MAC " + port.mac.to_string() + ", mtu " +
                std::to_string(port.mtu) + " and up on the tap: " + std::strerror(error));
  }
  return {};
}

Status Kernel::Impl::read_neighbours() {
  std::vector<NeighbourEvent> events;
  NetlinkMessage message = dump_neighbours_message();
  const int error = requests->dump(message, [&](const nlmsghdr& each) {
    if (auto event = parse_neighbour(each)) {
      events.push_back(*event);
    }
  });
  if (error != 0) {
    return fail(std::string("cannot list the kernel's neighbours: ") + std::strerror(error));
  }
  neighbours.resync(events, Clock::now());
  return {};
}

void Kernel::Impl::on_message(const nlmsghdr& message) {
  switch (message.nlmsg_type) {
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      if (const auto event = parse_neighbour(message)) {
        neighbours.on_event(*event, Clock::now());
      }
      return;
    case RTM_NEWLINK:
    case RTM_DELLINK:
      if (const auto event = parse_link(message)) {
        on_link(*event);
      }
      return;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
    case RTM_NEWADDR:
    case RTM_DELADDR:
      schedule_routes();
      return;
    default:
      return;
  }
}

// A link that goes down takes its routes along without a word (the kernel reports no IPv4 ones).
void Kernel::Impl::on_link(const LinkEvent& event) {
  const std::optional<uint8_t> port = port_of(event.interface);
  if (!port) {
    return;
  }
  if (event.is_removed) {
    warnings.push_back("port " + ports[*port].name +
                       ": its tap was removed from outside; restart sluiced to get it back");
  }
  const bool came_up = (event.flags & IFF_UP) != 0 && (link_flags[*port] & IFF_UP) == 0;
  link_flags[*port] = event.is_removed ? 0 : event.flags;
  if (came_up) {
    if (const Status status = apply_desired(); !status) {
      warnings.push_back(status.error().message);
    }
  }
  schedule_routes();
}

void Kernel::Impl::on_overrun() {
  if (const Status status = read_neighbours(); !status) {
    warnings.push_back(status.error().message);
  }
  schedule_routes();
}

void Kernel::Impl::schedule_routes() {
  if (is_route_read_due) {
    return;
  }
  is_route_read_due = true;
  // With very many routes reading takes long: then no more than a fifth of the thread's time.
  route_timer.expires_after(std::max<Clock::duration>(kRouteDelay, 4 * route_read_took));
  route_timer.async_wait([this, still = alive](const boost::system::error_code& error) {
    if (*still && !error) {
      read_routes();
    }
  });
}

void Kernel::Impl::read_routes() {
  is_route_read_due = false;
  const Clock::time_point start = Clock::now();
  std::vector<snapshot::Route> found;
  NetlinkMessage message = dump_routes_message();
  const int error = requests->dump(message, [&](const nlmsghdr& each) {
    if (auto route = parse_route(each, [this](int interface) { return port_of(interface); })) {
      found.push_back(*route);
    }
  });
  route_read_took = Clock::now() - start;
  if (error != 0) {
    warnings.push_back(std::string("cannot list the kernel's routes: ") + std::strerror(error));
    schedule_routes();
    return;
  }
  if (found != routes) {
    routes = std::move(found);
    on_routes_changed(routes);
  }
}

void Kernel::Impl::schedule_refresh() {
  refresh_timer.expires_after(Neighbours::kTick);
  refresh_timer.async_wait([this, still = alive](const boost::system::error_code& error) {
    if (*still && !error) {
      neighbours.refresh(Clock::now());
      schedule_refresh();
    }
  });
}

void Kernel::Impl::send_neighbour_requests(std::span<const NeighbourRequest> asked) {
  std::vector<NetlinkMessage> messages;
  messages.reserve(asked.size());
  for (const NeighbourRequest& request : asked) {
    messages.push_back(neighbour_message(request));
  }
  monitor.send(messages);  // what the kernel cannot take now is asked again next round
}

Status Kernel::Impl::apply_desired() {
  KernelState with_link_local = desired;
  const auto speak_ipv6 = [&](uint8_t port) {
    with_link_local.addresses.push_back({port, {link_local_address(ports[port].mac), 64}});
  };
  for (const KernelState::Address& address : desired.addresses) {
    if (!address.prefix.address.is_v4()) {
      speak_ipv6(address.port);
    }
  }
  for (const KernelState::GatewayRoute& route : desired.routes) {
    if (!route.via.is_v4()) {
      speak_ipv6(route.port);
    }
  }
  auto added = applied->apply(with_link_local);
  if (!added) {
    return tl::unexpected(added.error());
  }
  for (const KernelState::Address& address : *added) {
    taps[address.port].send_frame(announcement(ports[address.port].mac, address.prefix.address));
  }
  return {};
}

Kernel::Kernel(boost::asio::io_context& io, PacketExchange exchange,
               snapshot::NextHopTable& next_hops)
    : impl_(std::make_unique<Impl>(io, std::move(exchange), next_hops)) {}

Kernel::~Kernel() = default;

Status Kernel::open(std::vector<KernelPort> ports, RoutesChanged on_routes_changed) {
  Impl& impl = *impl_;
  impl.ports = std::move(ports);
  impl.on_routes_changed = std::move(on_routes_changed);
  Result<NetlinkRequests> requests = NetlinkRequests::open();
  if (!requests) {
    return tl::unexpected(requests.error());
  }
  impl.requests.emplace(std::move(*requests));
  std::vector<int> interfaces;
  std::vector<std::string> names;
  impl.taps.reserve(impl.ports.size());  // the exchange keeps pointers to them
  for (const KernelPort& port : impl.ports) {
    if (Status status = impl.open_port(port); !status) {
      return status;
    }
    if (Status status = impl.tap_exchange.add_tap(impl.taps.back(), port); !status) {
      return status;
    }
    interfaces.push_back(impl.taps.back().index());
    names.push_back(port.name);
  }
  impl.applied.emplace(*impl.requests, std::move(interfaces), std::move(names));
  warn_of_small_neighbour_table(impl.next_hops.capacity(), impl.warnings);
  Status status = impl.monitor.open(
      kGroups, kMonitorBufferBytes,
      {.on_message = [&impl](const nlmsghdr& message) { impl.on_message(message); },
       .on_overrun = [&impl] { impl.on_overrun(); }});
  if (status) {
    status = impl.read_neighbours();
  }
  impl.schedule_routes();
  impl.schedule_refresh();
  return status;
}

Status Kernel::apply(const KernelState& desired) {
  impl_->desired = desired;
  return impl_->apply_desired();
}

void Kernel::resolve(uint8_t port, const net::Address& address) {
  impl_->neighbours.resolve(port, address, Clock::now());
}

uint32_t Kernel::exchange_packets() { return impl_->tap_exchange.run(); }

void Kernel::set_carrier(uint8_t port, bool is_up) {
  const Status status = impl_->taps.at(port).set_carrier(is_up ? Carrier::kUp : Carrier::kDown);
  if (!status) {
    impl_->warnings.push_back(status.error().message);
  }
}

KernelCounters Kernel::counters() const {
  KernelCounters counters = impl_->counters;
  counters.neighbours_asked = impl_->neighbours.asked_count();
  counters.neighbours_not_asked = impl_->neighbours.not_asked_count();
  counters.neighbours_without_slot = impl_->neighbours.table_full_count();
  counters.netlink_overruns = impl_->monitor.overrun_count();
  counters.netlink_malformed = impl_->monitor.malformed_count();
  return counters;
}

std::vector<std::string> Kernel::take_warnings() { return std::exchange(impl_->warnings, {}); }

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// The immutable compiled configuration that workers read. Built by the control thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "lib/base/ticks.h"
#include "lib/net/address.h"
#include "lib/sched/scheduler.h"
#include "lib/table/session.h"
#include "lib/table/tcp_state.h"

namespace sluice::snapshot {

/// Stable names of configured things: the same across reloads, dense enough to index arrays.
using ServiceId = uint32_t;
using ServerId = uint32_t;
using LocalAddressId = uint16_t;

using table::ClientAddress;
using table::ForwardingMode;

/// A half-open range of indexes into one of the snapshot's arrays.
struct IndexRange {
  uint32_t first = 0;
  uint32_t end = 0;
  [[nodiscard]] uint32_t size() const { return end - first; }
};

// Real server endpoints are spread over so many pools of local ports per local address. With more
// endpoints than pools some share one, and then the ports of that pool too.
inline constexpr uint32_t kPortPoolsPerAddress = 64;

enum class TunnelType : uint8_t { kIpip, kGre, kGue };

/// How packets to a server are wrapped: IPIP (RFC 2003), GRE (RFC 2784) or GUE variant 0.
struct Tunnel {
  TunnelType type = TunnelType::kIpip;
  net::Be16 gue_port = net::Be16::from_host(6080);
  friend bool operator==(const Tunnel&, const Tunnel&) = default;

  /// Bytes between the outer and the inner IP header.
  [[nodiscard]] constexpr uint32_t shim_bytes() const {
    constexpr uint32_t kGre = 4, kUdpAndGue = 8 + 4;
    return type == TunnelType::kIpip ? 0 : type == TunnelType::kGre ? kGre : kUdpAndGue;
  }
  /// Bytes in front of the inner IP packet, the outer header toward a server of that IP version
  /// included.
  [[nodiscard]] constexpr uint32_t overhead(bool is_v4) const {
    return (is_v4 ? 20 : 40) + shim_bytes();
  }
};

/// One real server of one service. `weight` lies in the parallel candidate array.
struct Server {
  ServerId id = 0;
  uint16_t port_pool = 0;  // below kPortPoolsPerAddress; the same for the same endpoint, always
  ForwardingMode mode = ForwardingMode::kFullNat;
  net::Endpoint endpoint;
};

struct LocalAddress {
  LocalAddressId id = 0;
  net::Address address;
};

/// One thing for each IP version.
template <typename T>
struct PerVersion {
  T v4;
  T v6;
  T& of(bool is_v4) { return is_v4 ? v4 : v6; }
  const T& of(bool is_v4) const { return is_v4 ? v4 : v6; }
};

struct Service {
  ServiceId id = 0;
  net::Protocol protocol = net::Protocol::kTcp;
  // Answers of NAT servers name the client alone: the client's flows must be where that leads.
  bool is_steered_by_client = false;
  bool is_one_packet = false;          // each datagram is scheduled for itself (ipvsadm -o)
  bool rejects_without_server = true;  // with ICMP port unreachable
  ClientAddress client_address = ClientAddress::kNone;
  bool renews_sequence_numbers = false;  // servers see initial numbers of ours (RFC 6528)
  net::Endpoint vip;
  const sched::SchedulerOps* scheduler = nullptr;
  sched::Plan plan;
  uint64_t servers_version = 0;  // changes when a server, a weight or the scheduler does
  IndexRange servers;            // into servers and candidates
  PerVersion<IndexRange> local_addresses;
};

/// Idle timeouts in ticks by session state.
using TimeoutTicks = std::array<uint32_t, table::kSessionStateCount>;

/// The host ports of a local address that sessions may use, both ends included.
struct PortRange {
  uint16_t first = 1024;
  uint16_t last = 65535;
  [[nodiscard]] uint32_t size() const { return last - first + 1U; }
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

/// The ports one of `workers` workers owns of `all`: equal contiguous shares, the rest unused.
PortRange worker_share(PortRange all, uint32_t worker, uint32_t workers);

inline constexpr uint32_t kMaxPorts = 32;

// Source NAT, see snat_rules.h.
class SnatRules;
struct SnatRule;
struct SnatRuleSpec;

/// Finds services by (VIP, vport, protocol) and tells VIPs and local addresses from foreign ones.
/// Invariant: nothing changes after build(); sessions copy from it and keep only ids.
class Snapshot {
 public:
  /// The service a packet to `vip` asks for, or null.  Cost: one hash probe expected.
  [[nodiscard]] const Service* find_service(net::Protocol protocol, const net::Endpoint& vip) const;

  [[nodiscard]] std::span<const Server> servers_of(const Service& service) const {
    return std::span(servers_).subspan(service.servers.first, service.servers.size());
  }
  [[nodiscard]] std::span<const sched::Candidate> candidates_of(const Service& service) const {
    return std::span(candidates_).subspan(service.servers.first, service.servers.size());
  }
  /// The local addresses toward servers of one IP version.
  [[nodiscard]] std::span<const LocalAddress> local_addresses_of(const Service& service,
                                                                 bool is_v4) const {
    const IndexRange range = service.local_addresses.of(is_v4);
    return std::span(local_addresses_).subspan(range.first, range.size());
  }

  /// Whether a server is still configured; sessions of a removed one are dropped until it returns.
  [[nodiscard]] bool is_configured(ServerId server) const {
    return (configured_servers_[server / 64] >> server % 64 & 1) != 0;
  }

  /// The timeouts of a server's service, and of a removed server's last one.
  [[nodiscard]] const TimeoutTicks& timeouts_of(ServerId server) const {
    return timeout_profiles_[timeout_profile_of_[server]];
  }

  /// The director's own addresses on a port, where tunnels begin; unspecified when it has none.
  [[nodiscard]] const PerVersion<net::Address>& port_addresses(uint8_t port) const {
    return port_addresses_[port];
  }

  /// How a tunnel server's packets are wrapped.
  [[nodiscard]] const Tunnel& tunnel_of(ServerId server) const { return tunnels_[server]; }

  /// Whether answers from `source` belong to sessions of a NAT server.  Cost: O(log NAT servers).
  [[nodiscard]] bool is_nat_server(net::Protocol protocol, const net::Endpoint& source) const {
    return std::binary_search(nat_servers_.begin(), nat_servers_.end(),
                              std::pair(protocol, source));
  }

  /// Whether a NAT server has that address, whatever it serves.  Cost: O(log NAT servers).
  [[nodiscard]] bool is_nat_server_address(const net::Address& address) const;

  [[nodiscard]] bool is_local_address(const net::Address& address) const;
  [[nodiscard]] bool is_vip(const net::Address& address) const;

  /// The worker that gives out local port `port`; sessions of its answers live there.
  [[nodiscard]] uint8_t owner_of_port(net::Be16 port) const { return port_owner_[port.host()]; }

  /// The source NAT rule for a packet `flow` without a session, or null: the first one that
  /// matches, toward a public address the first one of its source. Cost: without rules one test,
  /// else two binary searches and a look at each rule.
  [[nodiscard]] const SnatRule* find_snat_rule(const net::Flow& flow) const {
    return snat_ == nullptr ? nullptr : search_snat_rules(flow);
  }
  /// The source NAT rule whose sessions are counted for `server`, or null.
  [[nodiscard]] const SnatRule* snat_rule_of(ServerId server) const;
  /// Whether a source NAT rule names `address` as inside.
  [[nodiscard]] bool is_snat_inside(const net::Address& address) const;
  /// Whether source NAT lends ports of `address`: packets to it are answers, or come round from
  /// another inside host.
  [[nodiscard]] bool is_snat_address(const net::Address& address) const;

  [[nodiscard]] std::span<const Service> services() const { return services_; }
  [[nodiscard]] uint64_t generation() const { return generation_; }

 private:
  friend class SnapshotBuilder;

  [[nodiscard]] const SnatRule* search_snat_rules(const net::Flow& flow) const;

  uint64_t generation_ = 0;
  std::vector<Service> services_;
  std::vector<Server> servers_;
  std::vector<sched::Candidate> candidates_;  // parallel to servers_
  std::vector<LocalAddress> local_addresses_;
  std::vector<uint32_t> service_slots_;  // open addressing: index into services_ + 1
  std::vector<net::Address> sorted_local_addresses_;
  std::vector<net::Address> sorted_vips_;
  std::vector<uint64_t> configured_servers_;                          // bit per ServerId
  std::vector<Tunnel> tunnels_;                                       // by ServerId
  std::vector<std::pair<net::Protocol, net::Endpoint>> nat_servers_;  // sorted
  std::vector<uint16_t> timeout_profile_of_;                          // by ServerId
  std::vector<TimeoutTicks> timeout_profiles_;                        // [0] is the default
  std::array<PerVersion<net::Address>, kMaxPorts> port_addresses_;
  std::array<uint8_t, 65536> port_owner_{};
  std::shared_ptr<SnatRules> snat_;  // null without rules; the builder writes
};

/// What the builder needs to know of one service.
struct ServiceSpec {
  ServiceId id = 0;
  net::Protocol protocol = net::Protocol::kTcp;
  net::Endpoint vip;
  const sched::SchedulerOps* scheduler = nullptr;
  bool is_one_packet = false;
  bool rejects_without_server = true;
  ClientAddress client_address = ClientAddress::kNone;
  bool renews_sequence_numbers = false;
  bool is_steered_by_client = false;  // also without a NAT server: it had one
  table::Timeouts timeouts;
  uint64_t servers_version = 0;
  struct ServerSpec {
    ServerId id = 0;
    uint16_t port_pool = 0;
    net::Endpoint endpoint;
    uint32_t weight = 1;
    ForwardingMode mode = ForwardingMode::kFullNat;
    Tunnel tunnel = {};
    friend bool operator==(const ServerSpec&, const ServerSpec&) = default;
  };
  std::vector<ServerSpec> servers;
  std::vector<LocalAddress> local_addresses;
};

/// Collects services and makes the snapshot.  Thread: control.
/// Precondition: validated input (unique services, ids below `max_servers`).
class SnapshotBuilder {
 public:
  SnapshotBuilder(uint64_t generation, uint32_t max_servers, PortRange ports, uint32_t workers);

  void add(const ServiceSpec& spec);
  /// Rules are asked in the order they were added.
  void add(const SnatRuleSpec& spec);
  /// An address of the director itself: packets to it are never source NAT's. Services, local
  /// addresses and those of set_port_address() need not be named.
  void keep_from_snat(const net::Address& own_address);
  /// A removed server whose sessions may live on: they keep the timeouts they had.
  void add_removed_server(ServerId id, const table::Timeouts& timeouts);
  void set_port_address(uint8_t port, const net::Address& address) {
    snapshot_.port_addresses_[port].of(address.is_v4()) = address;
  }
  /// A server whose sessions may be NAT's although it no longer is, or is gone.
  void recognise_nat_server(net::Protocol protocol, const net::Endpoint& server) {
    snapshot_.nat_servers_.emplace_back(protocol, server);
  }
  /// A local address that answers come to, but that lends no ports.
  void recognise(const net::Address& local_address) {
    snapshot_.sorted_local_addresses_.push_back(local_address);
  }
  [[nodiscard]] Snapshot build() &&;

 private:
  uint16_t timeout_profile(const table::Timeouts& timeouts);
  IndexRange add_local_addresses(std::span<const LocalAddress> all, bool is_v4);
  SnatRules& snat_rules();
  void finish_snat();

  Snapshot snapshot_;
  std::vector<net::Address> own_addresses_;
};

}  // namespace sluice::snapshot

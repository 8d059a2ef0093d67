// SPDX-License-Identifier: BSD-3-Clause
// The configuration as values, exactly what the YAML file can say. Control thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/net/address.h"
#include "lib/snapshot/snapshot.h"
#include "lib/snapshot/snat_rules.h"
#include "lib/table/tcp_state.h"

namespace sluice::config {

enum class PollMode : uint8_t { kBusy, kAdaptive };

/// director: how the process runs and how it is spoken to.
struct Director {
  uint32_t workers = 1;  // 1..64
  struct ControlSocket {
    std::string path = "/run/sluice/control.sock";
    uint32_t mode = 0660;
    std::string group;  // empty: leave the group alone
    friend bool operator==(const ControlSocket&, const ControlSocket&) = default;
  } control_socket;
  struct Poll {
    PollMode mode = PollMode::kBusy;
    uint32_t max_sleep_us = 500;  // adaptive only: the longest nap of an idle worker
    friend bool operator==(const Poll&, const Poll&) = default;
  } poll;
  struct Punt {                     // packets a second to the kernel, per worker and class
    uint32_t control_pps = 10'000;  // ARP; and as much again: VRRP, OSPF, BGP, BFD, IGMP
    uint32_t icmp_pps = 1'000;
    uint32_t other_pps = 1'000;  // to VIPs, but no service's; and as much again: everything else
    friend bool operator==(const Punt&, const Punt&) = default;
  } punt;
  snapshot::PortRange local_ports;  // host ports of local addresses that sessions may use
  friend bool operator==(const Director&, const Director&) = default;
};

/// dpdk: what the EAL needs to know; nobody writes EAL flags by hand.
struct Dpdk {
  bool huge_pages = true;
  uint32_t memory_mb = 0;  // 0: as much as the limits need
  uint32_t control_core = 0;
  std::vector<uint32_t> worker_cores;   // empty: cores after control_core; may repeat a core
  std::vector<std::string> extra_args;  // passed through to the EAL untouched
  friend bool operator==(const Dpdk&, const Dpdk&) = default;
};

/// limits: sizes of everything allocated at start.
struct Limits {
  uint32_t sessions_per_worker = 1'048'576;
  uint32_t extended_sessions_per_worker = 262'144;  // of them, with more than IPv4 addresses
  uint32_t services = 1'024;
  uint32_t servers = 16'384;
  uint32_t local_addresses = 16;
  uint32_t neighbours = 4'096;
  uint32_t snat_mappings_per_worker = 65'536;  // inside endpoints with a public one
  uint32_t packet_buffers = 0;                 // 0: as many as queues and bursts need
  friend bool operator==(const Limits&, const Limits&) = default;
};

struct Route {
  net::Prefix to;  // "default" is 0.0.0.0/0 or ::/0, as `via` is
  net::Address via;
  friend bool operator==(const Route&, const Route&) = default;
};

/// ports: one network port of the director and its tap in the kernel. It has a device, or it is a
/// VLAN of a port that has one.
struct Port {
  std::string name;    // the tap's name in the kernel, e.g. wan0
  std::string device;  // PCI address, or a vdev such as net_af_packet0,iface=eth1
  std::string parent;  // of a VLAN: the port whose device carries it
  uint16_t vlan = 0;   // its 802.1Q id
  uint16_t mtu = 1500;
  std::vector<net::Prefix> addresses;
  std::vector<Route> routes;
  [[nodiscard]] bool is_vlan() const { return !parent.empty(); }
  friend bool operator==(const Port&, const Port&) = default;
};

/// local_pools: local addresses (LIP) that FULL-NAT uses toward the servers, or source NAT outside.
struct LocalPool {
  std::string name;
  std::string port;  // the port whose tap holds the addresses
  std::vector<net::Address> addresses;
  friend bool operator==(const LocalPool&, const LocalPool&) = default;
};

/// What the scheduler picks a server for: a session, or each datagram (one-packet scheduling).
enum class ScheduleBy : uint8_t { kSession, kPacket };

/// What a client of a service without servers gets: ICMP port unreachable, or nothing.
enum class NoServer : uint8_t { kReject, kDrop };

/// Which TCP sequence numbers the server sees of a client: its own, or initial ones of ours.
enum class SequenceNumbers : uint8_t { kKeep, kNew };

enum class Announce : uint8_t { kKernel, kExternal };

struct Server {
  net::Endpoint endpoint;
  uint32_t weight = 1;
  std::optional<snapshot::ForwardingMode> mode = {};  // none: the service's
  friend bool operator==(const Server&, const Server&) = default;
};

struct Service {
  std::string name;  // unique; default "tcp-192.0.2.10-80"
  net::Protocol protocol = net::Protocol::kTcp;
  net::Endpoint vip;
  std::string port;  // the port whose tap holds the VIP; empty: the first port
  Announce announce = Announce::kKernel;
  std::string scheduler = "wrr";
  ScheduleBy schedule_by = ScheduleBy::kSession;
  NoServer no_server = NoServer::kReject;
  snapshot::ForwardingMode mode = snapshot::ForwardingMode::kFullNat;
  snapshot::Tunnel tunnel;  // of servers in tunnel mode
  std::string local_pool;   // of servers in full-nat mode
  snapshot::ClientAddress client_address = snapshot::ClientAddress::kNone;
  SequenceNumbers sequence_numbers = SequenceNumbers::kKeep;
  table::Timeouts timeouts;
  std::vector<Server> servers;
  [[nodiscard]] snapshot::ForwardingMode mode_of(const Server& server) const {
    return server.mode.value_or(mode);
  }
  /// Whether the service or any of its servers is in `wanted`.
  [[nodiscard]] bool uses(snapshot::ForwardingMode wanted) const {
    return mode == wanted || std::ranges::any_of(servers, [&](const Server& server) {
             return server.mode == wanted;
           });
  }
  /// Whether its sessions take room of limits.extended_sessions_per_worker whatever their
  /// addresses.
  [[nodiscard]] bool needs_extended_sessions() const {
    return client_address != snapshot::ClientAddress::kNone ||
           sequence_numbers == SequenceNumbers::kNew;
  }
  friend bool operator==(const Service&, const Service&) = default;
};

enum class SnatProtocol : uint8_t { kAny, kTcp, kUdp, kIcmp };

/// The timeouts of source NAT.
/// Source: RFC 5382 REQ-5 (2 h 4 min, else 4 min), RFC 4787 REQ-5, RFC 5508 REQ-2.
[[nodiscard]] inline table::Timeouts snat_timeouts() {
  table::Timeouts timeouts;
  timeouts.seconds.fill(240);
  timeouts[table::SessionState::kEstablished] = 7'440;
  timeouts[table::SessionState::kUdp] = 300;
  timeouts[table::SessionState::kIcmp] = 60;
  return timeouts;
}

/// snat: inside hosts that share public addresses. The first rule that takes a packet counts.
struct SnatRule {
  std::string name;  // unique among the rules
  std::vector<snapshot::AddressRange> inside;
  std::vector<snapshot::AddressRange> to;  // empty: anywhere
  snapshot::PortRange ports{1, 65'535};    // of the destination
  SnatProtocol protocol = SnatProtocol::kAny;
  std::string local_pool;  // its addresses are the public ones; no service uses it
  snapshot::SnatFiltering filtering = snapshot::SnatFiltering::kAddressAndPort;
  table::Timeouts timeouts = snat_timeouts();
  friend bool operator==(const SnatRule&, const SnatRule&) = default;
};

/// One whole configuration. Two equal models make the director behave the same.
struct Model {
  Director director;
  Dpdk dpdk;
  Limits limits;
  std::vector<Port> ports;
  std::vector<LocalPool> local_pools;
  std::vector<Service> services;
  std::vector<SnatRule> snat;
  friend bool operator==(const Model&, const Model&) = default;
};

}  // namespace sluice::config

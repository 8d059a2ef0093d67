// SPDX-License-Identifier: BSD-3-Clause
// Source NAT rules: which packets of inside hosts leave with a public address, and with which.
// Built by the control thread, read by workers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lib/net/address.h"
#include "lib/net/flow_key.h"
#include "lib/snapshot/snapshot.h"
#include "lib/table/tcp_state.h"

namespace sluice::snapshot {

/// Addresses of one IP version, both ends included.
struct AddressRange {
  net::Address first;
  net::Address last;

  static constexpr AddressRange of(const net::Prefix& prefix) {
    return {prefix.network(), prefix.last()};
  }
  [[nodiscard]] constexpr bool contains(const net::Address& address) const {
    return address.is_v4() == first.is_v4() && first <= address && address <= last;
  }
  friend constexpr bool operator==(const AddressRange&, const AddressRange&) = default;
};

/// Who may send to the public endpoint of an inside host.
/// Source: RFC 4787 5, RFC 5382 4.3.
enum class SnatFiltering : uint8_t {
  kAddressAndPort,       // remote endpoints that the host has sent to
  kEndpointIndependent,  // everybody, with TCP and UDP
};

/// What the builder needs to know of one rule.
struct SnatRuleSpec {
  // Its sessions are those of a service and a server of these ids, which nothing else has.
  ServiceId id = 0;
  ServerId server_id = 0;
  std::vector<AddressRange> inside;
  std::vector<AddressRange> destinations;
  PortRange ports = {.first = 0, .last = 65535};  // of the destination; ICMP has none
  std::optional<net::Protocol> protocol = {};     // kIcmp stands for ICMPv6, too; none: all
  table::Timeouts timeouts;
  SnatFiltering filtering = SnatFiltering::kAddressAndPort;
  // Of both IP versions. Rules with the same first one of a version share mappings: an inside
  // endpoint looks the same to the destinations of all of them. No service lends their ports.
  std::vector<LocalAddress> public_addresses;
};

/// A compiled rule. To sessions it looks like a service whose server is whom the packet is for.
struct SnatRule {
  Service service;  // its id, and the public addresses as its local ones
  ServerId server_id = 0;
  PortRange ports;
  std::optional<net::Protocol> protocol;
  SnatFiltering filtering = SnatFiltering::kAddressAndPort;
  IndexRange inside;  // into the ranges of SnatRules
  IndexRange destinations;
};

// Each public address has a pool of ports per protocol, so that two inside endpoints never share a
// public one (RFC 4787 REQ-3).
enum class SnatPortClass : uint8_t { kTcp, kUdp, kIcmp };

[[nodiscard]] constexpr SnatPortClass snat_port_class(uint8_t protocol) {
  return protocol == static_cast<uint8_t>(net::Protocol::kTcp)   ? SnatPortClass::kTcp
         : protocol == static_cast<uint8_t>(net::Protocol::kUdp) ? SnatPortClass::kUdp
                                                                 : SnatPortClass::kIcmp;
}

/// The pool that lends ports of a public address to `protocol`.
[[nodiscard]] constexpr uint32_t snat_port_pool(LocalAddressId address, uint8_t protocol) {
  return address * kPortPoolsPerAddress + static_cast<uint32_t>(snat_port_class(protocol));
}

/// All rules of a snapshot, first to last.
class SnatRules {
 public:
  /// The first rule that takes `flow` from inside to its destination, or null.
  [[nodiscard]] const SnatRule* find(const net::Flow& flow) const;
  /// The first rule for packets of `flow`'s source and protocol, whatever their destination.
  [[nodiscard]] const SnatRule* find_by_source(const net::Flow& flow) const;
  [[nodiscard]] const SnatRule* find_by_server(ServerId server) const;

  [[nodiscard]] bool is_inside(const net::Address& address) const;
  [[nodiscard]] bool is_public(const net::Address& address) const;
  [[nodiscard]] bool is_own(const net::Address& address) const;

 private:
  friend class SnapshotBuilder;

  [[nodiscard]] bool is_in(IndexRange ranges, const net::Address& address) const;
  [[nodiscard]] bool matches_source(const SnatRule& rule, const net::Flow& flow) const;
  IndexRange add(std::span<const AddressRange> ranges);

  std::vector<SnatRule> rules_;
  std::vector<AddressRange> ranges_;
  std::vector<net::Address> public_addresses_;  // sorted by build()
  std::vector<net::Address> own_addresses_;     // sorted by build()
};

}  // namespace sluice::snapshot

// SPDX-License-Identifier: BSD-3-Clause
// What we say and hear over netlink: links, addresses, routes and neighbours as values. Control
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "control/kernel/netlink.h"
#include "lib/net/address.h"
#include "lib/snapshot/route_table.h"

namespace sluice::control {

enum class Change : uint8_t { kAdd, kReplace, kRemove };

/// Sets an interface's MAC (unless null) and MTU (unless 0) and brings it up.
NetlinkMessage link_up_message(int interface, const net::Mac* mac, uint32_t mtu);
NetlinkMessage address_message(Change change, int interface, const net::Prefix& prefix);
NetlinkMessage route_message(Change change, int interface, const net::Prefix& target,
                             const net::Address& gateway);

/// What we ask of the kernel about a neighbour.
struct NeighbourRequest {
  enum class Kind : uint8_t {
    kResolve,  // make an entry if there is none and resolve it
    kConfirm,  // ask the known MAC whether it is still there; it is used meanwhile
    kRestore,  // make an entry with `mac` again and confirm it
  };
  Kind kind = Kind::kResolve;
  int interface = 0;
  net::Address address;
  net::Mac mac;
  friend bool operator==(const NeighbourRequest&, const NeighbourRequest&) = default;
};
NetlinkMessage neighbour_message(const NeighbourRequest& request);

/// Requests for dumps of everything of both IP versions.
NetlinkMessage dump_addresses_message();
NetlinkMessage dump_routes_message();
NetlinkMessage dump_neighbours_message();

struct NeighbourEvent {
  int interface = 0;
  net::Address address;
  uint16_t state = 0;           // NUD_ bits
  std::optional<net::Mac> mac;  // a unicast link address
  bool is_removed = false;
};
/// A neighbour in `message`. Nothing: another family, or malformed.
std::optional<NeighbourEvent> parse_neighbour(const nlmsghdr& message);

struct AddressEvent {
  int interface = 0;
  net::Prefix prefix;
};
std::optional<AddressEvent> parse_address(const nlmsghdr& message);

struct LinkEvent {
  int interface = 0;
  uint32_t flags = 0;  // IFF_ bits
  bool is_removed = false;
};
std::optional<LinkEvent> parse_link(const nlmsghdr& message);

/// The director's port that an interface is the tap of.
using PortOfInterface = std::function<std::optional<uint8_t>(int interface)>;

/// A route the data plane can use: unicast by a tap, or a refusal (blackhole, unreachable,
/// prohibit), from the tables main and local. Of several next hops the first usable one counts.
std::optional<snapshot::Route> parse_route(const nlmsghdr& message, const PortOfInterface& port_of);

}  // namespace sluice::control

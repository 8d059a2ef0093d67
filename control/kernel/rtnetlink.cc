// SPDX-License-Identifier: BSD-3-Clause
// Routing netlink messages: written and read with libmnl, whose validators check every bound.
// Control thread.
#include "control/kernel/rtnetlink.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cstring>
#include <string_view>

namespace sluice::control {
namespace {

using net::Address;
using net::Mac;

uint16_t change_flags(Change change) {
  switch (change) {
    case Change::kAdd:
      return NLM_F_CREATE | NLM_F_EXCL;
    case Change::kReplace:
      return NLM_F_CREATE | NLM_F_REPLACE;
    case Change::kRemove:
      break;
  }
  return 0;
}

/// The attributes behind a message's fixed header, by type; unknown ones are left out.
class Attributes {
 public:
  // Not mnl_attr_parse(): it rounds the message's length up and may read 3 bytes beyond it.
  static std::optional<Attributes> of_message(const nlmsghdr& message, size_t header_bytes) {
    const size_t payload_bytes = mnl_nlmsg_get_payload_len(&message);
    if (payload_bytes < header_bytes) {
      return std::nullopt;
    }
    return of_bytes(mnl_nlmsg_get_payload_offset(&message, header_bytes),
                    payload_bytes - header_bytes);
  }

  static std::optional<Attributes> of_bytes(const void* bytes, size_t size) {
    Attributes result;
    const int parsed = mnl_attr_parse_payload(bytes, size, keep, &result);
    return parsed == MNL_CB_OK ? std::optional(result) : std::nullopt;
  }

  [[nodiscard]] const nlattr* get(size_t type) const { return found_[type]; }

  template <typename Value>
  [[nodiscard]] std::optional<Value> value(size_t type) const {
    const nlattr* attribute = found_[type];
    if (attribute == nullptr || mnl_attr_get_payload_len(attribute) != sizeof(Value)) {
      return std::nullopt;
    }
    Value result;
    std::memcpy(&result, mnl_attr_get_payload(attribute), sizeof(result));
    return result;
  }

 private:
  static constexpr size_t kCount = RTA_MAX + 1;  // the most of the kinds we read
  static_assert(NDA_MAX < kCount && IFA_MAX < kCount);

  static int keep(const nlattr* attribute, void* self) {
    const uint16_t type = mnl_attr_get_type(attribute);
    if (type < kCount) {
      static_cast<Attributes*>(self)->found_[type] = attribute;
    }
    return MNL_CB_OK;
  }

  std::array<const nlattr*, kCount> found_{};
};

uint8_t family_of(const Address& address) { return address.is_v4() ? AF_INET : AF_INET6; }

void put_address(NetlinkMessage& message, uint16_t type, const Address& address) {
  if (address.is_v4()) {
    const net::Ipv4 v4 = address.v4();
    message.put(type, &v4, sizeof(v4));
  } else {
    message.put(type, &address.v6(), sizeof(address.v6()));
  }
}

bool is_ip(uint8_t family) { return family == AF_INET || family == AF_INET6; }

// An address attribute of a message of that family.
std::optional<Address> address_value(const Attributes& attributes, uint8_t family, size_t type) {
  if (family == AF_INET) {
    return attributes.value<net::Ipv4>(type);
  }
  const auto v6 = attributes.value<net::Ipv6>(type);
  return v6 && !v6->is_v4_mapped() ? std::optional<Address>(*v6) : std::nullopt;
}

template <typename Header>
const Header* fixed_header(const nlmsghdr& message) {
  return mnl_nlmsg_get_payload_len(&message) < sizeof(Header)
             ? nullptr
             : static_cast<const Header*>(mnl_nlmsg_get_payload(&message));
}

NetlinkMessage dump_message(uint16_t type) {
  NetlinkMessage message(type, 0);
  // rtmsg is the longest of the headers and rtm_family the first byte of all of them.
  message.add_header<rtmsg>().rtm_family = AF_UNSPEC;
  return message;
}

}  // namespace

NetlinkMessage link_up_message(int interface, const Mac* mac, uint32_t mtu) {
  NetlinkMessage message(RTM_NEWLINK, 0);
  auto& header = message.add_header<ifinfomsg>();
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = interface;
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  if (mac != nullptr) {
    message.put(IFLA_ADDRESS, mac->bytes.data(), mac->bytes.size());
  }
  if (mtu != 0) {
    message.put_u32(IFLA_MTU, mtu);
  }
  return message;
}

NetlinkMessage address_message(Change change, int interface, const net::Prefix& prefix) {
  NetlinkMessage message(change == Change::kRemove ? RTM_DELADDR : RTM_NEWADDR,
                         change_flags(change));
  auto& header = message.add_header<ifaddrmsg>();
  header.ifa_family = family_of(prefix.address);
  header.ifa_prefixlen = prefix.length;
  header.ifa_scope = RT_SCOPE_UNIVERSE;
  header.ifa_index = static_cast<uint32_t>(interface);
  if (prefix.address.is_v4()) {
    put_address(message, IFA_LOCAL, prefix.address);
  } else {
    // Usable at once: a VIP moves between directors, and another one may still have it.
    message.put_u32(IFA_FLAGS, IFA_F_NODAD);
    if (prefix.length == prefix.address.bits()) {
      // Deprecated (RFC 4862 2): of two addresses the kernel's own connections take the one with
      // the longer prefix (RFC 6724 5), and would begin at a VIP or local address.
      const ifa_cacheinfo lifetimes{
          .ifa_prefered = 0, .ifa_valid = UINT32_MAX, .cstamp = 0, .tstamp = 0};
      message.put(IFA_CACHEINFO, &lifetimes, sizeof(lifetimes));
    }
  }
  put_address(message, IFA_ADDRESS, prefix.address);
  return message;
}

NetlinkMessage route_message(Change change, int interface, const net::Prefix& target,
                             const Address& gateway) {
  NetlinkMessage message(change == Change::kRemove ? RTM_DELROUTE : RTM_NEWROUTE,
                         change_flags(change));
  auto& header = message.add_header<rtmsg>();
  header.rtm_family = family_of(target.address);
  header.rtm_dst_len = target.length;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  put_address(message, RTA_DST, target.network());
  put_address(message, RTA_GATEWAY, gateway);
  message.put_u32(RTA_OIF, static_cast<uint32_t>(interface));
  return message;
}

NetlinkMessage neighbour_message(const NeighbourRequest& request) {
  using Kind = NeighbourRequest::Kind;
  const uint16_t flags = request.kind == Kind::kResolve   ? NLM_F_CREATE
                         : request.kind == Kind::kConfirm ? NLM_F_REPLACE
                                                          : NLM_F_CREATE | NLM_F_EXCL;
  NetlinkMessage message(RTM_NEWNEIGH, flags);
  auto& header = message.add_header<ndmsg>();
  header.ndm_family = family_of(request.address);
  header.ndm_ifindex = request.interface;
  header.ndm_type = RTN_UNICAST;
  if (request.kind == Kind::kResolve) {
    header.ndm_flags = NTF_USE;
  } else {
    header.ndm_state = NUD_PROBE;
  }
  put_address(message, NDA_DST, request.address);
  if (request.kind == Kind::kRestore) {
    message.put(NDA_LLADDR, request.mac.bytes.data(), request.mac.bytes.size());
  }
  return message;
}

NetlinkMessage dump_addresses_message() { return dump_message(RTM_GETADDR); }
NetlinkMessage dump_routes_message() { return dump_message(RTM_GETROUTE); }
NetlinkMessage dump_neighbours_message() { return dump_message(RTM_GETNEIGH); }

std::optional<NeighbourEvent> parse_neighbour(const nlmsghdr& message) {
  const auto* header = fixed_header<ndmsg>(message);
  const auto attributes = Attributes::of_message(message, sizeof(ndmsg));
  if (header == nullptr || !attributes || !is_ip(header->ndm_family)) {
    return std::nullopt;
  }
  const auto address = address_value(*attributes, header->ndm_family, NDA_DST);
  if (!address || !address->is_unicast() || (header->ndm_flags & NTF_PROXY) != 0) {
    return std::nullopt;
  }
  NeighbourEvent event{.interface = header->ndm_ifindex,
                       .address = *address,
                       .state = header->ndm_state,
                       .mac = attributes->value<Mac>(NDA_LLADDR),
                       .is_removed = message.nlmsg_type == RTM_DELNEIGH};
  if (event.mac && (event.mac->is_multicast() || *event.mac == Mac{})) {
    event.mac.reset();
  }
  return event;
}

std::optional<AddressEvent> parse_address(const nlmsghdr& message) {
  const auto* header = fixed_header<ifaddrmsg>(message);
  const auto attributes = Attributes::of_message(message, sizeof(ifaddrmsg));
  if (header == nullptr || !attributes || !is_ip(header->ifa_family)) {
    return std::nullopt;
  }
  // Of an IPv6 address, IFA_LOCAL is there only when the link has another end.
  auto address = address_value(*attributes, header->ifa_family, IFA_LOCAL);
  if (!address) {
    address = address_value(*attributes, header->ifa_family, IFA_ADDRESS);
  }
  if (!address || header->ifa_prefixlen > address->bits()) {
    return std::nullopt;
  }
  return AddressEvent{.interface = static_cast<int>(header->ifa_index),
                      .prefix = {*address, header->ifa_prefixlen}};
}

std::optional<LinkEvent> parse_link(const nlmsghdr& message) {
  const auto* header = fixed_header<ifinfomsg>(message);
  if (header == nullptr) {
    return std::nullopt;
  }
  return LinkEvent{.interface = header->ifi_index,
                   .flags = header->ifi_flags,
                   .is_removed = message.nlmsg_type == RTM_DELLINK};
}

namespace {

/// An IPv6 gateway of an IPv4 route (RFC 8950).
std::optional<Address> via_of(const Attributes& attributes) {
  struct Via {
    uint16_t family;
    net::Ipv6 address;
  };
  static_assert(sizeof(Via) == 18);
  const auto via = attributes.value<Via>(RTA_VIA);
  return via && via->family == AF_INET6 ? std::optional<Address>(via->address) : std::nullopt;
}

/// Fills in port and gateway of one next hop. False: not by a tap, or no use now.
bool use_next_hop(snapshot::Route& route, int interface, uint32_t flags,
                  const Attributes& attributes, const PortOfInterface& port_of) {
  const std::optional<uint8_t> port = port_of(interface);
  if (!port || (flags & RTNH_F_DEAD) != 0) {
    return false;
  }
  route.port = port;
  if (attributes.get(RTA_VIA) != nullptr) {
    route.gateway = via_of(attributes);
    return route.gateway.has_value();
  }
  route.gateway =
      address_value(attributes, route.target.address.is_v4() ? AF_INET : AF_INET6, RTA_GATEWAY);
  return true;
}

bool use_first_next_hop(snapshot::Route& route, const nlattr* multipath,
                        const PortOfInterface& port_of) {
  size_t left = mnl_attr_get_payload_len(multipath);
  const auto* bytes = static_cast<const char*>(mnl_attr_get_payload(multipath));
  while (left >= sizeof(rtnexthop)) {
    rtnexthop hop;
    std::memcpy(&hop, bytes, sizeof(hop));
    if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > left) {
      return false;
    }
    const auto attributes = Attributes::of_bytes(bytes + sizeof(hop), hop.rtnh_len - sizeof(hop));
    // Here a path without a link is skipped: the others are there for that.
    const uint32_t unusable = (hop.rtnh_flags & RTNH_F_LINKDOWN) != 0 ? RTNH_F_DEAD : 0;
    if (attributes &&
        use_next_hop(route, hop.rtnh_ifindex, hop.rtnh_flags | unusable, *attributes, port_of)) {
      return true;
    }
    const size_t step = std::min<size_t>(RTNH_ALIGN(hop.rtnh_len), left);
    bytes += step;
    left -= step;
  }
  return false;
}

bool is_of_interest(const rtmsg& header, const Attributes& attributes) {
  const uint32_t table = attributes.value<uint32_t>(RTA_TABLE).value_or(header.rtm_table);
  const uint32_t bits = header.rtm_family == AF_INET ? 32 : 128;
  return is_ip(header.rtm_family) && header.rtm_dst_len <= bits && header.rtm_tos == 0 &&
         (header.rtm_flags & RTM_F_CLONED) == 0 &&
         (table == RT_TABLE_MAIN || table == RT_TABLE_LOCAL);
}

}  // namespace

std::optional<snapshot::Route> parse_route(const nlmsghdr& message,
                                           const PortOfInterface& port_of) {
  const auto* header = fixed_header<rtmsg>(message);
  const auto attributes = Attributes::of_message(message, sizeof(rtmsg));
  if (header == nullptr || !attributes || !is_of_interest(*header, *attributes)) {
    return std::nullopt;
  }
  snapshot::Route route;
  const Address any = header->rtm_family == AF_INET ? Address(net::Ipv4{}) : Address(net::Ipv6{});
  route.target = {address_value(*attributes, header->rtm_family, RTA_DST).value_or(any),
                  header->rtm_dst_len};
  route.metric = attributes->value<uint32_t>(RTA_PRIORITY).value_or(0);
  switch (header->rtm_type) {
    case RTN_BLACKHOLE:
    case RTN_UNREACHABLE:
    case RTN_PROHIBIT:
      return route;
    case RTN_UNICAST:
      break;
    default:
      return std::nullopt;
  }
  const nlattr* multipath = attributes->get(RTA_MULTIPATH);
  const auto interface = static_cast<int>(attributes->value<uint32_t>(RTA_OIF).value_or(0));
  const bool is_usable = multipath != nullptr ? use_first_next_hop(route, multipath, port_of)
                                              : use_next_hop(route, interface, header->rtm_flags,
                                                             *attributes, port_of);
  return is_usable ? std::optional(route) : std::nullopt;
}

}  // namespace sluice::control

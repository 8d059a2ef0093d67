// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors of the director's own about packets it cannot forward. Rare packets, worker thread.
#pragma once

#include <rte_ether.h>

#include <array>
#include <cstring>
#include <span>

#include "dataplane/context.h"
#include "dataplane/hairpin.h"
#include "dataplane/next_hop.h"
#include "dataplane/stages/transmit.h"
#include "lib/net/icmp_build.h"
#include "lib/net/icmp_embedded.h"

namespace sluice::dataplane {

/// The IP packet that a frame of one segment carries, with what lies behind it.
inline std::span<uint8_t> ip_bytes(rte_mbuf* packet) {
  return {rte_pktmbuf_mtod(packet, uint8_t*) + RTE_ETHER_HDR_LEN,
          packet->data_len - size_t{RTE_ETHER_HDR_LEN}};
}

/// Makes `packet` carry another IP packet.  Errors: false when it has no room for that.
[[nodiscard]] inline bool replace_ip(rte_mbuf* packet, std::span<const uint8_t> ip) {
  rte_pktmbuf_reset(packet);
  auto* frame = reinterpret_cast<uint8_t*>(
      rte_pktmbuf_append(packet, static_cast<uint16_t>(RTE_ETHER_HDR_LEN + ip.size())));
  if (frame == nullptr) {
    return false;
  }
  reinterpret_cast<rte_ether_hdr*>(frame)->ether_type =
      net::Be16::from_host(ip[0] >> 4 == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6).raw;
  std::memcpy(frame + RTE_ETHER_HDR_LEN, ip.data(), ip.size());
  return true;
}

/// Sends a frame to a resolved next hop, unless it is too large for the port.
inline void send_to_next_hop(Context& context, rte_mbuf* packet, uint64_t next_hop) {
  PortView& out = port_of(context, next_hop);
  if (packet->pkt_len > RTE_ETHER_HDR_LEN + uint32_t{out.mtu}) {
    return drop(context, packet, CounterId::kDropTooBig);
  }
  write_ethernet(rte_pktmbuf_mtod(packet, uint8_t*), next_hop, out.mac);
  transmit(context, out, packet);
}

/// Sends a frame on the way to `destination`, by the routes.
inline void send_by_route(Context& context, rte_mbuf* packet, const net::Address& destination) {
  const auto next_hop = find_resolved(context, destination);
  if (!next_hop) {
    return drop(context, packet, next_hop.error());
  }
  send_to_next_hop(context, packet, *next_hop);
}

/// Whom errors about a packet to `destination` come from: the address it was sent to when that is
/// ours, else (answers of NAT servers) ours on the port it came by.  Errors: we have none.
inline std::optional<net::Address> error_source(const Context& context, const PortView& port,
                                                const net::Address& destination) {
  if (context.snapshot->is_vip(destination) || context.snapshot->is_local_address(destination)) {
    return destination;
  }
  const net::Address& own = context.snapshot->port_addresses(port.index).of(destination.is_v4());
  return own.is_unspecified() ? std::nullopt : std::optional(own);
}

/// Lets an ICMP error to a public address come round to the session of the inside host behind it.
inline void turn_back_error(Context& context, const PortView& in, rte_mbuf* packet) {
  net::IcmpMessage message;
  net::EmbeddedPacket quoted;
  const bool has_flow =
      net::read_icmp(ip_bytes(packet), message) == net::IcmpVerdict::kError &&
      net::find_embedded(ip_bytes(packet), message, quoted) == net::EmbeddedVerdict::kFlow;
  if (!has_flow) {
    return drop(context, packet, CounterId::kDropNoSession);
  }
  turn_back(context, in, packet, quoted.source_port);
}

/// Tells the sender of `packet`, which is still as it arrived, why it goes no further; at most so
/// often as director.punt.icmp_pps says. `packet` stays the caller's.
/// Source: RFC 792, RFC 4443; when not to send: RFC 1122 3.2.2, RFC 4443 2.4 e.
inline void send_icmp_error(Context& context, const PortView& port, rte_mbuf* packet,
                            net::IcmpErrorKind kind, uint32_t mtu = 0) {
  const std::span<const uint8_t> bytes = ip_bytes(packet);
  net::IpHeader ip;
  if (net::read_ip_header(bytes, ip) != net::IpHeaderVerdict::kOk ||
      !net::may_send_error_about(bytes, ip, kind, net::LinkDestination::kUnicast)) {
    return;
  }
  const auto source = error_source(context, port, ip.addresses.destination);
  // Path MTU discovery must go on while somebody makes us send other errors.
  RateLimit& limit =
      kind == net::IcmpErrorKind::kPacketTooBig ? context.too_big_limit : context.own_icmp_limit;
  if (!source || !limit.allow(context.now)) {
    return;
  }
  std::array<uint8_t, net::kMaxIcmpv6ErrorBytes> error;
  const uint32_t error_bytes = net::build_icmp_error({kind, *source, mtu}, bytes, ip, error);
  rte_mbuf* answer = rte_pktmbuf_alloc(packet->pool);
  if (answer == nullptr) {
    return;
  }
  if (error_bytes == 0 || !replace_ip(answer, std::span(error).first(error_bytes))) {
    rte_pktmbuf_free(answer);
    return;
  }
  context.count(CounterId::kIcmpErrorsSent);
  if (context.snapshot->is_snat_address(ip.addresses.source)) {
    return turn_back_error(context, port, answer);
  }
  send_by_route(context, answer, ip.addresses.source);
}

/// Drops a packet for a counted reason and tells its sender.
inline void refuse(Context& context, const PortView& port, rte_mbuf* packet, CounterId reason,
                   net::IcmpErrorKind kind, uint32_t mtu = 0) {
  send_icmp_error(context, port, packet, kind, mtu);
  drop(context, packet, reason);
}

}  // namespace sluice::dataplane

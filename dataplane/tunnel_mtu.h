// SPDX-License-Identifier: BSD-3-Clause
// How large packets through a tunnel may be: what routers on the way to its end said. Many quote 8
// bytes behind the outer header only, so nobody inside can be told at once; the next packet that is
// too large is refused here. Worker thread.
#pragma once

#include <netinet/in.h>

#include <algorithm>

#include "dataplane/context.h"
#include "lib/net/icmp_embedded.h"

namespace sluice::dataplane {

namespace internal {

inline constexpr uint32_t kTunnelMtuTicks = seconds_to_ticks(600);  // RFC 1191 6.3
// Whoever guesses an outer header can claim any MTU: below this nobody is believed.
inline constexpr uint32_t kLeastTunnelMtu = 576;

inline bool is_carried_by(const snapshot::Tunnel& tunnel, const net::EmbeddedPacket& outer) {
  switch (tunnel.type) {
    case snapshot::TunnelType::kIpip:
      return outer.ip.protocol == IPPROTO_IPIP || outer.ip.protocol == IPPROTO_IPV6;
    case snapshot::TunnelType::kGre:
      return outer.ip.protocol == IPPROTO_GRE;
    case snapshot::TunnelType::kGue:
      return outer.ip.protocol == IPPROTO_UDP && outer.destination_port == tunnel.gue_port;
  }
  return false;
}

inline bool is_own_address(const Context& context, const net::Address& address) {
  return std::ranges::any_of(context.ports, [&](const PortView& port) {
    return context.snapshot->port_addresses(port.index).of(address.is_v4()) == address;
  });
}

}  // namespace internal

/// Notes what a "too big" error about `outer`, perhaps a tunnel packet of ours, says of the way to
/// the tunnel's end.  Returns whether it is about one.  Cost: O(servers with that address).
inline bool learn_tunnel_mtu(Context& context, const net::IcmpMessage& message,
                             const net::EmbeddedPacket& outer) {
  const auto& [source, end] = outer.ip.addresses;
  if (!message.is_packet_too_big() || !internal::is_own_address(context, source)) {
    return false;
  }
  const uint32_t mtu = std::max(net::reported_mtu(message, outer), internal::kLeastTunnelMtu);
  bool is_ours = false;
  for (const auto& [address, server] : context.snapshot->tunnel_servers_at(end)) {
    if (internal::is_carried_by(context.snapshot->tunnel_of(server), outer)) {
      context.tunnel_mtus[server] = {.generation = context.snapshot->generation(),
                                     .learnt = context.now,
                                     .mtu = static_cast<uint16_t>(std::min(mtu, 0xFFFFU))};
      is_ours = true;
    }
  }
  context.count(CounterId::kTunnelMtusLearnt, is_ours ? 1 : 0);
  return is_ours;
}

/// The largest outer packet on the way to the tunnel's end `server`, as far as anybody said within
/// ten minutes and since the last reload; at most `port_mtu`. IPv6 inside is never asked for less
/// than RFC 8200 promises it.
inline uint32_t tunnel_mtu(const Context& context, snapshot::ServerId server, uint32_t port_mtu,
                           bool is_inner_v4, uint32_t overhead) {
  const TunnelMtu& known = context.tunnel_mtus[server];
  if (known.mtu == 0 || known.generation != context.snapshot->generation() ||
      context.now - known.learnt > internal::kTunnelMtuTicks) {
    return port_mtu;
  }
  const uint32_t least = is_inner_v4 ? 0 : RTE_IPV6_MIN_MTU + overhead;
  return std::min<uint32_t>(port_mtu, std::max<uint32_t>(known.mtu, least));
}

}  // namespace sluice::dataplane

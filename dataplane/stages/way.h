// SPDX-License-Identifier: BSD-3-Clause
// What forwarding whole packets and fragments have in common: from a session to the wire. Worker
// thread.
#pragma once

#include <rte_ether.h>

#include <cstring>
#include <optional>

#include "dataplane/context.h"
#include "dataplane/forward/disclosed_bytes.h"
#include "dataplane/next_hop.h"
#include "dataplane/own_icmp.h"
#include "dataplane/sessions.h"
#include "dataplane/stages/transmit.h"
#include "dataplane/tunnel_mtu.h"
#include "lib/base/result.h"
#include "lib/net/parse.h"

namespace sluice::dataplane {

/// Looks the next hops of a session up again: routes changed, or one was not known yet.
/// Errors: the reason why `direction` has none.
[[gnu::cold, gnu::noinline]] inline std::optional<CounterId> refresh_next_hops(
    Context& context, table::Session& session, table::Direction direction) {
  find_next_hops(context, session);
  return session.next_hop(direction) == snapshot::kNoNextHop
             ? find_next_hop(context, session, direction)
             : std::nullopt;
}

/// The size of an IP packet that leaves as `to`.
inline uint32_t translated_bytes(const net::PacketFields& fields, const net::Flow& to) {
  const uint32_t l4_bytes = fields.ip_bytes - (fields.l4_offset - net::kEthernetBytes);
  return fields.is_v6 != to.is_v4()
             ? fields.ip_bytes
             : l4_bytes + (to.is_v4() ? sizeof(rte_ipv4_hdr) : sizeof(rte_ipv6_hdr));
}

/// What forwarding a packet takes beyond its session record.
struct Way {
  const table::SessionExtension* extension = nullptr;  // of an extended session
  const snapshot::Tunnel* tunnel = nullptr;
  bool is_server_v4 = true;

  Way(const Context& context, const table::Session& session) {
    if (session.is_extended) {
      extension = &context.sessions.extension(session);
      is_server_v4 = extension->server_address.is_v4();
    }
    if (session.mode == table::ForwardingMode::kTunnel) {
      tunnel = &context.snapshot->tunnel_of(session.server_id);
    }
  }

  /// Bytes in front of the IP packet as the server or client will see it.
  [[nodiscard]] uint32_t overhead() const {
    return tunnel == nullptr ? 0 : tunnel->overhead(is_server_v4);
  }

  /// The largest packet that may leave by `port`, the outer header included.
  [[nodiscard]] uint32_t mtu(const Context& context, const table::Session& session,
                             const PortView& port) const {
    if (tunnel == nullptr) {
      return port.mtu;
    }
    const bool is_inner_v4 =
        extension == nullptr || extension->flow(table::Direction::kToServer).is_v4();
    return tunnel_mtu(context, session.server_id, port.mtu, is_inner_v4, overhead());
  }

  /// Whether packets need more than new addresses: the server is told of its client.
  [[nodiscard]] bool discloses() const {
    return extension != nullptr && extension->disclosure.is_any();
  }
  /// Bytes by which that may lengthen the next packets.
  [[nodiscard]] uint32_t added_bytes(table::Direction direction) const {
    return extension == nullptr ? 0 : dataplane::added_bytes(*extension, direction);
  }

  [[nodiscard]] uint32_t bytes_after(const net::PacketFields& fields,
                                     table::Direction direction) const {
    const uint32_t bytes = extension == nullptr
                               ? fields.ip_bytes
                               : translated_bytes(fields, extension->flow(direction));
    return bytes + overhead();
  }
};

/// Cuts off what lies behind the IP packet of a frame.
/// Errors: whole segments lie there, which no device makes here.
[[nodiscard]] inline bool trim_frame(rte_mbuf* packet, uint32_t ip_bytes) {
  const uint32_t garbage_bytes = packet->pkt_len - (net::kEthernetBytes + ip_bytes);
  return garbage_bytes == 0 || rte_pktmbuf_trim(packet, static_cast<uint16_t>(garbage_bytes)) == 0;
}

/// Where a packet leaves the director.
struct Exit {
  PortView& port;
  uint64_t next_hop;  // the word of its table
};

/// Lets go of a packet of `session` with that TTL when it can go no further.
/// Returns whether it can.
inline bool may_pass(Context& context, const PortView& in, rte_mbuf* packet,
                     const table::Session& session, uint8_t ttl) {
  if (!context.snapshot->is_configured(session.server_id)) {
    drop(context, packet, CounterId::kDropServerRemoved);
    return false;
  }
  if (ttl <= 1) {
    refuse(context, in, packet, CounterId::kDropTtlExceeded, net::IcmpErrorKind::kTimeExceeded);
    return false;
  }
  return true;
}

/// Where packets of `ref` leave.  Errors: the reason why they cannot; the neighbour is asked for.
inline tl::expected<Exit, CounterId> find_exit(Context& context, table::SessionRef ref) {
  table::Session& session = context.sessions[ref.index];
  if (session.route_epoch != context.routes->epoch() ||
      session.next_hop(ref.direction) == snapshot::kNoNextHop) {
    if (const auto reason = refresh_next_hops(context, session, ref.direction)) {
      return tl::unexpected(*reason);
    }
  }
  const uint64_t next_hop = context.next_hops->word(session.next_hop(ref.direction));
  if ((next_hop & snapshot::NextHopTable::kResolvedBit) == 0) {
    request_unresolved(context, context.sessions.next_address(session, ref.direction));
    return tl::unexpected(CounterId::kDropNoNeighbour);
  }
  return Exit{port_of(context, next_hop), next_hop};
}

/// Writes the Ethernet header and queues a packet.
inline void send(Context& context, const Exit& exit, rte_mbuf* packet) {
  write_ethernet(rte_pktmbuf_mtod(packet, uint8_t*), exit.next_hop, exit.port.mac);
  transmit(context, exit.port, packet);
}

inline void write_ether_type(rte_mbuf* packet, bool is_v4) {
  rte_pktmbuf_mtod(packet, rte_ether_hdr*)->ether_type =
      net::Be16::from_host(is_v4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6).raw;
}

}  // namespace sluice::dataplane

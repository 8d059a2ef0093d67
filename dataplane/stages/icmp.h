// SPDX-License-Identifier: BSD-3-Clause
// ICMP that arrives: echo requests to VIPs are answered, errors about packets of sessions go on to
// who sent those packets, everything else is the kernel's. An error never creates, refreshes or
// ends a session. Echo messages of source NAT have sessions of their own. Rare packets, worker
// thread.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/forward/disclosed_bytes.h"
#include "dataplane/forward/encapsulate.h"
#include "dataplane/own_icmp.h"
#include "dataplane/punt.h"
#include "dataplane/stages/echo.h"
#include "dataplane/steering.h"
#include "lib/net/icmp_conversion.h"
#include "lib/net/icmp_embedded.h"
#include "lib/net/icmp_error.h"
#include "lib/net/icmp_message.h"
#include "lib/net/icmp_tunnel.h"

namespace sluice::dataplane {

/// An error on its way: the message, and the packet it quotes.
struct IcmpError {
  net::IcmpMessage message;
  net::EmbeddedPacket quoted;

  /// The quoted packet's tuple.
  [[nodiscard]] net::Flow flow() const { return flow_of(quoted); }

  static net::Flow flow_of(const net::EmbeddedPacket& packet) {
    return {{packet.ip.addresses.source, packet.source_port},
            {packet.ip.addresses.destination, packet.destination_port},
            packet.ip.protocol};
  }
};

/// Whether an error keeps its source, so that the router that sent it stays visible. Errors from
/// the servers' side come from the VIP; toward a FULL-NAT server from the local address, and from
/// inside source NAT from the public one: what is behind them is nobody's business.
inline bool keeps_error_source(table::ForwardingMode mode, table::Direction direction) {
  return mode == table::ForwardingMode::kSnat
             ? direction == table::Direction::kToClient
             : direction == table::Direction::kToServer && mode != table::ForwardingMode::kFullNat;
}

/// Where an error that travels in `direction` goes on, and what it shall quote: what the sender of
/// the quoted packet sent.
inline net::IcmpErrorTarget error_target(const Context& context, const table::Session& session,
                                         table::Direction direction, const IcmpError& error) {
  const net::Flow original = context.sessions.received(session, table::opposite(direction));
  const bool keeps_source = keeps_error_source(session.mode, direction);
  return {
      .addresses = {keeps_source ? error.message.ip.addresses.source : original.destination.address,
                    original.source.address},
      .flow = {.addresses = {original.source.address, original.destination.address},
               .source_port = original.source.port,
               .destination_port = original.destination.port}};
}

/// Takes back what we did to the numbers of the segment that an error quotes: those of the client
/// on their way to the server, or those of the client that the server acknowledged. And who is told
/// an MTU must leave room for what we add.
inline void undo_disclosure(const table::SessionExtension& extension, table::Direction direction,
                            std::span<uint8_t> packet, IcmpError& error, net::EmbeddedFlow& flow) {
  const auto number_at = [&](size_t offset) {
    net::Be32 number;
    std::memcpy(&number.raw, packet.data() + error.quoted.l4_offset() + offset, sizeof(number.raw));
    return number.host();
  };
  const net::SequenceShift& shift = extension.shift;
  const uint32_t l4_bytes = error.quoted.ip.protocol == IPPROTO_TCP ? error.quoted.l4_bytes() : 0;
  constexpr size_t kSequenceAt = offsetof(rte_tcp_hdr, sent_seq);
  constexpr size_t kAckAt = offsetof(rte_tcp_hdr, recv_ack);
  if (direction == table::Direction::kToServer) {
    if (l4_bytes >= kAckAt + sizeof(uint32_t)) {
      const uint32_t ack = number_at(kAckAt);
      flow.acknowledgement_shift = static_cast<int32_t>(shift.to_server(ack) - ack);
    }
    return;
  }
  if (l4_bytes >= kSequenceAt + sizeof(uint32_t)) {
    const uint32_t sequence = number_at(kSequenceAt);
    flow.sequence_shift = static_cast<int32_t>(shift.to_client(sequence) - sequence);
  }
  net::lower_reported_mtu(packet, error.message, error.quoted,
                          added_bytes(extension, table::Direction::kToServer));
}

/// Rewrites an error for its target, in place or into the same buffer.  Errors: false when there is
/// no such error in the other IP version (RFC 7915 4.2, 5.2).
[[nodiscard]] inline bool translate_error(Context& context, rte_mbuf* packet,
                                          const IcmpError& error,
                                          const net::IcmpErrorTarget& target, uint32_t mtu_here,
                                          uint32_t mtu_there) {
  const bool is_v4 = error.message.ip.is_v4();
  if (target.addresses.source.is_v4() == is_v4) {
    net::translate_icmp_error(ip_bytes(packet), error.message, error.quoted, target);
    return true;
  }
  const net::ConversionPath path{.ipv4_mtu = is_v4 ? mtu_here : mtu_there,
                                 .ipv6_mtu = is_v4 ? mtu_there : mtu_here,
                                 .identification = context.packet_ids.take()};
  std::array<uint8_t, net::kMaxIcmpv6ErrorBytes> converted;
  const uint32_t bytes = net::convert_icmp_error(ip_bytes(packet), error.message, error.quoted,
                                                 target, path, converted);
  return bytes != 0 && replace_ip(packet, std::span(converted).first(bytes));
}

/// Sends on an error about a packet of session `ref`, in the direction of that packet's answers.
inline void forward_error(Context& context, const PortView& port, rte_mbuf* packet, IcmpError error,
                          table::SessionRef ref) {
  const table::Session& session = context.sessions[ref.index];
  if (!context.snapshot->is_configured(session.server_id)) {
    return drop(context, packet, CounterId::kDropServerRemoved);
  }
  if (error.message.ip.hop_limit <= 1) {
    return drop(context, packet, CounterId::kDropTtlExceeded);
  }
  if (turns_back(context, session, ref.direction)) {
    const auto target = error_target(context, session, ref.direction, error);
    net::translate_icmp_error(ip_bytes(packet), error.message, error.quoted, target);
    turn_back(context, port, packet, target.flow.source_port);
    return;
  }
  const auto next_hop =
      find_resolved(context, context.sessions.next_address(session, ref.direction));
  if (!next_hop) {
    return drop(context, packet, next_hop.error());
  }
  const PortView& out = port_of(context, *next_hop);
  net::IcmpErrorTarget target = error_target(context, session, ref.direction, error);
  if (session.is_extended) {
    undo_disclosure(context.sessions.extension(session), ref.direction, ip_bytes(packet), error,
                    target.flow);
  }
  if (!translate_error(context, packet, error, target, port.mtu, out.mtu)) {
    return drop(context, packet, CounterId::kDropIcmpUntranslatable);
  }
  if (session.mode == table::ForwardingMode::kTunnel &&
      !encapsulate(context, packet, session, context.snapshot->tunnel_of(session.server_id),
                   out.index)) {
    return drop(context, packet, CounterId::kDropNoPortAddress);
  }
  context.count(CounterId::kIcmpErrorsForwarded);
  send_to_next_hop(context, packet, *next_hop);
}

/// In the place of the worker to ask for a session; the asking worker's own id means nobody.
inline constexpr uint8_t kAllWorkers = UINT8_MAX;  // there are at most 64

/// The worker to ask for the session of a client's packet `request`.
inline uint8_t worker_of_request(const Context& context, const net::Flow& request) {
  const snapshot::Service* service = context.snapshot->find_service(
      static_cast<net::Protocol>(request.protocol), request.destination);
  if (service == nullptr || context.peers.size() == 1) {
    return context.id;
  }
  return is_steered(context, *service) ? owner_of_request(context, *service, request) : kAllWorkers;
}

/// The worker to ask for the session of a packet that an error quotes as `quoted`.
inline uint8_t worker_of_quoted(const Context& context, const net::Flow& quoted) {
  const snapshot::Snapshot& snapshot = *context.snapshot;
  if (snat_rule_for(context, quoted.turned_around()) != nullptr) {
    return worker_of_host(context, quoted.destination.address);
  }
  if (snapshot.is_local_address(quoted.source.address)) {
    return snapshot.owner_of_port(quoted.source.port);
  }
  if (snapshot.is_vip(quoted.source.address)) {
    return worker_of_request(context, quoted.turned_around());
  }
  return snapshot.is_nat_server(static_cast<net::Protocol>(quoted.protocol), quoted.destination)
             ? worker_of_client(context, quoted.protocol, quoted.source)
             : context.id;
}

/// Gives every other worker a copy: one of them may have the session, and its client's packets are
/// where the NIC put them.
inline void ask_all_workers(Context& context, const PortView& port, rte_mbuf* packet) {
  if (!context.ask_limit.allow(context.now)) {
    return drop(context, packet, CounterId::kDropPuntLimited);
  }
  for (uint8_t worker = 0; worker < context.peers.size(); ++worker) {
    rte_mbuf* copy =
        worker == context.id ? nullptr : rte_pktmbuf_copy(packet, packet->pool, 0, UINT32_MAX);
    if (copy != nullptr) {
      hand_off(context, port, copy, worker);
    }
  }
  rte_pktmbuf_free(packet);
}

/// Whether only a session could have sent the packet that an error quotes.
inline bool is_of_session(const Context& context, const net::Flow& quoted) {
  return context.snapshot->is_vip(quoted.source.address) ||
         context.snapshot->is_snat_address(quoted.source.address) ||
         snat_rule_for(context, quoted.turned_around()) != nullptr;
}

/// Passes an error without a session here on to `worker`, which may have it. When nobody has, it
/// is the kernel's, but for what only sessions send.
inline void pass_on_error(Context& context, const PortView& port, Origin origin, rte_mbuf* packet,
                          const IcmpError& error, uint8_t worker) {
  if (worker == context.id || origin == Origin::kHandOff) {
    return is_of_session(context, error.flow()) ? drop(context, packet, CounterId::kDropNoSession)
                                                : punt(context, port, packet, CounterId::kPuntIcmp);
  }
  if (worker == kAllWorkers) {
    return ask_all_workers(context, port, packet);
  }
  hand_off(context, port, packet, worker);
}

/// An error about a tunnel's outer packet becomes one of ours about the inner packet `inner`, which
/// is of the flow `from_client`.
inline void relay_tunnel_error(Context& context, rte_mbuf* packet, const IcmpError& error,
                               const net::EmbeddedPacket& inner, const net::Flow& from_client) {
  const auto relayed = net::relay_tunnel_error(error.message, error.quoted, inner);
  std::array<uint8_t, net::kMaxIcmpv6ErrorBytes> answer;
  const uint32_t answer_bytes =
      relayed ? net::build_icmp_error(
                    {relayed->kind, from_client.destination.address, relayed->mtu},
                    ip_bytes(packet).subspan(inner.offset, inner.bytes), inner.ip, answer)
              : 0;
  if (answer_bytes == 0 || !replace_ip(packet, std::span(answer).first(answer_bytes))) {
    return drop(context, packet, CounterId::kDropIcmpUntranslatable);
  }
  context.count(CounterId::kIcmpErrorsForwarded);
  send_by_route(context, packet, from_client.source.address);
}

/// Whether session `index` sends its packets through a tunnel to `end`.
inline bool is_tunnelled_to(const Context& context, table::SessionIndex index,
                            const net::Address& end) {
  if (index == table::kNoSession) {
    return false;
  }
  const table::Session& session = context.sessions[index];
  return session.mode == table::ForwardingMode::kTunnel &&
         context.sessions.next_address(session, table::Direction::kToServer) == end;
}

/// Decides about an error when no session here is about the packet it quotes: that may be a
/// tunnel's outer packet, or another worker's.
inline void handle_foreign_error(Context& context, const PortView& port, Origin origin,
                                 rte_mbuf* packet, const IcmpError& error, bool has_flow) {
  net::EmbeddedPacket inner;
  if (net::find_tunnelled(ip_bytes(packet), error.quoted, error.quoted.destination_port, inner) ==
      net::EmbeddedVerdict::kFlow) {
    const net::Flow from_client = IcmpError::flow_of(inner);
    if (is_tunnelled_to(context, context.sessions.find(from_client).index,
                        error.quoted.ip.addresses.destination)) {
      return relay_tunnel_error(context, packet, error, inner, from_client);
    }
    const uint8_t worker = worker_of_request(context, from_client);
    if (worker != context.id) {
      return pass_on_error(context, port, origin, packet, error, worker);
    }
  }
  pass_on_error(context, port, origin, packet, error,
                has_flow ? worker_of_quoted(context, error.flow()) : context.id);
}

/// Decides about an error.
inline void handle_error(Context& context, const PortView& port, Origin origin, rte_mbuf* packet,
                         const net::IcmpMessage& message) {
  IcmpError error{.message = message, .quoted = {}};
  const auto verdict = net::find_embedded(ip_bytes(packet), message, error.quoted);
  const bool has_flow = verdict == net::EmbeddedVerdict::kFlow;
  if (!has_flow && verdict != net::EmbeddedVerdict::kNoPorts) {
    if (context.snapshot->is_snat_address(message.ip.addresses.destination)) {
      return drop(context, packet, CounterId::kDropBadIcmp);  // RFC 5508 REQ-3
    }
    return punt(context, port, packet, CounterId::kPuntIcmp);
  }
  if (has_flow) {
    const table::SessionRef ref = context.sessions.find(error.flow().turned_around());
    if (ref.index != table::kNoSession) {
      return forward_error(context, port, packet, error, ref);
    }
  }
  handle_foreign_error(context, port, origin, packet, error, has_flow);
}

/// Decides about an echo message that is not for a VIP.
inline void handle_echo(Context& context, const PortView& port, Origin origin, rte_mbuf* packet,
                        const Echo& echo) {
  if (!handle_snat_echo(context, port, origin, packet, echo)) {
    punt(context, port, packet, CounterId::kPuntIcmp);
  }
}

/// Decides about an ICMP packet.
inline void handle_icmp(Context& context, const PortView& port, Origin origin, rte_mbuf* packet) {
  if (rte_pktmbuf_is_contiguous(packet) == 0) {
    return punt(context, port, packet, CounterId::kPuntIcmp);
  }
  net::IcmpMessage message;
  switch (net::read_icmp(ip_bytes(packet), message)) {
    case net::IcmpVerdict::kEchoRequest:
      if (context.snapshot->is_vip(message.ip.addresses.destination) &&
          net::answer_echo(ip_bytes(packet), message)) {
        context.count(CounterId::kEchoesAnswered);
        return send_by_route(context, packet, message.ip.addresses.source);
      }
      return handle_echo(context, port, origin, packet, {message, net::EchoKind::kRequest});
    case net::IcmpVerdict::kEchoReply:
      return handle_echo(context, port, origin, packet, {message, net::EchoKind::kReply});
    case net::IcmpVerdict::kError:
      return handle_error(context, port, origin, packet, message);
    case net::IcmpVerdict::kBadChecksum:
    case net::IcmpVerdict::kObsoleteError:
    case net::IcmpVerdict::kTruncated:
    case net::IcmpVerdict::kBadIpHeader:
      return drop(context, packet, CounterId::kDropBadIcmp);
    case net::IcmpVerdict::kOther:
    case net::IcmpVerdict::kFragment:
      return punt(context, port, packet, CounterId::kPuntIcmp);
  }
}

}  // namespace sluice::dataplane

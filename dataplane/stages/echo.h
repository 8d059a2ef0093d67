// SPDX-License-Identifier: BSD-3-Clause
// Pings of inside hosts: ICMP echo through source NAT. Rare packets, worker thread.
#pragma once

#include "dataplane/cut.h"
#include "dataplane/stages/admit_snat.h"
#include "dataplane/stages/track.h"
#include "dataplane/stages/way.h"
#include "lib/net/icmp_echo.h"

namespace sluice::dataplane {

/// An echo message and what its flow is.
struct Echo {
  net::IcmpMessage message;
  net::EchoKind kind;
  net::Flow flow = net::echo_flow(message, kind);
};

/// Sends an echo message that is larger than its way, already translated, in pieces.
inline void send_echo_in_pieces(Context& context, rte_mbuf* packet, const Exit& exit) {
  auto& ip = *reinterpret_cast<rte_ipv4_hdr*>(ip_bytes(packet).data());
  // Behind one public address two hosts may use the same identification (RFC 6864 5.3).
  const uint16_t id = net::Be16::from_host(context.packet_ids.take()).raw;
  ip.hdr_checksum = net::ChecksumDelta().change16(ip.packet_id, id).apply(ip.hdr_checksum);
  ip.packet_id = id;
  std::array<rte_mbuf*, kMaxPieces> pieces;
  const Pieces cut = cut_ipv4(packet, exit.port.mtu, pieces);
  if (cut.result != Cut::kDone) {
    return drop(context, packet,
                cut.result == Cut::kNoBuffers ? CounterId::kDropNoBuffer : CounterId::kDropTooBig);
  }
  rte_pktmbuf_free(packet);
  context.count(CounterId::kPacketsCut);
  for (uint32_t i = 0; i < cut.count; ++i) {
    send(context, exit, pieces[i]);
  }
}

/// Forwards an echo message of session `ref`, or drops it for a counted reason.
inline void forward_echo(Context& context, const PortView& in, rte_mbuf* packet,
                         table::SessionRef ref, const Echo& echo) {
  const table::Session& session = context.sessions[ref.index];
  const net::IpHeader& ip = echo.message.ip;
  if (!may_pass(context, in, packet, session, ip.hop_limit)) {
    return;
  }
  track_packet(context, ref, ip.total_bytes);
  const auto exit = find_exit(context, ref);
  if (!exit) {
    return drop(context, packet, exit.error());
  }
  if (!trim_frame(packet, ip.total_bytes)) {
    return drop(context, packet, CounterId::kDropBadIpHeader);
  }
  const bool is_too_big = ip.total_bytes > exit->port.mtu;
  if (is_too_big && !(ip.is_v4() && !ip.dont_fragment)) {
    return refuse(context, in, packet, CounterId::kDropTooBig, net::IcmpErrorKind::kPacketTooBig,
                  exit->port.mtu);
  }
  net::translate_echo(ip_bytes(packet), echo.message, echo.kind,
                      context.sessions.sent(session, ref.direction));
  is_too_big ? send_echo_in_pieces(context, packet, *exit) : send(context, *exit, packet);
}

/// A reply to a public address: its session is with the worker that lends the identifier.
inline void pass_on_reply(Context& context, const PortView& port, Origin origin, rte_mbuf* packet,
                          net::Be16 identifier) {
  const uint8_t owner = context.snapshot->owner_of_port(identifier);
  if (origin == Origin::kHandOff || owner == context.id) {
    return drop(context, packet, CounterId::kDropNoSession);
  }
  hand_off(context, port, packet, owner);
}

/// Forwards an echo message that is source NAT's. Returns false when it is not; then it is still
/// the caller's.
inline bool handle_snat_echo(Context& context, const PortView& port, Origin origin,
                             rte_mbuf* packet, const Echo& echo) {
  table::SessionRef ref = context.sessions.find(echo.flow);
  if (ref.index == table::kNoSession) {
    if (echo.kind == net::EchoKind::kReply) {
      if (!context.snapshot->is_snat_address(echo.flow.destination.address)) {
        return false;
      }
      pass_on_reply(context, port, origin, packet, echo.flow.destination.port);
      return true;
    }
    const snapshot::SnatRule* rule = context.snapshot->find_snat_rule(echo.flow);
    if (rule == nullptr) {
      return false;
    }
    ref.index = admit_inside(context, port, origin, *rule,
                             {.packet = packet,
                              .flow = echo.flow,
                              .ttl = echo.message.ip.hop_limit,
                              .may_open_session = true})
                    .session;
    if (ref.index == table::kNoSession) {
      return true;
    }
  }
  forward_echo(context, port, packet, ref, echo);
  return true;
}

}  // namespace sluice::dataplane

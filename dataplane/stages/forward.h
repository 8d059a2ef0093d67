// SPDX-License-Identifier: BSD-3-Clause
// Stage 5: translate the packet and give it to its next hop.
#pragma once

#include <bit>

#include "dataplane/burst.h"
#include "dataplane/context.h"
#include "dataplane/forward/disclose.h"
#include "dataplane/forward/encapsulate.h"
#include "dataplane/hairpin.h"
#include "dataplane/own_icmp.h"
#include "dataplane/stages/forward_fragment.h"
#include "dataplane/stages/track.h"
#include "dataplane/stages/way.h"
#include "lib/net/rewrite.h"
#include "lib/net/translate.h"

namespace sluice::dataplane {

/// Translates a packet of an extended session; the frame may begin elsewhere afterwards.
inline void translate_extended(Context& context, rte_mbuf* packet,
                               const net::Translation& translation,
                               const net::PacketFields& fields) {
  uint8_t* frame = rte_pktmbuf_mtod(packet, uint8_t*);
  uint8_t* l4 = frame + fields.l4_offset;
  const uint32_t out_bytes = translated_bytes(fields, translation.flow);
  const auto growth = static_cast<int32_t>(out_bytes - fields.ip_bytes);
  if (growth > 0) {
    rte_pktmbuf_prepend(packet, static_cast<uint16_t>(growth));
  }
  const uint32_t l4_bytes = fields.ip_bytes - (fields.l4_offset - net::kEthernetBytes);
  net::translate(translation, frame + net::kEthernetBytes, l4, l4_bytes, context.packet_ids.take());
  if (growth < 0) {
    rte_pktmbuf_adj(packet, static_cast<uint16_t>(-growth));
  }
  const bool is_v4 = translation.flow.is_v4();
  write_ether_type(packet, is_v4);
  if (!is_v4 && !fields.is_v6 && translation.flow.protocol == IPPROTO_UDP) {
    // IPv6 asks for a checksum that IPv4's UDP may leave out.
    const net::Flow& to = translation.flow;
    complete_udp_checksum(packet, {to.source.address, to.destination.address}, l4);
  }
}

/// Translates a packet of a plain session in place.
inline void apply_rewrite(rte_mbuf* packet, const table::Session& session,
                          table::Direction direction, const net::PacketFields& fields) {
  auto* frame = rte_pktmbuf_mtod(packet, uint8_t*);
  net::apply_rewrite(session.rewrite(direction), frame + net::kEthernetBytes,
                     frame + fields.l4_offset, session.protocol);
}

/// Translates a packet of any session; the frame may begin elsewhere afterwards.
inline void translate(Context& context, rte_mbuf* packet, table::SessionRef ref,
                      const net::PacketFields& fields) {
  const table::Session& session = context.sessions[ref.index];
  if (!session.is_extended) {
    return apply_rewrite(packet, session, ref.direction, fields);
  }
  const table::SessionExtension& extension = context.sessions.extension(session);
  const auto i = static_cast<size_t>(ref.direction);
  translate_extended(context, packet, {extension.flows[i], extension.l4_deltas[i]}, fields);
}

/// Sends one packet of a session whose server is told of its client, and in front of it a PROXY
/// header that needs a segment of its own.
inline void send_disclosing(Context& context, const PortView& in, rte_mbuf* packet,
                            table::SessionRef ref, net::PacketFields fields, const Exit& exit) {
  const table::Session& session = context.sessions[ref.index];
  const Way way(context, session);
  const uint32_t plain_bytes = way.bytes_after(fields, ref.direction);
  const bool is_fixed = !may_be_cut(packet);
  if (is_fixed && plain_bytes + datagram_header_bytes(*way.extension, ref.direction) >
                      uint32_t{exit.port.mtu}) {
    return send_in_pieces(context, packet, {in, session, ref.direction, exit}, plain_bytes);
  }
  const uint32_t most_bytes = exit.port.mtu + fields.ip_bytes - plain_bytes;
  HeaderSegment header;
  if (!disclose(context, {packet, ref, most_bytes}, fields, header)) {
    return;
  }
  if (header.packet != nullptr) {
    translate(context, header.packet, ref, header.fields);
    send(context, exit, header.packet);
  }
  const uint32_t out_bytes = way.bytes_after(fields, ref.direction);
  if (out_bytes > exit.port.mtu) {
    skip_uoa(context, *way.extension, ref.direction);
    return send_in_pieces(context, packet, {in, session, ref.direction, exit}, out_bytes);
  }
  translate(context, packet, ref, fields);
  add_uoa(context, packet, ref, fields, exit.port.mtu);
  send(context, exit, packet);
}

/// Sends one packet of a session that is not plain: other IP versions, tunnels, disclosures.
[[gnu::noinline]] inline void send_extended(Context& context, const PortView& in, rte_mbuf* packet,
                                            table::SessionRef ref, const net::PacketFields& fields,
                                            const Exit& exit) {
  const table::Session& session = context.sessions[ref.index];
  const Way way(context, session);
  if (!trim_frame(packet, fields.ip_bytes)) {
    return drop(context, packet, CounterId::kDropBadIpHeader);
  }
  if (way.discloses()) {
    return send_disclosing(context, in, packet, ref, fields, exit);
  }
  const uint32_t out_bytes = way.bytes_after(fields, ref.direction);
  if (out_bytes > way.mtu(context, session, exit.port)) {
    return send_in_pieces(context, packet, {in, session, ref.direction, exit}, out_bytes);
  }
  translate(context, packet, ref, fields);
  if (way.tunnel != nullptr &&
      !encapsulate(context, packet, session, *way.tunnel, exit.port.index)) {
    return drop(context, packet, CounterId::kDropNoPortAddress);
  }
  send(context, exit, packet);
}

/// Lets a packet of session `ref` come round, translated, to the session of the inside host it is
/// for.
[[gnu::cold, gnu::noinline]] inline void turn_back_one(Context& context, const PortView& in,
                                                       rte_mbuf* packet, table::SessionRef ref,
                                                       const net::PacketFields& fields) {
  const table::Session& session = context.sessions[ref.index];
  translate(context, packet, ref, fields);
  turn_back(context, in, packet, context.sessions.sent(session, ref.direction).destination.port);
}

/// Forwards one packet of session `ref`, or drops it for a counted reason.
inline void forward_one(Context& context, const PortView& in, rte_mbuf* packet,
                        table::SessionRef ref, const net::PacketFields& fields) {
  table::Session& session = context.sessions[ref.index];
  if (!may_pass(context, in, packet, session, fields.ttl)) {
    return;
  }
  track(context, ref, fields);
  const auto exit = find_exit(context, ref);
  if (!exit) {
    return turns_back(context, session, ref.direction)
               ? turn_back_one(context, in, packet, ref, fields)
               : drop(context, packet, exit.error());
  }
  if (session.is_extended || session.mode == table::ForwardingMode::kTunnel) {
    return send_extended(context, in, packet, ref, fields, *exit);
  }
  if (packet->pkt_len > net::kEthernetBytes + uint32_t{exit->port.mtu}) {
    if (!trim_frame(packet, fields.ip_bytes)) {
      return drop(context, packet, CounterId::kDropBadIpHeader);
    }
    if (fields.ip_bytes > exit->port.mtu) {
      return send_in_pieces(context, packet, {in, session, ref.direction, *exit}, fields.ip_bytes);
    }
  }
  apply_rewrite(packet, session, ref.direction, fields);
  send(context, *exit, packet);
}

/// Forwards all packets of the burst that have a session.
inline void forward_stage(Context& context, const PortView& in, Burst& burst) {
  for (uint64_t live = burst.live; live != 0; live &= live - 1) {
    const auto i = static_cast<uint32_t>(std::countr_zero(live));
    forward_one(context, in, burst.packets[i], burst.session(i), burst.fields[i]);
  }
}

}  // namespace sluice::dataplane

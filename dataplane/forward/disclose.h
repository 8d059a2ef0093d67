// SPDX-License-Identifier: BSD-3-Clause
// Tells FULL-NAT servers who their clients are, and gives connections initial sequence numbers of
// ours. Worker thread.
//
//   client's packet -> numbers shifted, claims blanked -> option or PROXY header inserted
//     -> addresses translated (as without) -> UOA header inserted -> next hop
//   server's packet -> numbers shifted back, MSS lowered -> addresses translated -> next hop
//
// All but UOA is done to the packet as it arrived, whatever IP version it is going to have: the
// transport header is the same in both, and the translation's checksum difference stays right.
#pragma once

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/context.h"
#include "dataplane/forward/disclosed_bytes.h"
#include "lib/net/fragment.h"
#include "lib/net/parse.h"
#include "lib/net/proxy_insert.h"
#include "lib/table/tcp_state.h"

namespace sluice::dataplane {

/// A packet before its translation, whole and not longer than its headers say.
struct Untold {
  rte_mbuf* packet;
  table::SessionRef ref;
  uint32_t most_bytes;  // of its IP packet, so that what it is translated to fits the MTU
};

/// A PROXY header in a frame of its own, to be translated and sent before the packet it came with.
struct HeaderSegment {
  rte_mbuf* packet = nullptr;
  net::PacketFields fields = {};
};

namespace internal {

/// The translation to IPv6 takes 20 bytes of headroom, a VLAN tag 4.
inline constexpr uint32_t kReservedHeadroom =
    sizeof(rte_ipv6_hdr) - sizeof(rte_ipv4_hdr) + RTE_VLAN_HLEN;

inline net::PacketRoom room_of(rte_mbuf* packet, uint16_t l4_offset, uint32_t most_bytes) {
  const uint32_t headroom = rte_pktmbuf_headroom(packet);
  return {.frame = rte_pktmbuf_mtod(packet, uint8_t*),
          .headroom_bytes = headroom > kReservedHeadroom ? headroom - kReservedHeadroom : 0,
          .mtu_bytes = most_bytes,
          .ip_offset = net::kEthernetBytes,
          .l4_offset = l4_offset};
}

/// Makes the buffer begin where the frame in `room` does.  Returns by how much it grew.
inline uint32_t take_room(rte_mbuf* packet, const net::PacketRoom& room) {
  const auto added = static_cast<uint16_t>(rte_pktmbuf_mtod(packet, const uint8_t*) - room.frame);
  rte_pktmbuf_prepend(packet, added);
  return added;
}

/// Starts the shift of a connection with its SYN. A SYN of another number starts it anew until the
/// handshake is done. Afterwards the server answers with what it expects, and who really begins
/// anew resets the old connection with that (RFC 5961 4).
inline void begin_connection(Context& context, table::SessionExtension& extension,
                             const uint8_t* syn) {
  if (extension.shift.is_confirmed || net::is_repeated_syn(extension.shift, syn)) {
    return;
  }
  const uint8_t header_bytes = proxy_header_of(extension).size;
  if (!extension.disclosure.renews_sequence_numbers) {
    const auto isn = net::Be32{reinterpret_cast<const rte_tcp_hdr*>(syn)->sent_seq}.host();
    extension.shift = net::begin_shift(syn, isn, std::nullopt, header_bytes);
    return;
  }
  const net::Flow& to_server = extension.flow(table::Direction::kToServer);
  const uint64_t now_us = context.microseconds.at(context.now_tsc);
  const uint32_t isn =
      to_server.is_v4() ? net::initial_sequence(context.sequence_secret, to_server.key4(), now_us)
                        : net::initial_sequence(context.sequence_secret, to_server.key6(), now_us);
  extension.shift = net::begin_shift(syn, isn, net::timestamp_clock(now_us), header_bytes);
}

/// The frame of a header that goes alone.  Errors: null, no buffer.
inline rte_mbuf* make_header_segment(const net::SequenceShift& shift, rte_mbuf* packet,
                                     const net::PacketRoom& room, const net::ProxyHeader& header) {
  rte_mbuf* segment = rte_pktmbuf_alloc(packet->pool);
  if (segment == nullptr) {
    return nullptr;
  }
  const uint32_t bytes = net::header_segment_bytes(room, header.bytes());
  auto* out = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(segment, static_cast<uint16_t>(bytes)));
  if (out == nullptr) {
    rte_pktmbuf_free(segment);
    return nullptr;
  }
  const uint32_t payload_at = room.l4_offset + net::tcp_header_bytes(room.l4());
  uint16_t payload_sum = 0;
  rte_raw_cksum_mbuf(packet, payload_at, packet->pkt_len - payload_at, &payload_sum);
  net::write_header_segment(shift, room, payload_sum, header.bytes(), out);
  return segment;
}

/// The PROXY header goes with this segment or in front of it.  Errors: false, no buffer.
inline bool place_header(Context& context, const Untold& untold, net::PacketRoom& room,
                         table::SessionExtension& extension, net::HeaderPlacement placement,
                         HeaderSegment& segment) {
  const net::ProxyHeader header = proxy_header_of(extension);
  if (placement == net::HeaderPlacement::kInSegment) {
    net::insert_before_payload(room, IPPROTO_TCP, header.bytes());
  } else {
    segment.packet = make_header_segment(extension.shift, untold.packet, room, header);
    if (segment.packet == nullptr) {
      extension.shift.header = net::HeaderState::kPending;
      return false;
    }
    context.count(CounterId::kProxySegmentsSent);
  }
  context.count(CounterId::kProxyHeadersSent);
  return true;
}

inline void place_toa(Context& context, net::PacketRoom& room, const net::Endpoint& client) {
  const bool is_done = net::insert_toa(room, client) == net::Insertion::kDone;
  context.count(is_done ? CounterId::kToaSent : CounterId::kToaSkipped);
}

/// A client's segment.  Returns false when it was dropped.
inline bool disclose_segment(Context& context, const Untold& untold, net::PacketFields& fields,
                             HeaderSegment& segment) {
  const table::Session& session = context.sessions[untold.ref.index];
  table::SessionExtension& extension = context.sessions.extension(session);
  net::PacketRoom room = room_of(untold.packet, fields.l4_offset, untold.most_bytes);
  using table::kTcpAck, table::kTcpRst, table::kTcpSyn;
  if ((fields.tcp_flags & (kTcpSyn | kTcpAck)) == kTcpSyn) {
    begin_connection(context, extension, room.l4());
  } else if (!extension.shift.is_confirmed) {
    extension.shift.is_confirmed =
        extension.shift.has_server_isn && (fields.tcp_flags & (kTcpAck | kTcpRst)) == kTcpAck;
  }
  const auto [sequence, placement] = net::plan_client_segment(extension.shift, room);
  if (placement == net::HeaderPlacement::kRefuse) {
    drop(context, untold.packet, CounterId::kDropSynData);
    return false;
  }
  if (net::shift_client_segment(extension.shift, room.l4(), sequence)) {
    context.count(CounterId::kClaimsRemoved);
  }
  if (placement != net::HeaderPlacement::kNone &&
      !place_header(context, untold, room, extension, placement, segment)) {
    drop(context, untold.packet, CounterId::kDropNoBuffer);
    return false;
  }
  if (extension.disclosure.client_address == table::ClientAddress::kToa &&
      net::wants_toa(extension.shift, room.l4())) {
    place_toa(context, room, client_of(extension));
  }
  segment.fields = fields;
  if (segment.packet != nullptr) {
    segment.fields.ip_bytes = segment.packet->pkt_len - net::kEthernetBytes;
  }
  fields.ip_bytes += take_room(untold.packet, room);
  return true;
}

/// A server's segment. With TOA the client shall send segments that have room for it.
inline void take_back(table::SessionExtension& extension, uint8_t* tcp) {
  constexpr uint8_t kSynAck = table::kTcpSyn | table::kTcpAck;
  net::shift_server_segment(extension.shift, tcp);
  if (extension.disclosure.client_address == table::ClientAddress::kToa &&
      (tcp[13] & kSynAck) == kSynAck) {
    net::TcpEdit edit(tcp);
    net::lower_mss(edit, net::toa_bytes(client_of(extension).address));
    edit.commit();
  }
}

/// A client's datagram: its PROXY header, or no claims of its own beside our UOA.
inline void disclose_datagram(Context& context, const Untold& untold,
                              const table::SessionExtension& extension, net::PacketFields& fields) {
  const bool has_header = extension.disclosure.client_address == table::ClientAddress::kProxyV2;
  net::PacketRoom room = room_of(untold.packet, fields.l4_offset, UINT16_MAX);
  if (!has_header) {
    context.count(CounterId::kClaimsRemoved, net::strip_uoa_option(room) ? 1 : 0);
    return;
  }
  const bool is_done =
      net::insert_before_payload(room, IPPROTO_UDP, proxy_header_of(extension).bytes()) ==
      net::Insertion::kDone;
  context.count(is_done ? CounterId::kProxyHeadersSent : CounterId::kProxyHeadersSkipped);
  fields.ip_bytes += take_room(untold.packet, room);
}

}  // namespace internal

/// Prepares a packet of a session with a disclosure for its translation: numbers, options, headers.
/// `fields` follow. When a PROXY header needs a segment of its own `segment` has it.
/// Returns false when the packet was dropped, for a counted reason.
inline bool disclose(Context& context, const Untold& untold, net::PacketFields& fields,
                     HeaderSegment& segment) {
  const table::Session& session = context.sessions[untold.ref.index];
  const bool is_tcp = session.protocol == net::Protocol::kTcp;
  if (untold.ref.direction == table::Direction::kToServer) {
    if (is_tcp) {
      return internal::disclose_segment(context, untold, fields, segment);
    }
    internal::disclose_datagram(context, untold, context.sessions.extension(session), fields);
  } else if (is_tcp) {
    internal::take_back(context.sessions.extension(session),
                        rte_pktmbuf_mtod(untold.packet, uint8_t*) + fields.l4_offset);
  }
  return true;
}

/// Counts a datagram that leaves without the UOA header it should have.
inline void skip_uoa(Context& context, const table::SessionExtension& extension,
                     table::Direction direction) {
  context.count(CounterId::kUoaSkipped, wants_uoa(extension, direction) ? 1 : 0);
}

/// Puts UOA into a translated packet of `ref` if it is to have it. `fields` are those of the packet
/// before its translation.
inline void add_uoa(Context& context, rte_mbuf* packet, table::SessionRef ref,
                    const net::PacketFields& fields, uint16_t mtu) {
  table::SessionExtension& extension = context.sessions.extension(context.sessions[ref.index]);
  if (!wants_uoa(extension, ref.direction)) {
    return;
  }
  const bool is_v4 = extension.flow(ref.direction).is_v4();
  const uint32_t ip_header_bytes = is_v4 ? sizeof(rte_ipv4_hdr) : sizeof(rte_ipv6_hdr);
  const auto l4_offset = static_cast<uint16_t>(
      fields.is_v6 != is_v4 ? fields.l4_offset : net::kEthernetBytes + ip_header_bytes);
  net::PacketRoom room = internal::room_of(packet, l4_offset, mtu);
  if (net::insert_uoa_protocol(room, client_of(extension)) != net::Insertion::kDone) {
    return skip_uoa(context, extension, ref.direction);
  }
  internal::take_room(packet, room);
  ++extension.told_datagrams;
  context.count(CounterId::kUoaSent);
}

/// Prepares the first fragment of a datagram or segment: nothing can be inserted, as the others
/// would not fit behind it any more, but numbers are shifted.
/// Errors: false when a server would get a stream without its header.
inline bool disclose_fragment(Context& context, rte_mbuf* packet, table::SessionRef ref,
                              const net::Fragment& fragment) {
  const table::Session& session = context.sessions[ref.index];
  table::SessionExtension& extension = context.sessions.extension(session);
  if (!extension.disclosure.is_any()) {
    return true;
  }
  const bool is_tcp = session.protocol == net::Protocol::kTcp;
  uint8_t* l4 = rte_pktmbuf_mtod(packet, uint8_t*) + net::kEthernetBytes + fragment.l4_at;
  if (ref.direction == table::Direction::kToClient) {
    if (is_tcp) {
      internal::take_back(extension, l4);
    }
    return true;
  }
  if (!is_tcp) {
    skip_uoa(context, extension, ref.direction);
    context.count(CounterId::kProxyHeadersSkipped,
                  datagram_header_bytes(extension, ref.direction) != 0 ? 1 : 0);
    return true;
  }
  const auto& tcp = *reinterpret_cast<const rte_tcp_hdr*>(l4);
  if ((tcp.tcp_flags & RTE_TCP_SYN_FLAG) != 0 || extension.shift.open_header_bytes() != 0) {
    return false;
  }
  const bool skips_toa = extension.disclosure.client_address == table::ClientAddress::kToa &&
                         net::wants_toa(extension.shift, l4);
  context.count(CounterId::kToaSkipped, skips_toa ? 1 : 0);
  const uint32_t sequence = extension.shift.to_server(net::Be32{tcp.sent_seq}.host());
  const bool claimed = net::shift_client_segment(extension.shift, l4, sequence);
  context.count(CounterId::kClaimsRemoved, claimed ? 1 : 0);
  return true;
}

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// Translates and sends fragments, those that arrive and those that packets are cut into when they
// are larger than their way. Worker thread.
#pragma once

#include <array>

#include "dataplane/context.h"
#include "dataplane/cut.h"
#include "dataplane/forward/disclose.h"
#include "dataplane/forward/encapsulate.h"
#include "dataplane/hairpin.h"
#include "dataplane/stages/track.h"
#include "dataplane/stages/way.h"
#include "lib/net/fragment.h"
#include "lib/net/pseudo_header.h"
#include "lib/net/translate_fragment.h"

namespace sluice::dataplane {

/// The way all fragments of a datagram take.
struct FragmentWay {
  const PortView& in;
  const table::Session& session;
  table::Direction direction;
  Exit exit;
  table::FragmentDecision decision = {};
};

inline uint8_t* ip_of(rte_mbuf* packet) {
  return rte_pktmbuf_mtod(packet, uint8_t*) + net::kEthernetBytes;
}

inline bool is_ipv4(rte_mbuf* packet) { return *ip_of(packet) >> 4 == 4; }

/// The size of the IP packet that begins at `ip`.
inline uint32_t ip_bytes_of(const uint8_t* ip) {
  return *ip >> 4 == 4
             ? net::Be16{reinterpret_cast<const rte_ipv4_hdr*>(ip)->total_length}.host()
             : sizeof(rte_ipv6_hdr) +
                   net::Be16{reinterpret_cast<const rte_ipv6_hdr*>(ip)->payload_len}.host();
}

inline uint8_t ttl_of(const uint8_t* ip) {
  return *ip >> 4 == 4 ? reinterpret_cast<const rte_ipv4_hdr*>(ip)->time_to_live
                       : reinterpret_cast<const rte_ipv6_hdr*>(ip)->hop_limits;
}

/// Reads the fragment of a frame whose IP header parse() accepted.
inline net::FragmentVerdict read_fragment(rte_mbuf* packet, net::Fragment& fragment) {
  const std::span<const uint8_t> contiguous(ip_of(packet), packet->data_len - net::kEthernetBytes);
  const uint32_t total = packet->pkt_len - net::kEthernetBytes;
  return is_ipv4(packet) ? net::read_fragment4(contiguous, total, fragment)
                         : net::read_fragment6(contiguous, total, fragment);
}

/// Identification for a datagram that leaves in fragments. Its lower half, all that IPv4 has, is
/// unique; the upper one keeps strangers from guessing IPv6's (RFC 7739).
inline uint32_t take_identification(Context& context) {
  const uint16_t id = context.packet_ids.take();
  return context.sessions.hasher()(net::FlowKey4{{}, {}, {}, {}, id}) << 16 | id;
}

/// Fills in the checksum of a UDP datagram between `addresses` that has none. It covers what the
/// UDP length says, which may be less than the IP packet carries.
inline void complete_udp_checksum(rte_mbuf* packet, const net::AddressPair& addresses,
                                  uint8_t* l4) {
  auto& udp = *reinterpret_cast<rte_udp_hdr*>(l4);
  if (udp.dgram_cksum != 0) {
    return;
  }
  const uint32_t l4_bytes = net::Be16{udp.dgram_len}.host();
  const uint16_t pseudo_header_sum = net::sum_pseudo_header(addresses, IPPROTO_UDP, l4_bytes);
  uint16_t payload_sum = 0;
  const auto l4_offset = static_cast<uint32_t>(l4 - rte_pktmbuf_mtod(packet, uint8_t*));
  rte_raw_cksum_mbuf(packet, l4_offset, l4_bytes, &payload_sum);
  const auto checksum =
      static_cast<uint16_t>(~net::fold(uint32_t{payload_sum} + pseudo_header_sum));
  udp.dgram_cksum = checksum == 0 ? 0xFFFF : checksum;
}

/// Translates a fragment that fits and sends it.  Returns false when it was dropped instead.
inline bool send_fragment(Context& context, rte_mbuf* packet, const net::Fragment& fragment,
                          const FragmentWay& way) {
  const Way outer(context, way.session);
  const net::Flow to = context.sessions.sent(way.session, way.direction);
  const net::ChecksumDelta l4_delta =
      outer.extension == nullptr ? way.session.rewrite(way.direction).l4_delta
                                 : outer.extension->l4_deltas[static_cast<size_t>(way.direction)];
  const auto growth = static_cast<int32_t>(
      net::translated_header_bytes(fragment, is_ipv4(packet), to.is_v4()) - fragment.l4_at);
  const uint8_t* ip = net::translate_fragment(
      {to, l4_delta, way.decision.identification, way.decision.protocol}, fragment, ip_of(packet));
  if (ip == nullptr) {
    drop(context, packet, CounterId::kDropBadIpHeader);
    return false;
  }
  if (growth > 0) {
    rte_pktmbuf_prepend(packet, static_cast<uint16_t>(growth));
  } else {
    rte_pktmbuf_adj(packet, static_cast<uint16_t>(-growth));
  }
  write_ether_type(packet, to.is_v4());
  if (outer.tunnel != nullptr &&
      !encapsulate(context, packet, way.session, *outer.tunnel, way.exit.port.index)) {
    drop(context, packet, CounterId::kDropNoPortAddress);
    return false;
  }
  send(context, way.exit, packet);
  return true;
}

/// Sends an IPv4 packet in pieces of at most `mtu` bytes.
/// Returns false when it was dropped.
inline bool send_cut(Context& context, rte_mbuf* packet, uint32_t mtu, const FragmentWay& way) {
  std::array<rte_mbuf*, kMaxPieces> pieces;
  const Pieces cut = cut_ipv4(packet, static_cast<uint16_t>(mtu), pieces);
  if (cut.result != Cut::kDone) {
    drop(context, packet,
         cut.result == Cut::kNoBuffers ? CounterId::kDropNoBuffer : CounterId::kDropTooBig);
    return false;
  }
  rte_pktmbuf_free(packet);
  context.count(CounterId::kPacketsCut);
  bool is_sent = true;
  for (uint32_t i = 0; i < cut.count; ++i) {
    net::Fragment fragment;
    if (read_fragment(pieces[i], fragment) != net::FragmentVerdict::kFragment) {
      drop(context, pieces[i], CounterId::kDropTooBig);  // a link too narrow for an L4 header
      is_sent = false;
      continue;
    }
    is_sent = send_fragment(context, pieces[i], fragment, way) && is_sent;
  }
  return is_sent;
}

/// Whether a packet that is too large may go on in pieces: IPv4 without DF.
inline bool may_be_cut(rte_mbuf* packet) {
  return is_ipv4(packet) && (reinterpret_cast<const rte_ipv4_hdr*>(ip_of(packet))->fragment_offset &
                             net::Be16::from_host(RTE_IPV4_HDR_DF_FLAG).raw) == 0;
}

/// Sends a packet that is too big for its way, as it would have `out_bytes` there: in pieces, if it
/// is IPv4 and its sender allows it, else the sender is told how much fits. Pieces are made of the
/// packet as it came, before translation and outer header: what a sender may not cut (IPv6) need
/// not be cut here, and a tunnel's end has nothing to reassemble. Returns false when it was
/// dropped.
inline bool cut_and_send(Context& context, rte_mbuf* packet, const FragmentWay& way,
                         uint32_t out_bytes) {
  constexpr uint32_t kLeastMtu = 68;  // RFC 791 3.2
  const Way outer(context, way.session);
  const uint32_t mtu = outer.mtu(context, way.session, way.exit.port);
  uint32_t overhead = outer.overhead();
  if (!context.sessions.sent(way.session, way.direction).is_v4()) {
    overhead += net::kMaxConvertedHeaderBytes - sizeof(rte_ipv4_hdr);
  }
  if (!may_be_cut(packet)) {
    const uint32_t fits =
        mtu - (out_bytes - ip_bytes_of(ip_of(packet))) - outer.added_bytes(way.direction);
    refuse(context, way.in, packet, CounterId::kDropTooBig, net::IcmpErrorKind::kPacketTooBig,
           fits);
    return false;
  }
  if (mtu < overhead + kLeastMtu) {
    drop(context, packet, CounterId::kDropTooBig);
    return false;
  }
  return send_cut(context, packet, mtu - overhead, way);
}

/// Sends a whole packet that is too big for its way.
[[gnu::noinline]] inline void send_in_pieces(Context& context, rte_mbuf* packet, FragmentWay way,
                                             uint32_t out_bytes) {
  if (is_ipv4(packet) && way.session.protocol == net::Protocol::kUdp &&
      !context.sessions.sent(way.session, way.direction).is_v4()) {
    // Toward IPv6 there must be a checksum, and no piece has all it covers.
    const auto& ip = *reinterpret_cast<const rte_ipv4_hdr*>(ip_of(packet));
    const uint32_t header_bytes = (ip.version_ihl & RTE_IPV4_HDR_IHL_MASK) * 4U;
    complete_udp_checksum(packet,
                          {net::Ipv4{net::Be32{ip.src_addr}}, net::Ipv4{net::Be32{ip.dst_addr}}},
                          ip_of(packet) + header_bytes);
  }
  if (way.session.protocol == net::Protocol::kSctp && may_be_cut(packet)) {
    // Nor has a piece all that SCTP's checksum covers, whose change depends on the length.
    const auto& ip = *reinterpret_cast<const rte_ipv4_hdr*>(ip_of(packet));
    const uint32_t header_bytes = (ip.version_ihl & RTE_IPV4_HDR_IHL_MASK) * 4U;
    const net::Flow to = context.sessions.sent(way.session, way.direction);
    net::rewrite_sctp(ip_of(packet) + header_bytes, ip_bytes_of(ip_of(packet)) - header_bytes,
                      {to.source.port, to.destination.port});
  }
  way.decision.identification = take_identification(context);
  way.decision.protocol = static_cast<uint8_t>(way.session.protocol);
  cut_and_send(context, packet, way, out_bytes);
}

/// What PacketFields::tcp_flags would be of the packet that `first` begins.
inline uint8_t tcp_flags_of(const uint8_t* ip, const net::Fragment& first) {
  const uint8_t* l4 = ip + first.l4_at;
  switch (first.protocol) {
    case IPPROTO_TCP:
      return reinterpret_cast<const rte_tcp_hdr*>(l4)->tcp_flags;
    case IPPROTO_SCTP:
      return net::as_tcp_flags(net::read_sctp_event({l4, net::kLeastSctpBytes}));
    default:
      return 0;
  }
}

/// Follows a fragment of session `ref`; the first one carries TCP's flags and SCTP's first chunk.
inline void track_fragment(Context& context, table::SessionRef ref, const net::Fragment& fragment,
                           const uint8_t* ip) {
  if (fragment.is_first()) {
    track_state(context, ref, tcp_flags_of(ip, fragment));
  }
  track_packet(context, ref, ip_bytes_of(ip));
}

/// Whether packets of `ref` leave with other ports than they came with.
inline bool changes_ports(const Context& context, table::SessionRef ref) {
  const table::Session& session = context.sessions[ref.index];
  const net::Flow received = context.sessions.received(session, ref.direction);
  const net::Flow sent = context.sessions.sent(session, ref.direction);
  return received.source.port != sent.source.port ||
         received.destination.port != sent.destination.port;
}

/// Lets a fragment come round, translated, to the keeper of what is now another datagram.
/// Returns false when it was dropped.
inline bool turn_back_fragment(Context& context, const PortView& in, rte_mbuf* packet,
                               table::SessionRef ref, const net::Fragment& fragment,
                               const table::FragmentDecision& decision) {
  const table::Session& session = context.sessions[ref.index];
  const net::Flow to = context.sessions.sent(session, ref.direction);
  const net::ChecksumDelta l4_delta =
      session.is_extended
          ? context.sessions.extension(session).l4_deltas[static_cast<size_t>(ref.direction)]
          : session.rewrite(ref.direction).l4_delta;
  net::Fragment translated;
  if (net::translate_fragment({to, l4_delta, decision.identification, decision.protocol}, fragment,
                              ip_of(packet)) == nullptr ||
      read_fragment(packet, translated) != net::FragmentVerdict::kFragment) {
    drop(context, packet, CounterId::kDropBadIpHeader);
    return false;
  }
  const uint32_t keeper = net::fragment_owner(translated.key.hash(context.sessions.hasher()),
                                              static_cast<uint32_t>(context.peers.size()));
  return turn_back(context, in, packet, static_cast<uint8_t>(keeper));
}

/// Forwards one fragment of session `ref`.
/// Returns false when it was dropped, for a counted reason.
inline bool forward_fragment(Context& context, const PortView& in, rte_mbuf* packet,
                             table::SessionRef ref, const net::Fragment& fragment,
                             const table::FragmentDecision& decision) {
  const auto drop_for = [&](CounterId reason) {
    drop(context, packet, reason);
    return false;
  };
  const table::Session& session = context.sessions[ref.index];
  const uint8_t* ip = ip_of(packet);
  const bool is_v4 = is_ipv4(packet);
  if (!may_pass(context, in, packet, session, ttl_of(ip))) {
    return false;
  }
  track_fragment(context, ref, fragment, ip);
  const auto exit = find_exit(context, ref);
  if (!exit) {
    return turns_back(context, session, ref.direction)
               ? turn_back_fragment(context, in, packet, ref, fragment, decision)
               : drop_for(exit.error());
  }
  const bool to_v4 = context.sessions.sent(session, ref.direction).is_v4();
  if (is_v4 != to_v4 && decision.keeps_version) {
    return drop_for(CounterId::kDropFragmentVersion);
  }
  if (session.protocol == net::Protocol::kSctp && changes_ports(context, ref)) {
    return drop_for(CounterId::kDropFragmentSctp);
  }
  const uint32_t ip_bytes = ip_bytes_of(ip);
  if (!trim_frame(packet, ip_bytes)) {
    return drop_for(CounterId::kDropBadIpHeader);
  }
  const FragmentWay way{in, session, ref.direction, *exit, decision};
  const Way outer(context, session);
  const uint32_t out_bytes = outer.overhead() +
                             net::translated_header_bytes(fragment, is_v4, to_v4) + ip_bytes -
                             fragment.l4_at;
  const bool is_too_big = out_bytes > outer.mtu(context, session, exit->port);
  if (session.is_extended && fragment.is_first() && (!is_too_big || may_be_cut(packet)) &&
      !disclose_fragment(context, packet, ref, fragment)) {
    return drop_for(CounterId::kDropFragmentUntold);
  }
  const bool is_sent = is_too_big ? cut_and_send(context, packet, way, out_bytes)
                                  : send_fragment(context, packet, fragment, way);
  context.count(CounterId::kFragments, is_sent ? 1 : 0);
  return is_sent;
}

}  // namespace sluice::dataplane

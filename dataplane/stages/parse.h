// SPDX-License-Identifier: BSD-3-Clause
// Stage 1: bytes to keys. Everything that is not a plain TCP, UDP or SCTP packet leaves the fast
// path here.
#pragma once

#include <rte_prefetch.h>

#include "dataplane/burst.h"
#include "dataplane/context.h"
#include "dataplane/punt.h"
#include "dataplane/stages/icmp.h"
#include "lib/net/parse.h"

namespace sluice::dataplane {

/// Drops or punts a packet that cannot belong to a session.
[[gnu::cold, gnu::noinline]] inline void leave_at_parse(Context& context, const PortView& port,
                                                        Origin origin, rte_mbuf* packet,
                                                        net::ParseVerdict verdict,
                                                        const net::Address& destination) {
  using net::ParseVerdict;
  switch (verdict) {
    case ParseVerdict::kArp:
      return punt(context, port, packet, CounterId::kPuntArp);
    case ParseVerdict::kControl:
      return punt(context, port, packet,
                  punt_class_toward(context, destination, CounterId::kPuntControl));
    case ParseVerdict::kIcmp:
      return handle_icmp(context, port, origin, packet);
    case ParseVerdict::kTruncated:
      return drop(context, packet, CounterId::kDropTruncated);
    case ParseVerdict::kNotOurMac:
      return drop(context, packet, CounterId::kDropNotOurMac);
    case ParseVerdict::kOwnFrame:
      return drop(context, packet, CounterId::kDropOwnFrame);
    case ParseVerdict::kBadIpHeader:
      return drop(context, packet, CounterId::kDropBadIpHeader);
    case ParseVerdict::kBadIpChecksum:
      return drop(context, packet, CounterId::kDropBadIpChecksum);
    case ParseVerdict::kBadL4Header:
      return drop(context, packet, CounterId::kDropBadL4Header);
    case ParseVerdict::kBadAddress:
      return drop(context, packet, CounterId::kDropBadAddress);
    case ParseVerdict::kSourceRoute:
      return drop(context, packet, CounterId::kDropSourceRoute);
    case ParseVerdict::kOther:
    case ParseVerdict::kFlow:      // never comes here
    case ParseVerdict::kFragment:  // nor that
      return punt(context, port, packet,
                  punt_class_toward(context, destination, CounterId::kPuntOther));
  }
}

/// Whether a packet is a SYN and nothing else, or an INIT. Datagrams have no flags.
inline bool is_opening(const net::PacketFields& fields) {
  constexpr uint8_t kDeciding = table::kTcpSyn | table::kTcpAck | table::kTcpRst | table::kTcpFin;
  return (fields.tcp_flags & kDeciding) == table::kTcpSyn;
}

/// The destination of a packet that parse() looked at.
inline net::Address destination_of(const Burst& burst, uint32_t slot) {
  return burst.fields[slot].is_v6 ? net::Address(burst.keys6[slot].destination)
                                  : net::Address(burst.keys4[slot].destination);
}

/// The verdict about a packet from another worker that has the same source and destination address:
/// it is on its way from inside host to inside host (see hairpin.h), both behind one address.
[[gnu::cold, gnu::noinline]] inline net::ParseVerdict parse_hairpin(const Context& context,
                                                                    const PortView& port,
                                                                    const rte_mbuf* packet,
                                                                    Burst& burst, uint32_t slot) {
  const net::ParseVerdict verdict = net::parse<net::Land::kAllowed>(
      rte_pktmbuf_mtod(packet, const uint8_t*), packet->data_len, packet->pkt_len, port.mac,
      burst.keys4[slot], burst.keys6[slot], burst.fields[slot]);
  return context.snapshot->is_snat_address(destination_of(burst, slot))
             ? verdict
             : net::ParseVerdict::kBadAddress;
}

/// Fills keys and fields of the packets that are flows, puts fragments aside and closes the gaps.
inline void parse_stage(Context& context, const PortView& port, Origin origin, Burst& burst) {
  constexpr uint32_t kPrefetchDistance = 4;
  const uint32_t received = burst.count;
  for (uint32_t i = 0; i < std::min(kPrefetchDistance, received); ++i) {
    rte_prefetch0(rte_pktmbuf_mtod(burst.packets[i], const void*));
  }
  uint64_t bytes = 0;
  uint32_t kept = 0;
  burst.fragment_count = 0;
  burst.syns = 0;
  burst.v6 = 0;
  for (uint32_t i = 0; i < received; ++i) {
    if (i + kPrefetchDistance < received) {
      rte_prefetch0(rte_pktmbuf_mtod(burst.packets[i + kPrefetchDistance], const void*));
    }
    rte_mbuf* packet = burst.packets[i];
    bytes += packet->pkt_len;
    net::ParseVerdict verdict =
        net::parse(rte_pktmbuf_mtod(packet, const uint8_t*), packet->data_len, packet->pkt_len,
                   port.mac, burst.keys4[kept], burst.keys6[kept], burst.fields[kept]);
    if (verdict != net::ParseVerdict::kFlow) {
      if (verdict == net::ParseVerdict::kBadAddress && origin == Origin::kHandOff) {
        verdict = parse_hairpin(context, port, packet, burst, kept);
      }
      if (verdict == net::ParseVerdict::kFragment) {
        burst.fragments[burst.fragment_count++] = packet;
        continue;
      }
      if (verdict != net::ParseVerdict::kFlow) {
        leave_at_parse(context, port, origin, packet, verdict, destination_of(burst, kept));
        continue;
      }
    }
    const bool is_v6 = burst.fields[kept].is_v6;
    burst.v6 |= uint64_t{is_v6} << kept;
    burst.syns |= uint64_t{is_opening(burst.fields[kept])} << kept;
    burst.packets[kept++] = packet;
  }
  burst.count = kept;
  if (origin == Origin::kPort) {
    context.count(CounterId::kRxPackets, received);
    context.count(CounterId::kRxBytes, bytes);
  }
}

}  // namespace sluice::dataplane

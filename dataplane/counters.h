// SPDX-License-Identifier: BSD-3-Clause
// Every counter and drop reason of a worker: one line each, with the help text operators see.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/base/counter.h"

namespace sluice::dataplane {

// X(enumerator, name, unit, help). Names starting with "drop_" are drop reasons.
// clang-format off
#define SLUICE_COUNTERS(X) \
  X(kRxPackets, "rx_packets", "packets", "received from all ports") \
  X(kRxBytes, "rx_bytes", "bytes", "received from all ports, Ethernet header included, VLAN tag not") \
  X(kTxPackets, "tx_packets", "packets", "given to the ports' transmit queues") \
  X(kTxBytes, "tx_bytes", "bytes", "given to the ports' transmit queues, Ethernet header included, VLAN tag not") \
  X(kPolls, "polls", "polls", "times the worker asked its queues for packets") \
  X(kIdlePolls, "idle_polls", "polls", "polls that found nothing to do") \
  X(kSessionsCreated, "sessions_created", "sessions", "new sessions") \
  X(kSessionsExpired, "sessions_expired", "sessions", "sessions ended by their idle timeout") \
  X(kSessionsReused, "sessions_reused", "sessions", "ended because their client connected anew") \
  X(kPuntArp, "punt_arp", "packets", "to the kernel: ARP and IPv6 neighbour discovery") \
  X(kPuntControl, "punt_control", "packets", "to the kernel: VRRP, OSPF, BGP, BFD, IGMP, MLD, but not to a VIP") \
  X(kPuntIcmp, "punt_icmp", "packets", "to the kernel: ICMP that is not about a session") \
  X(kPuntVip, "punt_vip", "packets", "to the kernel: to a VIP or local address, but no service's or without a session") \
  X(kPuntOther, "punt_other", "packets", "to the kernel: anything else, such as SSH to the director") \
  X(kEchoesAnswered, "icmp_echoes_answered", "packets", "pings of a VIP that the director answered") \
  X(kIcmpErrorsForwarded, "icmp_errors_forwarded", "packets", "ICMP errors about packets of a session, sent on to the packet's sender") \
  X(kIcmpErrorsSent, "icmp_errors_sent", "packets", "ICMP errors of the director's own: too big, TTL exceeded, port unreachable") \
  X(kTunnelMtusLearnt, "tunnel_mtus_learnt", "errors", "ICMP errors that told how large packets to a tunnel server may be") \
  X(kInjected, "injected", "packets", "sent by the kernel through a port") \
  X(kHandOffSent, "handoff_sent", "packets", "given to the worker that owns their session") \
  X(kHandOffReceived, "handoff_received", "packets", "taken over from other workers") \
  X(kFragments, "fragments", "packets", "fragments forwarded") \
  X(kFragmentsHeld, "fragments_held", "packets", "fragments that came before their datagram's first and were held for it") \
  X(kDatagramsPushedOut, "datagrams_pushed_out", "datagrams", "datagrams in fragments that were forgotten before their time, for newer ones") \
  X(kPacketsCut, "packets_cut", "packets", "IPv4 packets sent in pieces, being larger than their way to the receiver") \
  X(kToaSent, "toa_sent", "packets", "segments that told a server its client in TCP option 254") \
  X(kToaSkipped, "toa_skipped", "packets", "segments that went without option 254: the TCP header or the MTU had no room, or they are fragments") \
  X(kProxyHeadersSent, "proxy_headers_sent", "headers", "PROXY headers sent: of connections, repetitions included, and of datagrams") \
  X(kProxySegmentsSent, "proxy_segments_sent", "packets", "PROXY headers that took a segment of their own, in front of one without room") \
  X(kProxyHeadersSkipped, "proxy_headers_skipped", "packets", "datagrams that went without their PROXY header, being fragments or too large for it") \
  X(kUoaSent, "uoa_sent", "packets", "datagrams that told a server its client (UOA)") \
  X(kUoaSkipped, "uoa_skipped", "packets", "first datagrams that went without UOA: fragments, too large for it, or IPv6 with extension headers") \
  X(kClaimsRemoved, "client_address_claims_removed", "packets", "packets of clients that claimed a client address themselves; the option was blanked") \
  X(kSnatUnpaired, "snat_unpaired", "mappings", "source NAT: inside endpoints that got another public address than their host's own, which had no port left") \
  X(kSnatHairpinned, "snat_hairpinned", "packets", "source NAT: from inside host to inside host by a public address") \
  X(kNextHopRequests, "next_hop_requests", "requests", "neighbours the kernel was asked to resolve") \
  X(kDropTruncated, "drop_truncated", "packets", "shorter than its headers say") \
  X(kDropNotOurMac, "drop_not_our_mac", "packets", "unicast frame for another host") \
  X(kDropUnknownVlan, "drop_unknown_vlan", "packets", "tagged for a VLAN that is no port, or tagged twice; only where a port has VLANs") \
  X(kDropOwnFrame, "drop_own_frame", "packets", "our own frame came back") \
  X(kDropBadIpHeader, "drop_bad_ip_header", "packets", "IP version, header length or total length is wrong") \
  X(kDropBadIpChecksum, "drop_bad_ip_checksum", "packets", "IP header checksum is wrong") \
  X(kDropBadL4Header, "drop_bad_l4_header", "packets", "TCP data offset, UDP length or SCTP chunk length is wrong") \
  X(kDropBadAddress, "drop_bad_address", "packets", "source address no host can have, or equal to the destination (land)") \
  X(kDropFragmentMalformed, "drop_fragment_malformed", "packets", "fragment with an impossible place or length") \
  X(kDropFragmentTiny, "drop_fragment_tiny", "packets", "fragment that tears the TCP, UDP or SCTP header apart (RFC 1858, 7112)") \
  X(kDropFragmentDuplicate, "drop_fragment_duplicate", "packets", "fragment that brings nothing new") \
  X(kDropFragmentOverlap, "drop_fragment_overlap", "packets", "fragment of a datagram whose fragments overlap or contradict one another") \
  X(kDropFragmentGaps, "drop_fragment_gaps", "packets", "fragment of a datagram with more gaps than can be remembered") \
  X(kDropFragmentEarly, "drop_fragment_early", "packets", "more fragments of one datagram came before its first than are held") \
  X(kDropFragmentHoldFull, "drop_fragment_hold_full", "packets", "fragment that waited for its datagram's first one, given up for newer ones") \
  X(kDropFragmentTimedOut, "drop_fragment_timed_out", "packets", "fragment whose datagram's first one did not come within a second") \
  X(kDropFragmentRefused, "drop_fragment_refused", "packets", "fragment of a datagram whose first one was dropped") \
  X(kDropFragmentVersion, "drop_fragment_version", "packets", "fragment that the other IP version cannot have: IPv4 UDP without checksum, IPv6 with late extension headers") \
  X(kDropFragmentUntold, "drop_fragment_untold", "packets", "TCP segment in fragments before its server has acknowledged the PROXY header, or a SYN in fragments") \
  X(kDropSynData, "drop_syn_data", "packets", "SYN with data, which would come before the PROXY header; clients repeat it without") \
  X(kDropFragmentSctp, "drop_fragment_sctp", "packets", "fragment of an SCTP packet whose port the director changes: a fragment cannot have its checksum mended") \
  X(kDropBadIcmp, "drop_bad_icmp", "packets", "ICMP shorter than it says, an error with a wrong checksum, a source quench, or to source NAT about what no packet is") \
  X(kDropIcmpUntranslatable, "drop_icmp_untranslatable", "packets", "ICMP error that has no counterpart in the other IP version or outside the tunnel") \
  X(kDropSourceRoute, "drop_source_route", "packets", "IP source route option") \
  X(kDropTtlExceeded, "drop_ttl_exceeded", "packets", "TTL would become 0") \
  X(kDropAddressInUse, "drop_address_in_use", "packets", "another session gets the server's answers to this client's port") \
  X(kDropNoServer, "drop_no_server", "packets", "the service has no server with weight > 0") \
  X(kDropNoLocalPort, "drop_no_local_port", "packets", "all local ports toward the chosen server are in use: add local addresses") \
  X(kDropSnatNoPort, "drop_snat_no_port", "packets", "source NAT: all ports of the rule's public addresses are in use: add public addresses") \
  X(kDropSnatMappingsFull, "drop_snat_mappings_full", "packets", "source NAT: limits.snat_mappings_per_worker is reached") \
  X(kDropSessionTableFull, "drop_session_table_full", "packets", "limits.sessions_per_worker, or of extended sessions limits.extended_sessions_per_worker, is reached") \
  X(kDropNoSession, "drop_no_session", "packets", "answer or ICMP error without a session (expired or never ours)") \
  X(kDropServerRemoved, "drop_server_removed", "packets", "the session's server is no longer configured") \
  X(kDropNoRoute, "drop_no_route", "packets", "no route to the server or client") \
  X(kDropNoNeighbour, "drop_no_neighbour", "packets", "the next hop's MAC address is not known (yet)") \
  X(kDropNoPortAddress, "drop_no_port_address", "packets", "the port has no address where the tunnel to the server could begin") \
  X(kDropTooBig, "drop_too_big", "packets", "larger than the MTU of the port it must leave by") \
  X(kDropNoBuffer, "drop_no_buffer", "packets", "no packet buffers were left to send it in pieces or with a PROXY header: raise limits.packet_buffers; or no room for a VLAN tag") \
  X(kDropTxFull, "drop_tx_full", "packets", "the port's transmit queue is full") \
  X(kDropHandOffFull, "drop_handoff_full", "packets", "the owning worker's hand-off ring is full") \
  X(kDropPuntLimited, "drop_punt_limited", "packets", "over the punt rate limit (director.punt)") \
  X(kDropPuntFull, "drop_punt_full", "packets", "the ring to the control thread is full")
// clang-format on

enum class CounterId : uint8_t {
#define SLUICE_ENUMERATOR(id, name, unit, help) id,
  SLUICE_COUNTERS(SLUICE_ENUMERATOR)
#undef SLUICE_ENUMERATOR
};

struct CounterInfo {
  std::string_view name;
  std::string_view unit;
  std::string_view help;
};

/// All counters in enum order.
inline constexpr auto kCounterInfo = std::to_array<CounterInfo>({
#define SLUICE_INFO(id, name, unit, help) {name, unit, help},
    SLUICE_COUNTERS(SLUICE_INFO)
#undef SLUICE_INFO
});
#undef SLUICE_COUNTERS

inline constexpr size_t kCounterCount = kCounterInfo.size();

/// A worker's counters.  Writer: the worker.  Readers: the control thread.
class Counters {
 public:
  Counter& operator[](CounterId id) { return cells_[static_cast<size_t>(id)]; }
  const Counter& operator[](CounterId id) const { return cells_[static_cast<size_t>(id)]; }

 private:
  std::array<Counter, kCounterCount> cells_;
};

/// What one worker counted for one real server. One cache line: the packet path touches only this.
struct alignas(64) ServerCounters {
  Counter packets_in;  // client to server
  Counter bytes_in;
  Counter packets_out;  // server to client
  Counter bytes_out;
  Counter sessions_created;
  Counter active;    // LVS ActiveConn: sessions in an active TCP state, now
  Counter inactive;  // LVS InActConn: the others, now
};
static_assert(sizeof(ServerCounters) == 64);

/// What all workers together counted for one real server.
struct ServerTotals {
  uint64_t packets_in = 0;
  uint64_t bytes_in = 0;
  uint64_t packets_out = 0;
  uint64_t bytes_out = 0;
  uint64_t sessions_created = 0;
  uint64_t active = 0;
  uint64_t inactive = 0;
};

}  // namespace sluice::dataplane

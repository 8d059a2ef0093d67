// SPDX-License-Identifier: BSD-3-Clause
// Beside the straight path: fragments, from their datagram's table to their session. Worker thread.
//
// Three workers may have a part in a fragment. It arrives where the device brings it, by its
// addresses; the worker that its datagram's key names, the keeper, knows where the datagram goes as
// soon as its first fragment came; and the owner of the session translates it. From the keeper on a
// packet carries a note with what only the first fragment said, so the owner looks the session up
// as for a whole packet. Both steps are one ring each, whose order keeps the first fragment in
// front.
#pragma once

#include <netinet/in.h>

#include <array>
#include <optional>

#include "dataplane/burst.h"
#include "dataplane/context.h"
#include "dataplane/punt.h"
#include "dataplane/stages/admit.h"
#include "dataplane/stages/forward_fragment.h"
#include "dataplane/stages/parse.h"

namespace sluice::dataplane {

inline CounterId drop_reason(table::FragmentDrop reason) {
  using table::FragmentDrop;
  switch (reason) {
    case FragmentDrop::kOverlap:
      return CounterId::kDropFragmentOverlap;
    case FragmentDrop::kTooManyRanges:
      return CounterId::kDropFragmentGaps;
    case FragmentDrop::kTooManyHeld:
      return CounterId::kDropFragmentEarly;
    case FragmentDrop::kHoldFull:
    case FragmentDrop::kTableFull:  // costs no packet: those without held ones go first
      return CounterId::kDropFragmentHoldFull;
    case FragmentDrop::kTimedOut:
      return CounterId::kDropFragmentTimedOut;
    case FragmentDrop::kRefused:
      return CounterId::kDropFragmentRefused;
    case FragmentDrop::kNone:  // is no drop
    case FragmentDrop::kDuplicate:
      break;
  }
  return CounterId::kDropFragmentDuplicate;
}

inline CounterId drop_reason(net::FragmentVerdict verdict) {
  using net::FragmentVerdict;
  switch (verdict) {
    case FragmentVerdict::kTruncated:
      return CounterId::kDropTruncated;
    case FragmentVerdict::kBadHeader:
      return CounterId::kDropBadIpHeader;
    case FragmentVerdict::kSourceRoute:
      return CounterId::kDropSourceRoute;
    case FragmentVerdict::kTinyFragment:
      return CounterId::kDropFragmentTiny;
    case FragmentVerdict::kFragment:  // is no fault, nor is kWhole, which parse() lets by
    case FragmentVerdict::kWhole:
    case FragmentVerdict::kEmpty:
    case FragmentVerdict::kBadLength:
    case FragmentVerdict::kTooLong:
      break;
  }
  return CounterId::kDropFragmentMalformed;
}

inline net::Flow flow_of(const net::Fragment& fragment, net::FragmentPorts ports,
                         uint8_t protocol) {
  return {
      {fragment.key.source, ports.source}, {fragment.key.destination, ports.destination}, protocol};
}

/// Whether a fragment may be of a session: to a VIP or local address, or from a NAT server or a
/// host inside source NAT, whose later fragments do not tell whether they answer, or where to.
inline bool concerns_sessions(const Context& context, const net::Fragment& fragment) {
  const bool is_v4 = net::Address(fragment.key.source).is_v4();
  const bool has_ports = fragment.protocol == IPPROTO_TCP || fragment.protocol == IPPROTO_UDP;
  if (is_v4 && !has_ports) {
    return false;  // in IPv6 the first one decides: others may name an extension header
  }
  const snapshot::Snapshot& snapshot = *context.snapshot;
  return snapshot.is_vip(fragment.key.destination) ||
         snapshot.is_local_address(fragment.key.destination) ||
         snapshot.is_nat_server_address(fragment.key.source) ||
         snapshot.is_snat_inside(fragment.key.source);
}

inline void punt_fragment(Context& context, const PortView& port, rte_mbuf* packet,
                          const net::Fragment& fragment) {
  const bool is_icmp = fragment.protocol == IPPROTO_ICMP || fragment.protocol == IPPROTO_ICMPV6;
  punt(context, port, packet,
       is_icmp ? CounterId::kPuntIcmp
               : punt_class_toward(context, fragment.key.destination, CounterId::kPuntOther));
}

/// The worker that has, or would open, the session of a datagram.
/// Errors: nothing, when no session can have it; it is the kernel's.
inline std::optional<uint8_t> find_session_owner(const Context& context, const net::Flow& flow) {
  const snapshot::Snapshot& snapshot = *context.snapshot;
  const auto protocol = static_cast<net::Protocol>(flow.protocol);
  if (protocol != net::Protocol::kTcp && protocol != net::Protocol::kUdp) {
    return std::nullopt;
  }
  if (const snapshot::Service* service = snapshot.find_service(protocol, flow.destination)) {
    return owner_of_fragmented_request(context, *service, flow);
  }
  if (snat_rule_for(context, flow) != nullptr) {
    return worker_of_host(context, flow.source.address);
  }
  if (snapshot.is_local_address(flow.destination.address)) {
    return snapshot.owner_of_port(flow.destination.port);
  }
  if (!snapshot.is_nat_server(protocol, flow.source)) {
    return std::nullopt;
  }
  const uint8_t owner = worker_of_client(context, flow.protocol, flow.destination);
  const bool is_no_answer =
      owner == context.id && context.sessions.find(flow).index == table::kNoSession;
  return is_no_answer ? std::nullopt : std::optional(owner);
}

/// Whether its datagram cannot get an IP header of the other version: IPv6 asks for the checksum
/// that is missing (RFC 7915 4.5), or IPv4 has no such extension headers (RFC 7915 5.1.1).
inline bool keeps_version(rte_mbuf* packet, const net::Fragment& first) {
  if (!is_ipv4(packet)) {
    return first.l4_at != first.fragment_header_at + sizeof(rte_ipv6_fragment_ext);
  }
  return first.protocol == IPPROTO_UDP &&
         reinterpret_cast<const rte_udp_hdr*>(ip_of(packet) + first.l4_at)->dgram_cksum == 0;
}

/// What happens to all fragments of the datagram that `first` begins.
inline table::FragmentDecision decide(Context& context, rte_mbuf* packet,
                                      const net::Fragment& first) {
  const auto owner = find_session_owner(context, flow_of(first, first.ports, first.protocol));
  if (!owner) {
    return {};
  }
  return {.identification = take_identification(context),
          .owner = *owner,
          .protocol = first.protocol,
          .is_forwarded = true,
          .keeps_version = keeps_version(packet, first)};
}

/// Opens the session of a first fragment, or lets go of it.
inline table::SessionRef open_session(Context& context, const PortView& port, rte_mbuf* packet,
                                      const net::Fragment& first, const net::Flow& flow) {
  const uint8_t* ip = ip_of(packet);
  const bool may_open_session =
      flow.protocol == IPPROTO_UDP ||
      is_opening({.tcp_flags = ip[first.l4_at + offsetof(rte_tcp_hdr, tcp_flags)]});
  const Admitted admitted = admit(context, port, Origin::kHandOff,
                                  {.packet = packet,
                                   .flow = flow,
                                   .ttl = ttl_of(ip),
                                   .may_open_session = may_open_session,
                                   .is_fragment = true});
  return {admitted.session, admitted.direction};
}

/// Lets go of a later fragment whose first one has left no session.
inline void leave_without_session(Context& context, const PortView& port, rte_mbuf* packet,
                                  const net::Fragment& later) {
  if (context.snapshot->is_vip(later.key.destination) ||
      context.snapshot->is_local_address(later.key.destination) ||
      context.snapshot->is_snat_inside(later.key.source)) {
    return drop(context, packet, CounterId::kDropNoSession);
  }
  punt_fragment(context, port, packet, later);  // a NAT server's, but no answer
}

/// The session of a fragment, which a first one may open.  Errors: none, it has gone its way.
inline table::SessionRef find_session(Context& context, const PortView& port, rte_mbuf* packet,
                                      const net::Fragment& fragment, const net::Flow& flow) {
  const table::SessionRef ref = context.sessions.find(flow);
  if (ref.index != table::kNoSession) {
    return ref;
  }
  if (fragment.is_first()) {
    return open_session(context, port, packet, fragment, flow);
  }
  leave_without_session(context, port, packet, fragment);
  return {};
}

/// Does to a fragment what was decided about its datagram.
/// Returns false when it was dropped.
inline bool obey(Context& context, const PortView& port, rte_mbuf* packet,
                 const net::Fragment& fragment, const FragmentNote& note) {
  if (!note.decision.is_forwarded) {
    punt_fragment(context, port, packet, fragment);
    return true;
  }
  if (note.decision.owner != context.id) {
    context.fragment_notes.attach(packet, note);
    return hand_off(context, port, packet, note.decision.owner);
  }
  const net::Flow flow = flow_of(fragment, note.ports, note.decision.protocol);
  const table::SessionRef ref = find_session(context, port, packet, fragment, flow);
  return ref.index != table::kNoSession &&
         forward_fragment(context, port, packet, ref, fragment, note.decision);
}

/// Lets the fragments of a datagram follow its first.
inline void on_first(Context& context, const PortView& port, rte_mbuf* packet,
                     const net::Fragment& first, table::DatagramHandle datagram) {
  const table::FragmentDecision decision = decide(context, packet, first);
  if (obey(context, port, packet, first, {first.ports, decision})) {
    context.fragments.decide(datagram, decision, context.now);
  } else {
    context.fragments.refuse(datagram, context.now);
  }
}

/// Judges a fragment of a datagram this worker keeps.
inline void keep(Context& context, const PortView& port, rte_mbuf* packet,
                 const net::Fragment& fragment, uint32_t key_hash) {
  using Kind = table::FragmentOutcome::Kind;
  packet->port = port.dpdk_port;  // for when it is released
  const table::FragmentOutcome outcome =
      context.fragments.on_fragment(fragment, key_hash, context.now, packet);
  switch (outcome.kind) {
    case Kind::kForward:
      obey(context, port, packet, fragment, {outcome.ports, outcome.decision});
      break;
    case Kind::kFirst:
      on_first(context, port, packet, fragment, outcome.datagram);
      break;
    case Kind::kHeld:
      context.count(CounterId::kFragmentsHeld);
      break;
    case Kind::kDrop:
      drop(context, packet, drop_reason(outcome.reason));
      break;
  }
}

/// Takes one fragment, from a device or from another worker, a step further.
inline void on_fragment(Context& context, const PortView& port, Origin origin, rte_mbuf* packet) {
  const auto note = context.fragment_notes.take(packet);
  net::Fragment fragment;
  const net::FragmentVerdict verdict = read_fragment(packet, fragment);
  if (verdict != net::FragmentVerdict::kFragment) {
    return drop(context, packet, drop_reason(verdict));
  }
  if (note) {
    obey(context, port, packet, fragment, *note);
    return;
  }
  if (!concerns_sessions(context, fragment)) {
    return punt_fragment(context, port, packet, fragment);
  }
  const uint32_t key_hash = fragment.key.hash(context.sessions.hasher());
  const auto keeper = static_cast<uint8_t>(
      net::fragment_owner(key_hash, static_cast<uint32_t>(context.peers.size())));
  if (origin == Origin::kPort && keeper != context.id) {
    hand_off(context, port, packet, keeper);
    return;
  }
  keep(context, port, packet, fragment, key_hash);
}

/// Lets go of all fragments that parse put aside.
inline void fragments_stage(Context& context, const PortView& port, Origin origin, Burst& burst) {
  for (uint32_t i = 0; i < burst.fragment_count; ++i) {
    on_fragment(context, port, origin, burst.fragments[i]);
  }
}

/// Forwards or drops a fragment that was held.
inline void on_released(Context& context, const table::ReleasedFragment& released) {
  rte_mbuf* packet = released.packet;
  if (released.reason != table::FragmentDrop::kNone) {
    return drop(context, packet, drop_reason(released.reason));
  }
  net::Fragment fragment;
  if (read_fragment(packet, fragment) != net::FragmentVerdict::kFragment) {
    return drop(context, packet, CounterId::kDropFragmentMalformed);  // was read before: never
  }
  obey(context, context.ports[context.port_index[packet->port]], packet, fragment,
       {released.ports, released.decision});
}

/// Forgets datagrams that are overdue and sends what is held no more, a bounded number of each.
/// Returns how many.  Call: every turn.
inline uint32_t release_fragments(Context& context) {
  constexpr uint32_t kBudget = 32;
  const uint32_t looked_at = context.fragments.expire(context.now, kBudget);
  std::array<table::ReleasedFragment, kBudget> released;
  const uint32_t count = context.fragments.collect(released);
  for (uint32_t i = 0; i < count; ++i) {
    on_released(context, released[i]);
  }
  context.count(
      CounterId::kDatagramsPushedOut,
      context.fragments.pushed_out() - context.counters[CounterId::kDatagramsPushedOut].get());
  return looked_at + count;
}

}  // namespace sluice::dataplane

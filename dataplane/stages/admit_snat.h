// SPDX-License-Identifier: BSD-3-Clause
// Beside stage 3: packets of inside hosts, and to their public endpoints, open sessions of source
// NAT. Worker thread.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/context.h"
#include "dataplane/own_icmp.h"
#include "dataplane/punt.h"
#include "dataplane/stages/newcomer.h"
#include "dataplane/steering.h"
#include "lib/snapshot/snat_rules.h"

namespace sluice::dataplane {

/// The rule that takes a packet without service, or null. What looks like a NAT server's answer is
/// left alone.
inline const snapshot::SnatRule* snat_rule_for(const Context& context, const net::Flow& flow) {
  const snapshot::SnatRule* rule = context.snapshot->find_snat_rule(flow);
  return rule != nullptr && context.snapshot->is_nat_server(
                                static_cast<net::Protocol>(flow.protocol), flow.source)
             ? nullptr
             : rule;
}

/// Opens a session of `rule` between an inside endpoint and a remote one.
inline Admission create_snat_session(Context& context, const snapshot::SnatRule& rule,
                                     const net::Flow& from_inside) {
  const snapshot::Server remote{.id = rule.server_id,
                                .port_pool = 0,
                                .mode = table::ForwardingMode::kSnat,
                                .endpoint = from_inside.destination};
  return create_session_toward(context, rule.service, remote, from_inside, Lifetime::kTimeout);
}

/// A packet of an inside host. Its worker has all mappings of the host, so that they can share one
/// public address and one table knows them.
inline Admitted admit_inside(Context& context, const PortView& port, Origin origin,
                             const snapshot::SnatRule& rule, const Newcomer& newcomer) {
  const net::Address& host = newcomer.flow.source.address;
  const uint8_t owner = worker_of_host(context, host);
  if (owner != context.id && origin == Origin::kPort) {
    hand_off(context, port, newcomer.packet, owner);
    return {};
  }
  if (!newcomer.may_open_session) {
    drop(context, newcomer.packet, CounterId::kDropNoSession);
    return {};
  }
  if (newcomer.ttl <= 1) {
    refuse(context, port, newcomer.packet, CounterId::kDropTtlExceeded,
           net::IcmpErrorKind::kTimeExceeded);
    return {};
  }
  if (!is_client(context, host)) {
    drop(context, newcomer.packet, CounterId::kDropBadAddress);
    return {};
  }
  const Admission admission = create_snat_session(context, rule, newcomer.flow);
  if (admission.session == table::kNoSession) {
    refuse(context, port, newcomer.packet, admission.refusal,
           net::IcmpErrorKind::kAdminProhibited);  // RFC 5508 REQ-8
  }
  return {.session = admission.session};
}

/// The rule by which `newcomer`, from wherever, may open a session to the inside endpoint behind
/// `mapping`; or null.
inline const snapshot::SnatRule* rule_that_lets_in(const Context& context,
                                                   const table::Mapping& mapping,
                                                   const Newcomer& newcomer) {
  const net::Address& remote = newcomer.flow.source.address;
  const snapshot::SnatRule* rule = context.snapshot->snat_rule_of(mapping.server_id);
  const bool is_open =
      rule != nullptr && rule->filtering == snapshot::SnatFiltering::kEndpointIndependent &&
      newcomer.may_open_session && newcomer.ttl > 1 &&
      (is_client(context, remote) || context.snapshot->is_snat_address(remote)) &&
      Snat::is_usable(mapping,
                      context.snapshot->local_addresses_of(rule->service, newcomer.flow.is_v4()));
  return is_open ? rule : nullptr;
}

/// A packet to a public endpoint whose worker we are. Who has no business there hears nothing: an
/// unsolicited SYN may be one side of a simultaneous open, to which the other follows within
/// seconds (RFC 5382 REQ-4).
inline Admitted admit_from_outside(Context& context, const Newcomer& newcomer) {
  const net::Flow& flow = newcomer.flow;
  const auto index = context.mappings.find_outside(flow.protocol, flow.destination);
  const snapshot::SnatRule* rule =
      index == table::kNoMapping ? nullptr
                                 : rule_that_lets_in(context, context.mappings[index], newcomer);
  if (rule == nullptr) {
    drop(context, newcomer.packet, CounterId::kDropNoSession);
    return {};
  }
  const Admission admission = create_snat_session(
      context, *rule, {context.mappings[index].inside, flow.source, flow.protocol});
  if (admission.session == table::kNoSession) {
    drop(context, newcomer.packet, admission.refusal);
  }
  return {.session = admission.session, .direction = table::Direction::kToClient};
}

}  // namespace sluice::dataplane

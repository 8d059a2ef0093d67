// SPDX-License-Identifier: BSD-3-Clause
// Source NAT's part of a compilation. Control thread.
#include <algorithm>
#include <utility>

#include "control/compiler.h"

namespace sluice::control {
namespace {

std::optional<net::Protocol> protocol_of(config::SnatProtocol protocol) {
  switch (protocol) {
    case config::SnatProtocol::kTcp:
      return net::Protocol::kTcp;
    case config::SnatProtocol::kUdp:
      return net::Protocol::kUdp;
    case config::SnatProtocol::kIcmp:
      return net::Protocol::kIcmp;
    case config::SnatProtocol::kAny:
      break;
  }
  return std::nullopt;
}

// Without any: everywhere, in either IP version.
std::vector<snapshot::AddressRange> destinations_of(const config::SnatRule& rule) {
  if (!rule.to.empty()) {
    return rule.to;
  }
  return {snapshot::AddressRange::of({net::Ipv4{}, 0}),
          snapshot::AddressRange::of({net::Ipv6{}, 0})};
}

}  // namespace

void Compiler::forget_removed_rules(const config::Model& model) {
  for (auto& [name, record] : snat_rules_) {
    const bool is_configured =
        std::ranges::find(model.snat, name, &config::SnatRule::name) != model.snat.end();
    record.changes_without = is_configured ? 0 : record.changes_without + 1;
  }
  std::erase_if(snat_rules_, [&](const auto& entry) {
    const SnatRecord& record = entry.second;
    const bool is_gone = record.changes_without > 1 && !workers_.have_sessions(record.id);
    if (is_gone) {
      service_ids_.give_back(record.service_id);
      server_ids_.give_back(record.id);
    }
    return is_gone;
  });
}

Result<snapshot::SnatRuleSpec> Compiler::compile_rule(const config::SnatRule& rule,
                                                      const config::Model& model) {
  auto record = snat_rules_.find(rule.name);
  if (record == snat_rules_.end()) {
    const auto service_id = take_service_id();
    const auto id = take_server_id();
    if (!service_id || !id) {
      return tl::unexpected(!service_id ? service_id.error() : id.error());
    }
    record = snat_rules_.emplace(rule.name, SnatRecord{.service_id = *service_id, .id = *id}).first;
  }
  record->second.timeouts = rule.timeouts;
  auto addresses = local_addresses_of(rule.local_pool, model);
  if (!addresses) {
    return tl::unexpected(addresses.error());
  }
  return snapshot::SnatRuleSpec{.id = record->second.service_id,
                                .server_id = record->second.id,
                                .inside = rule.inside,
                                .destinations = destinations_of(rule),
                                .ports = rule.ports,
                                .protocol = protocol_of(rule.protocol),
                                .timeouts = rule.timeouts,
                                .filtering = rule.filtering,
                                .public_addresses = std::move(*addresses)};
}

std::optional<snapshot::ServerId> Compiler::snat_id(const config::SnatRule& rule) const {
  const auto known = snat_rules_.find(rule.name);
  return known == snat_rules_.end() ? std::nullopt : std::optional(known->second.id);
}

}  // namespace sluice::control

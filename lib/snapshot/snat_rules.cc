// SPDX-License-Identifier: BSD-3-Clause
// Adding source NAT rules to a snapshot and searching them. Control thread adds, workers search.
#include "lib/snapshot/snat_rules.h"

#include <netinet/in.h>

#include <algorithm>

namespace sluice::snapshot {
namespace {

bool has_ports(uint8_t protocol) { return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP; }

bool takes(const std::optional<net::Protocol>& wanted, uint8_t protocol) {
  const bool is_icmp = protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
  return wanted ? static_cast<uint8_t>(*wanted) == protocol ||
                      (*wanted == net::Protocol::kIcmp && is_icmp)
                : has_ports(protocol) || is_icmp;
}

bool contains(std::span<const net::Address> sorted, const net::Address& address) {
  return std::binary_search(sorted.begin(), sorted.end(), address);
}

// Nobody may forward packets to such addresses, and no session to them makes sense.
bool is_remote_host(const net::Address& address) {
  return address.is_unicast() && !address.is_link_local();
}

}  // namespace

bool SnatRules::is_in(IndexRange ranges, const net::Address& address) const {
  return std::any_of(ranges_.begin() + ranges.first, ranges_.begin() + ranges.end,
                     [&](const AddressRange& range) { return range.contains(address); });
}

bool SnatRules::matches_source(const SnatRule& rule, const net::Flow& flow) const {
  return takes(rule.protocol, flow.protocol) && is_in(rule.inside, flow.source.address);
}

const SnatRule* SnatRules::find(const net::Flow& flow) const {
  const uint16_t port = flow.destination.port.host();
  const auto found = std::ranges::find_if(rules_, [&](const SnatRule& rule) {
    const bool has_port =
        !has_ports(flow.protocol) || (rule.ports.first <= port && port <= rule.ports.last);
    return has_port && matches_source(rule, flow) &&
           is_in(rule.destinations, flow.destination.address);
  });
  return found == rules_.end() ? nullptr : &*found;
}

const SnatRule* SnatRules::find_by_source(const net::Flow& flow) const {
  const auto found = std::ranges::find_if(
      rules_, [&](const SnatRule& rule) { return matches_source(rule, flow); });
  return found == rules_.end() ? nullptr : &*found;
}

const SnatRule* SnatRules::find_by_server(ServerId server) const {
  const auto found = std::ranges::find(rules_, server, &SnatRule::server_id);
  return found == rules_.end() ? nullptr : &*found;
}

bool SnatRules::is_inside(const net::Address& address) const {
  return std::ranges::any_of(rules_,
                             [&](const SnatRule& rule) { return is_in(rule.inside, address); });
}

bool SnatRules::is_public(const net::Address& address) const {
  return contains(public_addresses_, address);
}

bool SnatRules::is_own(const net::Address& address) const {
  return contains(own_addresses_, address);
}

IndexRange SnatRules::add(std::span<const AddressRange> ranges) {
  const auto first = static_cast<uint32_t>(ranges_.size());
  ranges_.insert(ranges_.end(), ranges.begin(), ranges.end());
  return {first, static_cast<uint32_t>(ranges_.size())};
}

const SnatRule* Snapshot::search_snat_rules(const net::Flow& flow) const {
  const net::Address& destination = flow.destination.address;
  if (is_local_address(flow.source.address) || is_vip(flow.source.address)) {
    return nullptr;  // what we sent came round
  }
  if (snat_->is_public(destination)) {
    return has_ports(flow.protocol) ? snat_->find_by_source(flow) : nullptr;
  }
  const bool is_ours =
      is_vip(destination) || is_local_address(destination) || snat_->is_own(destination);
  return is_ours || !is_remote_host(destination) ? nullptr : snat_->find(flow);
}

const SnatRule* Snapshot::snat_rule_of(ServerId server) const {
  return snat_ == nullptr ? nullptr : snat_->find_by_server(server);
}

bool Snapshot::is_snat_inside(const net::Address& address) const {
  return snat_ != nullptr && snat_->is_inside(address);
}

bool Snapshot::is_snat_address(const net::Address& address) const {
  return snat_ != nullptr && snat_->is_public(address);
}

void SnapshotBuilder::add(const SnatRuleSpec& spec) {
  Snapshot& s = snapshot_;
  SnatRules& rules = snat_rules();
  PerVersion<IndexRange> public_addresses;
  for (const bool is_v4 : {true, false}) {
    public_addresses.of(is_v4) = add_local_addresses(spec.public_addresses, is_v4);
  }
  std::ranges::transform(spec.public_addresses, std::back_inserter(rules.public_addresses_),
                         &LocalAddress::address);
  s.configured_servers_[spec.server_id / 64] |= 1ULL << spec.server_id % 64;
  s.timeout_profile_of_[spec.server_id] = timeout_profile(spec.timeouts);
  SnatRule rule{.service = {},
                .server_id = spec.server_id,
                .ports = spec.ports,
                .protocol = spec.protocol,
                .filtering = spec.filtering,
                .inside = rules.add(spec.inside),
                .destinations = rules.add(spec.destinations)};
  rule.service.id = spec.id;
  rule.service.local_addresses = public_addresses;
  rules.rules_.push_back(rule);
}

void SnapshotBuilder::keep_from_snat(const net::Address& own_address) {
  own_addresses_.push_back(own_address);
}

SnatRules& SnapshotBuilder::snat_rules() {
  if (snapshot_.snat_ == nullptr) {
    snapshot_.snat_ = std::make_shared<SnatRules>();
  }
  return *snapshot_.snat_;
}

void SnapshotBuilder::finish_snat() {
  if (snapshot_.snat_ == nullptr) {
    return;
  }
  SnatRules& rules = *snapshot_.snat_;
  rules.own_addresses_ = std::move(own_addresses_);
  for (const auto& addresses : snapshot_.port_addresses_) {
    rules.own_addresses_.push_back(addresses.v4);
    rules.own_addresses_.push_back(addresses.v6);
  }
  std::ranges::sort(rules.own_addresses_);
  std::ranges::sort(rules.public_addresses_);
}

}  // namespace sluice::snapshot

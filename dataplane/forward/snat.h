// SPDX-License-Identifier: BSD-3-Clause
// Source NAT: what an inside host sends, I:iport -> D:dport, leaves as W:wport -> D:dport, and the
// answer the same way back. I:iport has one W:wport wherever it sends (RFC 4787 REQ-1). Worker
// thread.
#pragma once

#include <algorithm>

#include "dataplane/forward/mode.h"
#include "lib/snapshot/snat_rules.h"

namespace sluice::dataplane {

struct Snat {
  static constexpr table::ForwardingMode kMode = table::ForwardingMode::kSnat;

  /// `service` is a rule's, `server` is whom the packet is for.
  /// Errors: no mapping or no public port is free.
  static Opened open(Context& context, const snapshot::Service& service,
                     const snapshot::Server& server, const net::Flow& from_client,
                     table::Session& /*session*/) {
    const auto addresses = context.snapshot->local_addresses_of(service, from_client.is_v4());
    table::MappingIndex index = find_mapping(context, addresses, from_client);
    if (index == table::kNoMapping) {
      const auto opened = open_mapping(context, addresses, server, from_client);
      if (!opened) {
        return tl::unexpected(opened.error());
      }
      index = *opened;
    }
    context.mappings.hold(index);
    return net::Flow{context.mappings[index].outside, server.endpoint, from_client.protocol};
  }

  static void close(Context& context, const table::Session& /*session*/,
                    const net::Flow& to_server) {
    const auto index = context.mappings.find_outside(to_server.protocol, to_server.source);
    if (index != table::kNoMapping && context.mappings.let_go(index)) {
      context.local_ports.release(context.mappings[index].port_pool, to_server.source.port);
      context.mappings.erase(index);
    }
  }

  /// Whether new sessions of a rule with these public addresses may use `mapping`.
  static bool is_usable(const table::Mapping& mapping,
                        std::span<const snapshot::LocalAddress> addresses) {
    return !mapping.is_retired && !addresses.empty() && mapping.group == addresses.front().id &&
           std::ranges::find(addresses, mapping.outside.address,
                             &snapshot::LocalAddress::address) != addresses.end();
  }

 private:
  using Addresses = std::span<const snapshot::LocalAddress>;

  static table::MappingIndex find_mapping(Context& context, Addresses addresses,
                                          const net::Flow& from_client) {
    if (addresses.empty()) {
      return table::kNoMapping;
    }
    const auto index = context.mappings.find_inside(addresses.front().id, from_client.protocol,
                                                    from_client.source);
    if (index != table::kNoMapping && !is_usable(context.mappings[index], addresses)) {
      context.mappings.retire(index);  // a reload took its public address away
      return table::kNoMapping;
    }
    return index;
  }

  static tl::expected<table::MappingIndex, CounterId> open_mapping(Context& context,
                                                                   Addresses addresses,
                                                                   const snapshot::Server& server,
                                                                   const net::Flow& from_client) {
    if (context.mappings.is_full()) {
      return tl::unexpected(CounterId::kDropSnatMappingsFull);
    }
    table::Mapping mapping;
    if (!take_public_endpoint(context, addresses, from_client, mapping)) {
      return tl::unexpected(CounterId::kDropSnatNoPort);
    }
    mapping.inside = from_client.source;
    mapping.server_id = server.id;
    mapping.group = addresses.front().id;
    mapping.protocol = from_client.protocol;
    const table::MappingIndex index = context.mappings.open(mapping);
    if (index == table::kNoMapping) {
      context.local_ports.release(mapping.port_pool, mapping.outside.port);
      return tl::unexpected(CounterId::kDropSnatMappingsFull);
    }
    return index;
  }

  /// Takes a port of the host's own public address, which its address alone names; of another one
  /// only when that has none left (RFC 4787 REQ-2).
  /// Cost: at most kMaxTries pools.  Errors: false, when those have no free port.
  static bool take_public_endpoint(Context& context, Addresses addresses,
                                   const net::Flow& from_client, table::Mapping& mapping) {
    constexpr uint32_t kMaxTries = 16;
    const auto count = static_cast<uint32_t>(addresses.size());
    const uint32_t hash =
        context.sessions.hasher()(net::FlowKey6{{}, from_client.source.address.v6(), {}, {}, 0});
    auto place = static_cast<uint32_t>(uint64_t{hash} * count >> 32);
    for (uint32_t tried = 0; tried < std::min(count, kMaxTries); ++tried) {
      const snapshot::LocalAddress& local = addresses[place];
      const uint32_t pool = snapshot::snat_port_pool(local.id, from_client.protocol);
      if (const auto port = context.local_ports.take_like(pool, from_client.source.port)) {
        context.count(CounterId::kSnatUnpaired, tried == 0 ? 0 : 1);
        mapping.outside = {local.address, *port};
        mapping.port_pool = static_cast<uint16_t>(pool);
        return true;
      }
      place = place + 1 < count ? place + 1 : 0;
    }
    return false;
  }
};

static_assert(ForwardMode<Snat>);

}  // namespace sluice::dataplane

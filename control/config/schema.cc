// SPDX-License-Identifier: BSD-3-Clause
// The tables of keys: one line per key says how it is read. Control thread.
#include "control/config/schema.h"

#include <algorithm>
#include <charconv>

#include "control/config/address_ranges.h"
#include "lib/sched/registry.h"

namespace sluice::config {
namespace {

constexpr auto kRequired = Presence::kRequired;

/// "1024-65535"
void read_port_range(const Cursor& at, snapshot::PortRange& out) {
  const auto text = at.scalar("a range of ports");
  if (!text) {
    return;
  }
  const size_t dash = text->find('-');
  const auto first = net::parse_port(text->substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? std::nullopt : net::parse_port(text->substr(dash + 1));
  if (first && last) {
    out = {*first, *last};
  } else {
    at.fail(in_quotes(*text) + " is not a range of ports; allowed: such as 1024-65535");
  }
}

/// "0660": octal, as for chmod.
void read_mode(const Cursor& at, uint32_t& out) {
  const auto text = at.scalar("an octal file mode");
  if (!text) {
    return;
  }
  uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), mode, 8);
  if (error != std::errc{} || end != text->data() + text->size() || mode > kMaxSocketMode) {
    at.fail(in_quotes(*text) + " is not a file mode; allowed: octal \"0000\"..\"0777\"");
    return;
  }
  out = mode;
}

/// "default" or a prefix.
void read_target(const Cursor& at, net::Prefix& out) {
  if (at.node().text == "default") {
    out = {net::Address{}, 0};
  } else {
    at.read(out);
  }
}

/// How many addresses there are from `first` to `last`; nothing when the range is none, or so large
/// that it must be a mistake.
std::optional<uint32_t> range_size(const net::Address& first, const net::Address& last) {
  if (first.is_v4() != last.is_v4() || last < first ||
      net::Prefix{first, static_cast<uint8_t>(first.bits() - 24)}.network() !=
          net::Prefix{last, static_cast<uint8_t>(last.bits() - 24)}.network()) {
    return std::nullopt;
  }
  uint32_t size = 1;
  for (net::Address at = first; at != last; at = at.next()) {
    ++size;
  }
  return size;
}

/// One address, or "first-last" as all addresses between.
void read_addresses(const Cursor& at, std::vector<net::Address>& out) {
  const auto text = at.scalar("an address or a range");
  if (!text) {
    return;
  }
  const size_t dash = text->find('-');
  const auto first = net::Address::parse(text->substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? first : net::Address::parse(text->substr(dash + 1));
  const auto count = first && last ? range_size(*first, *last) : std::nullopt;
  if (!count) {
    at.fail(in_quotes(*text) +
            " is not an address or range; allowed: such as 10.0.0.10, 10.0.0.10-10.0.0.19 or "
            "2001:db8::10-2001:db8::19");
    return;
  }
  if (*count + out.size() > kLocalAddresses.max) {
    at.fail(std::to_string(*count + out.size()) + " addresses in one pool; allowed: at most " +
            std::to_string(kLocalAddresses.max));
    return;
  }
  net::Address address = *first;
  for (uint32_t i = 0; i < *count; ++i, address = address.next()) {
    out.push_back(address);
  }
}

void read_address_list(const Cursor& at, std::vector<net::Address>& out) {
  std::vector<std::vector<net::Address>> parts;
  read_list(at, parts, read_addresses);
  out.clear();
  for (const auto& part : parts) {
    out.insert(out.end(), part.begin(), part.end());
  }
}

/// "10.0.0.0/24" or "10.0.0.1-10.0.0.9"
void read_range(const Cursor& at, snapshot::AddressRange& out) {
  const auto text = at.scalar("a prefix or a range of addresses");
  if (!text) {
    return;
  }
  if (const auto range = parse_address_range(*text)) {
    out = *range;
  } else {
    at.fail(in_quotes(*text) +
            " is not a prefix or range; allowed: such as 10.0.0.0/24 (no bits set behind the "
            "length), 10.0.0.1-10.0.0.9 or 2001:db8::/64");
  }
}

void read_scheduler(const Cursor& at, std::string& out) {
  const auto text = at.scalar("the name of a scheduler");
  if (!text) {
    return;
  }
  if (sched::find_scheduler(*text) != nullptr) {
    out = *text;
    return;
  }
  std::vector<std::string_view> known;
  for (const auto* scheduler : sched::kSchedulers) {
    known.push_back(scheduler->name);
  }
  at.fail_word(*text, known);
}

constexpr auto kControlSocketFields = std::to_array<Field<Director::ControlSocket>>({
    {"path", [](const Cursor& at, auto& out) { at.read(out.path); }},
    {"mode", [](const Cursor& at, auto& out) { read_mode(at, out.mode); }},
    {"group", [](const Cursor& at, auto& out) { at.read(out.group); }},
});

constexpr auto kPollFields = std::to_array<Field<Director::Poll>>({
    {"mode", [](const Cursor& at, auto& out) { at.read(out.mode, kPollModes); }},
    {"max_sleep_us", [](const Cursor& at, auto& out) { at.read(out.max_sleep_us, kMaxSleepUs); }},
});

constexpr auto kPuntFields = std::to_array<Field<Director::Punt>>({
    {"control_pps", [](const Cursor& at, auto& out) { at.read(out.control_pps, kPuntPps); }},
    {"icmp_pps", [](const Cursor& at, auto& out) { at.read(out.icmp_pps, kPuntPps); }},
    {"other_pps", [](const Cursor& at, auto& out) { at.read(out.other_pps, kPuntPps); }},
});

constexpr auto kDirectorFields = std::to_array<Field<Director>>({
    {"workers", [](const Cursor& at, auto& out) { at.read(out.workers, kWorkers); }},
    {"control_socket",
     [](const Cursor& at, auto& out) { read_map(at, kControlSocketFields, out.control_socket); }},
    {"poll", [](const Cursor& at, auto& out) { read_map(at, kPollFields, out.poll); }},
    {"punt", [](const Cursor& at, auto& out) { read_map(at, kPuntFields, out.punt); }},
    {"local_ports", [](const Cursor& at, auto& out) { read_port_range(at, out.local_ports); }},
});

constexpr auto kDpdkFields = std::to_array<Field<Dpdk>>({
    {"huge_pages", [](const Cursor& at, auto& out) { at.read(out.huge_pages); }},
    {"memory_mb", [](const Cursor& at, auto& out) { at.read(out.memory_mb, kMemoryMb); }},
    {"control_core", [](const Cursor& at, auto& out) { at.read(out.control_core, kCore); }},
    {"worker_cores",
     [](const Cursor& at, auto& out) {
       read_list(at, out.worker_cores,
                 [](const Cursor& item, uint32_t& core) { item.read(core, kCore); });
     }},
    {"extra_args",
     [](const Cursor& at, auto& out) {
       read_list(at, out.extra_args,
                 [](const Cursor& item, std::string& argument) { item.read(argument); });
     }},
});

constexpr auto kLimitsFields = std::to_array<Field<Limits>>({
    {"sessions_per_worker",
     [](const Cursor& at, auto& out) { at.read(out.sessions_per_worker, kSessionsPerWorker); }},
    {"extended_sessions_per_worker",
     [](const Cursor& at, auto& out) {
       at.read(out.extended_sessions_per_worker, kSessionsPerWorker);
     }},
    {"services", [](const Cursor& at, auto& out) { at.read(out.services, kServices); }},
    {"servers", [](const Cursor& at, auto& out) { at.read(out.servers, kServers); }},
    {"local_addresses",
     [](const Cursor& at, auto& out) { at.read(out.local_addresses, kLocalAddresses); }},
    {"neighbours", [](const Cursor& at, auto& out) { at.read(out.neighbours, kNeighbours); }},
    {"snat_mappings_per_worker",
     [](const Cursor& at, auto& out) {
       at.read(out.snat_mappings_per_worker, kSnatMappingsPerWorker);
     }},
    {"packet_buffers",
     [](const Cursor& at, auto& out) { at.read(out.packet_buffers, kPacketBuffers); }},
});

constexpr auto kRouteFields = std::to_array<Field<Route>>({
    {"to", [](const Cursor& at, auto& out) { read_target(at, out.to); }, kRequired},
    {"via", [](const Cursor& at, auto& out) { at.read(out.via); }, kRequired},
});

constexpr auto kPortFields = std::to_array<Field<Port>>({
    {"name", [](const Cursor& at, auto& out) { at.read(out.name); }, kRequired},
    {"device", [](const Cursor& at, auto& out) { at.read(out.device); }},
    {"parent", [](const Cursor& at, auto& out) { at.read(out.parent); }},
    {"vlan", [](const Cursor& at, auto& out) { at.read(out.vlan, kVlan); }},
    {"mtu", [](const Cursor& at, auto& out) { at.read(out.mtu, kMtu); }},
    {"addresses",
     [](const Cursor& at, auto& out) {
       read_list(at, out.addresses,
                 [](const Cursor& item, net::Prefix& prefix) { item.read(prefix); });
     }},
    {"routes",
     [](const Cursor& at, auto& out) {
       read_list(at, out.routes,
                 [](const Cursor& item, Route& route) { read_map(item, kRouteFields, route); });
     }},
});

// A port needs a device unless it is a VLAN, and has its parent's MTU unless it says otherwise;
// only here is "unsaid" known.
void read_port(const Cursor& at, Port& out) {
  out.mtu = 0;
  read_map(at, kPortFields, out);
  const auto says = [&](std::string_view key) {
    return std::ranges::any_of(at.node().entries,
                               [&](const Entry& entry) { return entry.key == key; });
  };
  if (!says("device") && !says("parent") && !says("vlan")) {
    at.fail_at(at.node().place, KeyPath{&at.path(), "device"}, "missing; it has no default");
  }
}

constexpr auto kLocalPoolFields = std::to_array<Field<LocalPool>>({
    {"name", [](const Cursor& at, auto& out) { at.read(out.name); }, kRequired},
    {"port", [](const Cursor& at, auto& out) { at.read(out.port); }},
    {"addresses", [](const Cursor& at, auto& out) { read_address_list(at, out.addresses); },
     kRequired},
});

template <size_t... kState>
constexpr auto make_timeout_fields(std::index_sequence<kState...>) {
  return std::to_array<Field<table::Timeouts>>(
      {{kTimeoutKeys[kState], [](const Cursor& at, table::Timeouts& out) {
          at.read(out.seconds[kState], kTimeoutSeconds);
        }}...});
}

constexpr auto kTimeoutFields = make_timeout_fields(ServiceTimeouts());
constexpr auto kSnatTimeoutFields = make_timeout_fields(SnatTimeouts());

constexpr auto kServerFields = std::to_array<Field<Server>>({
    {"address", [](const Cursor& at, auto& out) { at.read(out.endpoint.address); }, kRequired},
    {"port", [](const Cursor& at, auto& out) { at.read(out.endpoint.port, kTransportPort); }},
    {"weight", [](const Cursor& at, auto& out) { at.read(out.weight, kWeight); }},
    {"mode", [](const Cursor& at, auto& out) { at.read(out.mode.emplace(), kForwardingModes); }},
});

constexpr auto kServiceFields = std::to_array<Field<Service>>({
    {"name", [](const Cursor& at, auto& out) { at.read(out.name); }},
    {"protocol", [](const Cursor& at, auto& out) { at.read(out.protocol, kProtocols); }, kRequired},
    {"vip", [](const Cursor& at, auto& out) { at.read(out.vip.address); }, kRequired},
    {"port", [](const Cursor& at, auto& out) { at.read(out.vip.port, kTransportPort); }, kRequired},
    {"interface", [](const Cursor& at, auto& out) { at.read(out.port); }},
    {"announce", [](const Cursor& at, auto& out) { at.read(out.announce, kAnnounces); }},
    {"scheduler", [](const Cursor& at, auto& out) { read_scheduler(at, out.scheduler); }},
    {"schedule_by", [](const Cursor& at, auto& out) { at.read(out.schedule_by, kScheduleBys); }},
    {"no_server", [](const Cursor& at, auto& out) { at.read(out.no_server, kNoServers); }},
    {"mode", [](const Cursor& at, auto& out) { at.read(out.mode, kForwardingModes); }},
    {"tunnel", [](const Cursor& at, auto& out) { at.read(out.tunnel.type, kTunnelTypes); }},
    {"gue_port", [](const Cursor& at, auto& out) { at.read(out.tunnel.gue_port, kTransportPort); }},
    {"local_pool", [](const Cursor& at, auto& out) { at.read(out.local_pool); }},
    {"client_address",
     [](const Cursor& at, auto& out) { at.read(out.client_address, kClientAddresses); }},
    {"sequence_numbers",
     [](const Cursor& at, auto& out) { at.read(out.sequence_numbers, kSequenceNumbers); }},
    {"timeouts", [](const Cursor& at, auto& out) { read_map(at, kTimeoutFields, out.timeouts); }},
    {"servers",
     [](const Cursor& at, auto& out) {
       read_list(at, out.servers,
                 [](const Cursor& item, Server& server) { read_map(item, kServerFields, server); });
     }},
});

// Servers listen on the service's port unless they say otherwise; only here is "unsaid" known.
void read_service(const Cursor& at, Service& out) {
  read_map(at, kServiceFields, out);
  for (Server& server : out.servers) {
    if (server.endpoint.port == net::Be16{}) {
      server.endpoint.port = out.vip.port;
    }
  }
}

constexpr auto kSnatFields = std::to_array<Field<SnatRule>>({
    {"name", [](const Cursor& at, auto& out) { at.read(out.name); }, kRequired},
    {"inside", [](const Cursor& at, auto& out) { read_list(at, out.inside, read_range); },
     kRequired},
    {"to", [](const Cursor& at, auto& out) { read_list(at, out.to, read_range); }},
    {"ports", [](const Cursor& at, auto& out) { read_port_range(at, out.ports); }},
    {"protocol", [](const Cursor& at, auto& out) { at.read(out.protocol, kSnatProtocols); }},
    {"local_pool", [](const Cursor& at, auto& out) { at.read(out.local_pool); }, kRequired},
    {"filtering", [](const Cursor& at, auto& out) { at.read(out.filtering, kSnatFilterings); }},
    {"timeouts",
     [](const Cursor& at, auto& out) { read_map(at, kSnatTimeoutFields, out.timeouts); }},
});

constexpr auto kModelFields = std::to_array<Field<Model>>({
    {"director", [](const Cursor& at, auto& out) { read_map(at, kDirectorFields, out.director); }},
    {"dpdk", [](const Cursor& at, auto& out) { read_map(at, kDpdkFields, out.dpdk); }},
    {"limits", [](const Cursor& at, auto& out) { read_map(at, kLimitsFields, out.limits); }},
    {"ports", [](const Cursor& at, auto& out) { read_list(at, out.ports, read_port); }, kRequired},
    {"local_pools",
     [](const Cursor& at, auto& out) {
       read_list(at, out.local_pools, [](const Cursor& item, LocalPool& pool) {
         read_map(item, kLocalPoolFields, pool);
       });
     }},
    {"services", [](const Cursor& at, auto& out) { read_list(at, out.services, read_service); }},
    {"snat",
     [](const Cursor& at, auto& out) {
       read_list(at, out.snat,
                 [](const Cursor& item, SnatRule& rule) { read_map(item, kSnatFields, rule); });
     }},
});

}  // namespace

void read_model(const Cursor& at, Model& out) { read_map(at, kModelFields, out); }

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  const auto add = [&keys](std::string_view prefix, const auto& fields) {
    for (const auto& field : fields) {
      keys.push_back(std::string(prefix) + std::string(field.key));
    }
  };
  add("", kModelFields);
  add("director.", kDirectorFields);
  add("director.control_socket.", kControlSocketFields);
  add("director.poll.", kPollFields);
  add("director.punt.", kPuntFields);
  add("dpdk.", kDpdkFields);
  add("limits.", kLimitsFields);
  add("ports[].", kPortFields);
  add("ports[].routes[].", kRouteFields);
  add("local_pools[].", kLocalPoolFields);
  add("services[].", kServiceFields);
  add("services[].timeouts.", kTimeoutFields);
  add("services[].servers[].", kServerFields);
  add("snat[].", kSnatFields);
  add("snat[].timeouts.", kSnatTimeoutFields);
  return keys;
}

}  // namespace sluice::config

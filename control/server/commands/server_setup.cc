// SPDX-License-Identifier: BSD-3-Clause
// Each forwarding mode's part of a real server's set-up. Control thread.
#include "control/server/commands/server_setup.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>

#include "control/config/names.h"

namespace sluice::control {
namespace {

using snapshot::ForwardingMode;
using snapshot::TunnelType;

// More routes than anybody would enter: such a pool wants one route by hand.
constexpr size_t kMaxRoutes = 16;

uint32_t ip_header_bytes(const net::Address& address) { return address.is_v4() ? 20 : 40; }
constexpr uint32_t kTcpBytes = 20;

/// iproute2 guesses the version from an address, but not everywhere.
std::string ip_command(const net::Address& address) { return address.is_v4() ? "ip " : "ip -6 "; }

uint32_t trailing_zero_bits(const net::Address& address) {
  uint32_t bits = 0;
  const auto& bytes = address.v6().bytes;
  for (size_t i = bytes.size(); i-- > 0 && bits < address.bits(); bits += 8) {
    if (bytes[i] != 0) {
      return bits + static_cast<uint32_t>(std::countr_zero(bytes[i]));
    }
  }
  return bits;
}

/// The fewest prefixes that hold exactly these addresses.
std::vector<net::Prefix> prefixes_of(std::vector<net::Address> addresses) {
  std::ranges::sort(addresses);
  std::vector<net::Prefix> prefixes;
  for (size_t first = 0; first < addresses.size();) {
    size_t run = 1;
    while (first + run < addresses.size() &&
           addresses[first + run] == addresses[first + run - 1].next()) {
      ++run;
    }
    // A prefix begins at a multiple of its size.
    const auto length_bits = std::min<uint32_t>(static_cast<uint32_t>(std::bit_width(run)) - 1,
                                                trailing_zero_bits(addresses[first]));
    prefixes.push_back(
        {addresses[first], static_cast<uint8_t>(addresses[first].bits() - length_bits)});
    first += size_t{1} << length_bits;
  }
  return prefixes;
}

std::string first_and_last(const std::vector<net::Address>& addresses) {
  const auto [first, last] = std::ranges::minmax(addresses);
  return first == last ? first.to_string() : first.to_string() + "-" + last.to_string();
}

/// The director on the network of a real server.
struct Attachment {
  net::Prefix network;
  uint16_t mtu = 1500;
  [[nodiscard]] std::string director() const { return network.address.to_string(); }
};

class Planner {
 public:
  explicit Planner(const config::Model& model) : model_(model) {
    for (const config::LocalPool& pool : model.local_pools) {
      for (const net::Address& address : pool.addresses) {
        pools_[pool.name].of(address.is_v4()).addresses.push_back(address);
      }
    }
    for (auto& [name, pool] : pools_) {
      pool.v4.prefixes = prefixes_of(pool.v4.addresses);
      pool.v6.prefixes = prefixes_of(pool.v6.addresses);
    }
  }

  void add(const config::Service& service) {
    for (const config::Server& server : service.servers) {
      begin(server.endpoint.address);
      const ForwardingMode mode = service.mode_of(server);
      setup().services.push_back(&service);
      setup().modes.push_back(mode);
      const std::optional<Attachment> attached = attachment(server.endpoint.address);
      switch (mode) {
        case ForwardingMode::kFullNat:
          plan_full_nat(service, attached);
          plan_client_address(service, server.endpoint);
          break;
        case ForwardingMode::kNat:
          plan_nat(attached);
          break;
        case ForwardingMode::kDirectRouting:
          plan_direct_routing(service, attached);
          break;
        case ForwardingMode::kTunnel:
          plan_tunnel(service, attached);
          break;
        case ForwardingMode::kSnat:  // of no server
          break;
      }
    }
  }

  std::vector<ServerSetup> take() { return std::move(setups_); }

 private:
  struct Pool {
    std::vector<net::Address> addresses;
    std::vector<net::Prefix> prefixes;
  };

  void begin(const net::Address& address) {
    const auto [found, is_new] = index_.try_emplace(address, setups_.size());
    current_ = found->second;
    if (is_new) {
      setups_.emplace_back().address = address;
      said_.emplace_back();
    }
  }
  ServerSetup& setup() { return setups_[current_]; }
  [[nodiscard]] const ServerSetup& setup() const { return setups_[current_]; }

  void command(std::string text) {
    if (said_[current_].insert(text).second) {
      setup().commands.push_back(std::move(text));
    }
  }
  void note(std::string text) {
    if (said_[current_].insert(text).second) {
      setup().notes.push_back(std::move(text));
    }
  }

  [[nodiscard]] std::optional<Attachment> attachment(const net::Address& server) const {
    for (const config::Port& port : model_.ports) {
      for (const net::Prefix& network : port.addresses) {
        if (network.contains(server)) {
          return Attachment{network, port.mtu};
        }
      }
    }
    return std::nullopt;
  }

  // Answers go to the local addresses, which a server on the same network finds by ARP or ND.
  void plan_full_nat(const config::Service& service, const std::optional<Attachment>& attached) {
    const auto found = pools_.find(service.local_pool);
    if (found == pools_.end()) {
      return;
    }
    const auto& [addresses, prefixes] = found->second.of(setup().address.is_v4());
    if (addresses.empty()) {
      return;
    }
    if (!attached) {
      return note("its routers must send packets to " + first_and_last(addresses) +
                  " to the director");
    }
    std::vector<std::string> routes;
    for (const net::Prefix& prefix : prefixes) {
      if (!attached->network.contains(prefix.address)) {
        routes.push_back(ip_command(prefix.address) + "route replace " + prefix.to_string() +
                         " via " + attached->director());
      }
    }
    if (routes.size() > kMaxRoutes) {
      return note("it needs a route to " + first_and_last(addresses) + " via " +
                  attached->director());
    }
    for (std::string& route : routes) {
      command(std::move(route));
    }
  }

  // Web servers that read the PROXY protocol believe it of these peers alone.
  void plan_client_address(const config::Service& service, const net::Endpoint& server) {
    using snapshot::ClientAddress;
    const bool is_tcp = service.protocol == net::Protocol::kTcp;
    switch (service.client_address) {
      case ClientAddress::kNone:
        break;
      case ClientAddress::kToa:
        note(
            "its kernel must read TCP option 254: load a toa module, or programs see the local "
            "address as their client");
        break;
      case ClientAddress::kUoa:
        note(
            "its kernel must take the header of IP protocol 248 off: load a uoa module, or it "
            "drops the first datagrams of each client");
        break;
      case ClientAddress::kProxyV1:
      case ClientAddress::kProxyV2:
        note(is_tcp ? "connections to " + server.to_string() +
                          " begin with a PROXY protocol header; nginx: listen " +
                          server.to_string() + " proxy_protocol; " + trusted_peers(service) +
                          "real_ip_header proxy_protocol;"
                    : "datagrams to " + server.to_string() +
                          " begin with a PROXY protocol header of version 2, which the server must "
                          "expect from the local addresses");
        break;
    }
  }

  // nginx's names for the local addresses.
  [[nodiscard]] std::string trusted_peers(const config::Service& service) const {
    const auto found = pools_.find(service.local_pool);
    std::string text;
    if (found != pools_.end()) {
      for (const net::Prefix& prefix : found->second.of(setup().address.is_v4()).prefixes) {
        text += "set_real_ip_from " + prefix.to_string() + "; ";
      }
    }
    return text;
  }

  void plan_nat(const std::optional<Attachment>& attached) {
    if (!attached) {
      return note("its routers must send all packets to clients through the director");
    }
    command(ip_command(setup().address) + "route replace default via " + attached->director());
    note(
        "clients in its own network would get answers past the director: serve them with full-nat");
  }

  // Before the VIP comes: not one ARP request for it may be answered. Linux answers neighbour
  // solicitations for the addresses of the interface they come in at alone: IPv6 needs nothing.
  void be_silent_about(const net::Address& vip) {
    if (vip.is_v4()) {
      command("sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2");
    }
  }

  void hold_vip(const net::Address& vip, const std::string& device) {
    command(ip_command(vip) + "address replace " + net::Prefix{vip, vip.bits()}.to_string() +
            " dev " + device);
  }

  void plan_direct_routing(const config::Service& service,
                           const std::optional<Attachment>& attached) {
    be_silent_about(service.vip.address);
    hold_vip(service.vip.address, "lo");
    if (!attached) {
      note("it must be on one network with the director: dr reaches it by MAC address");
    }
  }

  // The type of device that takes the outer header off.
  static std::string tunnel_device(TunnelType type, bool is_outer_v4, bool is_inner_v4) {
    if (type == TunnelType::kGre) {
      return is_outer_v4 ? "gre" : "ip6gre";
    }
    return !is_outer_v4 ? "ip6tnl" : is_inner_v4 ? "ipip" : "sit";
  }

  void plan_tunnel(const config::Service& service, const std::optional<Attachment>& attached) {
    const snapshot::Tunnel& tunnel = service.tunnel;
    const net::Address& vip = service.vip.address;
    const net::Address& server = setup().address;
    const std::string type = tunnel_device(tunnel.type, server.is_v4(), vip.is_v4());
    const std::string device = "sluice-" + type;
    be_silent_about(vip);
    if (tunnel.type == TunnelType::kGue) {
      // What comes out of the UDP socket is for the same device as without it.
      command(server.is_v4() ? "modprobe fou" : "modprobe fou6");
      command("ip fou add port " + std::to_string(tunnel.gue_port.host()) + " gue" +
              (server.is_v4() ? "" : " -6"));
    }
    // By itself an ip6tnl takes IPv6 alone.
    command("ip link add " + device + " type " + type + (type == "ip6tnl" ? " mode any" : "") +
            " local " + server.to_string());
    if (vip.is_v4()) {
      // Packets come in here and answers leave elsewhere: loose, the larger of "all" and this
      // counts. IPv6 has no such filter.
      command("sysctl -w net.ipv4.conf." + device + ".rp_filter=2");
    }
    hold_vip(vip, device);
    command("ip link set " + device + " up");
    const uint32_t mtu = attached ? attached->mtu : config::Port{}.mtu;
    const uint32_t room = mtu - tunnel.overhead(server.is_v4());
    note("clients' packets have room for " + std::to_string(room) +
         " bytes in the tunnel: routes to clients with \"advmss " +
         std::to_string(room - ip_header_bytes(vip) - kTcpBytes) + "\" spare them finding out");
  }

  const config::Model& model_;
  std::map<std::string_view, snapshot::PerVersion<Pool>> pools_;
  std::unordered_map<net::Address, size_t, net::AddressHash> index_;  // in setups_
  std::vector<ServerSetup> setups_;
  std::vector<std::set<std::string>> said_;  // parallel to setups_
  size_t current_ = 0;
};

}  // namespace

std::vector<ServerSetup> server_setups(const config::Model& model, std::optional<size_t> service) {
  Planner planner(model);
  for (size_t i = 0; i < model.services.size(); ++i) {
    if (!service || *service == i) {
      planner.add(model.services[i]);
    }
  }
  return planner.take();
}

}  // namespace sluice::control

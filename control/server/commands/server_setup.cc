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
constexpr uint32_t kTcpAndIpBytes = 40;

/// The fewest prefixes that hold exactly these addresses.
std::vector<net::Ipv4Prefix> prefixes_of(std::vector<net::Ipv4> addresses) {
  std::ranges::sort(addresses);
  std::vector<net::Ipv4Prefix> prefixes;
  for (size_t first = 0; first < addresses.size();) {
    const uint32_t start = addresses[first].host();
    size_t run = 1;
    while (first + run < addresses.size() && addresses[first + run].host() == start + run) {
      ++run;
    }
    // A prefix begins at a multiple of its size.
    const auto length_bits =
        std::min<uint32_t>(std::bit_width(run) - 1, static_cast<uint32_t>(std::countr_zero(start)));
    prefixes.push_back({addresses[first], static_cast<uint8_t>(32 - length_bits)});
    first += size_t{1} << length_bits;
  }
  return prefixes;
}

std::string first_and_last(const std::vector<net::Ipv4>& addresses) {
  const auto [first, last] = std::ranges::minmax(addresses);
  return first == last ? first.to_string() : first.to_string() + "-" + last.to_string();
}

/// The director on the network of a real server.
struct Attachment {
  net::Ipv4Prefix network;
  uint16_t mtu = 1500;
  [[nodiscard]] std::string director() const { return network.address.to_string(); }
};

class Planner {
 public:
  explicit Planner(const config::Model& model) : model_(model) {
    for (const config::LocalPool& pool : model.local_pools) {
      pools_.emplace(pool.name, Pool{pool, prefixes_of(pool.addresses)});
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
      }
    }
  }

  std::vector<ServerSetup> take() { return std::move(setups_); }

 private:
  struct Pool {
    const config::LocalPool& pool;
    std::vector<net::Ipv4Prefix> prefixes;
  };

  void begin(net::Ipv4 address) {
    const auto [found, is_new] = index_.try_emplace(address.host(), setups_.size());
    current_ = found->second;
    if (is_new) {
      setups_.emplace_back().address = address;
      said_.emplace_back();
    }
  }
  ServerSetup& setup() { return setups_[current_]; }

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

  [[nodiscard]] std::optional<Attachment> attachment(net::Ipv4 server) const {
    for (const config::Port& port : model_.ports) {
      for (const net::Ipv4Prefix& network : port.addresses) {
        if (network.contains(server)) {
          return Attachment{network, port.mtu};
        }
      }
    }
    return std::nullopt;
  }

  // Answers go to the local addresses, which a server on the same network finds by ARP.
  void plan_full_nat(const config::Service& service, const std::optional<Attachment>& attached) {
    const auto found = pools_.find(service.local_pool);
    if (found == pools_.end()) {
      return;
    }
    const auto& [pool, prefixes] = found->second;
    if (!attached) {
      return note("its routers must send packets to " + first_and_last(pool.addresses) +
                  " to the director");
    }
    std::vector<std::string> routes;
    for (const net::Ipv4Prefix& prefix : prefixes) {
      if (!attached->network.contains(prefix.address)) {
        routes.push_back("ip route replace " + prefix.to_string() + " via " + attached->director());
      }
    }
    if (routes.size() > kMaxRoutes) {
      return note("it needs a route to " + first_and_last(pool.addresses) + " via " +
                  attached->director());
    }
    for (std::string& route : routes) {
      command(std::move(route));
    }
  }

  void plan_nat(const std::optional<Attachment>& attached) {
    if (!attached) {
      return note("its routers must send all packets to clients through the director");
    }
    command("ip route replace default via " + attached->director());
    note(
        "clients in its own network would get answers past the director: serve them with full-nat");
  }

  // Before the VIP comes: not one ARP request for it may be answered.
  void be_silent_about_vip() {
    command("sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2");
  }

  void plan_direct_routing(const config::Service& service,
                           const std::optional<Attachment>& attached) {
    be_silent_about_vip();
    command("ip address replace " + service.vip.address.to_string() + "/32 dev lo");
    if (!attached) {
      note("it must be on one network with the director: dr reaches it by MAC address");
    }
  }

  void plan_tunnel(const config::Service& service, const std::optional<Attachment>& attached) {
    const snapshot::Tunnel& tunnel = service.tunnel;
    const std::string type = tunnel.type == TunnelType::kGre ? "gre" : "ipip";
    const std::string device = "sluice-" + type;
    be_silent_about_vip();
    if (tunnel.type == TunnelType::kGue) {
      // What comes out of the UDP socket is IPIP, for the same device.
      command("modprobe fou");
      command("ip fou add port " + std::to_string(tunnel.gue_port.host()) + " gue");
    }
    command("ip link add " + device + " type " + type + " local " + setup().address.to_string());
    // Packets come in here and answers leave elsewhere: loose, the larger of "all" and this counts.
    command("sysctl -w net.ipv4.conf." + device + ".rp_filter=2");
    command("ip address replace " + service.vip.address.to_string() + "/32 dev " + device);
    command("ip link set " + device + " up");
    const uint32_t mtu = attached ? attached->mtu : config::Port{}.mtu;
    const uint32_t room = mtu - tunnel.overhead();
    note("clients' packets have room for " + std::to_string(room) +
         " bytes in the tunnel: give its routes to clients \"advmss " +
         std::to_string(room - kTcpAndIpBytes) + "\"");
  }

  const config::Model& model_;
  std::map<std::string_view, Pool> pools_;
  std::unordered_map<uint32_t, size_t> index_;  // of an address in setups_
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

// SPDX-License-Identifier: BSD-3-Clause
// What the rules say of files that read well and cannot run.
#include "control/config/validate.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "control/config/names.h"
#include "tests/unit/control/config/bad_files.h"
#include "tests/unit/control/config/models.h"

namespace sluice::config {
namespace {

INSTANTIATE_TEST_SUITE_P(
    Rules, BadFile,
    testing::ValuesIn(std::vector<BadFileCase>{
        // clang-format off
    {"TooFewLocalPorts", "director: {workers: 8, local_ports: 1024-1100}\n" + kGood,
     {"t.yaml:1:37: director.local_ports: 77 ports are too few for 8 workers; allowed: at least 512 ports, such as 1024-65535"}},
    {"FewerCoresThanWorkers", "director: {workers: 2}\ndpdk: {worker_cores: [1]}\n" + kGood,
     {"t.yaml:2:22: dpdk.worker_cores: 1 cores for 2 workers (director.workers); allowed: one core per worker, a core may be named twice, or an empty list to choose them automatically"}},
    {"NoPort", edited("  - name: wan0\n"
     "    device: net_ring0\n"
     "    addresses: [192.0.2.1/24]\n",
     ""),
     {"t.yaml:1:1: ports: 0 ports; allowed: 1..32"}},
    {"AKernelDeviceAsDevice", edited("    device: net_ring0\n",
     "    device: eth0\n"),
     {"t.yaml:3:13: ports[0].device: \"eth0\" is not a device; allowed: a PCI address such as 0000:03:00.0, or a virtual device such as net_af_packet0,iface=eth1"}},
    {"APacketDeviceWithoutInterface", edited("    device: net_ring0\n",
     "    device: net_af_packet0\n"),
     {"t.yaml:3:13: ports[0].device: net_af_packet0 needs the network device it uses; append ,iface=NAME"}},
    {"OtherQueuePairsThanWorkers", edited("    device: net_ring0\n",
     "    device: \"net_af_packet0,iface=eth1,qpairs=3\"\n"),
     {"t.yaml:3:13: ports[0].device: qpairs=3 but director.workers is 1; each worker needs one queue pair: leave qpairs out"}},
    {"APciDeviceWithoutHugePages", "dpdk: {huge_pages: false}\n" + edited("    device: net_ring0\n",
     "    device: 0000:03:00.0\n"),
     {"t.yaml:4:13: ports[0].device: PCI device 0000:03:00.0 needs huge pages; set dpdk.huge_pages: true and reserve some (README.md)"}},
    {"ATooLongPortName", edited("  - name: wan0\n",
     "  - name: a-very-long-port-name\n"),
     {"t.yaml:2:11: ports[0].name: \"a-very-long-port-name\" cannot name a network device; allowed: 1..15 printable characters without \"/\", \":\" or spaces"}},
    {"RoutesTheKernelWouldRefuse", edited("    addresses: [192.0.2.1/24]\n",
     "    addresses: [192.0.2.1/24]\n"
     "    routes:\n"
     "      - {to: default, via: 10.0.0.1}\n"
     "      - {to: 10.1.2.3/8, via: 192.0.2.9}\n"
     "      - {to: default, via: 192.0.2.9}\n"),
     {"t.yaml:6:28: ports[0].routes[0].via: 10.0.0.1 is in no subnet of port wan0; the kernel would refuse the route: correct it or add an address to wan0",
      "t.yaml:7:14: ports[0].routes[1].to: 10.1.2.3/8 has bits set beyond its prefix; write 10.0.0.0/8",
      "t.yaml:8:14: ports[0].routes[2].to: 0.0.0.0/0 has a route already; keep one of them"}},
    {"APoolOnNoPort", edited("  - name: main\n",
     "  - name: main\n"
     "    port: wan1\n"),
     {"t.yaml:7:11: local_pools[0].port: no port is called \"wan1\"; allowed: the name of a port"}},
    {"AnEmptyPool", edited("    addresses: [192.0.2.20]\n",
     "    addresses: []\n"),
     {"t.yaml:7:16: local_pools[0].addresses: pool main has no address; allowed: at least one"}},
    {"LocalAddressesInUse", edited("    addresses: [192.0.2.20]\n",
     "    addresses: [192.0.2.1, 192.0.2.30, 192.0.2.30]\n"),
     {"t.yaml:7:16: local_pools[0].addresses: 192.0.2.1 is already an address of port wan0; a local address must be for sessions alone",
      "t.yaml:7:16: local_pools[0].addresses: 192.0.2.30 is already a local address of pool main"}},
    {"AMisspeltPool", edited("    port: 80\n",
     "    port: 80\n"
     "    local_pool: mian\n"),
     {"t.yaml:12:17: services[0].local_pool: no local_pool is called \"mian\"; did you mean \"main\"?"}},
    {"FullNatWithoutPool", edited("local_pools:\n"
     "  - name: main\n"
     "    addresses: [192.0.2.20]\n",
     ""),
     {"t.yaml:6:5: services[0].local_pool: full-nat needs local addresses; name a pool of local_pools"}},
    {"OneServerInFullNatWithoutPool", "ports: [{name: wan0, device: net_ring0}]\n"
     "services:\n"
     "  - protocol: tcp\n"
     "    vip: 192.0.2.10\n"
     "    port: 80\n"
     "    mode: nat\n"
     "    servers:\n"
     "      - {address: 192.0.2.101}\n"
     "      - {address: 192.0.2.102, mode: full-nat}\n",
     {"t.yaml:3:5: services[0].local_pool: full-nat needs local addresses; name a pool of local_pools"}},
    {"AMisspeltPoolThatNoServerNeeds", edited("    port: 80\n",
     "    port: 80\n"
     "    mode: dr\n"
     "    local_pool: mian\n"),
     {"t.yaml:13:17: services[0].local_pool: no local_pool is called \"mian\"; did you mean \"main\"?"}},
    {"ModesThatKeepThePort", edited("    port: 80\n",
     "    port: 80\n"
     "    mode: dr\n") +
     "      - {address: 192.0.2.102, port: 8080}\n"
     "      - {address: 192.0.2.103, port: 8080, mode: tunnel}\n"
     "      - {address: 192.0.2.104, port: 8080, mode: nat}\n"
     "      - {address: 192.0.2.105, port: 80}\n",
     {"t.yaml:15:38: services[0].servers[1].port: mode dr does not translate ports: leave it out, or use the service's 80",
      "t.yaml:16:38: services[0].servers[2].port: mode tunnel does not translate ports: leave it out, or use the service's 80"}},
    {"ATunnelThatBeginsNowhere", edited("    addresses: [192.0.2.1/24]\n",
     "") + "      - {address: 192.0.2.102, mode: tunnel}\n",
     {"t.yaml:13:38: services[0].servers[1].mode: a tunnel to an IPv4 server begins at such an address of the director; give the port toward the server one, under ports[].addresses"}},
    {"ATunnelOfAnIpVersionThatNoPortHas", kGood + "      - {address: \"2001:db8::2\", mode: tunnel}\n",
     {"t.yaml:14:40: services[0].servers[1].mode: a tunnel to an IPv6 server begins at such an address of the director; give the port toward the server one, under ports[].addresses"}},
    {"ATunnelFromALinkLocalAddressAlone", edited("    addresses: [192.0.2.1/24]\n",
     "    addresses: [192.0.2.1/24, \"fe80::1/64\"]\n") + "      - {address: 2001:db8::2, mode: tunnel}\n",
     {"t.yaml:14:38: services[0].servers[1].mode: a tunnel to an IPv6 server begins at such an address of the director; give the port toward the server one, under ports[].addresses"}},
    {"LinkLocalAndMulticastLocalAddresses", edited("    addresses: [192.0.2.20]\n",
     "    addresses: [192.0.2.20, \"fe80::20\", \"ff02::20\"]\n"),
     {"t.yaml:7:16: local_pools[0].addresses: fe80::20 is not a unicast address servers can answer to",
      "t.yaml:7:16: local_pools[0].addresses: ff02::20 is not a unicast address servers can answer to"}},
    {"NatToAnotherIpVersion", kGood + "      - {address: 2001:db8::2, mode: nat}\n"
     "      - {address: 2001:db8::3, mode: dr}\n",
     {"t.yaml:14:38: services[0].servers[1].mode: nat keeps the client's address, so 2001:db8::2 must be of the VIP's IP version; or use full-nat"}},
    {"FullNatToAnIpVersionThatThePoolLacks", kGood + "      - {address: 2001:db8::2}\n",
     {"t.yaml:14:19: services[0].servers[1].address: local_pool main has no IPv6 address to reach 2001:db8::2 from; add one to the pool"}},
    {"LinkLocalAndMulticastIpv6", edited("    vip: 192.0.2.10\n",
     "    vip: fe80::10\n") + "      - {address: \"fe80::2\", mode: dr}\n"
     "      - {address: \"ff02::2\", mode: dr}\n"
     "      - {address: \"::\", mode: dr}\n"
     "      - {address: \"::1\", mode: dr}\n",
     {"t.yaml:10:10: services[0].vip: fe80::10 is not a unicast address clients can route to",
      "t.yaml:14:19: services[0].servers[1].address: fe80::2 is not a unicast address packets can be routed to",
      "t.yaml:15:19: services[0].servers[2].address: ff02::2 is not a unicast address packets can be routed to",
      "t.yaml:16:19: services[0].servers[3].address: :: is not a unicast address packets can be routed to",
      "t.yaml:17:19: services[0].servers[4].address: ::1 is not a unicast address packets can be routed to"}},
    {"EdgesOfIpv6Subnets", edited("    addresses: [192.0.2.1/24]\n",
     "    addresses: [\"2001:db8::/64\", \"2001:db8:1::ffff:ffff:ffff:ffff/64\", \"2001:db8:2::/127\", \"2001:db8:3::/128\", \"ff02::1/64\", 192.0.2.255/24]\n"),
     {"t.yaml:4:17: ports[0].addresses[0]: 2001:db8::/64 cannot be a host's address; allowed: a unicast address that is not the first, nor with IPv4 the last, of its subnet",
      "t.yaml:4:112: ports[0].addresses[4]: ff02::1/64 cannot be a host's address; allowed: a unicast address that is not the first, nor with IPv4 the last, of its subnet",
      "t.yaml:4:126: ports[0].addresses[5]: 192.0.2.255/24 cannot be a host's address; allowed: a unicast address that is not the first, nor with IPv4 the last, of its subnet"}},
    {"Ipv6RoutesTheKernelWouldRefuse", edited("    addresses: [192.0.2.1/24]\n",
     "    addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"
     "    routes:\n"
     "      - {to: 2001:db8:1::1/48, via: 2001:db8::9}\n"
     "      - {to: 2001:db8:2::/48, via: 192.0.2.9}\n"
     "      - {to: 203.0.113.0/24, via: 2001:db8::9}\n"
     "      - {to: 2001:db8:3::/48, via: 2001:db8:3::9}\n"
     "      - {to: 2001:db8:4::/48, via: \"ff02::1\"}\n"
     "      - {to: 2001:db8:5::/48, via: \"fe80::9\"}\n"
     "      - {to: default, via: \"fe80::9\"}\n"
     "      - {to: default, via: 192.0.2.9}\n"
     "      - {to: default, via: 2001:db8::9}\n"),
     {"t.yaml:6:14: ports[0].routes[0].to: 2001:db8:1::1/48 has bits set beyond its prefix; write 2001:db8:1::/48",
      "t.yaml:7:36: ports[0].routes[1].via: 192.0.2.9 and 2001:db8:2::/48 are of different IP versions",
      "t.yaml:8:35: ports[0].routes[2].via: 2001:db8::9 and 203.0.113.0/24 are of different IP versions",
      "t.yaml:9:36: ports[0].routes[3].via: 2001:db8:3::9 is in no subnet of port wan0; the kernel would refuse the route: correct it or add an address to wan0",
      "t.yaml:10:36: ports[0].routes[4].via: ff02::1 is not a unicast address",
      "t.yaml:14:14: ports[0].routes[8].to: ::/0 has a route already; keep one of them"}},
    {"AnIpv6ServerThatIsTheDirector", edited("    addresses: [192.0.2.20]\n",
     "    addresses: [192.0.2.20, \"2001:db8::20\"]\n") + "      - {address: \"2001:DB8:0::20\"}\n"
     "      - {address: \"2001:db8::21\"}\n"
     "      - {address: \"2001:db8:0:0::21\"}\n",
     {"t.yaml:14:19: services[0].servers[1].address: 2001:db8::20 is a local address of pool main; packets would come back to the director",
      "t.yaml:16:19: services[0].servers[3].address: [2001:db8::21]:80 is given twice; give it once, with a higher weight"}},
    {"AMisspeltInterface", edited("    port: 80\n",
     "    port: 80\n"
     "    interface: wan1\n"),
     {"t.yaml:12:16: services[0].interface: no port is called \"wan1\"; did you mean \"wan0\"?"}},
    {"AVipThatIsALocalAddress", edited("    vip: 192.0.2.10\n",
     "    vip: 192.0.2.20\n"),
     {"t.yaml:10:10: services[0].vip: 192.0.2.20 is a local address of pool main; a VIP must be another address"}},
    {"AMulticastVip", edited("    vip: 192.0.2.10\n",
     "    vip: 224.0.0.1\n"),
     {"t.yaml:10:10: services[0].vip: 224.0.0.1 is not a unicast address clients can route to"}},
    {"AVipGivenTwice", kGood + "  - {name: other, protocol: tcp, vip: 192.0.2.10, port: 80}\n",
     {"t.yaml:14:39: services[1].vip: tcp 192.0.2.10:80 is already service tcp-192.0.2.10-80"}},
    {"AServiceNameGivenTwice", edited("  - protocol: tcp\n"
     "    vip: 192.0.2.10\n"
     "    port: 80\n"
     "    servers:\n"
     "      - {address: 192.0.2.101}\n",
     "  - name: web\n"
     "    protocol: tcp\n"
     "    vip: 192.0.2.10\n"
     "    port: 80\n"
     "    servers:\n"
     "      - {address: 192.0.2.101}\n"
     "  - {name: web, protocol: udp, vip: 192.0.2.10, port: 80}\n"),
     {"t.yaml:15:12: services[1].name: another service is called web already"}},
    {"AServerGivenTwice", kGood + "      - {address: 192.0.2.101, weight: 2}\n",
     {"t.yaml:14:19: services[0].servers[1].address: 192.0.2.101:80 is given twice; give it once, with a higher weight"}},
    {"ServersThatAreTheDirector", kGood + "      - {address: 192.0.2.10}\n"
     "      - {address: 192.0.2.20}\n"
     "      - {address: 192.0.2.1}\n",
     {"t.yaml:14:19: services[0].servers[1].address: 192.0.2.10 is the VIP of service tcp-192.0.2.10-80; packets would come back to the director",
      "t.yaml:15:19: services[0].servers[2].address: 192.0.2.20 is a local address of pool main; packets would come back to the director",
      "t.yaml:16:19: services[0].servers[3].address: 192.0.2.1 is an address of port wan0; packets would come back to the director"}},
    {"ATooLargeWeight", kGood + "      - {address: 192.0.2.102, weight: 65536}\n",
     {"t.yaml:14:40: services[0].servers[1].weight: 65536 is out of range; allowed: 0..65535"}},
    {"WrongTimeouts", edited("    port: 80\n",
     "    port: 80\n"
     "    timeouts: {established: 0, fin_wat: 5}\n"),
     {"t.yaml:12:29: services[0].timeouts.established: 0 is out of range; allowed: 1..2678400",
      "t.yaml:12:32: services[0].timeouts.fin_wat: unknown key; did you mean \"fin_wait\"?"}},
    {"MoreThanTheLimits", "limits: {services: 1, servers: 1, local_addresses: 1}\n"
     "ports:\n"
     "  - name: wan0\n"
     "    device: net_ring0\n"
     "    addresses: [192.0.2.1/24]\n"
     "local_pools:\n"
     "  - name: main\n"
     "    addresses: [192.0.2.20, 192.0.2.21]\n"
     "services:\n"
     "  - protocol: tcp\n"
     "    vip: 192.0.2.10\n"
     "    port: 80\n"
     "    servers:\n"
     "      - {address: 192.0.2.101}\n"
     "      - {address: 192.0.2.102}\n"
     "  - {protocol: udp, vip: 192.0.2.10, port: 80}\n",
     {"t.yaml:7:3: local_pools: 2 local_addresses are configured, limits.local_addresses allows 1; raise limits.local_addresses",
      "t.yaml:10:3: services: 2 services are configured, limits.services allows 1; raise limits.services",
      "t.yaml:10:3: services: 2 servers are configured, limits.servers allows 1; raise limits.servers"}},
    {"SeveralMistakesAtOnce", "director: {workers: 0}\n"
     "ports:\n"
     "  - name: wan0\n"
     "    devise: net_ring0\n"
     "    addresses: [192.0.2.1/24]\n"
     "local_pools:\n"
     "  - name: main\n"
     "    addresses: [192.0.2.20]\n"
     "services:\n"
     "  - protocol: tcp\n"
     "    vip: 192.0.2.10\n"
     "    port: 80\n"
     "    servers:\n"
     "      - {address: x, wieght: 1}\n",
     {"t.yaml:1:21: director.workers: 0 is out of range; allowed: 1..64",
      "t.yaml:3:5: ports[0].device: missing; it has no default",
      "t.yaml:4:5: ports[0].devise: unknown key; did you mean \"device\"?",
      "t.yaml:14:19: services[0].servers[0].address: \"x\" is not an IP address; allowed: such as 192.0.2.10 or 2001:db8::10",
      "t.yaml:14:22: services[0].servers[0].wieght: unknown key; did you mean \"weight\"?"}},
    {"AServiceNameWithASpace", edited("  - protocol: tcp\n",
     "  - name: \"web site\"\n"
     "    protocol: tcp\n"),
     {"t.yaml:9:11: services[0].name: \"web site\" is not a name; allowed: 1..64 letters, digits, \".\", \"_\", \"-\""}},
    {"ARelativeSocketPath", "director: {control_socket: {path: run.sock}}\n" + kGood,
     {"t.yaml:1:35: director.control_socket.path: \"run.sock\" cannot be a socket; allowed: an absolute path of at most 107 bytes"}},
    {"VlansThatCannotBe", edited("    addresses: [192.0.2.1/24]\n",
     "    addresses: [192.0.2.1/24]\n"
     "  - {name: a, parent: wan0, vlan: 100}\n"
     "  - {name: b, parent: wan1, vlan: 100}\n"
     "  - {name: c, parent: a, vlan: 7}\n"
     "  - {name: d, parent: wan0, vlan: 100}\n"
     "  - {name: e, parent: wan0, vlan: 5, mtu: 1501}\n"
     "  - {name: f, parent: wan0, vlan: 6, device: net_ring9}\n"
     "  - {name: g, parent: wan0}\n"
     "  - {name: h, vlan: 9}\n"),
     {"t.yaml:6:23: ports[2].parent: no port above is called \"wan1\"; allowed: the name of a port with a device, which stands before its VLANs",
      "t.yaml:7:23: ports[3].parent: a is a VLAN itself, and VLANs within VLANs are not known; name the port with the device: wan0",
      "t.yaml:8:35: ports[4].vlan: port a is VLAN 100 of wan0 already",
      "t.yaml:9:43: ports[5].mtu: 1501 is more than the 1500 of wan0; lower it, or raise mtu of wan0",
      "t.yaml:10:46: ports[6].device: a VLAN uses the device of its parent; leave out device, or parent and vlan",
      "t.yaml:11:23: ports[7].parent: a VLAN of wan0 needs its number; add vlan: 1..4094",
      "t.yaml:12:21: ports[8].vlan: VLAN 9 of which port? Name it with parent, and leave out device"}},
    {"AVlanOutOfRange", edited("    addresses: [192.0.2.1/24]\n",
     "    addresses: [192.0.2.1/24]\n"
     "  - {name: a, parent: wan0, vlan: 4095}\n"),
     {"t.yaml:5:35: ports[1].vlan: 4095 is out of range; allowed: 1..4094"}},
    {"AnUnknownProtocol", edited("  - protocol: tcp\n",
     "  - protocol: dccp\n"),
     {"t.yaml:9:15: services[0].protocol: \"dccp\" is not known; allowed: tcp, udp, sctp"}},
        // clang-format on
    }),
    case_name);

TEST(Validate, AsksForNoPoolWhereNoServerNeedsOne) {
  for (const auto& [word, mode] : kForwardingModes) {
    Model model = small_model();
    model.local_pools.clear();
    for (Service& service : model.services) {
      service.mode = mode;
      service.local_pool.clear();
    }
    EXPECT_EQ(validate(model).empty(), mode != snapshot::ForwardingMode::kFullNat) << word;
  }
}

TEST(ValidateProperty, TakesEveryRandomModelAndItsMutations) {
  EXPECT_TRUE(rc::check([](uint64_t seed, uint64_t edit) {
    const Model model = random_model(seed);
    RC_ASSERT(validate(model).empty());
    for (const Problem& problem : validate(mutated(model, edit))) {
      RC_LOG() << problem.to_string() << "\n";
    }
    RC_ASSERT(validate(mutated(model, edit)).empty());
  }));
}

TEST(Validate, LooksNoFurtherOnceThereAreMoreProblemsThanAnyoneReads) {
  Model model = small_model();
  model.services.resize(5'000);
  EXPECT_EQ(validate(model).size(), kMaxProblems + 1);
}

}  // namespace
}  // namespace sluice::config

// SPDX-License-Identifier: BSD-3-Clause
// What the reader says of files it cannot read: syntax, keys, kinds and values.
#include <gtest/gtest.h>

#include "tests/unit/control/config/bad_files.h"

namespace sluice::config {
namespace {

INSTANTIATE_TEST_SUITE_P(
    Reader, BadFile,
    testing::ValuesIn(std::vector<BadFileCase>{
        // clang-format off
    {"AnEmptyFile", "",
     {"t.yaml: holds no configuration; start from conf/minimal.yaml"}},
    {"NothingButComments", "# nothing\n",
     {"t.yaml: holds no configuration; start from conf/minimal.yaml"}},
    {"NoMapOfSections", "hello\n",
     {"t.yaml: is no map of sections (director, ports, services, ...); start from conf/minimal.yaml"}},
    {"AnUnclosedList", "ports: [\n",
     {"t.yaml:2:1: not valid YAML: end of sequence flow not found"}},
    {"ATabAsIndent", "ports:\n"
     "\t- name: wan0\n",
     {"t.yaml:2:2: not valid YAML: a tab indents this line; use spaces"}},
    {"AControlByte", "ports:\n"
     "  - name: a\x04""b\n",
     {"t.yaml:2:12: not a text file: holds the byte \"\\x04\""}},
    {"ASecondDocument", kGood + "---\n" + kGood,
     {"t.yaml:15:1: a second document; only one per file is allowed"}},
    {"AnAlias", "a: &x 1\n"
     "b: *x\n",
     {"t.yaml:2:4: aliases (*name) are not supported; write the value out"}},
    {"DeepNesting", std::string(40, '[') + std::string(40, ']'),
     {"t.yaml:1:33: nested deeper than 32 levels"}},
    {"AListAsKey", "? [a, b]\n"
     ": 1\n",
     {"t.yaml:1:3: a key must be a word; is a closing \"}\" or \"]\" missing?"}},
    {"AMisspeltSection", edited("services:\n",
     "servics:\n"),
     {"t.yaml:8:1: servics: unknown key; did you mean \"services\"?"}},
    {"AKeyUnlikeAnyOther", edited("    port: 80\n",
     "    port: 80\n"
     "    weigth: 3\n"),
     {"t.yaml:12:5: services[0].weigth: unknown key; allowed: name, protocol, vip, port, interface, announce, scheduler, schedule_by, no_server, mode, tunnel, gue_port, local_pool, client_address, sequence_numbers, timeouts, servers"}},
    {"AnUnknownSection", kGood + "zebra: 1\n",
     {"t.yaml:14:1: zebra: unknown key; allowed: director, dpdk, limits, ports, local_pools, services, snat"}},
    {"AKeyGivenTwice", edited("    port: 80\n",
     "    port: 80\n"
     "    port: 81\n"),
     {"t.yaml:12:5: services[0].port: given twice, first on line 11; keep one of them"}},
    {"SomethingElseThanAList", "ports: wan0\n"
     "services: {a: 1}\n",
     {"t.yaml:1:8: ports: a single value where a list is expected; begin each entry with \"- \"",
      "t.yaml:2:11: services: a map where a list is expected; begin each entry with \"- \""}},
    {"SomethingElseThanAMap", "director: 5\n" + kGood,
     {"t.yaml:1:11: director: a single value where a map of \"key: value\" lines is expected"}},
    {"SomethingElseThanAValue", edited("    vip: 192.0.2.10\n",
     "    vip: [192.0.2.10]\n"),
     {"t.yaml:10:10: services[0].vip: a list where an IP address is expected"}},
    {"AKeyWithoutValue", edited("    vip: 192.0.2.10\n",
     "    vip:\n"),
     {"t.yaml:10:5: services[0].vip: nothing where an IP address is expected"}},
    {"AMissingKey", edited("    vip: 192.0.2.10\n",
     ""),
     {"t.yaml:9:5: services[0].vip: missing; it has no default"}},
    {"ATooLargePort", edited("    port: 80\n",
     "    port: 70000\n"),
     {"t.yaml:11:11: services[0].port: 70000 is out of range; allowed: 1..65535"}},
    {"AWordForANumber", edited("    port: 80\n",
     "    port: http\n"),
     {"t.yaml:11:11: services[0].port: \"http\" is not a whole number; allowed: 1..65535"}},
    {"ANegativeNumber", "director: {workers: -1}\n" + kGood,
     {"t.yaml:1:21: director.workers: \"-1\" is not a whole number; allowed: 1..64"}},
    {"ANumberBeyondAllTypes", "director: {workers: 99999999999999999999999}\n" + kGood,
     {"t.yaml:1:21: director.workers: 99999999999999999999999 is out of range; allowed: 1..64"}},
    {"TooManyWorkers", "director: {workers: 65}\n" + kGood,
     {"t.yaml:1:21: director.workers: 65 is out of range; allowed: 1..64"}},
    {"AWrongAddress", edited("      - {address: 192.0.2.101}\n",
     "      - {address: 192.0.2.300}\n"),
     {"t.yaml:13:19: services[0].servers[0].address: \"192.0.2.300\" is not an IP address; allowed: such as 192.0.2.10 or 2001:db8::10"}},
    {"AnInterfaceAddressWithoutPrefix", edited("    addresses: [192.0.2.1/24]\n",
     "    addresses: [192.0.2.1]\n"),
     {"t.yaml:4:17: ports[0].addresses[0]: \"192.0.2.1\" is not an IP address with a prefix length; allowed: such as 192.0.2.1/24 or 2001:db8::1/64"}},
    {"ANetworkAddressAsHost", edited("    addresses: [192.0.2.1/24]\n",
     "    addresses: [192.0.2.0/24]\n"),
     {"t.yaml:4:17: ports[0].addresses[0]: 192.0.2.0/24 cannot be a host's address; allowed: a unicast address that is not the first, nor with IPv4 the last, of its subnet"}},
    {"ARangeTurnedAround", edited("    addresses: [192.0.2.20]\n",
     "    addresses: [192.0.2.20-192.0.2.10]\n"),
     {"t.yaml:7:17: local_pools[0].addresses[0]: \"192.0.2.20-192.0.2.10\" is not an address or range; allowed: such as 10.0.0.10, 10.0.0.10-10.0.0.19 or 2001:db8::10-2001:db8::19"}},
    {"AHugeRange", edited("    addresses: [192.0.2.20]\n",
     "    addresses: [10.0.0.0-10.255.255.255]\n"),
     {"t.yaml:7:17: local_pools[0].addresses[0]: 16777216 addresses in one pool; allowed: at most 1024"}},
    {"AModeThatIsNotOctal", "director: {control_socket: {mode: \"0999\"}}\n" + kGood,
     {"t.yaml:1:35: director.control_socket.mode: \"0999\" is not a file mode; allowed: octal \"0000\"..\"0777\""}},
    {"AMisspeltWord", "director: {poll: {mode: bussy}}\n" + kGood,
     {"t.yaml:1:25: director.poll.mode: \"bussy\" is not known; did you mean \"busy\"?"}},
    {"AMisspeltScheduler", edited("    port: 80\n",
     "    port: 80\n"
     "    scheduler: wr\n"),
     {"t.yaml:12:16: services[0].scheduler: \"wr\" is not known; did you mean \"rr\"?"}},
    {"AnUnknownScheduler", edited("    port: 80\n",
     "    port: 80\n"
     "    scheduler: leastconn\n"),
     {"t.yaml:12:16: services[0].scheduler: \"leastconn\" is not known; allowed: rr, wrr"}},
    {"AMisspeltForwardingMode", edited("    port: 80\n",
     "    port: 80\n"
     "    mode: fullnat\n"),
     {"t.yaml:12:11: services[0].mode: \"fullnat\" is not known; did you mean \"full-nat\"?"}},
    {"AMisspeltModeOfAServer", edited("      - {address: 192.0.2.101}\n",
     "      - {address: 192.0.2.101, mode: tunel}\n"),
     {"t.yaml:13:38: services[0].servers[0].mode: \"tunel\" is not known; did you mean \"tunnel\"?"}},
    {"AnUnknownTunnel", edited("    port: 80\n",
     "    port: 80\n"
     "    tunnel: vxlan\n"),
     {"t.yaml:12:13: services[0].tunnel: \"vxlan\" is not known; allowed: ipip, gre, gue"}},
    {"AGuePortOutOfRange", edited("    port: 80\n",
     "    port: 80\n"
     "    gue_port: 0\n"),
     {"t.yaml:12:15: services[0].gue_port: 0 is out of range; allowed: 1..65535"}},
    {"ATunnelOfAServer", edited("      - {address: 192.0.2.101}\n",
     "      - {address: 192.0.2.101, tunnel: gre}\n"),
     {"t.yaml:13:32: services[0].servers[0].tunnel: unknown key; allowed: address, port, weight, mode"}},
    {"ANeitherTrueNorFalse", "dpdk: {huge_pages: maybe}\n" + kGood,
     {"t.yaml:1:20: dpdk.huge_pages: \"maybe\" is neither; allowed: true, false"}},
    {"Ipv6WrittenWrong", edited("    addresses: [192.0.2.20]\n",
     "    addresses: [2001:db8::20-192.0.2.20, \"2001:db8::20-2001:db8::10\", \"fe80::1%eth0\", \"::ffff:192.0.2.20\", \"[2001:db8::1]\", \"2001:db8::-2001:db9::\"]\n") +
     "      - {address: \"2001:db8::1::2\"}\n",
     {"t.yaml:7:17: local_pools[0].addresses[0]: \"2001:db8::20-192.0.2.20\" is not an address or range; allowed: such as 10.0.0.10, 10.0.0.10-10.0.0.19 or 2001:db8::10-2001:db8::19",
      "t.yaml:7:42: local_pools[0].addresses[1]: \"2001:db8::20-2001:db8::10\" is not an address or range; allowed: such as 10.0.0.10, 10.0.0.10-10.0.0.19 or 2001:db8::10-2001:db8::19",
      "t.yaml:7:71: local_pools[0].addresses[2]: \"fe80::1%eth0\" is not an address or range; allowed: such as 10.0.0.10, 10.0.0.10-10.0.0.19 or 2001:db8::10-2001:db8::19",
      "t.yaml:7:87: local_pools[0].addresses[3]: \"::ffff:192.0.2.20\" is not an address or range; allowed: such as 10.0.0.10, 10.0.0.10-10.0.0.19 or 2001:db8::10-2001:db8::19",
      "t.yaml:7:108: local_pools[0].addresses[4]: \"[2001:db8::1]\" is not an address or range; allowed: such as 10.0.0.10, 10.0.0.10-10.0.0.19 or 2001:db8::10-2001:db8::19",
      "t.yaml:7:125: local_pools[0].addresses[5]: \"2001:db8::-2001:db9::\" is not an address or range; allowed: such as 10.0.0.10, 10.0.0.10-10.0.0.19 or 2001:db8::10-2001:db8::19",
      "t.yaml:14:19: services[0].servers[1].address: \"2001:db8::1::2\" is not an IP address; allowed: such as 192.0.2.10 or 2001:db8::10"}},
    {"TooManyIpv6Addresses", edited("    addresses: [192.0.2.20]\n",
     "    addresses: [\"2001:db8::-2001:db8::ffff\"]\n"),
     {"t.yaml:7:17: local_pools[0].addresses[0]: 65536 addresses in one pool; allowed: at most 1024"}},
    {"AnIpv6PrefixTooLong", edited("    addresses: [192.0.2.1/24]\n",
     "    addresses: [2001:db8::1/129]\n"),
     {"t.yaml:4:17: ports[0].addresses[0]: \"2001:db8::1/129\" is not an IP address with a prefix length; allowed: such as 192.0.2.1/24 or 2001:db8::1/64"}},
    {"APortForAPortRange", "director: {local_ports: 1024}\n" + kGood,
     {"t.yaml:1:25: director.local_ports: \"1024\" is not a range of ports; allowed: such as 1024-65535"}},
        // clang-format on
    }),
    case_name);

}  // namespace
}  // namespace sluice::config

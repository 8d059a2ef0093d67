// SPDX-License-Identifier: BSD-3-Clause
// The table of verbs: words, arguments, help and examples. Single-threaded.
#include <array>

#include "tools/sluicectl/run.h"
#include "tools/sluicectl/show.h"
#include "tools/sluicectl/verb.h"

namespace sluice::ctl {
namespace {

using Kind = Argument::Kind;

constexpr Argument kService{Kind::kPlace, "SERVICE", "service", "",
                            "name, or protocol and VIP: tcp:192.0.2.10:80, tcp:[2001:db8::10]:80"};
constexpr Argument kServer{Kind::kPlace, "SERVER", "address", "",
                           "the real server's ADDRESS:PORT, for IPv6 [ADDRESS]:PORT"};
constexpr Argument kStats{Kind::kSwitch, "stats", nullptr, "",
                          "connections, packets and bytes since start"};
constexpr Argument kScheduler{Kind::kText, "scheduler", "scheduler", "NAME",
                              "rr (round robin) or wrr (weighted round robin, the default)"};
constexpr Argument kScheduleBy{Kind::kText, "schedule-by", "schedule_by", "UNIT",
                               "what gets a server: session (the default) or, for UDP by dr or "
                               "tunnel, packet (one-packet scheduling)"};
constexpr Argument kNoServer{Kind::kText, "no-server", "no_server", "ACTION",
                             "while no server takes sessions: reject (ICMP port unreachable, the "
                             "default) or drop"};
constexpr Argument kMode{
    Kind::kText, "mode", "mode", "MODE",
    "how packets reach the servers: full-nat (the default), nat, dr or tunnel"};
constexpr Argument kTunnel{Kind::kText, "tunnel", "tunnel", "TYPE",
                           "of servers in mode tunnel: ipip (the default), gre or gue"};
constexpr Argument kGuePort{Kind::kNumber, "gue-port", "gue_port", "NUMBER",
                            "UDP port of gue tunnels, default 6080"};
constexpr Argument kServerMode{Kind::kText, "mode", "mode", "MODE",
                               "forwarding mode of this server; default: the service's"};
constexpr Argument kPool{Kind::kText, "local-pool", "local_pool", "NAME",
                         "local addresses to use toward the servers; default: the only pool"};
constexpr Argument kClientAddress{
    Kind::kText, "client-address", "client_address", "HOW",
    "how full-nat servers learn the client's address: none (the default), toa, proxy-v1, proxy-v2 "
    "or uoa"};
constexpr Argument kSequenceNumbers{
    Kind::kText, "sequence-numbers", "sequence_numbers", "WHICH",
    "of TCP toward full-nat servers: keep (the default) the client's, or new (RFC 6528)"};
constexpr Argument kInterface{Kind::kText, "interface", "interface", "NAME",
                              "port whose kernel interface holds the VIP"};
constexpr Argument kAnnounce{Kind::kText, "announce", "announce", "WHO",
                             "kernel: the director adds the VIP to the interface; external: "
                             "keepalived or BIRD does"};
constexpr Argument kTimeouts{Kind::kTimeouts, "timeout", "timeouts", "STATE=SECONDS",
                             "idle timeout of a session state, e.g. established=900; repeatable"};

constexpr std::array kNameArguments = {kService};
constexpr std::array kStatsArguments = {kStats};
constexpr std::array kServiceAddArguments = {
    Argument{Kind::kOptionalPlace, "NAME", "name", "",
             "what to call it; default: tcp-192.0.2.10-80"},
    Argument{Kind::kNeededText, "vip", "vip", "ADDRESS:PORT",
             "virtual address and port; [ADDRESS]:PORT for IPv6"},
    Argument{Kind::kText, "protocol", "protocol", "PROTOCOL", "tcp (the default), udp or sctp"},
    kScheduler,
    kScheduleBy,
    kNoServer,
    kMode,
    kTunnel,
    kGuePort,
    kPool,
    kClientAddress,
    kSequenceNumbers,
    kInterface,
    kAnnounce,
    kTimeouts};
constexpr std::array kServiceSetArguments = {
    kService, kScheduler,     kScheduleBy,      kNoServer,  kMode,     kTunnel,  kGuePort,
    kPool,    kClientAddress, kSequenceNumbers, kInterface, kAnnounce, kTimeouts};
constexpr std::array kServerListArguments = {
    Argument{Kind::kOptionalPlace, "SERVICE", "service", "", "only this service's servers"},
    kStats};
constexpr std::array kServerAddArguments = {
    kService, kServer, Argument{Kind::kNumber, "weight", "weight", "NUMBER", "0..65535, default 1"},
    kServerMode};
constexpr std::array kServerSetArguments = {
    kService, kServer,
    Argument{Kind::kNumber, "weight", "weight", "NUMBER",
             "0..65535; 0 keeps its sessions and takes no new ones (drain)"},
    kServerMode};
constexpr std::array kServerArguments = {kService, kServer};
constexpr std::array kServerHowtoArguments = {
    Argument{Kind::kOptionalPlace, "SERVICE", "service", "", "only for this service's servers"},
    Argument{Kind::kText, "config", nullptr, "FILE",
             "of this configuration file; - is standard input; default: the running one"}};
constexpr std::array kSessionArguments = {
    Argument{Kind::kText, "client", "client", "ADDRESS", "only this client's"},
    Argument{Kind::kText, "service", "service", "SERVICE", "only this service's"},
    Argument{Kind::kText, "server", "server", "ADDRESS:PORT", "only this real server's"},
    Argument{Kind::kText, "protocol", "protocol", "PROTOCOL",
             "only tcp, udp, sctp, icmp or icmpv6"},
    Argument{Kind::kNumber, "limit", nullptr, "NUMBER", "stop after so many; default: all"}};
constexpr std::array kCountersArguments = {
    Argument{Kind::kSwitch, "all", nullptr, "", "zeros too, and what each counter means"}};
constexpr std::array kDiffArguments = {
    Argument{Kind::kOptionalPlace, "FILE", nullptr, "",
             "a configuration file; - is standard input; default: the director's own"},
    Argument{Kind::kSwitch, "exit-code", nullptr, "", "exit with 4 when there are changes"}};
constexpr std::array kSaveArguments = {
    Argument{Kind::kText, "output", nullptr, "FILE", "write to FILE instead of standard output"},
    Argument{Kind::kSwitch, "write", nullptr, "",
             "replace the director's own configuration file; the old one stays as FILE.bak"}};
constexpr std::array kHelpArguments = {
    Argument{Kind::kOptionalPlace, "COMMAND", nullptr, "", "a command to explain"},
    Argument{Kind::kOptionalPlace, "SUBCOMMAND", nullptr, "", "its second word"}};

constexpr auto kVerbs = std::to_array<Verb>({
    {"status",
     "status",
     "the director, its workers and ports, and what needs attention",
     {},
     "  sluicectl status\n"
     "  sluicectl --json status | jq .alarms\n",
     show_status},
    {"service list", "service.list", "services and real servers, like ipvsadm -ln", kStatsArguments,
     "  sluicectl service list\n"
     "  sluicectl service list --stats        like ipvsadm -ln --stats\n",
     show_services},
    {"service show", "service.show", "one service, all its settings", kNameArguments,
     "  sluicectl service show web\n"
     "  sluicectl service show tcp:192.0.2.10:80\n",
     show_service},
    {"service add", "service.add", "a new service, like ipvsadm -A", kServiceAddArguments,
     "  sluicectl service add web --protocol tcp --vip 192.0.2.10:80 --scheduler wrr\n"
     "  sluicectl server add web 10.0.0.3:80 --weight 2\n",
     show_changes},
    {"service set", "service.set", "changes what is given and keeps the rest, like ipvsadm -E",
     kServiceSetArguments,
     "  sluicectl service set web --scheduler rr\n"
     "  sluicectl service set web --timeout established=600 --timeout udp=30\n",
     show_changes},
    {"service delete", "service.delete", "removes a service and its servers, like ipvsadm -D",
     kNameArguments, "  sluicectl service delete web\n", show_changes},
    {"server list", "server.list", "real servers", kServerListArguments,
     "  sluicectl server list web\n"
     "  sluicectl server list --stats\n",
     show_servers},
    {"server add", "server.add", "a new real server, like ipvsadm -a", kServerAddArguments,
     "  sluicectl server add web 10.0.0.3:80 --weight 2\n"
     "  sluicectl server add web [2001:db8::3]:80\n",
     show_changes},
    {"server set", "server.set", "another weight or mode, like ipvsadm -e", kServerSetArguments,
     "  sluicectl server set web 10.0.0.3:80 --weight 0      drain it\n", show_changes},
    {"server delete", "server.delete", "removes a real server, like ipvsadm -d", kServerArguments,
     "  sluicectl server delete web 10.0.0.3:80\n", show_changes},
    {"server howto", "server.howto",
     "what to run on each real server for its forwarding mode; changes nothing",
     kServerHowtoArguments,
     "  sluicectl server howto web\n"
     "  sluicectl server howto --config draft.yaml\n"
     "  sluicectl --json server howto | jq -r '.servers[] | select(.address == \"10.0.0.3\")\n"
     "      | .commands[]' | ssh root@10.0.0.3\n",
     nullptr, server_howto},
    {"snat list", "snat.list", "source NAT rules, their sessions and the public ports in use",
     kStatsArguments,
     "  sluicectl snat list\n"
     "  sluicectl snat list --stats\n"
     "  sluicectl session list --client 10.0.0.7    what an inside host has open\n",
     show_snat},
    {"session list", "session.list", "sessions as they are found, like ipvsadm -lcn",
     kSessionArguments,
     "  sluicectl session list --client 198.51.100.7\n"
     "  sluicectl session list --service web --limit 20\n"
     "  sluicectl --json session list | jq -r .state | sort | uniq -c\n",
     nullptr, list_sessions},
    {"counters", "counters", "what the workers counted and dropped; zeros are left out",
     kCountersArguments,
     "  sluicectl counters\n"
     "  sluicectl counters --all              every counter and what it means\n"
     "  watch -d sluicectl counters\n",
     show_counters},
    {"neighbour list",
     "neighbour.list",
     "next hops and their link addresses",
     {},
     "  sluicectl neighbour list\n",
     show_neighbours},
    {"reload",
     "reload",
     "reads the configuration file again; all of it or nothing",
     {},
     "  sluicectl reload\n",
     show_changes},
    {"diff", "diff", "what a reload would change; changes nothing", kDiffArguments,
     "  sluicectl diff                        of the file that reload reads\n"
     "  sluicectl diff draft.yaml\n"
     "  sluicectl diff --exit-code draft.yaml && echo nothing to do\n",
     nullptr, diff_file},
    {"save", "save", "the running configuration as YAML, edits included", kSaveArguments,
     "  sluicectl save                        print it\n"
     "  sluicectl save --output backup.yaml\n"
     "  sluicectl save --write                make the edits survive a restart\n",
     nullptr, save},
    {"help", "", "this list, or one command explained", kHelpArguments,
     "  sluicectl help service add\n", nullptr, nullptr},
});

}  // namespace

std::span<const Verb> all_verbs() { return kVerbs; }

}  // namespace sluice::ctl

// SPDX-License-Identifier: BSD-3-Clause
// sluicectl against a control server: what it prints and how it exits.
#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/unit/control/server/sluicectl_fixture.h"
#include "tools/sluicectl/show.h"
#include "tools/sluicectl/table.h"

namespace sluice::ctl {
namespace {

using control::Json;

TEST_F(Sluicectl, ListsServicesLikeIpvsadm) {
  EXPECT_EQ(ctl({"service", "list"}), Exit::kOk) << err();
  EXPECT_EQ(out(),
            "Prot VIP:Port       Scheduler                                 Service\n"
            "  -> RIP:Port       Forward    Weight  ActiveConn  InActConn\n"
            "TCP  192.0.2.10:80  wrr                                       web\n"
            "  -> 10.0.0.2:80    full-nat        1           3          4\n"
            "  -> 10.0.0.3:80    full-nat        2           3          4\n"
            "UDP  192.0.2.10:53  rr                                        dns\n"
            "  -> 10.0.0.2:53    full-nat        1           0          0\n");
}

TEST_F(Sluicectl, ListsServicesWithStats) {
  EXPECT_EQ(ctl({"service", "list", "--stats"}), Exit::kOk) << err();
  EXPECT_NE(out().find("Conns  InPkts  OutPkts  InBytes  OutBytes"), std::string::npos) << out();
  EXPECT_NE(out().find("TCP  192.0.2.10:80     20     205      400     2000      4000  web"),
            std::string::npos)
      << out();
}

TEST_F(Sluicectl, EditsAndTellsWhatChanged) {
  EXPECT_EQ(
      ctl({"service", "add", "tls", "--protocol", "tcp", "--vip", "192.0.2.11:443", "--scheduler",
           "rr", "--local-pool", "lan", "--timeout", "established=600", "--timeout=udp=30"}),
      Exit::kOk)
      << err();
  EXPECT_NE(out().find("generation 2"), std::string::npos) << out();
  EXPECT_EQ(ctl({"server", "add", "tls", "10.0.0.4:443", "--weight", "2"}), Exit::kOk) << err();
  EXPECT_EQ(ctl({"server", "set", "tls", "10.0.0.4:443", "--weight", "0"}), Exit::kOk) << err();
  EXPECT_NE(out().find("2 -> 0"), std::string::npos) << out();
  EXPECT_EQ(ctl({"service", "set", "tls", "--scheduler", "wrr"}), Exit::kOk) << err();
  EXPECT_EQ(ctl({"service", "show", "tls"}), Exit::kOk) << err();
  EXPECT_NE(out().find("established=600"), std::string::npos) << out();
  EXPECT_EQ(ctl({"server", "list", "tls"}), Exit::kOk) << err();
  EXPECT_NE(out().find("10.0.0.4:443"), std::string::npos) << out();
  EXPECT_EQ(ctl({"server", "delete", "tls", "10.0.0.4:443"}), Exit::kOk) << err();
  EXPECT_EQ(ctl({"service", "delete", "tls"}), Exit::kOk) << err();
  EXPECT_EQ(director_.running().services.size(), 2U);
  EXPECT_EQ(ctl({"reload"}), Exit::kOk) << err();
  EXPECT_NE(out().find("nothing to change"), std::string::npos) << out();
}

TEST_F(Sluicectl, EveryVerbSpeaksJson) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"status"},
           {"service", "list"},
           {"service", "show", "web"},
           {"server", "list"},
           {"server", "howto"},
           {"counters"},
           {"neighbour", "list"},
           {"reload"},
           {"save"},
           {"server", "set", "web", "10.0.0.2:80", "--weight", "4"}}) {
    std::vector<std::string> with_json = words;
    with_json.emplace_back("--json");
    EXPECT_EQ(ctl(with_json), Exit::kOk) << err();
    EXPECT_TRUE(Json::parse(out()).is_object()) << out();
    EXPECT_EQ(out().find('\n'), out().size() - 1) << "one line";
  }
}

TEST_F(Sluicectl, EveryVerbSpeaksToHumans) {
  EXPECT_EQ(ctl({"status"}), Exit::kOk) << err();
  EXPECT_NE(out().find("up 1 h 2 min"), std::string::npos) << out();
  EXPECT_NE(out().find("alarms     none"), std::string::npos) << out();
  EXPECT_EQ(ctl({"neighbour", "list"}), Exit::kOk) << err();
  EXPECT_NE(out().find("02:00:00:00:00:02"), std::string::npos) << out();
  EXPECT_EQ(ctl({"server", "list", "--stats"}), Exit::kOk) << err();
  EXPECT_NE(out().find("InPkts"), std::string::npos) << out();
}

TEST_F(Sluicectl, HowtoIsAScriptForEachServer) {
  EXPECT_EQ(ctl({"server", "set", "web", "10.0.0.3:80", "--mode", "dr"}), Exit::kOk) << err();
  EXPECT_EQ(ctl({"server", "howto", "web"}), Exit::kOk) << err();
  EXPECT_EQ(out(),
            "# real server 10.0.0.2\n"
            "#   web, tcp 192.0.2.10:80, full-nat\n"
            "# nothing to do\n"
            "\n"
            "# real server 10.0.0.3\n"
            "#   web, tcp 192.0.2.10:80, dr\n"
            "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2\n"
            "ip address replace 192.0.2.10/32 dev lo\n"
            "\n");
}

TEST_F(Sluicectl, HowtoReadsAFileHere) {
  std::string text = control::kTestConfig;
  text.replace(text.find("port: 80"), 8, "port: 80\n    mode: tunnel\n    tunnel: gre");
  const std::string draft = folder_.file("draft.yaml");
  std::ofstream(draft) << text;
  EXPECT_EQ(ctl({"server", "howto", "--config", draft}), Exit::kOk) << err();
  EXPECT_NE(out().find("#   web, tcp 192.0.2.10:80, tunnel (gre)\n"), std::string::npos) << out();
  EXPECT_NE(out().find("\n# note: clients' packets have room for 1476 bytes"), std::string::npos)
      << out();
  EXPECT_EQ(ctl({"server", "howto", "--config", folder_.file("none.yaml")}), Exit::kUsage);
  EXPECT_NE(err().find("No such file"), std::string::npos) << err();
  EXPECT_EQ(ctl({"server", "howto", "wbe"}), Exit::kRefused);
}

TEST_F(Sluicectl, CountersLeaveZerosOutUnlessAsked) {
  director_.counters_[{0, dataplane::CounterId::kRxPackets}] = 4;
  EXPECT_EQ(ctl({"counters"}), Exit::kOk) << err();
  EXPECT_EQ(out(), "Counter     Total  Unit\nrx_packets      4  packets\n");
  EXPECT_EQ(ctl({"counters", "--all"}), Exit::kOk) << err();
  EXPECT_NE(out().find("drop_ttl_exceeded"), std::string::npos) << out();
  EXPECT_NE(out().find("TTL would become 0"), std::string::npos) << out();
}

TEST_F(Sluicectl, SessionsAreStreamedOneALine) {
  director_.sessions_ = control::make_sessions(2500);
  EXPECT_EQ(ctl({"--json", "session", "list"}), Exit::kOk) << err();
  std::istringstream lines(out());
  std::string line;
  size_t count = 0;
  while (std::getline(lines, line)) {
    ++count;
    ASSERT_TRUE(Json::parse(line).contains("client"));
  }
  EXPECT_EQ(count, 2500U);
  EXPECT_EQ(ctl({"session", "list", "--limit", "1500"}), Exit::kOk) << err();
  const std::string text = out();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1501);
  EXPECT_EQ(ctl({"session", "list", "--limit", "1"}), Exit::kOk) << err();
  EXPECT_EQ(out(),
            "Prot Expire   State       Client                Virtual               Local          "
            "       Server\n"
            "TCP  14:53    ESTABLISHED 198.51.100.7:1        192.0.2.10:80         10.0.0.100:1   "
            "       10.0.0.2:80\n");
}

TEST_F(Sluicectl, SessionColumnsFitTheFirstPageOfIpv6) {
  director_.sessions_ = control::make_sessions(2);
  dataplane::SessionInfo wide = director_.sessions_[0];
  wide.client = *net::Endpoint::parse("[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535");
  wide.vip = *net::Endpoint::parse("[2001:db8::10]:80");
  wide.mode = table::ForwardingMode::kDirectRouting;
  director_.sessions_.insert(director_.sessions_.begin() + 1, wide);
  EXPECT_EQ(ctl({"session", "list"}), Exit::kOk) << err();
  EXPECT_EQ(out(),
            "Prot Expire   State       Client                                         "
            "Virtual               Local                 Server\n"
            "TCP  14:53    ESTABLISHED 198.51.100.7:1                                 "
            "192.0.2.10:80         10.0.0.100:1          10.0.0.2:80\n"
            "TCP  14:53    ESTABLISHED [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535 "
            "[2001:db8::10]:80     -                     10.0.0.2:80\n"
            "TCP  14:53    ESTABLISHED 198.51.100.7:2                                 "
            "192.0.2.10:80         10.0.0.100:2          10.0.0.2:80\n");
}

TEST_F(Sluicectl, TakesAndShowsIpv6Everywhere) {
  EXPECT_EQ(ctl({"service", "add", "--vip", "[2001:DB8::10]:443", "--local-pool", "lan"}),
            Exit::kOk)
      << err();
  const std::string service = "tcp:[2001:db8::10]:443";
  EXPECT_EQ(ctl({"server", "add", service, "[fd00::2]:443", "--mode", "dr"}), Exit::kOk) << err();
  EXPECT_EQ(ctl({"server", "add", service, "10.0.0.9:8443", "--weight", "0"}), Exit::kOk) << err();
  EXPECT_EQ(ctl({"service", "list"}), Exit::kOk) << err();
  EXPECT_NE(out().find("TCP  [2001:db8::10]:443  wrr                                       "
                       "tcp-2001-db8--10-443\n"
                       "  -> [fd00::2]:443       dr              1 "),
            std::string::npos)
      << out();
  EXPECT_EQ(ctl({"server", "set", service, "[fd00:0::2]:443", "--weight", "5"}), Exit::kOk)
      << err();
  EXPECT_NE(out().find("[fd00::2]:443"), std::string::npos) << out();
  EXPECT_EQ(ctl({"--json", "service", "show", "tcp-2001-db8--10-443"}), Exit::kOk) << err();
  const Json shown = Json::parse(out());
  EXPECT_EQ(shown["vip"], "[2001:db8::10]:443");
  EXPECT_EQ(shown["servers"][0]["address"], "[fd00::2]:443");
  EXPECT_EQ(ctl({"session", "list", "--client", "2001:db8::7", "--server", "[fd00::2]:443"}),
            Exit::kOk)
      << err();
  EXPECT_EQ(director_.last_filter_.client, net::Address::parse("2001:db8::7"));
  EXPECT_EQ(ctl({"save"}), Exit::kOk) << err();
  EXPECT_NE(out().find("vip: 2001:db8::10\n"), std::string::npos) << out();
  EXPECT_EQ(ctl({"server", "delete", service, "[fd00::2]:443"}), Exit::kOk) << err();
  EXPECT_EQ(ctl({"service", "delete", service}), Exit::kOk) << err();
}

TEST_F(Sluicectl, Ipv6WithoutBracketsIsRefusedWithAnExample) {
  for (const std::string address : {"fd00::2:80", "[fd00::2]", "[fd00::2]:", "[10.0.0.2]:80"}) {
    EXPECT_EQ(ctl({"server", "add", "web", address}), Exit::kRefused) << address;
    EXPECT_NE(err().find("e.g. 10.0.0.3:80 or [2001:db8::3]:80"), std::string::npos) << err();
  }
}

TEST_F(Sluicectl, DiffTellsAndExitsWithFourOnlyWhenAsked) {
  const std::string same = folder_.file("same.yaml");
  std::ofstream(same) << control::kTestConfig;
  std::string text = control::kTestConfig;
  text.replace(text.find("weight: 2"), 9, "weight: 7");
  const std::string other = folder_.file("other.yaml");
  std::ofstream(other) << text;
  EXPECT_EQ(ctl({"diff", "--exit-code", same}), Exit::kOk) << err();
  EXPECT_EQ(out(), "no change\n");
  EXPECT_EQ(ctl({"diff", other}), Exit::kOk) << err();
  EXPECT_NE(out().find("2 -> 7"), std::string::npos) << out();
  EXPECT_EQ(ctl({"diff", "--exit-code", other}), Exit::kChanges);
  director_.config_path_ = other;
  EXPECT_EQ(ctl({"diff", "--exit-code"}), Exit::kChanges) << "the director's own file";
  std::ofstream(same) << control::kTestConfig << std::string(control::kMaxMessageBytes, '#');
  EXPECT_EQ(ctl({"diff", same}), Exit::kUsage) << "too large for a message";
  EXPECT_NE(err().find("call diff without FILE"), std::string::npos) << err();
  EXPECT_EQ(ctl({"diff", folder_.file("none.yaml")}), Exit::kUsage);
  EXPECT_NE(err().find("No such file"), std::string::npos) << err();
}

TEST_F(Sluicectl, AWrongFileIsReportedLineByLine) {
  const std::string wrong = folder_.file("wrong.yaml");
  std::ofstream(wrong) << "direktor: {}\nportz: []\n";
  EXPECT_EQ(ctl({"diff", wrong}), Exit::kRefused);
  const std::string text = err();
  EXPECT_NE(text.find("wrong.yaml:1:"), std::string::npos) << text;
  EXPECT_NE(text.find("wrong.yaml:2:"), std::string::npos) << text;
}

TEST_F(Sluicectl, SavesHereOrThere) {
  EXPECT_EQ(ctl({"save"}), Exit::kOk) << err();
  EXPECT_NE(out().find("services:"), std::string::npos) << out();
  const std::string path = folder_.file("saved.yaml");
  EXPECT_EQ(ctl({"save", "--output", path}), Exit::kOk) << err();
  EXPECT_EQ(*config::read_file(path), director_.running());
  director_.config_path_ = path;
  EXPECT_EQ(ctl({"save", "--write"}), Exit::kOk) << err();
  EXPECT_NE(out().find(path + ".bak"), std::string::npos) << out();
  EXPECT_EQ(ctl({"save", "--write", "--output", "x"}), Exit::kUsage);
  EXPECT_EQ(ctl({"save", "--output", folder_.file("no/where")}), Exit::kUsage);
}

TEST_F(Sluicectl, RefusalsAreOneLineAndExitOne) {
  EXPECT_EQ(ctl({"server", "set", "wbe", "10.0.0.2:80", "--weight", "1"}), Exit::kRefused);
  EXPECT_EQ(err(), "sluicectl: no service \"wbe\"; did you mean \"web\"?\n");
  EXPECT_EQ(ctl({"server", "add", "web", "10.0.0.9:80", "--weight", "70000"}), Exit::kRefused);
  EXPECT_EQ(err(), "sluicectl: weight: must be a whole number; allowed: 0..65535\n");
  EXPECT_EQ(ctl({"server", "set", "web", "10.0.0.2:80"}), Exit::kRefused);
  EXPECT_EQ(err(), "sluicectl: weight: missing; give a weight or a mode\n");
}

TEST_F(Sluicectl, WrongUsageExitsTwoAndTeaches) {
  const std::vector<std::vector<std::string>> wrong = {
      {"server", "set", "web"},
      {"service", "add", "web"},
      {"service", "show"},
      {"service"},
      {"frobnicate"},
      {"status", "extra"},
      {"status", "--frob"},
      {"server", "add", "web", "10.0.0.2:80", "--weight", "many"},
      {"service", "set", "web", "--timeout", "established"},
      {"help", "frob"},
      {"session", "list", "--limit"}};
  for (const auto& words : wrong) {
    EXPECT_EQ(ctl(words), Exit::kUsage) << words.front();
    const std::string text = err();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  }
}

TEST_F(Sluicectl, AMissingDirectorExitsThree) {
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run({"--socket=" + folder_.file("none.sock"), "status"}, out, err), Exit::kUnreachable);
  EXPECT_NE(err.str().find("systemctl start sluiced"), std::string::npos) << err.str();
}

TEST_F(Sluicectl, HelpNeedsNoDirectorAndCoversEveryVerb) {
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run({"--help"}, out, err), Exit::kOk);
  for (const Verb& verb : all_verbs()) {
    EXPECT_NE(out.str().find("  " + std::string(verb.name)), std::string::npos) << verb.name;
    std::ostringstream one;
    std::vector<std::string> words;
    std::istringstream names{std::string(verb.name)};
    for (std::string word; names >> word;) {
      words.push_back(word);
    }
    words.emplace_back("--help");
    EXPECT_EQ(run(words, one, err), Exit::kOk);
    EXPECT_NE(one.str().find("Usage: sluicectl " + std::string(verb.name)), std::string::npos);
    EXPECT_NE(one.str().find("Examples:\n  sluicectl"), std::string::npos) << verb.name;
    for (const Argument& argument : verb.arguments) {
      EXPECT_NE(one.str().find(argument.help), std::string::npos);
    }
  }
  EXPECT_EQ(run({}, out, err), Exit::kUsage);
}

TEST_F(Sluicectl, NumbersAreNumbersAndOptionsAreGivenOnce) {
  for (const std::string number : {"-1", "x", "1.5", "4294967296", ""}) {
    std::ostringstream out;
    std::ostringstream err;
    EXPECT_EQ(run({"server", "set", "web", "10.0.0.2:80", "--weight=" + number}, out, err),
              Exit::kUsage);
    EXPECT_NE(err.str().find("--weight"), std::string::npos) << err.str();
  }
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run({"service", "add", "--vip", "192.0.2.1:80", "--vip", "192.0.2.2:80"}, out, err),
            Exit::kUsage);
  EXPECT_EQ(err.str(),
            "sluicectl: --vip is given twice; \"sluicectl service add --help\" explains\n");
  EXPECT_EQ(run({"reload", "now"}, out, err), Exit::kUsage);
}

TEST_F(Sluicectl, EveryCommandOfTheDirectorHasAVerb) {
  Client client(path_);
  const Json help = Json::parse(client.call("help", Json::object())->dump());
  for (const Json& command : help["commands"]) {
    const std::string name = command["name"];
    const bool has_verb = std::ranges::any_of(
        all_verbs(), [&](const Verb& verb) { return verb.method == name || verb.name == name; });
    EXPECT_TRUE(has_verb) << name;
  }
}

TEST(Table, AlignsColumnsAndEndsLinesClean) {
  Table table({Align::kLeft, Align::kRight, Align::kLeft});
  table.add({"a", "1", ""});
  table.add({"long", "1000", "x"});
  table.add({"b"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(), "a        1\nlong  1000  x\nb\n");
}

TEST(Duration, ShowsTwoUnits) {
  EXPECT_EQ(duration(0), "0 s");
  EXPECT_EQ(duration(59), "59 s");
  EXPECT_EQ(duration(125), "2 min 5 s");
  EXPECT_EQ(duration(3'725), "1 h 2 min");
  EXPECT_EQ(duration(90'000), "1 d 1 h");
}

}  // namespace
}  // namespace sluice::ctl

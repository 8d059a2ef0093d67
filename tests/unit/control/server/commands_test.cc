// SPDX-License-Identifier: BSD-3-Clause
// What each command answers and changes.
#include <fstream>
#include <sstream>
#include <string>

#include "tests/unit/control/server/server_fixture.h"

namespace sluice::control {
namespace {

class Commands : public ServerTest {
 protected:
  void SetUp() override { start(); }

  static std::string slurp(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
};

TEST_F(Commands, StatusTellsTheWholeState) {
  const Json status = result("status");
  EXPECT_EQ(status["uptime_seconds"], 3725);
  EXPECT_EQ(status["generation"], 1);
  EXPECT_EQ(status["config_path"], "/etc/sluice/sluice.yaml");
  EXPECT_EQ(status["services"], 2);
  EXPECT_EQ(status["servers"], 3);
  EXPECT_EQ(status["sessions"], 5);
  EXPECT_EQ(status["session_capacity"], 2000);
  EXPECT_EQ(status["workers"].size(), 2U);
  EXPECT_EQ(status["ports"][1]["name"], "lan0");
  EXPECT_EQ(status["next_hops"]["count"], 2);
  EXPECT_EQ(status["next_hops"]["unresolved"], 1);
  EXPECT_TRUE(status["alarms"].empty()) << status["alarms"];
}

TEST_F(Commands, StatusTellsWhichLocalAddressesDrain) {
  EXPECT_TRUE(result("status")["draining"].empty());
  director_.draining_ = {{.port = "lan0", .address = *net::Ipv4::parse("10.0.0.101")}};
  EXPECT_EQ(result("status")["draining"],
            Json::array({{{"address", "10.0.0.101"}, {"port", "lan0"}}}));
}

TEST_F(Commands, StatusRaisesAlarms) {
  director_.sessions_of_worker_0_ = 801;
  director_.counters_[{1, dataplane::CounterId::kDropNoLocalPort}] = 3;
  director_.ports_[0].is_link_up = false;
  result("server.set", {{"service", "dns"}, {"address", "10.0.0.2:53"}, {"weight", 0}});
  const std::string alarms = result("status")["alarms"].dump();
  EXPECT_NE(alarms.find("worker 0: 801 of 1000 sessions"), std::string::npos) << alarms;
  EXPECT_NE(alarms.find("drop_no_local_port: 3 in the last minute"), std::string::npos) << alarms;
  EXPECT_NE(alarms.find("port wan0: link is down"), std::string::npos) << alarms;
  EXPECT_NE(alarms.find("service dns: no server with weight > 0"), std::string::npos) << alarms;
}

TEST_F(Commands, StatusTellsHowBusyWorkersAre) {
  director_.counters_[{0, dataplane::CounterId::kPolls}] = 1000;
  director_.counters_[{0, dataplane::CounterId::kIdlePolls}] = 250;
  EXPECT_EQ(result("status")["workers"][0]["busy_percent"], 75);
  EXPECT_EQ(result("status")["workers"][1]["busy_percent"], 0);
}

TEST_F(Commands, ServicesAreListedWithServersAndTotals) {
  const Json services = result("service.list")["services"];
  ASSERT_EQ(services.size(), 2U);
  const Json& web = services[0];
  EXPECT_EQ(web["name"], "web");
  EXPECT_EQ(web["protocol"], "tcp");
  EXPECT_EQ(web["vip"], "192.0.2.10:80");
  EXPECT_EQ(web["mode"], "full-nat");
  EXPECT_EQ(web["servers"][1]["address"], "10.0.0.3:80");
  EXPECT_EQ(web["servers"][1]["weight"], 2);
  EXPECT_EQ(web["servers"][1]["packets_in"], 103);
  EXPECT_EQ(web["packets_in"], 205);
  EXPECT_EQ(web["active"], 6);
  EXPECT_EQ(services[1]["active"], 0);
}

TEST_F(Commands, ServicesAreFoundByNameAndByAddress) {
  EXPECT_EQ(result("service.show", {{"service", "web"}})["timeouts"]["established"], 900);
  EXPECT_EQ(result("service.show", {{"service", "udp:192.0.2.10:53"}})["name"], "dns");
  const Json reply = ask("service.show", {{"service", "wbe"}});
  EXPECT_EQ(code_of(reply), -32001);
  EXPECT_NE(message_of(reply).find("did you mean \"web\"?"), std::string::npos);
}

TEST_F(Commands, AServiceIsAddedSetAndDeleted) {
  const Json added = result("service.add", {{"vip", "192.0.2.11:443"},
                                            {"name", "tls"},
                                            {"scheduler", "rr"},
                                            {"announce", "external"},
                                            {"timeouts", {{"established", 600}}}});
  EXPECT_EQ(added["generation"], 2);
  EXPECT_FALSE(added["changes"].empty());
  const config::Service service = director_.running().services.back();
  EXPECT_EQ(service.scheduler, "rr");
  EXPECT_EQ(service.announce, config::Announce::kExternal);
  EXPECT_EQ(service.timeouts[table::SessionState::kEstablished], 600U);
  EXPECT_EQ(service.local_pool, "lan") << "the only pool is the default";

  result("service.set", {{"service", "tls"}, {"scheduler", "wrr"}});
  EXPECT_EQ(director_.running().services.back().scheduler, "wrr");
  EXPECT_EQ(director_.running().services.back().announce, config::Announce::kExternal);

  result("service.delete", {{"service", "tcp:192.0.2.11:443"}});
  EXPECT_EQ(director_.running().services.size(), 2U);
  EXPECT_EQ(director_.generation(), 4U);
}

TEST_F(Commands, AServiceWithoutANameGetsOne) {
  result("service.add", {{"vip", "192.0.2.11:443"}});
  EXPECT_EQ(director_.running().services.back().name, "tcp-192.0.2.11-443");
}

TEST_F(Commands, AServiceCannotBeAddedTwice) {
  EXPECT_EQ(code_of(ask("service.add", {{"vip", "192.0.2.10:80"}})), -32002);
  EXPECT_EQ(code_of(ask("service.add", {{"vip", "192.0.2.99:80"}, {"name", "web"}})), -32002);
  EXPECT_EQ(director_.generation(), 1U);
}

TEST_F(Commands, WhatNamesAServiceCannotChange) {
  const Json reply = ask("service.set", {{"service", "web"}, {"vip", "192.0.2.12:80"}});
  EXPECT_EQ(code_of(reply), -32602);
  EXPECT_NE(message_of(reply).find("delete it and add another"), std::string::npos);
}

TEST_F(Commands, WrongSettingsAreExplained) {
  EXPECT_NE(message_of(ask("service.set", {{"service", "web"}, {"mode", "ful-nat"}}))
                .find("did you mean \"full-nat\"?"),
            std::string::npos);
  EXPECT_NE(message_of(ask("service.set", {{"service", "web"}, {"timeouts", {{"finwait", 1}}}}))
                .find("did you mean \"fin_wait\"?"),
            std::string::npos);
  EXPECT_EQ(code_of(ask("service.set", {{"service", "web"}, {"timeouts", {{"udp", -1}}}})), -32602);
  EXPECT_EQ(code_of(ask("service.set", {{"service", "web"}, {"timeouts", 5}})), -32602);
}

TEST_F(Commands, ARefusedEditChangesNothingAndTellsEveryProblem) {
  const Json reply =
      ask("service.set", {{"service", "web"}, {"scheduler", "wrrr"}, {"local_pool", "none"}});
  EXPECT_EQ(code_of(reply), -32000);
  EXPECT_EQ(reply["error"]["data"]["problems"].size(), 2U) << reply;
  EXPECT_NE(message_of(reply).find("(and 1 more)"), std::string::npos) << message_of(reply);
  EXPECT_EQ(director_.generation(), 1U);
}

TEST_F(Commands, AServerIsAddedSetAndDeleted) {
  result("server.add", {{"service", "web"}, {"address", "10.0.0.4:80"}, {"weight", 3}});
  EXPECT_EQ(director_.running().services[0].servers.back().weight, 3U);
  result("server.set", {{"service", "web"}, {"address", "10.0.0.4:80"}, {"weight", 0}});
  EXPECT_EQ(director_.running().services[0].servers.back().weight, 0U);
  EXPECT_EQ(result("server.list", {{"service", "web"}})["servers"].size(), 3U);
  EXPECT_EQ(result("server.list")["servers"].size(), 4U);
  result("server.delete", {{"service", "web"}, {"address", "10.0.0.4:80"}});
  EXPECT_EQ(director_.running().services[0].servers.size(), 2U);
}

TEST_F(Commands, ServerMistakesAreExplained) {
  EXPECT_EQ(code_of(ask("server.add", {{"service", "web"}, {"address", "10.0.0.2:80"}})), -32002);
  const Json unknown = ask("server.delete", {{"service", "web"}, {"address", "10.0.0.9:80"}});
  EXPECT_EQ(code_of(unknown), -32001);
  EXPECT_NE(message_of(unknown).find("10.0.0.2:80, 10.0.0.3:80"), std::string::npos);
  EXPECT_EQ(code_of(ask("server.set", {{"service", "web"}, {"address", "10.0.0.2:80"}})), -32602);
  EXPECT_EQ(code_of(ask("server.add", {{"service", "web"}, {"address", "ten"}})), -32602);
  EXPECT_EQ(code_of(ask("server.add", {{"service", "nil"}, {"address", "10.0.0.9:80"}})), -32001);
  EXPECT_EQ(code_of(ask("server.list", {{"service", "nil"}})), -32001);
}

TEST_F(Commands, ForwardingModesAreSetAndShown) {
  result("service.add", {{"vip", "192.0.2.11:443"},
                         {"name", "tls"},
                         {"mode", "tunnel"},
                         {"tunnel", "gue"},
                         {"gue_port", 6081}});
  result("server.add", {{"service", "tls"}, {"address", "10.0.0.4:443"}});
  result("server.add", {{"service", "tls"}, {"address", "10.0.0.5:443"}, {"mode", "nat"}});
  const Json tls = result("service.show", {{"service", "tls"}});
  EXPECT_EQ(tls["mode"], "tunnel");
  EXPECT_EQ(tls["tunnel"], "gue");
  EXPECT_EQ(tls["gue_port"], 6081);
  EXPECT_EQ(tls["servers"][0]["mode"], "tunnel") << "the service's";
  EXPECT_EQ(tls["servers"][1]["mode"], "nat");

  result("service.set", {{"service", "tls"}, {"mode", "dr"}});
  result("server.set", {{"service", "tls"}, {"address", "10.0.0.5:443"}, {"mode", "full-nat"}});
  const config::Service& service = director_.running().services.back();
  EXPECT_EQ(service.mode_of(service.servers[0]), snapshot::ForwardingMode::kDirectRouting);
  EXPECT_EQ(service.mode_of(service.servers[1]), snapshot::ForwardingMode::kFullNat);
  EXPECT_EQ(service.tunnel.type, snapshot::TunnelType::kGue) << "what is not given stays";
}

TEST_F(Commands, ClientAddressesAreSetAndShown) {
  const Json web = result("service.show", {{"service", "web"}});
  EXPECT_EQ(web["client_address"], "none");
  EXPECT_EQ(web["sequence_numbers"], "keep");
  result("service.set",
         {{"service", "web"}, {"client_address", "proxy-v2"}, {"sequence_numbers", "new"}});
  const Json changed = result("service.list")["services"][0];
  EXPECT_EQ(changed["client_address"], "proxy-v2");
  EXPECT_EQ(changed["sequence_numbers"], "new");
  const Json wrong = ask("service.set", {{"service", "web"}, {"client_address", "uoa"}});
  EXPECT_NE(message_of(wrong).find("uoa is for UDP services only"), std::string::npos);
}

TEST_F(Commands, ForwardingMistakesAreExplained) {
  EXPECT_EQ(code_of(ask("service.set", {{"service", "web"}, {"tunnel", "vxlan"}})), -32602);
  EXPECT_EQ(code_of(ask("service.set", {{"service", "web"}, {"gue_port", 0}})), -32602);
  EXPECT_EQ(code_of(ask("service.set", {{"service", "web"}, {"gue_port", 65536}})), -32602);
  EXPECT_NE(message_of(
                ask("server.add", {{"service", "web"}, {"address", "10.0.0.4:80"}, {"mode", "DR"}}))
                .find("allowed: full-nat, nat, dr, tunnel"),
            std::string::npos);
  const Json reply =
      ask("server.add", {{"service", "web"}, {"address", "10.0.0.4:8080"}, {"mode", "dr"}});
  EXPECT_EQ(code_of(reply), -32000);
  EXPECT_NE(message_of(reply).find("mode dr does not translate ports"), std::string::npos);
}

TEST_F(Commands, HowtoTellsEachServerWhatToRun) {
  result("service.set", {{"service", "web"}, {"mode", "dr"}});
  const Json servers = result("server.howto")["servers"];
  ASSERT_EQ(servers.size(), 2U);
  EXPECT_EQ(servers[0]["address"], "10.0.0.2");
  EXPECT_EQ(servers[0]["services"].dump(),
            R"([{"service":"web","protocol":"tcp","vip":"192.0.2.10:80","mode":"dr"},)"
            R"({"service":"dns","protocol":"udp","vip":"192.0.2.10:53","mode":"full-nat"}])");
  EXPECT_EQ(servers[0]["commands"][1], "ip address replace 192.0.2.10/32 dev lo");
  EXPECT_TRUE(servers[0]["notes"].empty());
  const Json of_dns = result("server.howto", {{"service", "dns"}})["servers"];
  ASSERT_EQ(of_dns.size(), 1U);
  EXPECT_TRUE(of_dns[0]["commands"].empty());
}

TEST_F(Commands, HowtoReadsADraft) {
  std::string text = kTestConfig;
  text.replace(text.find("port: 80"), 8, "port: 80\n    mode: tunnel");
  const Json servers = result("server.howto", {{"text", text}, {"service", "web"}})["servers"];
  EXPECT_EQ(servers[0]["services"][0]["tunnel"], "ipip");
  EXPECT_EQ(director_.generation(), 1U);
  const Json reply = ask("server.howto", {{"text", "ports: 5\n"}, {"name", "draft.yaml"}});
  EXPECT_EQ(code_of(reply), -32000);
  EXPECT_TRUE(message_of(reply).starts_with("draft.yaml:1:")) << message_of(reply);
  EXPECT_EQ(code_of(ask("server.howto", {{"service", "wbe"}})), -32001);
}

TEST_F(Commands, SessionsComePageByPage) {
  director_.sessions_ = make_sessions(25);
  Json cursor = "0";
  size_t seen = 0;
  for (bool is_last = false; !is_last;) {
    const Json page = result("session.list", {{"limit", 10}, {"cursor", cursor}});
    EXPECT_LE(page["sessions"].size(), 10U);
    seen += page["sessions"].size();
    cursor = page["cursor"];
    is_last = page["last"];
  }
  EXPECT_EQ(seen, 25U);
}

TEST_F(Commands, ASessionShowsItsFourEndpoints) {
  director_.sessions_ = make_sessions(1);
  const Json session = result("session.list")["sessions"][0];
  EXPECT_EQ(session["client"], "198.51.100.7:1");
  EXPECT_EQ(session["vip"], "192.0.2.10:80");
  EXPECT_EQ(session["local"], "10.0.0.100:1");
  EXPECT_EQ(session["server"], "10.0.0.2:80");
  EXPECT_EQ(session["state"], "ESTABLISHED");
  EXPECT_EQ(session["expires_in_seconds"], 893);
}

TEST_F(Commands, SessionFiltersReachTheWorkers) {
  result("session.list",
         {{"client", "198.51.100.7"}, {"service", "dns"}, {"server", "10.0.0.2:53"}});
  EXPECT_EQ(director_.last_filter_.client, net::Ipv4::parse("198.51.100.7"));
  EXPECT_EQ(director_.last_filter_.vip, net::Endpoint::parse("192.0.2.10:53"));
  EXPECT_EQ(director_.last_filter_.protocol, net::Protocol::kUdp);
  EXPECT_EQ(director_.last_filter_.server, net::Endpoint::parse("10.0.0.2:53"));
  EXPECT_TRUE(result("session.list", {{"service", "dns"}, {"protocol", "tcp"}})["last"]);
}

TEST_F(Commands, SessionMistakesAreExplained) {
  EXPECT_EQ(code_of(ask("session.list", {{"limit", 0}})), -32602);
  EXPECT_EQ(code_of(ask("session.list", {{"limit", 1001}})), -32602);
  EXPECT_EQ(code_of(ask("session.list", {{"cursor", "x"}})), -32602);
  EXPECT_EQ(code_of(ask("session.list", {{"cursor", 5}})), -32602);
  EXPECT_EQ(code_of(ask("session.list", {{"client", "10.0.0"}})), -32602);
  EXPECT_EQ(code_of(ask("session.list", {{"service", "nil"}})), -32001);
}

TEST_F(Commands, CountersComeWithUnitHelpAndWorkers) {
  director_.counters_[{0, dataplane::CounterId::kRxPackets}] = 4;
  director_.counters_[{1, dataplane::CounterId::kRxPackets}] = 6;
  const Json answer = result("counters");
  ASSERT_EQ(answer["counters"].size(), dataplane::kCounterCount);
  const Json& rx = answer["counters"][0];
  EXPECT_EQ(rx["name"], "rx_packets");
  EXPECT_EQ(rx["unit"], "packets");
  EXPECT_EQ(rx["total"], 10);
  EXPECT_EQ(rx["workers"].dump(), "[4,6]");
  EXPECT_EQ(answer["services"].size(), 2U);
}

TEST_F(Commands, NeighboursTellWhatIsResolved) {
  std::map<std::string, Json> by_address;
  const Json answer = result("neighbour.list");
  for (const Json& neighbour : answer["neighbours"]) {
    by_address[neighbour["address"]] = neighbour;
  }
  EXPECT_EQ(by_address["10.0.0.2"]["mac"], "02:00:00:00:00:02");
  EXPECT_EQ(by_address["10.0.0.2"]["port"], "lan0");
  EXPECT_TRUE(by_address["10.0.0.3"]["mac"].is_null());
  EXPECT_EQ(by_address["10.0.0.3"]["state"], "unresolved");
}

TEST_F(Commands, ReloadTellsWhatChanged) {
  director_.file_.services[0].servers[0].weight = 5;
  const Json answer = result("reload");
  ASSERT_EQ(answer["changes"].size(), 1U);
  EXPECT_NE(answer["changes"][0]["text"].get<std::string>().find("weight"), std::string::npos);
  EXPECT_EQ(answer["generation"], 2);
}

TEST_F(Commands, AChangeThatAWorkerHasNotConfirmedSaysSo) {
  EXPECT_FALSE(result("reload").contains("warning"));
  director_.warning_ = "generation 3 is not confirmed: worker 1 has not taken it";
  EXPECT_EQ(result("reload")["warning"], director_.warning_);
}

TEST_F(Commands, DiffChangesNothing) {
  std::string text = kTestConfig;
  text.replace(text.find("weight: 2"), 9, "weight: 7");
  const Json answer = result("diff", {{"text", text}});
  EXPECT_EQ(answer["changes"].size(), 1U);
  EXPECT_EQ(answer["changes"][0]["to"], "7");
  EXPECT_FALSE(answer["needs_restart"]);
  EXPECT_EQ(director_.generation(), 1U);
  EXPECT_TRUE(result("diff", {{"text", kTestConfig}})["changes"].empty());
}

TEST_F(Commands, DiffWithoutTextReadsTheDirectorsFile) {
  director_.config_path_ = folder_.file("sluice.yaml");
  std::string text = kTestConfig;
  text.replace(text.find("weight: 2"), 9, "weight: 7");
  std::ofstream(director_.config_path_) << text << std::string(2 * kMaxMessageBytes, '\n');
  const Json answer = result("diff");
  ASSERT_EQ(answer["changes"].size(), 1U);
  EXPECT_EQ(answer["changes"][0]["to"], "7");
}

TEST_F(Commands, DiffOfAWrongFileNamesTheLine) {
  const Json reply = ask("diff", {{"text", "direktor: {}\nports: 5\n"}, {"name", "draft.yaml"}});
  EXPECT_EQ(code_of(reply), -32000);
  EXPECT_EQ(reply["error"]["data"]["problems"][0]["line"], 1);
  EXPECT_TRUE(message_of(reply).starts_with("draft.yaml:1:")) << message_of(reply);
}

TEST_F(Commands, SaveGivesAFileThatReadsBackTheSame) {
  result("server.set", {{"service", "web"}, {"address", "10.0.0.2:80"}, {"weight", 8}});
  const auto read_back = config::read_text(result("save")["text"].get<std::string>(), "saved");
  ASSERT_TRUE(read_back.has_value());
  EXPECT_EQ(*read_back, director_.running());
}

TEST_F(Commands, SaveWritesTheFileAndKeepsTheOldOne) {
  director_.config_path_ = folder_.file("sluice.yaml");
  std::ofstream(director_.config_path_) << "# mine\n";
  std::filesystem::permissions(director_.config_path_, std::filesystem::perms::owner_read |
                                                           std::filesystem::perms::owner_write);
  const Json answer = result("save", {{"write", true}});
  EXPECT_EQ(answer["path"], director_.config_path_);
  EXPECT_EQ(slurp(answer["backup"]), "# mine\n");
  EXPECT_EQ(*config::read_file(director_.config_path_), director_.running());
  EXPECT_EQ(static_cast<unsigned>(std::filesystem::status(director_.config_path_).permissions()),
            0600U);
  EXPECT_FALSE(std::filesystem::exists(director_.config_path_ + ".new"));
  result("save", {{"write", true}});  // again, over its own backup
}

TEST_F(Commands, SaveThatCannotWriteSaysWhy) {
  director_.config_path_ = folder_.file("missing/sluice.yaml");
  const Json reply = ask("save", {{"write", true}});
  EXPECT_EQ(code_of(reply), -32005);
  EXPECT_NE(message_of(reply).find("No such file or directory"), std::string::npos);
}

}  // namespace
}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// What stays the same from one configuration to the next, and what a snapshot says. Tests.
#include "tests/unit/control/compiler_fixture.h"

namespace sluice::control {
namespace {

using snapshot::LocalAddressId;
using snapshot::ServerId;
using snapshot::Snapshot;

TEST_F(CompilerTest, SnapshotSaysWhatTheModelSays) {
  web().scheduler = "rr";
  web().servers[0].weight = 3;
  const auto snapshot = compile();
  EXPECT_EQ(snapshot->generation(), 1U);
  ASSERT_EQ(snapshot->services().size(), model_.services.size());
  const auto& service = find(*snapshot, web());
  EXPECT_EQ(service.scheduler, sched::find_scheduler("rr"));
  ASSERT_EQ(service.servers.size(), web().servers.size());
  EXPECT_EQ(snapshot->servers_of(service)[0].endpoint, web().servers[0].endpoint);
  EXPECT_EQ(snapshot->servers_of(service)[0].id, id_of(web(), 0));
  EXPECT_EQ(snapshot->candidates_of(service)[0].weight, 3U);
  const auto locals = snapshot->local_addresses_of(service, true);
  ASSERT_EQ(locals.size(), model_.local_pools[0].addresses.size());
  for (size_t i = 0; i < locals.size(); ++i) {
    EXPECT_EQ(locals[i].address, model_.local_pools[0].addresses[i]);
    EXPECT_TRUE(snapshot->is_local_address(locals[i].address));
  }
  EXPECT_TRUE(snapshot->is_vip(web().vip.address));
}

TEST_F(CompilerTest, TunnelsBeginAtTheFirstAddressOfEachIpVersionThatLeavesTheLink) {
  const auto prefix = [](const char* text) { return *net::Prefix::parse(text); };
  model_.ports[1].addresses = {prefix("fe80::1/64"), prefix("10.0.0.1/24"), prefix("fd00::1/64"),
                               prefix("fd00::2/64"), prefix("10.0.0.2/24")};
  const auto snapshot = compile();
  EXPECT_EQ(snapshot->port_addresses(1).v4, *net::Address::parse("10.0.0.1"));
  EXPECT_EQ(snapshot->port_addresses(1).v6, *net::Address::parse("fd00::1"));
  EXPECT_TRUE(snapshot->port_addresses(0).v6.is_unspecified());
}

TEST_F(CompilerTest, LocalAddressesAreKeptByIpVersion) {
  local_addresses().push_back(*net::Address::parse("fd00::10"));
  const auto snapshot = compile();
  const auto& service = find(*snapshot, web());
  EXPECT_EQ(snapshot->local_addresses_of(service, true).size(), 2U);
  ASSERT_EQ(snapshot->local_addresses_of(service, false).size(), 1U);
  EXPECT_EQ(snapshot->local_addresses_of(service, false)[0].address,
            *net::Address::parse("fd00::10"));
  EXPECT_TRUE(snapshot->is_local_address(*net::Address::parse("fd00::10")));
}

TEST_F(CompilerTest, IdsStayWhenOtherThingsComeAndGo) {
  const auto before = compile();
  const ServerId second = id_of(web(), 1);
  const auto service = find(*before, web()).id;
  web().servers.erase(web().servers.begin());
  std::swap(model_.services[0], model_.services[1]);
  const auto after = compile();
  const config::Service& moved = model_.services[1];
  EXPECT_EQ(id_of(moved, 0), second);
  EXPECT_EQ(find(*after, moved).id, service);
}

TEST_F(CompilerTest, NamesAndSettingsDoNotMakeAnotherService) {
  const auto before = find(*compile(), web()).id;
  web().name = "renamed";
  web().scheduler = "rr";
  EXPECT_EQ(find(*compile(), web()).id, before);
}

TEST_F(CompilerTest, ServersVersionChangesWithTheServersOnly) {
  const auto version = [&] { return find(*compile(), web()).servers_version; };
  const uint64_t first = version();
  web().timeouts.seconds[0] += 1;
  EXPECT_EQ(version(), first);
  web().servers[0].weight += 1;
  const uint64_t reweighted = version();
  EXPECT_NE(reweighted, first);
  web().servers.pop_back();
  EXPECT_NE(version(), reweighted);
}

TEST_F(CompilerTest, ServersVersionChangesWithTheScheduler) {
  const uint64_t before = find(*compile(), web()).servers_version;
  web().scheduler = "rr";
  EXPECT_NE(find(*compile(), web()).servers_version, before);
}

TEST_F(CompilerTest, ARemovedServerWithoutSessionsGivesItsIdBack) {
  (void)compile();
  const config::Server gone = web().servers.back();
  const ServerId id = id_of(web(), web().servers.size() - 1);
  web().servers.pop_back();
  EXPECT_FALSE(compile()->is_configured(id));
  (void)compile();
  EXPECT_EQ(compiler_.server_id(web(), gone), std::nullopt);
  while (web().servers.size() < 8 - model_.services[1].servers.size()) {
    add_server(web());
  }
  (void)compile();
  EXPECT_EQ(id_of(web(), web().servers.size() - 1), id) << "the last one free";
}

TEST_F(CompilerTest, AReusedIdBeginsWithCountersAtZero) {
  (void)compile();
  const ServerId id = id_of(web(), 0);
  counted_[id] = {.packets_in = 10,
                  .bytes_in = 1'000,
                  .packets_out = 9,
                  .bytes_out = 900,
                  .sessions_created = 3};
  EXPECT_EQ(compiler_.server_totals(id).packets_in, 10U);
  web().servers.erase(web().servers.begin());
  (void)compile();
  (void)compile();
  EXPECT_EQ(compiler_.server_totals(id).packets_in, 10U) << "nobody has the id yet";
  while (web().servers.size() < 8 - model_.services[1].servers.size()) {
    add_server(web());
  }
  (void)compile();
  ASSERT_EQ(id_of(web(), web().servers.size() - 1), id);
  counted_[id].packets_in += 5;
  counted_[id].active = 1;
  const dataplane::ServerTotals totals = compiler_.server_totals(id);
  EXPECT_EQ(totals.packets_in, 5U);
  EXPECT_EQ(totals.bytes_in, 0U);
  EXPECT_EQ(totals.packets_out, 0U);
  EXPECT_EQ(totals.bytes_out, 0U);
  EXPECT_EQ(totals.sessions_created, 0U);
  EXPECT_EQ(totals.active, 1U);
}

TEST_F(CompilerTest, ARemovedServerWithSessionsKeepsItsIdUntilTheyEnd) {
  (void)compile();
  const config::Server gone = web().servers.back();
  const ServerId id = id_of(web(), web().servers.size() - 1);
  with_sessions_ = {id};
  web().servers.pop_back();
  EXPECT_FALSE(compile()->is_configured(id));
  web().servers.push_back({.endpoint = {gone.endpoint.address, net::Be16::from_host(9'999)}});
  (void)compile();
  EXPECT_NE(id_of(web(), web().servers.size() - 1), id) << "sessions of one server counted twice";
  web().servers.back() = gone;
  EXPECT_TRUE(compile()->is_configured(id)) << "back with its sessions";
  EXPECT_EQ(id_of(web(), web().servers.size() - 1), id);
}

// A worker that has not got the snapshot yet opens one more session after the control thread
// looked.
TEST_F(CompilerTest, ARemovedServerKeepsItsIdUntilTheNextChange) {
  (void)compile();
  const config::Server gone = web().servers.back();
  const ServerId id = id_of(web(), web().servers.size() - 1);
  web().servers.pop_back();
  (void)compile();
  EXPECT_EQ(compiler_.server_id(web(), gone), id);
  with_sessions_ = {id};
  (void)compile();
  EXPECT_EQ(compiler_.server_id(web(), gone), id);
  with_sessions_.clear();
  (void)compile();
  EXPECT_EQ(compiler_.server_id(web(), gone), std::nullopt);
}

TEST_F(CompilerTest, SessionsOfARemovedServerKeepItsTimeouts) {
  web().timeouts.seconds.fill(7);
  (void)compile();
  const ServerId id = id_of(web(), 0);
  with_sessions_ = {id};
  web().servers.erase(web().servers.begin());
  web().timeouts.seconds.fill(8);
  EXPECT_EQ(compile()->timeouts_of(id)[0], seconds_to_ticks(7));
  model_.services.erase(model_.services.begin());
  EXPECT_EQ(compile()->timeouts_of(id)[0], seconds_to_ticks(7)) << "nor with its service";
}

TEST_F(CompilerTest, EqualEndpointsShareAPortPoolAndOthersDoNot) {
  model_.services[1].servers[0].endpoint = web().servers[0].endpoint;
  const auto snapshot = compile();
  const auto first = snapshot->servers_of(find(*snapshot, web()));
  const auto second = snapshot->servers_of(find(*snapshot, model_.services[1]));
  EXPECT_NE(first[0].id, second[0].id);
  EXPECT_EQ(first[0].port_pool, second[0].port_pool);
  EXPECT_NE(first[0].port_pool, first[1].port_pool);
}

TEST_F(CompilerTest, PortPoolStaysWhileAnotherServiceUsesTheEndpoint) {
  model_.services[1].servers[0].endpoint = web().servers[0].endpoint;
  const auto before = compile();
  const uint16_t pool = before->servers_of(find(*before, web()))[0].port_pool;
  web().servers.erase(web().servers.begin());
  web().servers.push_back(
      {.endpoint = {net::Ipv4::from_host(0x0A020305), net::Be16::from_host(80)}});
  const auto after = compile();
  EXPECT_EQ(after->servers_of(find(*after, model_.services[1]))[0].port_pool, pool);
  EXPECT_NE(after->servers_of(find(*after, web())).back().port_pool, pool);
}

TEST_F(CompilerTest, TellsWhatIsScheduledAndWhatClientsWithoutServerGet) {
  EXPECT_FALSE(find(*compile(), web()).is_one_packet);
  EXPECT_TRUE(find(*compile(), web()).rejects_without_server);
  web().schedule_by = config::ScheduleBy::kPacket;
  web().no_server = config::NoServer::kDrop;
  EXPECT_TRUE(find(*compile(), web()).is_one_packet);
  EXPECT_FALSE(find(*compile(), web()).rejects_without_server);
}

TEST_F(CompilerTest, TellsHowServersLearnTheirClients) {
  EXPECT_EQ(find(*compile(), web()).client_address, snapshot::ClientAddress::kNone);
  EXPECT_FALSE(find(*compile(), web()).renews_sequence_numbers);
  web().client_address = snapshot::ClientAddress::kToa;
  web().sequence_numbers = config::SequenceNumbers::kNew;
  EXPECT_EQ(find(*compile(), web()).client_address, snapshot::ClientAddress::kToa);
  EXPECT_TRUE(find(*compile(), web()).renews_sequence_numbers);
}

// The sessions of a service that had a NAT server live where their clients lead, and its answers
// lead there, too.
TEST_F(CompilerTest, ANatServerThatGoesLeavesItsSessionsWhereTheyAre) {
  web().servers[0].mode = snapshot::ForwardingMode::kNat;
  const net::Endpoint server = web().servers[0].endpoint;
  EXPECT_FALSE(find(*compile(), model_.services[1]).is_steered_by_client);
  EXPECT_TRUE(find(*compile(), web()).is_steered_by_client);
  web().servers.erase(web().servers.begin());
  const auto after = compile();
  EXPECT_TRUE(find(*after, web()).is_steered_by_client);
  EXPECT_TRUE(after->is_nat_server(web().protocol, server));
}

// [A, B, C] -> [C] -> [C, B, A]: a port of A that a live session has must not be lent again.
TEST_F(CompilerTest, ALocalAddressKeepsItsIdWhileItsPortsAreLent) {
  const net::Address a = local_addresses()[0], b = local_addresses()[1];
  const net::Address c = net::Ipv4::from_host(0x0A00000C);
  local_addresses() = {a, b, c};
  const auto before = compile();
  const LocalAddressId id_a = local_id(*before, a), id_b = local_id(*before, b);
  lent_ = {id_a, id_b};
  local_addresses() = {c};
  for (int change = 0; change < 3; ++change) {
    (void)compile();
  }
  local_addresses() = {c, b, a};
  const auto after = compile();
  EXPECT_EQ(local_id(*after, a), id_a);
  EXPECT_EQ(local_id(*after, b), id_b);
}

TEST_F(CompilerTest, ARemovedLocalAddressDrains) {
  const LocalAddressId id = local_id(*compile(), local_addresses()[1]);
  const net::Address gone = local_addresses()[1];
  lent_ = {id};
  local_addresses().pop_back();
  const auto draining = compile();
  EXPECT_TRUE(draining->is_local_address(gone)) << "answers of live sessions come to it";
  EXPECT_EQ(draining->local_addresses_of(find(*draining, web()), true).size(), 1U)
      << "lends no more";
  EXPECT_EQ(compiler_.draining(), std::vector({DrainingAddress{model_.local_pools[0].port, gone}}));
  EXPECT_FALSE(compiler_.has_drained());
  EXPECT_TRUE(compile()->is_local_address(gone));
  lent_.clear();
  EXPECT_TRUE(compiler_.has_drained());
  EXPECT_FALSE(compile()->is_local_address(gone));
  EXPECT_FALSE(compiler_.has_drained());
  EXPECT_TRUE(compiler_.draining().empty());
}

TEST_F(CompilerTest, ALocalAddressOfNoServiceDrains) {
  (void)compile();
  const net::Address address = local_addresses()[0];
  model_.services.clear();
  EXPECT_TRUE(compile()->is_local_address(address));
  EXPECT_FALSE(compile()->is_local_address(address));
}

TEST_F(CompilerTest, ANewLocalAddressIsRecognisedBeforeItLends) {
  (void)compile();
  config::Model next = model_;
  const net::Ipv4 added = net::Ipv4::from_host(0x0A00000C);
  next.local_pools[0].addresses.push_back(added);
  EXPECT_FALSE(compiler_.expect_local_addresses(model_).value());
  EXPECT_TRUE(compiler_.expect_local_addresses(next).value());
  const auto between = compile();
  EXPECT_TRUE(between->is_local_address(added));
  EXPECT_EQ(between->local_addresses_of(find(*between, web()), true).size(), 2U);
  model_ = next;
  EXPECT_EQ(find(*compile(), web()).local_addresses.v4.size(), 3U);
  EXPECT_TRUE(compiler_.draining().empty());
}

TEST_F(CompilerTest, TooManyServersNameTheLimit) {
  while (web().servers.size() < 9) {
    add_server(web());
  }
  const auto refused = compiler_.compile(model_, 1);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("limits.servers: 8"), std::string::npos)
      << refused.error().message;
}

TEST_F(CompilerTest, ACopyThatWasRefusedLeavesTheOriginalAlone) {
  (void)compile();
  const ServerId kept = id_of(web(), 1);
  config::Model too_large = config::large_model(1, 9);
  Compiler copy = compiler_;
  ASSERT_FALSE(copy.compile(too_large, 2));
  ASSERT_FALSE(copy.compile(too_large, 3));
  EXPECT_EQ(id_of(web(), 1), kept);
  EXPECT_EQ(copy.server_id(web(), web().servers[1]), std::nullopt);
}

}  // namespace
}  // namespace sluice::control

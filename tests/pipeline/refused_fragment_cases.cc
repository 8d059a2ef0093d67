// SPDX-License-Identifier: BSD-3-Clause
// Fragments that are dropped, each for the reason an operator would name, or that are the kernel's.
// Tests.
#include <netinet/in.h>

#include <string>

#include "tests/pipeline/cases.h"

namespace sluice::test {
namespace {

using dataplane::CounterId;
using snapshot::ForwardingMode;

constexpr uint16_t kLocalPort = 1024;

FrameBuilder request(size_t bytes) { return from_wan(udp(kClient, kUdpVip)).payload_bytes(bytes); }
FrameBuilder request_sent(size_t bytes) {
  return to_server(udp(local(kLocalPort), server_endpoint(0, 5353))).payload_bytes(bytes).ttl(63);
}

std::vector<PortFrame> on_port(uint8_t port, const std::vector<Frame>& frames) {
  std::vector<PortFrame> result;
  for (const Frame& frame : frames) {
    result.push_back({port, frame});
  }
  return result;
}

// Bytes offset..end of a datagram that has 1008 with its header.
Frame part(size_t offset, size_t end, bool more_follow, uint16_t id = 5) {
  std::vector<size_t> starts = {0};
  if (offset != 0) {
    starts.push_back(offset);
  }
  if (more_follow) {
    starts.push_back(end);
  }
  return fragments_at(request(1'000), starts, id).at(offset == 0 ? 0 : 1);
}

Frame part_sent(const std::vector<size_t>& starts, size_t which, uint16_t id = 0) {
  return fragments_at(request_sent(1'000), starts, id).at(which);
}

PacketCase refused(const std::string& name, const std::vector<Frame>& in,
                   const std::vector<Frame>& out, const std::vector<ExpectedCount>& counters) {
  return {.name = name,
          .config = two_arms(),
          .steps = {{.in = on_port(kWan, in), .out = on_port(kLan, out), .counters = counters}}};
}

std::vector<PacketCase> malformed() {
  const Frame syn = from_wan(tcp(kClient, kTcpVip)).payload_bytes(40);
  const Frame tiny = fragments_at(syn, {0, 16}, 5).front();
  const Frame behind_flags = fragments_at(syn, {0, 8, 24}, 5).at(1);
  const auto beyond_64k = from_wan(ip_packet(kClient.address, kUdpVip.address, IPPROTO_UDP))
                              .payload(Frame(100))
                              .fragment(65'528, false);
  const auto malformed = CounterId::kDropFragmentMalformed;
  return {
      refused("FragmentOfNoWholeUnits", {part(0, 999, true)}, {}, {{malformed, 1}}),
      refused("FragmentWithoutPayload", {part(8, 8, true)}, {}, {{malformed, 1}}),
      refused("FragmentBeyond64K", {beyond_64k}, {}, {{malformed, 1}}),
      refused("TinyFirstFragment", {tiny}, {}, {{CounterId::kDropFragmentTiny, 1}}),
      refused("FragmentOverTcpFlags", {behind_flags}, {}, {{CounterId::kDropFragmentTiny, 1}}),
  };
}

std::vector<PacketCase> contradictions() {
  const Frame first = part(0, 496, true);
  const Frame last = part(496, 1'008, false);
  const Frame first_sent = part_sent({0, 496}, 0);
  const Frame last_sent = part_sent({0, 496}, 1);
  return {
      refused("DuplicateFirstFragment", {first, first, last}, {first_sent, last_sent},
              {{CounterId::kDropFragmentDuplicate, 1}}),
      refused("DuplicateLaterFragment", {first, part(496, 744, true), part(496, 744, true)},
              {first_sent, part_sent({0, 496, 744}, 1)}, {{CounterId::kDropFragmentDuplicate, 1}}),
      refused("OverlapPoisonsTheDatagram", {first, part(488, 1'008, false), last}, {first_sent},
              {{CounterId::kDropFragmentOverlap, 2}}),
      refused("OverlapTakesHeldFragmentsAlong", {last, part(488, 504, true), first}, {},
              {{CounterId::kDropFragmentOverlap, 3}}),
  };
}

// Every other unit of 8 bytes: more gaps than the table remembers.
PacketCase gaps() {
  constexpr uint16_t kRanges = 38;
  std::vector<Frame> in = {part(0, 8, true)};
  std::vector<size_t> starts = {0};
  for (uint16_t range = 1; range <= kRanges; ++range) {
    const auto begin = static_cast<uint16_t>(range * 16);
    in.push_back(part(begin, static_cast<uint16_t>(begin + 8), true));
  }
  for (size_t at = 8; at < 1'008; at += 8) {
    starts.push_back(at);
  }
  std::vector<Frame> out;
  for (uint16_t range = 0; range < kRanges; ++range) {
    out.push_back(part_sent(starts, range * 2U));
  }
  PacketCase packet_case =
      refused("MoreGapsThanRemembered", in, out, {{CounterId::kDropFragmentGaps, 1}});
  packet_case.steps[0].act = poll_rounds(2);  // more than one burst
  return packet_case;
}

PacketCase too_early() {
  std::vector<Frame> in;
  for (uint16_t i = 1; i <= 5; ++i) {  // four are held
    in.push_back(part(static_cast<uint16_t>(i * 8), static_cast<uint16_t>(i * 8 + 8), true));
  }
  in.push_back(part(0, 8, true));
  return refused("MoreBeforeTheFirstThanHeld", in, {}, {{CounterId::kDropFragmentEarly, 6}});
}

// Eight are held in all: the oldest datagram gives way, and none that is on its way.
PacketCase hold_full() {
  std::vector<Frame> flood = {part(0, 496, true, 99)};
  for (uint16_t id = 0; id < 9; ++id) {
    flood.push_back(part(8, 16, true, id));
  }
  return {.name = "AFloodOfLaterFragments",
          .config = two_arms(),
          .steps = {{.in = on_port(kWan, flood),
                     .out = {{kLan, part_sent({0, 496}, 0)}},
                     .counters = {{CounterId::kDropFragmentHoldFull, 1},
                                  {CounterId::kDatagramsPushedOut, 1}}},
                    {.in = {{kWan, part(496, 1'008, false, 99)}},
                     .out = {{kLan, part_sent({0, 496}, 1)}}},
                    {.before = wait_seconds(2), .counters = {}}}};
}

// Sixteen are remembered: a flood of firsts forgets firsts, and what is held stays.
PacketCase table_full() {
  std::vector<Frame> flood = {part(496, 1'008, false, 99)};
  std::vector<Frame> out;
  for (uint16_t id = 0; id < 20; ++id) {
    flood.push_back(part(0, 496, true, id));
    out.push_back(part_sent({0, 496}, 0, id));
  }
  return {
      .name = "AFloodOfFirstFragments",
      .config = two_arms(),
      .steps = {{.in = on_port(kWan, flood),
                 .out = on_port(kLan, out),
                 .counters = {{CounterId::kDatagramsPushedOut, 5}}},
                {.in = {{kWan, part(0, 496, true, 99)}},
                 .out = on_port(kLan, {part_sent({0, 496}, 0, 20), part_sent({0, 496}, 1, 20)})}}};
}

PacketCase timed_out() {
  return {.name = "AFragmentWaitsASecondForTheFirst",
          .config = two_arms(),
          .steps = {{.in = {{kWan, part(496, 1'008, false)}},
                     .counters = {{CounterId::kFragmentsHeld, 1}}},
                    {.act = [](Director& director) { director.advance_ticks(3); }},
                    {.act = wait_seconds(1), .counters = {{CounterId::kDropFragmentTimedOut, 1}}},
                    {.in = {{kWan, part(0, 496, true)}}, .out = {{kLan, part_sent({0, 496}, 0)}}}}};
}

PacketCase first_is_refused() {
  DirectorConfig config = two_arms();
  config.services[1].servers[0].weight = 0;
  const Frame first = part(0, 496, true);
  return {.name = "FragmentsOfARefusedDatagram",
          .config = config,
          .steps = {
              {.in = on_port(kWan, {part(496, 744, true), first, part(744, 1'008, false)}),
               .out = {{kWan, port_unreachable(first)}},
               .counters = {{CounterId::kDropNoServer, 1}, {CounterId::kDropFragmentRefused, 2}}}}};
}

DirectorConfig between_versions(const net::Endpoint& vip, const net::Endpoint& server) {
  DirectorConfig config = two_arms();
  config.services = {udp_service()};
  config.services[0].vip = vip;
  config.services[0].servers[0].endpoint = server;
  return config;
}

PacketCase no_checksum_to_ipv6() {
  return {.name = "FragmentsWithoutUdpChecksumCannotBecomeIpv6",
          .config = between_versions(kUdpVip, server_endpoint6(0)),
          .steps = {{.in = on_port(kWan, fragments_of(request(1'000).no_udp_checksum(), 496, 5)),
                     .counters = {{CounterId::kDropFragmentVersion, 1},
                                  {CounterId::kDropFragmentRefused, 2}}}}};
}

PacketCase late_extension_headers_to_ipv4() {
  const Frame option = {0, 0, 1, 4, 0, 0, 0, 0};
  const auto whole = from_wan(udp(kClient6, kUdpVip6)).extension(IPPROTO_DSTOPTS, option);
  return {.name = "FragmentsOfExtensionHeadersCannotBecomeIpv4",
          .config = between_versions(kUdpVip6, server_endpoint(0)),
          .steps = {
              {.in = on_port(kWan, fragments_of(FrameBuilder(whole).payload_bytes(1'000), 496, 5)),
               .counters = {{CounterId::kDropFragmentVersion, 1},
                            {CounterId::kDropFragmentRefused, 2}}}}};
}

PacketCase may_not_be_cut() {
  const auto six = fragments_of(from_wan(udp(kClient6, kUdpVip6)).payload_bytes(2'000), 1'448, 5);
  DirectorConfig config = between_versions(kUdpVip6, server_endpoint6(0));
  config.port_addresses = {{}, {address("2001:db8:a::fe")}};
  config.services[0].servers[0].mode = ForwardingMode::kTunnel;
  return {.name = "Ipv6FragmentsAreNotCut",
          .config = config,
          .steps = {{.in = {{kWan, six[0]}},
                     .out = {{kWan, too_big(six[0], 1'460)}},
                     .counters = {{CounterId::kDropTooBig, 1}}}}};
}

PacketCase no_buffers() {
  DirectorConfig config = two_arms();
  config.mtu = 1'000;
  config.packet_buffers = 2;  // the packet's own and one of two pieces
  return {.name = "NoBuffersToCut",
          .config = config,
          .steps = {{.in = {{kWan, request(1'400).may_be_fragmented()}},
                     .counters = {{CounterId::kDropNoBuffer, 1}}}}};
}

// Errors are sent about first fragments alone (RFC 1122 3.2.2).
PacketCase ttl_one() {
  const auto in = fragments_of(request(1'000).ttl(1), 496, 5);
  auto packet_case =
      refused("FragmentsOfTtl1", in, {},
              {{CounterId::kDropTtlExceeded, 1}, {CounterId::kDropFragmentRefused, 2}});
  packet_case.steps[0].out = {{kWan, time_exceeded(in[0])}};
  return packet_case;
}

PacketCase later_ttl_one() {
  const Frame first = part(0, 496, true);
  const Frame later = fragments_at(request(1'000).ttl(1), {0, 496}, 5).at(1);
  return refused("ALaterFragmentOfTtl1", {first, later}, {part_sent({0, 496}, 0)},
                 {{CounterId::kDropTtlExceeded, 1}});
}

PacketCase server_removed() {
  DirectorConfig without = two_arms();
  without.services[1].servers.clear();
  return {.name = "FragmentsOfARemovedServersSession",
          .config = two_arms(),
          .steps = {{.in = {{kWan, part(0, 496, true)}}, .out = {{kLan, part_sent({0, 496}, 0)}}},
                    {.before = reload(without.services),
                     .in = {{kWan, part(496, 1'008, false)}},
                     .counters = {{CounterId::kDropServerRemoved, 1}}}}};
}

PacketCase service_removed() {
  return {
      .name = "FragmentsOfARemovedService",
      .config = two_arms(),
      .steps = {{.in = {{kWan, part(496, 744, true)}}},
                {.before = reload({tcp_service()}),
                 .in = on_port(kWan, {part(0, 496, true), part(744, 1'008, false)}),
                 .to_kernel = {part(0, 496, true), part(744, 1'008, false), part(496, 744, true)},
                 .counters = {{CounterId::kPuntVip, 3}}}}};
}

std::vector<PacketCase> kernels() {
  const auto ping = fragments_of(
      from_wan(ip_packet(kClient.address, kTcpVip.address, IPPROTO_ICMP)).payload_bytes(1'000), 496,
      5);
  const auto ping6 = fragments_of(
      from_wan(ip_packet(kClient6.address, kTcpVip6.address, IPPROTO_ICMPV6)).payload_bytes(1'000),
      496, 5);
  const auto no_service = fragments_of(
      from_wan(udp(kClient, {kUdpVip.address, net::Be16::from_host(9)})).payload_bytes(1'000), 496,
      5);
  const auto others =
      fragments_of(from_wan(udp(kClient, endpoint("192.0.2.2:9"))).payload_bytes(1'000), 496, 5);
  const auto row = [](const std::string& name, const std::vector<Frame>& frames,
                      CounterId counter) {
    return PacketCase{.name = name,
                      .config = two_arms(),
                      .steps = {{.in = on_port(kWan, frames),
                                 .to_kernel = frames,
                                 .counters = {{counter, frames.size()}}}}};
  };
  PacketCase big_ping6 = row("LargePing6ToAVip", ping6, CounterId::kPuntIcmp);
  big_ping6.config.services[0].vip = kTcpVip6;
  big_ping6.config.services[0].servers[0].endpoint = server_endpoint6(0);
  return {
      row("LargePingToAVip", ping, CounterId::kPuntIcmp),
      big_ping6,
      row("FragmentsToAPortWithoutService", no_service, CounterId::kPuntVip),
      row("FragmentsToTheDirector", others, CounterId::kPuntOther),
  };
}

// Later fragments do not tell whether they are answers.
PacketCase nat_servers_other_traffic() {
  DirectorConfig config = two_arms();
  config.services[1].servers[0].mode = ForwardingMode::kNat;
  const auto frames = [](uint16_t from_port, uint16_t id) {
    return fragments_of(
        from_server(udp(server_endpoint(0, from_port), kClient)).payload_bytes(1'000), 496, id);
  };
  const auto of_another_port = frames(4'444, 1);
  const auto of_no_session = frames(5'353, 2);
  return {.name = "OtherFragmentsOfANatServer",
          .config = config,
          .steps = {{.in = on_port(kLan, of_another_port),
                     .to_kernel = of_another_port,
                     .counters = {{CounterId::kPuntOther, 3}}},
                    {.in = on_port(kLan, of_no_session),
                     .to_kernel = of_no_session,
                     .counters = {{CounterId::kPuntOther, 3}}}}};
}

PacketCase answer_without_session() {
  const auto in = fragments_of(
      from_server(udp(server_endpoint(0, 5353), local(kLocalPort))).payload_bytes(1'000), 496, 5);
  return {.name = "FragmentsOfAnAnswerWithoutSession",
          .config = two_arms(),
          .steps = {{.in = on_port(kLan, in),
                     .counters = {{CounterId::kDropNoSession, 1},
                                  {CounterId::kDropFragmentRefused, 2}}}}};
}

}  // namespace

std::vector<PacketCase> refused_fragment_cases() {
  std::vector<PacketCase> cases;
  for (auto* table : {malformed, contradictions, kernels}) {
    for (PacketCase& packet_case : table()) {
      cases.push_back(std::move(packet_case));
    }
  }
  for (auto* one :
       {gaps, too_early, hold_full, table_full, timed_out, first_is_refused, no_checksum_to_ipv6,
        late_extension_headers_to_ipv4, may_not_be_cut, no_buffers, ttl_one, later_ttl_one,
        server_removed, service_removed, nat_servers_other_traffic, answer_without_session}) {
    cases.push_back(one());
  }
  return cases;
}

}  // namespace sluice::test

// SPDX-License-Identifier: BSD-3-Clause
// What every forwarding mode promises, between every pair of IP versions it has: checksums as if
// computed in full, and answers that come from where the client sent its packets. Tests.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "lib/net/parse.h"
#include "tests/support/director.h"
#include "tests/support/reference_checksum.h"
#include "tests/support/world.h"

namespace sluice::test {
namespace {

using table::ForwardingMode;

constexpr size_t kIpAt = 14;
constexpr uint32_t kClients = 16;
constexpr uint32_t kPackets = 200;

struct Way {
  ForwardingMode mode;
  bool is_client_v4, is_server_v4;
  bool is_tcp;
};

std::vector<Way> every_way() {
  std::vector<Way> ways;
  for (const ForwardingMode mode : table::kForwardingModes) {
    for (const bool is_client_v4 : {true, false}) {
      for (const bool is_server_v4 : {true, false}) {
        for (const bool is_tcp : {true, false}) {
          const bool keeps_version = mode == ForwardingMode::kNat || mode == ForwardingMode::kSnat;
          if (!keeps_version || is_client_v4 == is_server_v4) {
            ways.push_back({mode, is_client_v4, is_server_v4, is_tcp});
          }
        }
      }
    }
  }
  return ways;
}

std::string name_of(const Way& way) {
  constexpr std::array kModes = {"FullNat", "Nat", "DirectRouting", "Tunnel", "Snat"};
  return std::string(way.is_tcp ? "Tcp" : "Udp") + kModes[static_cast<size_t>(way.mode)] +
         (way.is_client_v4 ? "4" : "6") + (way.is_server_v4 ? "To4" : "To6");
}

/// What a frame says of itself, its checksums verified word by word.
struct Read {
  net::Flow flow;
  uint8_t ttl = 0;
  size_t payload_bytes = 0;
};

Read read_frame(const Frame& frame) {
  net::Mac to;
  std::copy_n(frame.begin(), to.bytes.size(), to.bytes.begin());
  net::FlowKey4 key4;
  net::FlowKey6 key6;
  net::PacketFields fields;
  const auto bytes = static_cast<uint32_t>(frame.size());
  EXPECT_EQ(net::parse(frame.data(), bytes, bytes, to, key4, key6, fields),
            net::ParseVerdict::kFlow);
  const net::Flow flow = fields.is_v6 ? net::Flow(key6) : net::Flow(key4);
  const std::span<const uint8_t> all(frame);
  const auto addresses = all.subspan(fields.is_v6 ? kIpAt + 8 : kIpAt + 12, fields.is_v6 ? 32 : 8);
  const auto segment = all.subspan(fields.l4_offset);
  EXPECT_EQ(reference_l4_checksum(addresses, flow.protocol, segment), 0) << to_hex(frame);
  const size_t header_bytes = flow.protocol == 6 ? 20 : 8;
  return {flow, fields.ttl, segment.size() - header_bytes};
}

/// The frame inside a tunnel: the same Ethernet header in front of the inner packet.
Frame without_outer_header(const Frame& frame, bool is_outer_v4, bool is_inner_v4) {
  const size_t outer_bytes = is_outer_v4 ? 20 : 40;
  if (is_outer_v4) {
    EXPECT_EQ(reference_checksum(std::span(frame).subspan(kIpAt, 20)), 0);
  }
  Frame inner(frame.begin(), frame.begin() + kIpAt);
  inner[12] = is_inner_v4 ? 0x08 : 0x86;
  inner[13] = is_inner_v4 ? 0x00 : 0xDD;
  inner.insert(inner.end(), frame.begin() + static_cast<ptrdiff_t>(kIpAt + outer_bytes),
               frame.end());
  return inner;
}

class Forwarding : public testing::TestWithParam<Way> {
 protected:
  Forwarding() {
    const Way& way = GetParam();
    config_.port_addresses = {{}, {address("10.0.0.254"), address("2001:db8:a::fe")}};
    config_.services = {way.is_tcp ? tcp_service() : udp_service()};
    snapshot::ServiceSpec& service = config_.services[0];
    vip_ = way.is_client_v4 ? service.vip : net::Endpoint{kTcpVip6.address, service.vip.port};
    service.vip = vip_;
    server_ = way.is_server_v4 ? server_endpoint(0) : server_endpoint6(0);
    service.servers[0].endpoint = server_;
    service.servers[0].mode = way.mode;
    if (way.mode == ForwardingMode::kSnat) {
      send_to_the_outside();
    }
  }

  // The clients are inside, and the server is who they send to.
  void send_to_the_outside() {
    snapshot::SnatRuleSpec rule;
    rule.server_id = kServerIds[0];
    rule.inside = {snapshot::AddressRange::of({address("198.51.100.0"), 24}),
                   snapshot::AddressRange::of({kClient6.address, 64})};
    rule.destinations = {snapshot::AddressRange::of({server_.address, server_.address.bits()})};
    rule.public_addresses = config_.services[0].local_addresses;
    config_.snat_rules = {rule};
    config_.services.clear();
    config_.limits.snat_mappings = kClients;
    vip_ = server_;
  }

  [[nodiscard]] net::Endpoint client_of(uint32_t index) const {
    const net::Endpoint v4 = client(index);
    return GetParam().is_client_v4 ? v4 : net::Endpoint{kClient6.address, v4.port};
  }

  /// A random packet, small enough for every tunnel.
  FrameBuilder some_packet(const net::Endpoint& from, const net::Endpoint& to) {
    FrameBuilder frame = GetParam().is_tcp ? tcp(from, to).flags(table::kTcpSyn) : udp(from, to);
    return frame.ttl(static_cast<uint8_t>(2 + random_() % 254))
        .traffic_class(static_cast<uint8_t>(random_()))
        .identification(static_cast<uint16_t>(random_()))
        .payload_bytes(random_() % 1'300);
  }

  Frame forwarded(Director& director, uint8_t in, uint8_t out, const Frame& frame) {
    director.send(in, frame);
    director.poll();
    const std::vector<Frame> sent = director.take_sent(out);
    EXPECT_EQ(sent.size(), 1U);
    return sent.empty() ? frame : sent.front();
  }

  DirectorConfig config_ = two_arms();
  net::Endpoint vip_, server_;
  std::mt19937 random_{20'261'121};
};

TEST_P(Forwarding, KeepsChecksumsRightAndBringsAnswersBack) {
  const Way& way = GetParam();
  Director director(config_);
  for (uint32_t i = 0; i < kPackets; ++i) {
    const net::Endpoint from = client_of(i % kClients);
    const Frame request = from_wan(some_packet(from, vip_));
    const Read sent = read_frame(request);
    Frame at_server = forwarded(director, kWan, kLan, request);
    if (way.mode == ForwardingMode::kTunnel) {
      at_server = without_outer_header(at_server, way.is_server_v4, way.is_client_v4);
    }
    const Read arrived = read_frame(at_server);
    EXPECT_EQ(arrived.ttl, sent.ttl - 1);
    EXPECT_EQ(arrived.payload_bytes, sent.payload_bytes);
    if (!table::answers_pass(way.mode)) {
      EXPECT_EQ(arrived.flow, sent.flow);
      continue;
    }
    EXPECT_EQ(arrived.flow.destination, server_);
    const net::Flow back = arrived.flow.turned_around();
    const Frame answer =
        forwarded(director, kLan, kWan, from_server(some_packet(back.source, back.destination)));
    EXPECT_EQ(read_frame(answer).flow, sent.flow.turned_around());
  }
  EXPECT_EQ(director.session_count(), kClients);
  EXPECT_EQ(director.buffers_in_use(), 0U);
}

INSTANTIATE_TEST_SUITE_P(EveryMode, Forwarding, testing::ValuesIn(every_way()),
                         [](const auto& info) { return name_of(info.param); });

}  // namespace
}  // namespace sluice::test

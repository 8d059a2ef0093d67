// SPDX-License-Identifier: BSD-3-Clause
// Whole TCP connections through the shift and the PROXY header over a network that loses, repeats
// and reorders on both sides of the director. Tests.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <random>

#include "lib/net/proxy_insert.h"
#include "tests/unit/lib/net/tcp_peers.h"

namespace sluice::net {
namespace {

using test::Bytes;
using test::Client;
using test::FirstSpeaker;
using test::IpVersion;
using test::kBannerBytes;
using test::PacketSpec;
using test::Plan;
using test::RawPacket;
using test::Server;

/// The director between them: what dataplane does with the functions under test.
class Director {
 public:
  Director(const Plan& plan, const ProxyHeader& header) : plan_(plan), header_(header) {}

  std::vector<Bytes> to_server(const PacketSpec& spec) {
    RawPacket packet(spec);
    if ((spec.flags & RTE_TCP_SYN_FLAG) != 0 && !is_known_) {
      shift_ = begin_shift(packet.tcp(), plan_.new_isn, std::nullopt, header_.size);
      shift_.timestamp_delta = test::kTimestampOffset;
      is_known_ = true;
    }
    const ClientPlan plan = plan_client_segment(shift_, packet.room);
    shift_client_segment(shift_, packet.tcp(), plan.sequence);
    std::vector<Bytes> frames;
    if (plan.placement == HeaderPlacement::kOwnSegmentFirst) {
      frames.emplace_back(header_segment_bytes(packet.room, header_.bytes()));
      write_header_segment(shift_, packet.room, sum_words(spec.payload), header_.bytes(),
                           frames.back().data());
    } else if (plan.placement == HeaderPlacement::kInSegment) {
      RC_ASSERT(
          (insert_before_payload(packet.room, IPPROTO_TCP, header_.bytes()) == Insertion::kDone));
    }
    frames.push_back(packet.bytes());
    return frames;
  }
  Bytes to_client(const PacketSpec& spec) {
    const RawPacket packet(spec);
    shift_server_segment(shift_, packet.tcp());
    return packet.bytes();
  }

 private:
  const Plan& plan_;
  const ProxyHeader& header_;
  SequenceShift shift_;
  bool is_known_ = false;
};

/// Plays a connection to its end; every frame anybody receives is a right one.
class Network {
 public:
  Network(const Plan& plan, const ProxyHeader& header)
      : plan_(plan),
        random_(plan.seed),
        client_(plan),
        server_(plan, header.size),
        director_(plan, header) {}

  void play() {
    constexpr uint32_t kMaxSteps = 20'000;
    for (step_ = 0; !(client_.is_done() && server_.is_finished()); ++step_) {
      RC_ASSERT(step_ < kMaxSteps);
      if (!deliver_one()) {
        put(kFromClient, RawPacket::wire_bytes(client_.repeat()));
        put_all(kFromServer, server_.repeat());
      }
    }
  }
  Client& client() { return client_; }
  Server& server() { return server_; }

 private:
  enum Link : size_t { kFromClient, kToServer, kFromServer, kToClient };

  uint32_t chance() { return static_cast<uint32_t>(random_() % 100); }

  void put(Link link, const Bytes& frame) {
    // After a while the network is good, so that every connection comes to an end.
    const uint32_t losses = step_ < 400 ? plan_.losses : 0;
    for (uint32_t copies = chance() < 5 ? 2 : 1; copies > 0; --copies) {
      if (chance() >= losses) {
        links_[link].push_back(frame);
      }
    }
  }
  void put_all(Link link, const std::vector<PacketSpec>& packets) {
    for (const PacketSpec& packet : packets) {
      put(link, RawPacket::wire_bytes(packet));
    }
  }
  bool deliver_one() {
    const size_t first = random_() % links_.size();
    for (size_t i = 0; i < links_.size(); ++i) {
      auto& link = links_[(first + i) % links_.size()];
      if (link.empty()) {
        continue;
      }
      const auto at =
          link.begin() + static_cast<ptrdiff_t>(chance() < 70 ? 0 : random_() % link.size());
      const Bytes frame = *at;
      link.erase(at);
      RC_ASSERT(test::is_right(frame));
      RC_ASSERT(frame.size() <= 1'514U);
      deliver(static_cast<Link>((first + i) % links_.size()), RawPacket::spec_of(frame));
      return true;
    }
    return false;
  }
  void deliver(Link link, const PacketSpec& packet) {
    switch (link) {
      case kFromClient:
        for (const Bytes& frame : director_.to_server(packet)) {
          put(kToServer, frame);
        }
        return;
      case kToServer:
        return put_all(kFromServer, server_.receive(packet));
      case kFromServer:
        return put(kToClient, director_.to_client(packet));
      case kToClient:
        return put_all(kFromClient, client_.receive(packet));
    }
  }

  const Plan& plan_;
  std::mt19937 random_;
  Client client_;
  Server server_;
  Director director_;
  std::array<std::vector<Bytes>, 4> links_;
  uint32_t step_ = 0;
};

TEST(ProxyStreamProperty, TheServerReadsHeaderAndStreamAndTheClientSeesItsOwnNumbers) {
  EXPECT_TRUE(rc::check(
      [](uint32_t client_isn, uint32_t new_isn, uint32_t seed, uint16_t bytes, uint8_t kind) {
        const Plan plan{.version = kind % 2 == 0 ? IpVersion::kV4 : IpVersion::kV6,
                        .first = kind / 2 % 2 == 0 ? FirstSpeaker::kClient : FirstSpeaker::kServer,
                        // Half of the connections wrap round in their first bytes.
                        .client_isn = kind / 4 % 2 == 0 ? client_isn : 0xFFFFFFFF - bytes % 40,
                        .new_isn = kind / 8 % 2 == 0 ? new_isn : 0xFFFFFFFF - bytes % 60,
                        .server_isn = seed | 1,
                        .stream_bytes = bytes % 6'000U,
                        .mss = seed % 2 == 0 ? 1'440U : 536U,
                        .window_scale = static_cast<uint8_t>(seed % 5),
                        .window = static_cast<uint16_t>(150 + seed % 3'000),
                        .losses = seed % 40,
                        .proxy = static_cast<ProxyVersion>(seed % 3),
                        .seed = seed};
        const Endpoint client{*Address::parse("198.51.100.7"), Be16::from_host(51'234)};
        const Endpoint vip{*Address::parse("192.0.2.10"), Be16::from_host(bytes)};
        const ProxyHeader header = make_proxy_header(plan.proxy, Protocol::kTcp, client, vip);
        Network network(plan, header);
        network.play();
        Bytes expected(header.bytes().begin(), header.bytes().end());
        test::append(expected, network.client().stream());
        RC_ASSERT(network.server().delivered() == expected);
        RC_ASSERT(network.client().banner().size() ==
                  (plan.first == FirstSpeaker::kServer ? kBannerBytes : 0U));
      }));
}

}  // namespace
}  // namespace sluice::net

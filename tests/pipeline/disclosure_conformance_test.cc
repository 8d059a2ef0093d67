// SPDX-License-Identifier: BSD-3-Clause
// What every way to tell a server of its client promises, between every pair of IP versions: right
// checksums, the client's stream whole behind what is told, and each side's own numbers. Tests.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

#include "lib/net/client_address.h"
#include "lib/net/parse.h"
#include "tests/pipeline/disclosure.h"
#include "tests/support/reference_checksum.h"
#include "tests/unit/lib/net/proxy_reader.h"

namespace sluice::test {
namespace {

using table::ClientAddress;
using table::kTcpAck;
using table::kTcpSyn;

constexpr size_t kIpAt = 14;
constexpr uint32_t kSegments = 40;
constexpr uint8_t kUoaProtocol = 248;

struct Way {
  ClientAddress how;
  bool renews;
  Versions versions;
  bool is_tcp;
};

std::vector<Way> every_way() {
  std::vector<Way> ways;
  for (const ClientAddress how : table::kClientAddresses) {
    for (const bool renews : {false, true}) {
      for (const Versions& versions : kVersions) {
        ways.push_back({how, renews, versions, true});
        ways.push_back({how, renews, versions, false});
      }
    }
  }
  return ways;
}

std::string name_of(const Way& way) {
  constexpr std::array kNames = {"Nothing", "Toa", "ProxyV1", "ProxyV2", "Uoa"};
  return std::string(way.is_tcp ? "Tcp" : "Udp") + kNames[static_cast<size_t>(way.how)] +
         (way.renews ? "NewNumbers" : "") + name_of(way.versions);
}

uint32_t read32(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
}

/// What a frame says, its checksum verified word by word.
struct Read {
  net::Flow flow;
  uint32_t sequence = 0, acknowledgement = 0;
  Frame options, payload;
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
  Read read{.flow = fields.is_v6 ? net::Flow(key6) : net::Flow(key4), .options = {}, .payload = {}};
  const std::span<const uint8_t> all(frame);
  const auto addresses = all.subspan(fields.is_v6 ? kIpAt + 8 : kIpAt + 12, fields.is_v6 ? 32 : 8);
  const auto l4 = all.subspan(fields.l4_offset);
  EXPECT_EQ(reference_l4_checksum(addresses, read.flow.protocol, l4), 0) << to_hex(frame);
  size_t header_bytes = 8;
  if (read.flow.protocol == IPPROTO_TCP) {
    header_bytes = (l4[12] >> 4) * 4U;
    read.sequence = read32(l4.data() + 4);
    read.acknowledgement = read32(l4.data() + 8);
    read.options.assign(l4.begin() + 20, l4.begin() + static_cast<ptrdiff_t>(header_bytes));
  }
  read.payload.assign(l4.begin() + static_cast<ptrdiff_t>(header_bytes), l4.end());
  return read;
}

/// The frame as a UOA module makes it, without the header of protocol 248 and with what it told.
Frame without_uoa(Frame frame, Frame& told) {
  const bool is_v4 = frame[kIpAt] >> 4 == 4;
  const size_t protocol_at = is_v4 ? kIpAt + 9 : kIpAt + 6;
  if (frame[protocol_at] != kUoaProtocol) {
    return frame;
  }
  const auto l4 = frame.begin() + static_cast<ptrdiff_t>(kIpAt + (is_v4 ? 20 : 40));
  const auto end = l4 + l4[3];
  told.assign(l4 + 4, end);
  frame[protocol_at] = l4[1];
  frame.erase(l4, end);
  if (is_v4) {
    frame[kIpAt + 2] = static_cast<uint8_t>((frame.size() - kIpAt) >> 8);
    frame[kIpAt + 3] = static_cast<uint8_t>(frame.size() - kIpAt);
    frame[kIpAt + 10] = frame[kIpAt + 11] = 0;
    const uint16_t checksum = reference_checksum(std::span(frame).subspan(kIpAt, 20));
    frame[kIpAt + 10] = static_cast<uint8_t>(checksum >> 8);
    frame[kIpAt + 11] = static_cast<uint8_t>(checksum);
  } else {
    frame[kIpAt + 4] = static_cast<uint8_t>((frame.size() - kIpAt - 40) >> 8);
    frame[kIpAt + 5] = static_cast<uint8_t>(frame.size() - kIpAt - 40);
  }
  return frame;
}

class Telling : public testing::TestWithParam<Way> {
 protected:
  Telling()
      : talk_(GetParam().is_tcp ? net::Protocol::kTcp : net::Protocol::kUdp, GetParam().how,
              GetParam().versions) {
    talk_.config.services[0].renews_sequence_numbers = GetParam().renews;
    director_.emplace(talk_.config);
    director_->advance_seconds(7);
  }

  std::vector<Frame> forwarded(uint8_t in, const Frame& frame) {
    director_->send(in, frame);
    director_->poll();
    return director_->take_sent(in == kWan ? kLan : kWan);
  }
  Read forwarded_one(uint8_t in, const Frame& frame) {
    const std::vector<Frame> sent = forwarded(in, frame);
    EXPECT_EQ(sent.size(), 1U);
    return read_frame(sent.empty() ? frame : sent.front());
  }
  Frame some_bytes() {
    Frame bytes(random_() % 1'300);
    for (uint8_t& byte : bytes) {
      byte = static_cast<uint8_t>(random_());
    }
    return bytes;
  }
  /// What a PROXY header tells is right; it goes from the front of `stream`.
  void expect_proxy_header(Frame& stream) const {
    const auto peer = read_proxy_header(stream);
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->client, talk_.client);
    EXPECT_EQ(peer->vip, talk_.vip);
    stream.erase(stream.begin(), stream.begin() + static_cast<ptrdiff_t>(peer->header_bytes));
  }
  [[nodiscard]] bool has_proxy_header() const {
    const ClientAddress how = GetParam().how;
    return how == ClientAddress::kProxyV2 || (how == ClientAddress::kProxyV1 && GetParam().is_tcp);
  }

  Disclosing talk_;
  std::optional<Director> director_;
  std::mt19937 random_{20'261'121};
};

/// Client and server with numbers of their own.
class TellingTcp : public Telling {
 protected:
  Frame segment(const FrameBuilder& packet, uint32_t sequence, uint32_t acknowledgement,
                uint8_t flags, Frame payload = {}, Frame options = {}) {
    FrameBuilder frame = packet;
    return frame.sequence(sequence)
        .acknowledgement(acknowledgement)
        .flags(flags)
        .payload(std::move(payload))
        .tcp_options(std::move(options));
  }
  void server_gets(const std::vector<Frame>& frames) {
    for (const Frame& frame : frames) {
      const Read read = read_frame(frame);
      EXPECT_EQ(read.flow.source, talk_.local);
      EXPECT_EQ(read.flow.destination, talk_.server);
      for (size_t i = 0; i < read.payload.size(); ++i) {
        const auto [at, is_new] = stream_.try_emplace(
            read.sequence - server_isn_of_client_ - 1 + static_cast<uint32_t>(i), read.payload[i]);
        EXPECT_EQ(at->second, read.payload[i]);
      }
      last_options_ = read.options;
    }
  }
  [[nodiscard]] uint32_t received() const {
    uint32_t next = 0;
    while (stream_.contains(next)) {
      ++next;
    }
    return next;
  }

  uint32_t client_isn_ = 0xFFFF'FFE0;  // wraps round soon
  uint32_t server_isn_ = 0x1234'5678;
  uint32_t server_isn_of_client_ = 0;
  std::map<uint32_t, uint8_t> stream_;  // as the server counts
  Frame last_options_;
};

TEST_P(TellingTcp, LeavesTheStreamWholeAndEachSideItsNumbers) {
  const Read syn =
      forwarded_one(kWan, segment(talk_.request(), client_isn_, 0, kTcpSyn, {}, {2, 4, 5, 0xB4}));
  server_isn_of_client_ = syn.sequence;
  EXPECT_EQ(syn.sequence == client_isn_, !GetParam().renews);
  const Read syn_ack = forwarded_one(
      kLan, segment(talk_.answer(), server_isn_, syn.sequence + 1, kTcpSyn | kTcpAck));
  EXPECT_EQ(syn_ack.sequence, server_isn_);
  EXPECT_EQ(syn_ack.acknowledgement, client_isn_ + 1);
  server_gets(forwarded(kWan, segment(talk_.request(), client_isn_ + 1, server_isn_ + 1, kTcpAck)));
  const bool has_toa = GetParam().how == ClientAddress::kToa;
  EXPECT_EQ(last_options_, has_toa ? client_option(254, talk_.client) : Frame{});

  Frame sent;
  for (uint32_t i = 0; i < kSegments; ++i) {
    const Frame payload = some_bytes();
    server_gets(forwarded(
        kWan, segment(talk_.request(), client_isn_ + 1 + static_cast<uint32_t>(sent.size()),
                      server_isn_ + 1 + i, kTcpAck, payload)));
    append(sent, payload);
    const uint32_t acknowledged = server_isn_of_client_ + 1 + received();
    const Read answer =
        forwarded_one(kLan, segment(talk_.answer(), server_isn_ + 1 + i, acknowledged, kTcpAck,
                                    {static_cast<uint8_t>(i)}));
    EXPECT_EQ(answer.flow, net::Flow(talk_.vip, talk_.client, IPPROTO_TCP));
    EXPECT_EQ(answer.sequence, server_isn_ + 1 + i);
    EXPECT_EQ(answer.acknowledgement, client_isn_ + 1 + static_cast<uint32_t>(sent.size()));
  }
  Frame stream;
  for (const auto& [at, byte] : stream_) {
    EXPECT_EQ(at, stream.size());
    stream.push_back(byte);
  }
  if (has_proxy_header()) {
    expect_proxy_header(stream);
  }
  EXPECT_EQ(stream, sent);
}

class TellingUdp : public Telling {};

TEST_P(TellingUdp, LeavesDatagramsWholeBehindWhatIsTold) {
  for (uint32_t i = 0; i < kSegments; ++i) {
    const Frame payload = some_bytes();
    const std::vector<Frame> sent = forwarded(kWan, talk_.request().payload(payload));
    ASSERT_EQ(sent.size(), 1U);
    Frame told;
    Read read = read_frame(without_uoa(sent.front(), told));
    const bool has_uoa = GetParam().how == ClientAddress::kUoa && i < net::kUoaDatagrams;
    EXPECT_EQ(told, has_uoa ? client_option(31, talk_.client) : Frame{});
    EXPECT_EQ(read.flow, net::Flow(talk_.local, talk_.server, IPPROTO_UDP));
    if (has_proxy_header()) {
      expect_proxy_header(read.payload);
    }
    EXPECT_EQ(read.payload, payload);
    const Read answer = forwarded_one(kLan, talk_.answer().payload(payload));
    EXPECT_EQ(answer.flow, net::Flow(talk_.vip, talk_.client, IPPROTO_UDP));
    EXPECT_EQ(answer.payload, payload);
  }
}

std::vector<Way> ways_of(bool is_tcp) {
  std::vector<Way> ways = every_way();
  std::erase_if(ways, [=](const Way& way) { return way.is_tcp != is_tcp; });
  return ways;
}

INSTANTIATE_TEST_SUITE_P(EveryWay, TellingTcp, testing::ValuesIn(ways_of(true)),
                         [](const auto& info) { return name_of(info.param); });
INSTANTIATE_TEST_SUITE_P(EveryWay, TellingUdp, testing::ValuesIn(ways_of(false)),
                         [](const auto& info) { return name_of(info.param); });

}  // namespace
}  // namespace sluice::test

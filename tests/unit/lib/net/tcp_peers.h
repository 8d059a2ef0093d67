// SPDX-License-Identifier: BSD-3-Clause
// A TCP client and a TCP server that insist on their own numbers, windows and checksums. Tests.
#pragma once

#include <rapidcheck.h>

#include <map>
#include <optional>
#include <vector>

#include "lib/net/proxy_header.h"
#include "lib/net/tcp_options.h"
#include "tests/unit/lib/net/raw_packet.h"

namespace sluice::test {

using net::TcpOption;

inline constexpr uint8_t kSyn = RTE_TCP_SYN_FLAG, kAck = RTE_TCP_ACK_FLAG, kFin = RTE_TCP_FIN_FLAG;
inline constexpr size_t kBannerBytes = 60;
inline constexpr uint32_t kTimestampOffset = 0x70000000;

inline bool is_at_most(uint32_t a, uint32_t b) { return static_cast<int32_t>(b - a) >= 0; }
inline uint32_t later(uint32_t a, uint32_t b) { return is_at_most(a, b) ? b : a; }

enum class FirstSpeaker : uint8_t { kClient, kServer };

/// One connection to be.
struct Plan {
  IpVersion version = IpVersion::kV4;
  FirstSpeaker first = FirstSpeaker::kClient;
  uint32_t client_isn = 0;
  uint32_t new_isn = 0;
  uint32_t server_isn = 0;
  uint32_t stream_bytes = 0;
  uint32_t mss = 1'460;
  uint8_t window_scale = 0;
  uint16_t window = 2'000;
  uint32_t losses = 0;  // per cent
  net::ProxyVersion proxy = net::ProxyVersion::kV2;
  uint32_t seed = 0;
};

inline Bytes timestamps(uint32_t value, uint32_t echo) {
  Bytes options = {1, 1, 8, 10};
  append32(options, value);
  append32(options, echo);
  return options;
}

/// The client: sends its stream and a FIN within the window, repeats from what is unacknowledged.
class Client {
 public:
  explicit Client(const Plan& plan)
      : plan_(plan),
        stream_(pattern(plan.stream_bytes, plan.seed)),
        unacked_(plan.client_isn),
        next_(plan.client_isn),
        edge_(plan.client_isn + 1) {}

  std::vector<PacketSpec> send_new() {
    std::vector<PacketSpec> segments;
    if (!is_established_) {
      return segments;
    }
    while (may_speak() && next_ != end() && static_cast<int32_t>(edge_ - next_) > 0) {
      segments.push_back(segment(next_));
      next_ += length(segments.back());
    }
    return segments;
  }
  PacketSpec repeat() {
    if (!is_established_) {
      next_ = plan_.client_isn + 1;
      return {.version = plan_.version,
              .seq = plan_.client_isn,
              .ack = 0,
              .flags = kSyn,
              .options = {2, 4, 5, 0xB4, 4, 2, 1, 1, 1, 3, 3, 7}};
    }
    // Nothing to repeat: a keep-alive, as a client that waits for the server would send one.
    return unacked_ == next_ ? bare(next_ - 1) : segment(unacked_);
  }
  std::vector<PacketSpec> receive(const PacketSpec& packet) {
    if ((packet.flags & kSyn) != 0) {
      check_ack(packet);
      is_established_ = true;
      received_ = packet.seq + 1;
      return answer(bare(next_));
    }
    if (!is_established_) {
      return {};
    }
    check_ack(packet);
    if (!packet.payload.empty() && packet.seq == received_) {
      received_ += static_cast<uint32_t>(packet.payload.size());
      banner_ = packet.payload;
    }
    return answer(packet.payload.empty() ? std::nullopt : std::optional(bare(next_)));
  }
  [[nodiscard]] bool is_done() const { return is_established_ && unacked_ == end(); }
  [[nodiscard]] const Bytes& stream() const { return stream_; }
  [[nodiscard]] const Bytes& banner() const { return banner_; }

 private:
  [[nodiscard]] bool may_speak() const {
    return plan_.first == FirstSpeaker::kClient || !banner_.empty();
  }
  [[nodiscard]] uint32_t end() const {
    return plan_.client_isn + 1 + static_cast<uint32_t>(stream_.size()) + 1;  // FIN
  }
  static uint32_t length(const PacketSpec& packet) {
    return static_cast<uint32_t>(packet.payload.size()) + ((packet.flags & kFin) != 0 ? 1 : 0);
  }
  PacketSpec bare(uint32_t seq) {
    return {.version = plan_.version,
            .seq = seq,
            .ack = received_,
            .options = timestamps(++clock_, 77)};
  }
  PacketSpec segment(uint32_t seq) {
    PacketSpec packet = bare(seq);
    const uint32_t from = seq - plan_.client_isn - 1;
    const auto left = static_cast<uint32_t>(stream_.size()) - from;
    const uint32_t allowed = later(edge_, seq) - seq;
    const uint32_t count = std::min({left, plan_.mss - 12, allowed});
    packet.payload.assign(stream_.begin() + from, stream_.begin() + from + count);
    if (count == left && allowed > left) {
      packet.flags |= kFin;
    }
    return packet;
  }
  std::vector<PacketSpec> answer(const std::optional<PacketSpec>& first) {
    std::vector<PacketSpec> packets;
    if (first) {
      packets.push_back(*first);
    }
    for (const PacketSpec& packet : send_new()) {
      packets.push_back(packet);
    }
    return packets;
  }
  // Only its own sequence space may reach the client.
  void check_ack(const PacketSpec& packet) {
    RC_ASSERT((packet.flags & kAck) != 0);
    const auto is_mine = [this](uint32_t number) {
      return is_at_most(plan_.client_isn + 1, number) && is_at_most(number, next_);
    };
    RC_ASSERT(is_mine(packet.ack));
    TcpOption sack{};
    const RawPacket raw(packet);
    net::for_each_tcp_option(raw.tcp(), [&](const TcpOption& option) {
      sack = option.kind == TCPOPT_SACK ? option : sack;
      if (option.kind == TCPOPT_TIMESTAMP) {
        const uint32_t echo = read32(raw.tcp() + option.offset + 6);
        RC_ASSERT(echo <= clock_);
      }
    });
    for (uint32_t at = 2; at < sack.bytes; at += 4) {
      RC_ASSERT(is_mine(read32(raw.tcp() + sack.offset + at)));
    }
    const uint32_t scale = (packet.flags & kSyn) != 0 ? 0 : plan_.window_scale;
    edge_ = later(edge_, packet.ack + (uint32_t{packet.window} << scale));
    unacked_ = later(unacked_, packet.ack);
  }

  const Plan& plan_;
  Bytes stream_;
  uint32_t unacked_, next_, edge_;
  uint32_t received_ = 0;
  uint32_t clock_ = 0;
  bool is_established_ = false;
  Bytes banner_;
};

/// The server: takes segments in any order, reports holes with SACK, and speaks, if it is to speak
/// first, as soon as it has read the header.
class Server {
 public:
  Server(const Plan& plan, size_t header_bytes) : plan_(plan), header_bytes_(header_bytes) {}

  std::vector<PacketSpec> receive(const PacketSpec& packet) {
    if ((packet.flags & kSyn) != 0) {
      RC_ASSERT(packet.seq == plan_.new_isn);
      if (!is_open_) {
        next_ = edge_ = plan_.new_isn + 1;
      }
      is_open_ = true;
      return {syn_ack()};
    }
    if (!is_open_) {
      return {};
    }
    is_established_ = true;
    echo_ = read32(packet.options.data() + 4);
    RC_ASSERT(echo_ - kTimestampOffset < 1'000'000);
    is_banner_acked_ = is_banner_acked_ || packet.ack == plan_.server_isn + 1 + kBannerBytes;
    const bool is_new = store(packet);
    std::vector<PacketSpec> answers;
    if (is_new || !packet.payload.empty() || packet.seq != next_) {
      answers.push_back(bare());
    }
    if (owes_banner()) {
      answers.push_back(banner());
    }
    return answers;
  }
  std::vector<PacketSpec> repeat() {
    if (is_open_ && !is_established_) {
      return {syn_ack()};
    }
    return owes_banner() ? std::vector{banner()} : std::vector<PacketSpec>{};
  }
  [[nodiscard]] const Bytes& delivered() const { return delivered_; }
  [[nodiscard]] bool is_finished() const { return is_finished_; }

 private:
  // In one map by sequence number, the FIN as a byte of its own.
  bool store(const PacketSpec& packet) {
    const auto bytes = static_cast<uint32_t>(packet.payload.size());
    RC_ASSERT(is_at_most(packet.seq + bytes, edge_));
    for (uint32_t i = 0; i < bytes; ++i) {
      const auto [at, is_new] = waiting_.try_emplace(packet.seq + i, packet.payload[i]);
      RC_ASSERT((is_new || at->second == packet.payload[i]));
    }
    if ((packet.flags & kFin) != 0) {
      fin_ = packet.seq + bytes;
    }
    const uint32_t before = next_;
    for (; waiting_.contains(next_); ++next_) {
      delivered_.push_back(waiting_[next_]);
    }
    if (fin_ && next_ == *fin_) {
      is_finished_ = true;
      ++next_;
    }
    return next_ != before;
  }
  [[nodiscard]] bool owes_banner() const {
    return plan_.first == FirstSpeaker::kServer && is_established_ && !is_banner_acked_ &&
           delivered_.size() >= header_bytes_;
  }
  PacketSpec syn_ack() {
    edge_ = later(edge_, next_ + plan_.window);
    return {.version = plan_.version,
            .seq = plan_.server_isn,
            .ack = next_,
            .flags = kSyn | kAck,
            .window = plan_.window,
            .options = {2, 4, 5, 0xB4, 4, 2, 1, 3, 3, plan_.window_scale, 1, 1}};
  }
  PacketSpec bare() {
    edge_ = later(edge_, next_ + (uint32_t{plan_.window} << plan_.window_scale));
    PacketSpec packet{.version = plan_.version,
                      .seq = plan_.server_isn + 1,
                      .ack = next_,
                      .window = plan_.window,
                      .options = timestamps(88, echo_)};
    const auto hole_end = std::find_if(waiting_.begin(), waiting_.end(), [this](const auto& byte) {
      return !is_at_most(byte.first, next_);
    });
    if (hole_end != waiting_.end()) {
      packet.options.insert(packet.options.end(), {1, 1, 5, 10});
      uint32_t last = hole_end->first;
      while (waiting_.contains(last)) {
        ++last;
      }
      append32(packet.options, hole_end->first);
      append32(packet.options, last);
    }
    return packet;
  }
  PacketSpec banner() {
    PacketSpec packet = bare();
    packet.payload = pattern(kBannerBytes, 99);
    return packet;
  }

  const Plan& plan_;
  size_t header_bytes_;
  uint32_t next_ = 0, edge_ = 0, echo_ = 0;
  bool is_open_ = false, is_established_ = false, is_finished_ = false, is_banner_acked_ = false;
  std::map<uint32_t, uint8_t> waiting_;
  std::optional<uint32_t> fin_;
  Bytes delivered_;
};

}  // namespace sluice::test

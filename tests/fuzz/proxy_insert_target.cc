// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: segments of both sides of one connection through the PROXY header's insertion.
// Tests.
//
// Input: kind, both initial numbers (8 bytes), then segments of 6 bytes: side and size of payload,
// flags, the number's distance from the connection's first byte (4 bytes, signed).
#include <span>

#include "lib/net/proxy_header.h"
#include "lib/net/proxy_insert.h"
#include "tests/fuzz/target.h"
#include "tests/unit/lib/net/proxy_reader.h"
#include "tests/unit/lib/net/raw_packet.h"

namespace sluice::fuzz {
namespace {

using test::Bytes;
using test::IpVersion;
using test::PacketSpec;
using test::RawPacket;

constexpr size_t kStartBytes = 9;
constexpr size_t kStepBytes = 6;
constexpr int32_t kFar = 1 << 30;  // numbers further away than any window say nothing

class Connection {
 public:
  explicit Connection(std::span<const uint8_t> start)
      : version_(start[0] % 2 == 0 ? IpVersion::kV4 : IpVersion::kV6),
        mtu_(start[0] % 4 < 2 ? 1'500 : 200),
        header_(make_header(start[0])) {
    const uint32_t client_isn = test::read32(&start[1]);
    const RawPacket syn({.version = version_, .seq = client_isn, .flags = RTE_TCP_SYN_FLAG});
    shift_ = net::begin_shift(syn.tcp(), test::read32(&start[5]), std::nullopt, header_.size);
    first_byte_ = client_isn + 1;
    server_first_byte_ = shift_.header_sequence();
  }

  void step(std::span<const uint8_t> bytes) {
    const auto distance = static_cast<int32_t>(test::read32(&bytes[2]));
    PacketSpec spec{.version = version_, .flags = bytes[1]};
    spec.payload = test::pattern(bytes[0] / 2);
    if (bytes[0] % 2 == 0) {
      spec.seq = first_byte_ + static_cast<uint32_t>(distance);
      from_client(spec);
    } else {
      spec.ack = server_first_byte_ + static_cast<uint32_t>(distance);
      spec.options = {1, 1, 5, 10};
      test::append32(spec.options, spec.ack + 5);
      test::append32(spec.options, spec.ack + 90);
      from_server(spec, distance);
    }
  }

 private:
  static net::ProxyHeader make_header(uint8_t kind) {
    const bool is_v4 = kind % 8 < 4;
    const net::Address address =
        is_v4 ? net::Address(net::Ipv4::from_host(0xC6336407U + kind)) : net::Ipv6{{0x20, kind}};
    const net::Endpoint client{address, net::Be16::from_host(kind)}, vip{address, {}};
    const auto version = kind % 16 < 8 ? net::ProxyVersion::kV2 : net::ProxyVersion::kV1;
    const auto header = net::make_proxy_header(version, net::Protocol::kTcp, client, vip);
    const auto peer = test::read_proxy_header(header.bytes());
    check(peer && peer->client == client && peer->vip == vip && peer->header_bytes == header.size,
          "a header is not read as it was written");
    return header;
  }

  void from_client(const PacketSpec& spec) {
    RawPacket packet(spec, mtu_);
    starts_ += spec.seq == first_byte_ ? 1 : 0;
    const net::ClientPlan plan = net::plan_client_segment(shift_, packet.room);
    (void)net::shift_client_segment(shift_, packet.tcp(), plan.sequence);
    PacketSpec expected = spec;
    expected.seq = plan.sequence;
    if (plan.placement == net::HeaderPlacement::kOwnSegmentFirst) {
      Bytes own(net::header_segment_bytes(packet.room, header_.bytes()));
      net::write_header_segment(shift_, packet.room, net::sum_words(spec.payload), header_.bytes(),
                                own.data());
      check(test::is_right(own), "the header's own segment is not right");
      ++headers_;
    } else if (plan.placement == net::HeaderPlacement::kInSegment) {
      check(net::insert_before_payload(packet.room, IPPROTO_TCP, header_.bytes()) ==
                net::Insertion::kDone,
            "a header was planned where it does not fit");
      check(plan.sequence == shift_.header_sequence(), "the header starts at another number");
      expected.payload.assign(header_.bytes().begin(), header_.bytes().end());
      test::append(expected.payload, spec.payload);
      expected.urgent = RawPacket::spec_of(packet.bytes()).urgent;
      ++headers_;
    }
    check(packet.bytes() == RawPacket::wire_bytes(expected), "a client's segment is not right");
    check(headers_ <= 1 + server_segments_ + starts_, "more headers than anybody asked for");
  }

  void from_server(const PacketSpec& spec, int32_t distance) {
    ++server_segments_;
    const RawPacket packet(spec);
    net::shift_server_segment(shift_, packet.tcp());
    check(test::is_right(packet.bytes()), "a server's segment is not right");
    const bool is_far = distance < -kFar || distance > kFar;
    has_been_far_ = has_been_far_ || is_far;
    if ((spec.flags & RTE_TCP_ACK_FLAG) == 0 || has_been_far_ || distance < 0) {
      return;
    }
    // Once the stream is far on, old acknowledgements may fall below: they are out of date anyway.
    const uint32_t seen = RawPacket::spec_of(packet.bytes()).ack;
    const auto above = static_cast<int32_t>(seen - first_byte_);
    check(above >= 0 || shift_.header == net::HeaderState::kNone, "an ack below the stream");
    check(above <= distance, "an ack of more than the server took");
  }

  IpVersion version_;
  uint32_t mtu_;
  net::ProxyHeader header_;
  net::SequenceShift shift_;
  uint32_t first_byte_ = 0;
  uint32_t server_first_byte_ = 0;
  uint32_t headers_ = 0, server_segments_ = 0, starts_ = 0;
  bool has_been_far_ = false;
};

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) { return 0; }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace sluice::fuzz;
  std::span<const uint8_t> rest{bytes, size};
  if (rest.size() < kStartBytes || rest.size() > 4'000) {
    return 0;
  }
  Connection connection(rest.first(kStartBytes));
  for (rest = rest.subspan(kStartBytes); rest.size() >= kStepBytes;
       rest = rest.subspan(kStepBytes)) {
    connection.step(rest.first(kStepBytes));
  }
  return 0;
}

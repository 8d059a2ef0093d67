// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: one frame through parse(), and what later stages rely on afterwards. Tests.
#include <vector>

#include "lib/net/parse.h"
#include "lib/net/translate.h"
#include "tests/fuzz/target.h"

namespace {

using sluice::fuzz::check;
namespace net = sluice::net;

constexpr net::Mac kPortMac{{0x02, 0, 0, 0, 0, 0x01}};

void expect_usable(const std::vector<uint8_t>& frame, const net::Flow& flow,
                   const net::PacketFields& fields, size_t total) {
  const size_t contiguous = frame.size();
  check(flow.protocol == IPPROTO_TCP || flow.protocol == IPPROTO_UDP, "a flow of another protocol");
  size_t header_end = fields.l4_offset + (flow.protocol == IPPROTO_TCP ? 20U : 8U);
  check(header_end <= contiguous, "the header lies outside the first segment");
  if (flow.protocol == IPPROTO_TCP) {
    header_end = fields.l4_offset + (frame[fields.l4_offset + 12] >> 4) * 4U;
    check(header_end <= contiguous, "TCP options lie outside the first segment");
  }
  check(header_end <= net::kEthernetBytes + size_t{fields.ip_bytes}, "the header lies behind IP");
  check(net::kEthernetBytes + size_t{fields.ip_bytes} <= total, "IP is longer than the frame");
}

struct Packet {
  net::FlowKey4 key4;
  net::FlowKey6 key6;
  net::PacketFields fields;

  net::ParseVerdict parse(const std::vector<uint8_t>& frame, size_t total) {
    return net::parse(frame.data(), static_cast<uint32_t>(frame.size()),
                      static_cast<uint32_t>(total), kPortMac, key4, key6, fields);
  }
  [[nodiscard]] net::Flow flow() const { return fields.is_v6 ? net::Flow(key6) : net::Flow(key4); }
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) { return 0; }

// The first byte is how much of the frame lies in further segments.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) {
    return 0;
  }
  const size_t total = size - 1;
  const size_t contiguous = total - std::min<size_t>(bytes[0], total);
  // Of its own size in the heap, so that a sanitizer sees every byte read behind it.
  std::vector<uint8_t> frame(bytes + 1, bytes + 1 + contiguous);
  Packet packet;
  if (packet.parse(frame, total) != net::ParseVerdict::kFlow) {
    return 0;
  }
  expect_usable(frame, packet.flow(), packet.fields, total);
  if (packet.fields.ttl <= 1) {
    return 0;
  }
  const net::Flow other{
      *net::Endpoint::parse(packet.fields.is_v6 ? "[2001:db8::1]:1024" : "10.0.0.100:1024"),
      *net::Endpoint::parse(packet.fields.is_v6 ? "[2001:db8::2]:80" : "10.0.0.1:80"),
      packet.flow().protocol};
  const auto delta =
      net::ChecksumDelta().change16(packet.flow().checksum_part(), other.checksum_part());
  const uint32_t ip_header_bytes = packet.fields.l4_offset - net::kEthernetBytes;
  net::translate({other, delta}, frame.data() + net::kEthernetBytes,
                 frame.data() + packet.fields.l4_offset, packet.fields.ip_bytes - ip_header_bytes,
                 0);
  check(packet.parse(frame, total) == net::ParseVerdict::kFlow,
        "a translated packet is no good packet any more");
  check(packet.flow() == other, "a translated packet has another key");
  return 0;
}

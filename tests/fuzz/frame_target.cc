// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: one frame through parse(), and what later stages rely on afterwards. Tests.
#include <vector>

#include "lib/net/parse.h"
#include "lib/net/rewrite.h"
#include "tests/fuzz/target.h"

namespace {

using sluice::fuzz::check;
namespace net = sluice::net;

constexpr net::Mac kPortMac{{0x02, 0, 0, 0, 0, 0x01}};

void expect_usable(const net::FlowKey4& key, const net::PacketFields& fields, size_t contiguous,
                   size_t total) {
  check(key.protocol == IPPROTO_TCP || key.protocol == IPPROTO_UDP, "a flow of another protocol");
  const size_t header_end = fields.l4_offset + (key.protocol == IPPROTO_TCP ? 20U : 8U);
  check(header_end <= contiguous, "the header lies outside the first segment");
  check(header_end <= net::kEthernetBytes + size_t{fields.ip_bytes}, "the header lies behind IP");
  check(net::kEthernetBytes + size_t{fields.ip_bytes} <= total, "IP is longer than the frame");
}

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
  net::FlowKey4 key;
  net::PacketFields fields;
  const net::ParseVerdict verdict = net::parse(frame.data(), static_cast<uint32_t>(contiguous),
                                               static_cast<uint32_t>(total), kPortMac, key, fields);
  if (verdict != net::ParseVerdict::kFlow) {
    return 0;
  }
  expect_usable(key, fields, contiguous, total);
  if (fields.ttl > 1) {
    const net::FlowKey4 other{net::Ipv4::from_host(0x0A000064), net::Ipv4::from_host(0x0A000001),
                              net::Be16::from_host(1024), net::Be16::from_host(80), key.protocol};
    net::apply_rewrite(net::Rewrite::between(key, other), frame.data() + net::kEthernetBytes,
                       frame.data() + fields.l4_offset, static_cast<net::Protocol>(key.protocol));
    check(net::parse(frame.data(), static_cast<uint32_t>(contiguous), static_cast<uint32_t>(total),
                     kPortMac, key, fields) == net::ParseVerdict::kFlow,
          "a translated packet is no good packet any more");
    check(key == other, "a translated packet has another key");
  }
  return 0;
}

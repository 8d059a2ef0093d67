// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: a TCP header's options through every walk and edit, then TOA. Tests.
#include <span>

#include "lib/net/client_address.h"
#include "lib/net/sequence_shift.h"
#include "tests/fuzz/target.h"
#include "tests/unit/lib/net/raw_packet.h"

namespace {

using sluice::fuzz::check;
using sluice::test::Bytes;
using sluice::test::PacketSpec;
using sluice::test::RawPacket;
namespace net = sluice::net;

constexpr size_t kMaxOptionBytes = 40;

/// A client's segment: flags, then how many words of options, then options and payload.
PacketSpec segment_from(std::span<const uint8_t> bytes) {
  PacketSpec spec{.version = static_cast<sluice::test::IpVersion>(bytes[1] >= 128 ? 6 : 4)};
  spec.flags = bytes[0];
  spec.options.assign(std::min<size_t>(bytes[1] % 16 * 4, kMaxOptionBytes), 0);
  bytes = bytes.subspan(2);
  const size_t count = std::min(bytes.size(), spec.options.size());
  std::copy_n(bytes.begin(), count, spec.options.begin());
  spec.payload.assign(bytes.begin() + static_cast<ptrdiff_t>(count), bytes.end());
  return spec;
}

/// The header alone, of its own size in the heap: a sanitizer sees every byte read behind it.
void walk_exactly(const RawPacket& packet) {
  Bytes header(packet.tcp(), packet.tcp() + net::tcp_header_bytes(packet.tcp()));
  net::for_each_tcp_option(header.data(), [&](const net::TcpOption& option) {
    check(option.bytes >= 2, "an option without a length");
    check(size_t{option.offset} + option.bytes <= header.size(), "an option behind the header");
  });
  net::SequenceShift shift = net::begin_shift(header.data(), 1, 2, 28);
  shift.header = net::HeaderState::kSent;
  net::shift_server_segment(shift, header.data());
  (void)net::shift_client_segment(shift, header.data(), 3);
}

void expect_right(const RawPacket& packet) {
  check(sluice::test::is_right(packet.bytes()), "a checksum is not that of a full computation");
}

void edit(RawPacket& packet) {
  net::TcpEdit edit(packet.tcp());
  net::lower_mss(edit, net::kClientAddress6Bytes);
  net::clamp_mss(edit, 1'000);
  (void)net::strip_client_address(edit);
  net::blank_tcp_options(edit, TCPOPT_TIMESTAMP);
  edit.commit();
  net::for_each_tcp_option(packet.tcp(), [&](const net::TcpOption& option) {
    check(!net::claims_client_address(option), "a claimed client address was left");
    check(option.kind != TCPOPT_TIMESTAMP, "a timestamp was left");
    check(option.kind != TCPOPT_MAXSEG || option.bytes != TCPOLEN_MAXSEG ||
              sluice::test::read16(packet.tcp() + option.offset + 2) <= 1'000,
          "a larger MSS was left");
  });
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) { return 0; }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2 || size > 1'400) {
    return 0;
  }
  const PacketSpec spec = segment_from({bytes, size});
  RawPacket packet(spec);
  walk_exactly(packet);
  net::SequenceShift shift = net::begin_shift(packet.tcp(), 0x12345678, 0x9ABCDEF0, 28);
  (void)net::shift_client_segment(shift, packet.tcp(), shift.to_server(spec.seq));
  expect_right(packet);
  net::shift_server_segment(shift, packet.tcp());
  expect_right(packet);
  edit(packet);
  expect_right(packet);
  const net::Address client = (spec.flags & 1) != 0 ? net::Address(net::Ipv6{{0x20, 1}})
                                                    : net::Address(net::Ipv4::from_host(7));
  const net::Insertion done = net::insert_toa(packet.room, {client, net::Be16::from_host(9)});
  expect_right(packet);
  const auto option =
      net::find_tcp_option(packet.tcp(), net::kTcpOptionClientAddress, net::toa_bytes(client));
  check(option.has_value() == (done == net::Insertion::kDone), "TOA and its result disagree");
  return 0;
}

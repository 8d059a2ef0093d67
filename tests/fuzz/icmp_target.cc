// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: one IP packet as an ICMP message, translated and converted in every way. Tests.
#include <rte_ip.h>

#include <optional>
#include <vector>

#include "lib/net/icmp_conversion.h"
#include "lib/net/icmp_tunnel.h"
#include "tests/fuzz/target.h"

namespace {

using sluice::fuzz::check;
namespace net = sluice::net;

using Packet = std::vector<uint8_t>;  // of its own size, so that a sanitizer sees reads behind it

const net::Be16 kGuePort = net::Be16::from_host(6'080);

net::AddressPair new_addresses(bool is_v4) {
  if (is_v4) {
    return {net::Ipv4::from_host(0x0A000064), net::Ipv4::from_host(0x0A000001)};
  }
  return {net::Ipv6{{0x20, 1, 0x0D, 0xB8}}, net::Ipv6{{0x20, 1, 0x0D, 0xB8, 1}}};
}

net::IcmpErrorTarget target(bool is_v4) {
  return {.addresses = new_addresses(is_v4),
          .flow = {.addresses = new_addresses(is_v4),
                   .source_port = net::Be16::from_host(1'024),
                   .destination_port = net::Be16::from_host(80),
                   .sequence_shift = 5,
                   .acknowledgement_shift = -7}};
}

// Makes an IPv4 header's checksum right, when there is one: mutations end there otherwise.
void repair_ip_header(std::span<uint8_t> bytes) {
  if (bytes.size() < sizeof(rte_ipv4_hdr) || bytes[0] >> 4 != 4 || (bytes[0] & 0xF) < 5 ||
      bytes.size() < (bytes[0] & 0xFU) * 4) {
    return;
  }
  auto& ip = *reinterpret_cast<rte_ipv4_hdr*>(bytes.data());
  ip.hdr_checksum = 0;
  ip.hdr_checksum = rte_ipv4_cksum(&ip);
}

void repair(std::span<uint8_t> packet) {
  repair_ip_header(packet);
  net::IpHeader ip;
  if (net::read_ip_header(packet, ip) != net::IpHeaderVerdict::kOk || !ip.is_icmp() ||
      ip.is_fragment() || ip.total_bytes > packet.size() || ip.l4_bytes() < sizeof(rte_icmp_hdr)) {
    return;
  }
  const auto icmp = packet.subspan(ip.header_bytes, ip.l4_bytes());
  const auto quote = icmp.subspan(sizeof(rte_icmp_hdr));
  repair_ip_header(quote);
  if (quote.size() > sizeof(rte_ipv4_hdr)) {
    repair_ip_header(quote.subspan(sizeof(rte_ipv4_hdr)));  // of an IPIP packet
  }
  net::write_icmp_checksum(ip.version, ip.addresses, icmp);
}

struct ReadError {
  net::IcmpMessage message;
  net::EmbeddedPacket embedded;
  net::EmbeddedVerdict verdict;
};

std::optional<ReadError> read_error(std::span<const uint8_t> packet) {
  ReadError error;
  if (net::read_icmp(packet, error.message) != net::IcmpVerdict::kError) {
    return std::nullopt;
  }
  error.verdict = net::find_embedded(packet, error.message, error.embedded);
  return error;
}

bool is_translatable(net::EmbeddedVerdict verdict) {
  return verdict == net::EmbeddedVerdict::kFlow || verdict == net::EmbeddedVerdict::kLaterFragment;
}

void expect_new_flow(std::span<const uint8_t> packet, const ReadError& before, bool is_v4) {
  const auto after = read_error(packet);
  check(after.has_value(), "a translated error is none any more");
  check(after->verdict == before.verdict, "a translated error quotes something else");
  check(after->message.ip.addresses == new_addresses(is_v4), "an error has other addresses");
  check(after->message.ip.hop_limit == static_cast<uint8_t>(before.message.ip.hop_limit - 1),
        "an error has another TTL");
  check(after->embedded.ip.addresses == new_addresses(is_v4), "a quote has other addresses");
  if (after->verdict == net::EmbeddedVerdict::kFlow && !after->embedded.ip.is_icmp()) {
    check(after->embedded.source_port.host() == 1'024 &&
              after->embedded.destination_port.host() == 80,
          "a quote has other ports");
  }
}

void convert(std::span<const uint8_t> packet, const ReadError& error) {
  const bool becomes_v4 = !error.message.ip.is_v4();
  std::array<uint8_t, net::kMaxIcmpv6ErrorBytes> out;
  const net::ConversionPath path{.ipv4_mtu = 1'500, .ipv6_mtu = 1'500, .identification = 1};
  const uint32_t bytes =
      net::convert_icmp_error(packet, error.message, error.embedded, target(becomes_v4), path, out);
  if (bytes == 0) {
    return;
  }
  check(bytes <= (becomes_v4 ? net::kMaxIcmpv4ErrorBytes : net::kMaxIcmpv6ErrorBytes),
        "a converted error is too long");
  expect_new_flow(Packet(out.begin(), out.begin() + bytes), error, becomes_v4);
}

// Our own error about a packet, or about a part of it.
void build_error(std::span<const uint8_t> packet, const net::IpHeader& ip) {
  if (!net::may_send_error_about(packet, ip, net::IcmpErrorKind::kPacketTooBig,
                                 net::LinkDestination::kUnicast)) {
    return;
  }
  std::array<uint8_t, net::kMaxIcmpv6ErrorBytes> out;
  const net::OwnIcmpError error{net::IcmpErrorKind::kPacketTooBig, new_addresses(ip.is_v4()).source,
                                1'400};
  const uint32_t bytes = net::build_icmp_error(error, packet, ip, out);
  const Packet built(out.begin(), out.begin() + bytes);
  const auto read = read_error(built);
  check(read.has_value() && read->message.is_packet_too_big(), "our own error is none");
  check(read->verdict == net::EmbeddedVerdict::kTruncated ||
            read->embedded.ip.addresses == ip.addresses,
        "our own error quotes another packet");
}

void relay(std::span<const uint8_t> packet, const ReadError& error) {
  if (error.verdict != net::EmbeddedVerdict::kFlow &&
      error.verdict != net::EmbeddedVerdict::kNoPorts) {
    return;
  }
  net::EmbeddedPacket inner;
  const net::EmbeddedVerdict verdict = net::find_tunnelled(packet, error.embedded, kGuePort, inner);
  if (!is_translatable(verdict)) {
    return;
  }
  const auto relayed = net::relay_tunnel_error(error.message, error.embedded, inner);
  check(!relayed || relayed->kind != net::IcmpErrorKind::kPacketTooBig || relayed->mtu >= 68,
        "a relayed error tells an MTU that IPv4 forbids");
  build_error(packet.subspan(inner.offset, inner.bytes), inner.ip);
}

void answer(Packet packet) {
  net::IcmpMessage message;
  if (net::read_icmp(packet, message) == net::IcmpVerdict::kEchoRequest &&
      net::answer_echo(packet, message)) {
    net::IcmpMessage reply;
    check(net::read_icmp(packet, reply) == net::IcmpVerdict::kEchoReply, "a reply is none");
    check(reply.ip.addresses.source == message.ip.addresses.destination, "a reply from elsewhere");
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) { return 0; }

// The first byte: 1 when the checksums are to be made right, 0 when not.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) {
    return 0;
  }
  Packet packet(bytes + 1, bytes + size);
  if ((bytes[0] & 1) != 0) {
    repair(packet);
  }
  net::IpHeader ip;
  if (net::read_ip_header(packet, ip) == net::IpHeaderVerdict::kOk) {
    build_error(packet, ip);
  }
  answer(packet);
  const auto error = read_error(packet);
  if (!error) {
    return 0;
  }
  relay(packet, *error);
  if (is_translatable(error->verdict) && error->message.ip.hop_limit > 1) {
    convert(packet, *error);
    const bool is_v4 = error->message.ip.is_v4();
    net::translate_icmp_error(packet, error->message, error->embedded, target(is_v4));
    expect_new_flow(packet, *error, is_v4);
  }
  return 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// The packet an ICMP error is about: found, read and given new addresses. Workers, rare packets.
#include "lib/net/icmp_embedded.h"

#include <rte_tcp.h>
#include <rte_udp.h>

#include <algorithm>

namespace sluice::net {
namespace {

constexpr uint32_t kPortsBytes = 4;
constexpr uint32_t kSequenceAt = offsetof(rte_tcp_hdr, sent_seq);
constexpr uint32_t kAcknowledgementAt = offsetof(rte_tcp_hdr, recv_ack);
constexpr uint32_t kTcpFlagsAt = offsetof(rte_tcp_hdr, tcp_flags);
constexpr uint32_t kIdentifierAt = offsetof(rte_icmp_hdr, icmp_ident);

template <typename T>
T load(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

template <typename T>
void store(uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof(value));
}

// Where the quoted packet ends, from the start of `packet`: with extensions the length attribute
// says so, in words of 32 (IPv4) or 64 bits, padding included. Extensions ask for 128 bytes.
uint32_t quote_end(const IcmpMessage& message) {
  constexpr uint32_t kLeastWithExtensions = 128;
  const uint32_t start = message.offset() + static_cast<uint32_t>(sizeof(rte_icmp_hdr));
  const uint32_t parameter = message.parameter.host();
  const bool may_extend = message.ip.is_v4() || message.type == ICMP6_DST_UNREACH ||
                          message.type == ICMP6_TIME_EXCEEDED;
  const uint32_t length = message.ip.is_v4() ? (parameter >> 16 & 0xFF) * 4 : (parameter >> 24) * 8;
  if (!may_extend || length < kLeastWithExtensions) {
    return message.ip.total_bytes;
  }
  return std::min(start + length, message.ip.total_bytes);
}

EmbeddedVerdict read_identifier(std::span<const uint8_t> l4, EmbeddedPacket& embedded) {
  if (l4.empty()) {
    return EmbeddedVerdict::kTruncated;
  }
  const bool is_request = l4[0] == (embedded.ip.is_v4() ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
  const bool is_reply = l4[0] == (embedded.ip.is_v4() ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY);
  if (!is_request && !is_reply) {
    return EmbeddedVerdict::kNoPorts;
  }
  if (l4.size() < kIdentifierAt + sizeof(Be16)) {
    return EmbeddedVerdict::kTruncated;
  }
  (is_request ? embedded.source_port : embedded.destination_port) =
      load<Be16>(l4.data() + kIdentifierAt);
  return EmbeddedVerdict::kFlow;
}

EmbeddedVerdict read_ports(std::span<const uint8_t> l4, EmbeddedPacket& embedded) {
  switch (embedded.ip.protocol) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_SCTP:
      if (l4.size() < kPortsBytes) {
        return EmbeddedVerdict::kTruncated;
      }
      embedded.source_port = load<Be16>(l4.data());
      embedded.destination_port = load<Be16>(l4.data() + sizeof(Be16));
      return EmbeddedVerdict::kFlow;
    default:
      return embedded.ip.is_icmp() ? read_identifier(l4, embedded) : EmbeddedVerdict::kNoPorts;
  }
}

uint32_t plateau_below(uint32_t packet_bytes) {
  constexpr std::array<uint32_t, 10> kPlateaus = {32'000, 17'914, 8'166, 4'352, 2'002,
                                                  1'492,  1'006,  508,   296,   68};
  const auto* found = std::find_if(kPlateaus.begin(), kPlateaus.end(),
                                   [=](uint32_t plateau) { return plateau < packet_bytes; });
  return found == kPlateaus.end() ? kPlateaus.back() : *found;
}

// Adds `shift` to the 32-bit number at `at`.
void shift_number(uint8_t* at, int32_t shift, ChecksumDelta& delta) {
  const auto before = load<Be32>(at);
  const Be32 after = Be32::from_host(before.host() + static_cast<uint32_t>(shift));
  delta.change32(before.raw, after.raw);
  store(at, after);
}

void shift_tcp_numbers(std::span<uint8_t> tcp, const EmbeddedFlow& flow, ChecksumDelta& delta) {
  if (tcp.size() >= kAcknowledgementAt) {
    shift_number(tcp.data() + kSequenceAt, flow.sequence_shift, delta);
  }
  const bool carries_none = tcp.size() > kTcpFlagsAt && (tcp[kTcpFlagsAt] & RTE_TCP_ACK_FLAG) == 0;
  if (tcp.size() >= kAcknowledgementAt + sizeof(Be32) && !carries_none) {
    shift_number(tcp.data() + kAcknowledgementAt, flow.acknowledgement_shift, delta);
  }
}

void rewrite_word(uint8_t* at, Be16 value, ChecksumDelta& delta) {
  delta.change16(load<Be16>(at).raw, value.raw);
  store(at, value);
}

void bring_checksum_along(const IpHeader& ip, ChecksumDelta delta, std::span<uint8_t> l4) {
  const uint32_t at = ip.protocol == IPPROTO_TCP   ? offsetof(rte_tcp_hdr, cksum)
                      : ip.protocol == IPPROTO_UDP ? offsetof(rte_udp_hdr, dgram_cksum)
                                                   : offsetof(rte_icmp_hdr, icmp_cksum);
  if (ip.protocol == IPPROTO_SCTP || l4.size() < at + sizeof(uint16_t)) {
    return;
  }
  const auto checksum = load<uint16_t>(l4.data() + at);
  store(l4.data() + at,
        ip.protocol == IPPROTO_UDP ? delta.apply_udp(checksum) : delta.apply(checksum));
}

}  // namespace

EmbeddedVerdict find_embedded(std::span<const uint8_t> packet, const IcmpMessage& message,
                              EmbeddedPacket& embedded) {
  const uint32_t start = message.offset() + static_cast<uint32_t>(sizeof(rte_icmp_hdr));
  const EmbeddedVerdict verdict = read_embedded(packet, start, quote_end(message), embedded);
  const bool is_of_other_version =
      verdict != EmbeddedVerdict::kTruncated && embedded.ip.version != message.ip.version;
  return is_of_other_version ? EmbeddedVerdict::kBadHeader : verdict;
}

EmbeddedVerdict read_embedded(std::span<const uint8_t> packet, uint32_t offset, uint32_t end,
                              EmbeddedPacket& embedded) {
  embedded = {};
  const auto quote = packet.first(end).subspan(offset);
  const IpHeaderVerdict header = read_ip_header(quote, embedded.ip);
  if (header != IpHeaderVerdict::kOk) {
    return header == IpHeaderVerdict::kTruncated ? EmbeddedVerdict::kTruncated
                                                 : EmbeddedVerdict::kBadHeader;
  }
  embedded.offset = offset;
  embedded.bytes = std::min(static_cast<uint32_t>(quote.size()), embedded.ip.total_bytes);
  if (embedded.ip.is_later_fragment()) {
    return EmbeddedVerdict::kLaterFragment;
  }
  const auto l4 = quote.first(embedded.bytes).subspan(embedded.ip.header_bytes);
  const EmbeddedVerdict verdict = read_ports(l4, embedded);
  embedded.has_ports = verdict == EmbeddedVerdict::kFlow;
  return verdict;
}

uint32_t reported_mtu(const IcmpMessage& message, const EmbeddedPacket& embedded) {
  if (!message.ip.is_v4()) {
    return message.parameter.host();
  }
  const uint32_t mtu = message.parameter.host() & 0xFFFF;
  return mtu != 0 ? mtu : plateau_below(embedded.ip.total_bytes);
}

void rewrite_embedded_l4(const EmbeddedPacket& embedded, const EmbeddedFlow& flow,
                         ChecksumDelta addresses_delta, std::span<uint8_t> l4) {
  if (!embedded.has_ports) {
    return;
  }
  const bool has_pseudo_header = embedded.ip.protocol != IPPROTO_ICMP;
  ChecksumDelta delta = has_pseudo_header ? addresses_delta : ChecksumDelta();
  if (embedded.ip.is_icmp()) {
    const bool is_request = l4[0] == (embedded.ip.is_v4() ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
    rewrite_word(l4.data() + kIdentifierAt, is_request ? flow.source_port : flow.destination_port,
                 delta);
  } else {
    rewrite_word(l4.data(), flow.source_port, delta);
    rewrite_word(l4.data() + sizeof(Be16), flow.destination_port, delta);
  }
  if (embedded.ip.protocol == IPPROTO_TCP) {
    shift_tcp_numbers(l4, flow, delta);
  }
  bring_checksum_along(embedded.ip, delta, l4);
}

}  // namespace sluice::net

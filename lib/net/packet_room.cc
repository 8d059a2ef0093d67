// SPDX-License-Identifier: BSD-3-Clause
// Opens room inside a packet and fills it, lengths and checksums following. Worker thread.
#include "lib/net/packet_room.h"

#include <algorithm>

#include "lib/net/tcp_options.h"

namespace sluice::net {
namespace {

constexpr uint32_t kMaxIpBytes = 65'535;
constexpr size_t kTcpChecksumAt = 16;
constexpr size_t kTcpUrgentAt = 18;
constexpr size_t kUdpLengthAt = 4;
constexpr size_t kUdpChecksumAt = 6;

uint16_t word_at(const uint8_t* bytes) {
  uint16_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

void put_word(uint8_t* bytes, uint16_t word) { std::memcpy(bytes, &word, sizeof(word)); }

uint16_t be16(uint32_t host) { return Be16::from_host(static_cast<uint16_t>(host)).raw; }

/// Adds to a 16-bit field and tells the checksum.
void add_to_field(uint8_t* field, uint32_t bytes, ChecksumDelta& delta) {
  const uint16_t before = word_at(field);
  const uint16_t after = be16(Be16{before}.host() + bytes);
  delta.change16(before, after);
  put_word(field, after);
}

/// What the payload adds to the checksum, got from the checksum itself: the payload is not read.
uint16_t sum_payload(const PacketRoom& packet, uint8_t protocol, uint32_t header_bytes,
                     uint32_t covered_bytes, uint16_t checksum) {
  const uint8_t* l4 = packet.l4();
  const uint32_t all = static_cast<uint16_t>(~checksum);
  ChecksumDelta rest;  // 0 + all - pseudo header - header without its checksum field
  rest.change16(sum_pseudo_header(packet.ip(), protocol, covered_bytes), 0)
      .change16(sum_words({l4, header_bytes}), checksum);
  return static_cast<uint16_t>(~rest.apply(static_cast<uint16_t>(~all)));
}

}  // namespace

Insertion PacketRoom::can_grow(uint32_t bytes) const {
  if (ip_bytes() + bytes > std::min(mtu_bytes, kMaxIpBytes)) {
    return Insertion::kOverMtu;
  }
  return bytes > headroom_bytes ? Insertion::kNoHeadroom : Insertion::kDone;
}

uint8_t* PacketRoom::open(uint32_t offset, uint32_t bytes) {
  const uint32_t grown = ip_bytes() + bytes;
  std::memmove(frame - bytes, frame, offset);
  frame -= bytes;
  headroom_bytes -= bytes;
  set_ip_bytes(ip(), grown);
  return frame + offset;
}

void set_ip_bytes(uint8_t* ip, uint32_t bytes) {
  if (ip[0] >> 4 != 4) {
    put_word(ip + 4, be16(bytes - static_cast<uint32_t>(sizeof(rte_ipv6_hdr))));
    return;
  }
  auto& header = *reinterpret_cast<rte_ipv4_hdr*>(ip);
  ChecksumDelta delta;
  delta.change16(header.total_length, be16(bytes));
  header.total_length = be16(bytes);
  header.hdr_checksum = delta.apply(header.hdr_checksum);
}

uint16_t sum_pseudo_header(const uint8_t* ip, uint8_t protocol, uint32_t l4_bytes) {
  const bool is_v4 = ip[0] >> 4 == 4;
  const std::span<const uint8_t> addresses =
      is_v4 ? std::span{ip + offsetof(rte_ipv4_hdr, src_addr), 8}
            : std::span{ip + offsetof(rte_ipv6_hdr, src_addr), 32};
  return sum_words(addresses, uint32_t{be16(protocol)} + be16(l4_bytes));
}

Insertion insert_before_payload(PacketRoom& packet, uint8_t protocol,
                                std::span<const uint8_t> bytes) {
  const auto count = static_cast<uint32_t>(bytes.size());
  if (const Insertion refusal = packet.can_grow(count); refusal != Insertion::kDone) {
    return refusal;
  }
  const bool is_tcp = protocol == IPPROTO_TCP;
  const uint32_t header_bytes =
      is_tcp ? tcp_header_bytes(packet.l4()) : static_cast<uint32_t>(sizeof(rte_udp_hdr));
  const size_t checksum_at = is_tcp ? kTcpChecksumAt : kUdpChecksumAt;
  const uint16_t checksum = word_at(packet.l4() + checksum_at);

  const uint32_t covered_bytes =
      is_tcp ? packet.l4_bytes() : Be16{word_at(packet.l4() + kUdpLengthAt)}.host();

  ChecksumDelta delta;
  delta.change16(0, sum_words(bytes)).change16(be16(covered_bytes), be16(covered_bytes + count));
  if (count % 2 != 0) {  // each payload byte changes its place in a word: RFC 1071 1(B)
    const uint16_t payload = sum_payload(packet, protocol, header_bytes, covered_bytes, checksum);
    delta.change16(payload, __builtin_bswap16(payload));
  }
  uint8_t* room = packet.open(packet.l4_offset + header_bytes, count);
  std::copy(bytes.begin(), bytes.end(), room);

  uint8_t* l4 = packet.l4();
  if (!is_tcp) {
    add_to_field(l4 + kUdpLengthAt, count, delta);
    put_word(l4 + kUdpChecksumAt, delta.apply_udp(checksum));
    return Insertion::kDone;
  }
  if ((l4[13] & RTE_TCP_URG_FLAG) != 0) {
    add_to_field(l4 + kTcpUrgentAt, count, delta);  // it counts from the sequence number
  }
  put_word(l4 + kTcpChecksumAt, delta.apply(checksum));
  return Insertion::kDone;
}

}  // namespace sluice::net

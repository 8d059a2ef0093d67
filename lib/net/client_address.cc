// SPDX-License-Identifier: BSD-3-Clause
// The client's address inside packets to the server: TOA in TCP, UOA in UDP. Worker thread.
#include "lib/net/client_address.h"

#include <netinet/ip.h>

#include <array>

namespace sluice::net {
namespace {

constexpr uint8_t kUoaKind = 31;
constexpr uint8_t kUoaProtocol = 248;

/// Writes kind, length, port and address; returns the length.
uint8_t write_option(uint8_t* at, uint8_t kind, const Endpoint& client) {
  const uint8_t bytes = toa_bytes(client.address);
  at[0] = kind;
  at[1] = bytes;
  std::memcpy(at + 2, &client.port.raw, sizeof(client.port.raw));
  if (client.address.is_v4()) {
    const Ipv4 v4 = client.address.v4();
    std::memcpy(at + 4, &v4.value.raw, sizeof(v4.value.raw));
  } else {
    std::memcpy(at + 4, client.address.v6().bytes.data(), client.address.v6().bytes.size());
  }
  return bytes;
}

uint32_t ip_header_bytes(const PacketRoom& packet) { return packet.l4_offset - packet.ip_offset; }

/// An IPv4 header's word changes; its checksum follows.
void change_ipv4_word(uint8_t* ip, uint32_t offset, uint8_t byte_offset, uint8_t value) {
  auto& header = *reinterpret_cast<rte_ipv4_hdr*>(ip);
  uint16_t before;
  std::memcpy(&before, ip + offset, sizeof(before));
  ip[offset + byte_offset] = value;
  uint16_t after;
  std::memcpy(&after, ip + offset, sizeof(after));
  header.hdr_checksum = ChecksumDelta{}.change16(before, after).apply(header.hdr_checksum);
}

}  // namespace

Insertion insert_toa(PacketRoom& packet, const Endpoint& client) {
  std::array<uint8_t, kClientAddress6Bytes> option{};
  const uint8_t bytes = write_option(option.data(), kTcpOptionClientAddress, client);
  const uint32_t header_bytes = tcp_header_bytes(packet.l4()) + bytes;
  if (header_bytes > kMaxTcpHeaderBytes) {
    return Insertion::kHeaderFull;
  }
  if (const Insertion refusal = packet.can_grow(bytes); refusal != Insertion::kDone) {
    return refusal;
  }
  const uint32_t l4_bytes = packet.l4_bytes();
  const auto be16 = [](uint32_t host) { return Be16::from_host(static_cast<uint16_t>(host)).raw; };
  uint8_t* room = packet.open(packet.l4_offset + sizeof(rte_tcp_hdr), bytes);
  std::memcpy(room, option.data(), bytes);
  auto& tcp = *reinterpret_cast<rte_tcp_hdr*>(packet.l4());
  const auto offset_byte = static_cast<uint8_t>(header_bytes / 4 << 4 | (tcp.data_off & 0xF));
  tcp.cksum = ChecksumDelta{}
                  .change16(0, sum_words({option.data(), bytes}))
                  .change16(be16(l4_bytes), be16(l4_bytes + bytes))
                  .change16(tcp.data_off, offset_byte)
                  .apply(tcp.cksum);
  tcp.data_off = offset_byte;
  return Insertion::kDone;
}

Insertion insert_uoa_option(PacketRoom& packet, const Endpoint& client) {
  constexpr uint32_t kMaxIpv4HeaderBytes = 60;
  if (!packet.is_v4() || !client.address.is_v4()) {
    return Insertion::kWrongFamily;
  }
  std::array<uint8_t, kClientAddress4Bytes> option{};
  const uint8_t bytes = write_option(option.data(), kUoaKind, client);
  const uint32_t header_bytes = ip_header_bytes(packet) + bytes;
  if (header_bytes > kMaxIpv4HeaderBytes) {
    return Insertion::kHeaderFull;
  }
  if (const Insertion refusal = packet.can_grow(bytes); refusal != Insertion::kDone) {
    return refusal;
  }
  uint8_t* room = packet.open(packet.ip_offset + sizeof(rte_ipv4_hdr), bytes);
  std::memcpy(room, option.data(), bytes);
  packet.l4_offset = static_cast<uint16_t>(packet.l4_offset + bytes);
  auto& ip = *reinterpret_cast<rte_ipv4_hdr*>(packet.ip());
  ip.hdr_checksum = ChecksumDelta{}.change16(0, sum_words(option)).apply(ip.hdr_checksum);
  change_ipv4_word(packet.ip(), 0, 0, static_cast<uint8_t>(4 << 4 | header_bytes / 4));
  return Insertion::kDone;
}

Insertion insert_uoa_protocol(PacketRoom& packet, const Endpoint& client) {
  if (!packet.is_v4() && ip_header_bytes(packet) != sizeof(rte_ipv6_hdr)) {
    return Insertion::kWrongFamily;
  }
  std::array<uint8_t, kUoaHeaderBytes + kClientAddress6Bytes> header{};
  const uint8_t option_bytes = write_option(header.data() + kUoaHeaderBytes, kUoaKind, client);
  const uint32_t bytes = kUoaHeaderBytes + option_bytes;
  header[0] = client.address.is_v4() ? 1 << 4 : 2 << 4;
  header[1] = IPPROTO_UDP;
  header[3] = static_cast<uint8_t>(bytes);
  if (const Insertion refusal = packet.can_grow(bytes); refusal != Insertion::kDone) {
    return refusal;
  }
  std::memcpy(packet.open(packet.l4_offset, bytes), header.data(), bytes);
  packet.l4_offset = static_cast<uint16_t>(packet.l4_offset + bytes);
  if (packet.is_v4()) {
    change_ipv4_word(packet.ip(), offsetof(rte_ipv4_hdr, time_to_live), 1, kUoaProtocol);
  } else {
    packet.ip()[offsetof(rte_ipv6_hdr, proto)] = kUoaProtocol;
  }
  return Insertion::kDone;
}

bool strip_uoa_option(const PacketRoom& packet) {
  if (!packet.is_v4()) {
    return false;
  }
  uint8_t* ip = packet.ip();
  const uint32_t end = ip_header_bytes(packet);
  bool stripped = false;
  for (uint32_t at = sizeof(rte_ipv4_hdr); at < end && ip[at] != IPOPT_END;) {
    if (ip[at] == IPOPT_NOP) {
      ++at;
      continue;
    }
    const uint32_t bytes = at + 1 < end ? ip[at + 1] : 0U;
    if (bytes < 2 || bytes > end - at) {
      return stripped;
    }
    if (ip[at] == kUoaKind) {
      for (uint32_t i = at; i < at + bytes; ++i) {
        change_ipv4_word(ip, i & ~1U, i & 1, IPOPT_NOP);
      }
      stripped = true;
    }
    at += bytes;
  }
  return stripped;
}

}  // namespace sluice::net

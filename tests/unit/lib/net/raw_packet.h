// SPDX-License-Identifier: BSD-3-Clause
// Packets of either IP version with headroom, and a reader that computes every checksum anew.
// Tests.
#pragma once

#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "lib/net/packet_room.h"
#include "tests/support/reference_checksum.h"

namespace sluice::test {

using Bytes = std::vector<uint8_t>;

enum class IpVersion : uint8_t { kV4 = 4, kV6 = 6 };

/// The fields of a packet to be, or of one that was read.
struct PacketSpec {
  IpVersion version = IpVersion::kV4;
  uint8_t protocol = IPPROTO_TCP;
  uint32_t seq = 1'000;
  uint32_t ack = 2'000;
  uint8_t flags = RTE_TCP_ACK_FLAG;
  uint16_t window = 0x1234;
  uint16_t urgent = 0;
  Bytes options = {};  // of TCP, a multiple of four
  Bytes payload = {};
  Bytes ip_options = {};  // IPv4, a multiple of four
  bool is_tagged = false;

  friend bool operator==(const PacketSpec&, const PacketSpec&) = default;
};

inline void append16(Bytes& to, uint32_t value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}
inline void append32(Bytes& to, uint32_t value) {
  append16(to, value >> 16);
  append16(to, value);
}
inline void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }
inline uint32_t read16(const uint8_t* at) { return static_cast<uint32_t>(at[0] << 8 | at[1]); }
inline uint32_t read32(const uint8_t* at) { return read16(at) << 16 | read16(at + 2); }

inline Bytes pattern(size_t count, uint32_t start = 1) {
  Bytes bytes(count);
  for (size_t i = 0; i < count; ++i) {
    bytes[i] = static_cast<uint8_t>((i + start) * 37 + i / 251);
  }
  return bytes;
}

/// A packet in a buffer with headroom in front.
class RawPacket {
 public:
  explicit RawPacket(const PacketSpec& spec, uint32_t mtu = 1'500, uint32_t headroom = 128)
      : RawPacket(wire_bytes(spec), spec, mtu, headroom) {}
  RawPacket(const RawPacket&) = delete;
  RawPacket& operator=(const RawPacket&) = delete;

  net::PacketRoom room;

  [[nodiscard]] Bytes bytes() const {
    return {static_cast<const uint8_t*>(room.frame), buffer_.data() + buffer_.size()};
  }
  [[nodiscard]] uint8_t* tcp() const { return room.l4(); }

  /// Of another packet's bytes: as it came from the network.
  static PacketSpec spec_of(const Bytes& frame);
  static Bytes wire_bytes(const PacketSpec& spec);

 private:
  RawPacket(const Bytes& wire, const PacketSpec& spec, uint32_t mtu, uint32_t headroom)
      : buffer_(headroom, 0xEE) {
    append(buffer_, wire);
    const auto ip_offset = static_cast<uint16_t>(spec.is_tagged ? 18 : 14);
    const size_t ip_bytes = spec.version == IpVersion::kV4 ? 20 + spec.ip_options.size() : 40;
    room = {buffer_.data() + headroom, headroom, mtu, ip_offset,
            static_cast<uint16_t>(ip_offset + ip_bytes)};
  }

  Bytes buffer_;
};

inline Bytes addresses(IpVersion version) {
  return version == IpVersion::kV4 ? Bytes{198, 51, 100, 7, 192, 0, 2, 10} : pattern(32, 0x20);
}

/// The L4 checksum (host order) computed in full; the field itself must be zero in `segment`.
inline uint16_t full_l4_checksum(const Bytes& addresses, uint8_t protocol, const Bytes& segment) {
  return reference_l4_checksum(addresses, protocol, segment);
}

inline Bytes l4_bytes_of(const PacketSpec& spec) {
  Bytes l4;
  append16(l4, 51'234);
  append16(l4, 80);
  if (spec.protocol == IPPROTO_TCP) {
    append32(l4, spec.seq);
    append32(l4, spec.ack);
    l4.push_back(static_cast<uint8_t>((20 + spec.options.size()) / 4 << 4));
    l4.push_back(spec.flags);
    append16(l4, spec.window);
    append16(l4, 0);
    append16(l4, spec.urgent);
    append(l4, spec.options);
  } else {
    append16(l4, static_cast<uint32_t>(8 + spec.payload.size()));
    append16(l4, 0);
  }
  append(l4, spec.payload);
  const size_t checksum_at = spec.protocol == IPPROTO_TCP ? 16 : 6;
  const uint16_t checksum = full_l4_checksum(addresses(spec.version), spec.protocol, l4);
  l4[checksum_at] = static_cast<uint8_t>(checksum >> 8);
  l4[checksum_at + 1] = static_cast<uint8_t>(checksum);
  return l4;
}

inline Bytes RawPacket::wire_bytes(const PacketSpec& spec) {
  const Bytes l4 = l4_bytes_of(spec);
  const bool is_v4 = spec.version == IpVersion::kV4;
  Bytes ip;
  if (is_v4) {
    const size_t header = 20 + spec.ip_options.size();
    ip = {static_cast<uint8_t>(4 << 4 | header / 4), 0};
    append16(ip, static_cast<uint32_t>(header + l4.size()));
    append(ip, {0x12, 0x34, 0x40, 0, 64, spec.protocol, 0, 0});
    append(ip, addresses(spec.version));
    append(ip, spec.ip_options);
    const uint16_t checksum = reference_checksum(ip);
    ip[10] = static_cast<uint8_t>(checksum >> 8);
    ip[11] = static_cast<uint8_t>(checksum);
  } else {
    ip = {0x60, 0, 0, 0};
    append16(ip, static_cast<uint32_t>(l4.size()));
    append(ip, {spec.protocol, 64});
    append(ip, addresses(spec.version));
  }
  Bytes frame(12, 2);
  if (spec.is_tagged) {
    append(frame, {0x81, 0, 0, 5});
  }
  append16(frame, is_v4 ? 0x0800 : 0x86DD);
  append(frame, ip);
  append(frame, l4);
  return frame;
}

/// The whole packet again from its fields: equal to the frame exactly when every length and every
/// checksum is what a full computation gives.
inline bool is_right(const Bytes& frame) {
  return RawPacket::wire_bytes(RawPacket::spec_of(frame)) == frame;
}

inline PacketSpec RawPacket::spec_of(const Bytes& frame) {
  PacketSpec spec;
  spec.is_tagged = read16(frame.data() + 12) == 0x8100;
  const size_t ip = spec.is_tagged ? 18 : 14;
  size_t l4 = ip + 40;
  spec.protocol = frame[ip + 6];
  spec.version = frame[ip] >> 4 == 4 ? IpVersion::kV4 : IpVersion::kV6;
  if (spec.version == IpVersion::kV4) {
    l4 = ip + (frame[ip] & 0xFU) * 4U;
    spec.protocol = frame[ip + 9];
    spec.ip_options.assign(&frame[ip + 20], &frame[l4]);
  }
  const uint8_t* header = frame.data() + l4;
  size_t payload = l4 + 8;
  if (spec.protocol == IPPROTO_TCP) {
    spec.seq = read32(header + 4);
    spec.ack = read32(header + 8);
    payload = l4 + (header[12] >> 4) * 4U;
    spec.flags = header[13];
    spec.window = static_cast<uint16_t>(read16(header + 14));
    spec.urgent = static_cast<uint16_t>(read16(header + 18));
    spec.options.assign(&frame[l4 + 20], frame.data() + payload);
  }
  spec.payload.assign(frame.data() + payload, frame.data() + frame.size());
  return spec;
}

}  // namespace sluice::test

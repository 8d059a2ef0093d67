// SPDX-License-Identifier: BSD-3-Clause
// The keys of sessions and their keyed hash.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "lib/net/address.h"
#include "lib/net/checksum.h"

namespace sluice::net {

/// An IPv4 five-tuple as a packet carries it, padded to the 16 bytes rte_hash compares fastest.
struct alignas(16) FlowKey4 {
  Ipv4 source;
  Ipv4 destination;
  Be16 source_port;
  Be16 destination_port;
  uint32_t protocol = 0;

  friend constexpr bool operator==(const FlowKey4&, const FlowKey4&) = default;
};
static_assert(sizeof(FlowKey4) == 16);

/// An IPv6 five-tuple as a packet carries it.
struct FlowKey6 {
  Ipv6 source;
  Ipv6 destination;
  Be16 source_port;
  Be16 destination_port;
  uint32_t protocol = 0;

  friend constexpr bool operator==(const FlowKey6&, const FlowKey6&) = default;
};
static_assert(sizeof(FlowKey6) == 40);

/// A five-tuple of either IP version, for what happens once a session. Both addresses are of the
/// same version.
struct Flow {
  Endpoint source;
  Endpoint destination;
  uint8_t protocol = 0;

  constexpr Flow() = default;
  constexpr Flow(const Endpoint& from, const Endpoint& to, uint8_t ip_protocol)
      : source(from), destination(to), protocol(ip_protocol) {}
  constexpr explicit Flow(const FlowKey4& key)
      : source{key.source, key.source_port},
        destination{key.destination, key.destination_port},
        protocol(static_cast<uint8_t>(key.protocol)) {}
  constexpr explicit Flow(const FlowKey6& key)
      : source{key.source, key.source_port},
        destination{key.destination, key.destination_port},
        protocol(static_cast<uint8_t>(key.protocol)) {}

  [[nodiscard]] constexpr bool is_v4() const { return source.address.is_v4(); }
  /// Precondition: is_v4().
  [[nodiscard]] constexpr FlowKey4 key4() const {
    return {source.address.v4(), destination.address.v4(), source.port, destination.port, protocol};
  }
  [[nodiscard]] constexpr FlowKey6 key6() const {
    return {source.address.v6(), destination.address.v6(), source.port, destination.port, protocol};
  }
  /// What answers look like.
  [[nodiscard]] constexpr Flow turned_around() const { return {destination, source, protocol}; }

  /// The one's complement sum of what transport checksums cover of the tuple: addresses (of a
  /// pseudo header) and ports.
  [[nodiscard]] constexpr uint16_t checksum_part() const {
    const uint32_t sum = address_sum(source.address) + address_sum(destination.address) +
                         source.port.raw + destination.port.raw;
    return fold(sum);
  }

  friend constexpr bool operator==(const Flow&, const Flow&) = default;

 private:
  static constexpr uint32_t address_sum(const Address& address) {
    const auto& bytes = address.v6().bytes;
    uint32_t sum = 0;
    for (size_t i = address.is_v4() ? 12 : 0; i < bytes.size(); i += 2) {
      sum += static_cast<uint32_t>(bytes[i] | bytes[i + 1] << 8);
    }
    return sum;
  }
};

/// Hashes flow keys so that a stranger cannot choose tuples that collide: two rounds of folded
/// 64x64-bit multiplication over secrets drawn at start. (A CRC would be linear: tuples that
/// collide once collide under every seed.)
class FlowHasher {
 public:
  explicit FlowHasher(const std::array<uint64_t, 4>& secret) : secret_(secret) {}

  [[nodiscard]] uint32_t operator()(const FlowKey4& key) const {
    std::array<uint64_t, 2> words;
    std::memcpy(words.data(), &key, sizeof(words));
    const uint64_t mixed = fold_multiply(words[0] ^ secret_[0], words[1] ^ secret_[1]);
    return static_cast<uint32_t>(fold_multiply(mixed ^ secret_[2], secret_[3] | 1));
  }

  [[nodiscard]] uint32_t operator()(const FlowKey6& key) const {
    std::array<uint64_t, 5> words;
    std::memcpy(words.data(), &key, sizeof(words));
    const uint64_t sources = fold_multiply(words[0] ^ secret_[0], words[1] ^ secret_[1]);
    const uint64_t destinations = fold_multiply(words[2] ^ secret_[2], words[3] ^ secret_[3]);
    const uint64_t ports =
        fold_multiply(sources ^ words[4] ^ secret_[1], destinations ^ secret_[0]);
    return static_cast<uint32_t>(fold_multiply(ports ^ secret_[2], secret_[3] | 1));
  }

 private:
  static uint64_t fold_multiply(uint64_t a, uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }

  std::array<uint64_t, 4> secret_;
};

}  // namespace sluice::net

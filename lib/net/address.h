// SPDX-License-Identifier: BSD-3-Clause
// IPv4 and Ethernet addresses, prefixes and endpoints: values, their text form and their order.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/net/byte_order.h"

namespace sluice::net {

/// An IPv4 address in network order, ordered as its text form counts.
struct Ipv4 {
  Be32 value;

  static constexpr Ipv4 from_host(uint32_t host) { return {Be32::from_host(host)}; }
  /// Dotted quad only ("192.0.2.1"). Errors: nullopt.
  static std::optional<Ipv4> parse(std::string_view text);

  [[nodiscard]] constexpr uint32_t host() const { return value.host(); }
  [[nodiscard]] constexpr bool is_multicast() const { return host() >> 28 == 0xE; }
  [[nodiscard]] constexpr bool is_loopback() const { return host() >> 24 == 127; }
  [[nodiscard]] constexpr bool is_unspecified() const { return value.raw == 0; }
  /// An address a single host may own: not 0/8, loopback, multicast or class E.
  [[nodiscard]] constexpr bool is_unicast() const {
    return host() >> 24 != 0 && !is_loopback() && host() >> 28 < 0xE;
  }
  [[nodiscard]] std::string to_string() const;
  friend constexpr auto operator<=>(const Ipv4&, const Ipv4&) = default;
};

/// An address with a prefix length, host bits kept: an interface address or a route's target.
struct Ipv4Prefix {
  Ipv4 address;
  uint8_t length = 32;

  /// "192.0.2.1/24"; a bare address is a /32. Errors: nullopt.
  static std::optional<Ipv4Prefix> parse(std::string_view text);

  [[nodiscard]] constexpr uint32_t mask() const { return length == 0 ? 0 : ~0U << (32 - length); }
  [[nodiscard]] constexpr Ipv4 network() const { return Ipv4::from_host(address.host() & mask()); }
  [[nodiscard]] constexpr Ipv4 last() const { return Ipv4::from_host(address.host() | ~mask()); }
  [[nodiscard]] constexpr bool contains(Ipv4 other) const {
    return ((address.host() ^ other.host()) & mask()) == 0;
  }
  [[nodiscard]] std::string to_string() const;
  friend constexpr auto operator<=>(const Ipv4Prefix&, const Ipv4Prefix&) = default;
};

/// An Ethernet address.
struct Mac {
  std::array<uint8_t, 6> bytes{};

  /// "02:00:00:00:00:01". Errors: nullopt.
  static std::optional<Mac> parse(std::string_view text);

  [[nodiscard]] constexpr bool is_multicast() const { return (bytes[0] & 1) != 0; }
  [[nodiscard]] std::string to_string() const;
  friend constexpr auto operator<=>(const Mac&, const Mac&) = default;
};

/// An address and a port: a VIP:vport, RIP:rport, client or local endpoint.
struct Endpoint {
  Ipv4 address;
  Be16 port;

  /// "192.0.2.1:80". Errors: nullopt.
  static std::optional<Endpoint> parse(std::string_view text);

  [[nodiscard]] std::string to_string() const;
  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// The transport protocols a service can have, by their IANA number.
enum class Protocol : uint8_t { kTcp = 6, kUdp = 17 };

/// "tcp", "udp". Errors: nullopt.
std::optional<Protocol> parse_protocol(std::string_view text);
std::string_view to_string(Protocol protocol);

/// A decimal port number, 0..65535. Errors: nullopt.
std::optional<uint16_t> parse_port(std::string_view text);

}  // namespace sluice::net

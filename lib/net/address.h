// SPDX-License-Identifier: BSD-3-Clause
// IP and Ethernet addresses, prefixes and endpoints: values, their text form and their order.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
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

/// An IPv6 address in network order (RFC 4291).
struct Ipv6 {
  std::array<uint8_t, 16> bytes{};

  /// Any text form of RFC 4291, without a zone ("2001:db8::1"). Errors: nullopt.
  static std::optional<Ipv6> parse(std::string_view text);

  [[nodiscard]] constexpr bool is_multicast() const { return bytes[0] == 0xFF; }
  [[nodiscard]] constexpr bool is_link_local() const {
    return bytes[0] == 0xFE && (bytes[1] & 0xC0) == 0x80;
  }
  [[nodiscard]] constexpr bool is_unspecified() const { return bytes == decltype(bytes){}; }
  [[nodiscard]] constexpr bool is_loopback() const {
    return bytes == decltype(bytes){0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  }
  /// ::ffff:0:0/96, which no packet may carry: Address keeps IPv4 there.
  [[nodiscard]] constexpr bool is_v4_mapped() const {
    for (size_t i = 0; i < 10; ++i) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return bytes[10] == 0xFF && bytes[11] == 0xFF;
  }
  /// An address a single host may own.
  [[nodiscard]] constexpr bool is_unicast() const {
    return !is_multicast() && !is_unspecified() && !is_loopback() && !is_v4_mapped();
  }
  [[nodiscard]] std::string to_string() const;
  friend constexpr auto operator<=>(const Ipv6&, const Ipv6&) = default;
};

/// An address of either IP version. IPv4 stands as its IPv4-mapped IPv6 address (RFC 4291 2.5.5.2),
/// so that both compare, sort and hash as one kind of value.
class Address {
 public:
  constexpr Address() : Address(Ipv4{}) {}
  // Implicit, as an IPv4 or IPv6 address is one.
  constexpr Address(Ipv4 v4)  // NOLINT(google-explicit-constructor)
      : value_{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, static_cast<uint8_t>(v4.host() >> 24),
                static_cast<uint8_t>(v4.host() >> 16), static_cast<uint8_t>(v4.host() >> 8),
                static_cast<uint8_t>(v4.host())}} {}
  constexpr Address(const Ipv6& v6) : value_(v6) {}  // NOLINT(google-explicit-constructor)

  /// "192.0.2.1" or "2001:db8::1"; an IPv4-mapped address is none. Errors: nullopt.
  static std::optional<Address> parse(std::string_view text);

  [[nodiscard]] constexpr bool is_v4() const { return value_.is_v4_mapped(); }
  /// Precondition: is_v4().
  [[nodiscard]] constexpr Ipv4 v4() const {
    const auto& bytes = value_.bytes;
    return Ipv4::from_host(uint32_t{bytes[12]} << 24 | uint32_t{bytes[13]} << 16 |
                           uint32_t{bytes[14]} << 8 | bytes[15]);
  }
  /// The address, or the mapped one of an IPv4 address.
  [[nodiscard]] constexpr const Ipv6& v6() const { return value_; }

  [[nodiscard]] constexpr bool is_multicast() const {
    return is_v4() ? v4().is_multicast() : value_.is_multicast();
  }
  [[nodiscard]] constexpr bool is_loopback() const {
    return is_v4() ? v4().is_loopback() : value_.is_loopback();
  }
  [[nodiscard]] constexpr bool is_unspecified() const {
    return is_v4() ? v4().is_unspecified() : value_.is_unspecified();
  }
  [[nodiscard]] constexpr bool is_unicast() const {
    return is_v4() ? v4().is_unicast() : value_.is_unicast();
  }
  /// IPv6 only: fe80::/10, which no router forwards.
  [[nodiscard]] constexpr bool is_link_local() const { return value_.is_link_local(); }
  /// The address that counts one more; after the last one of its IP version nothing useful.
  [[nodiscard]] constexpr Address next() const {
    Ipv6 result = value_;
    for (size_t i = result.bytes.size(); i-- > 0 && ++result.bytes[i] == 0;) {
    }
    return result;
  }
  /// 32 or 128.
  [[nodiscard]] constexpr uint8_t bits() const { return is_v4() ? 32 : 128; }
  [[nodiscard]] std::string to_string() const;
  friend constexpr auto operator<=>(const Address&, const Address&) = default;

 private:
  Ipv6 value_;
};

/// An address with a prefix length, host bits kept: an interface address or a route's target.
struct Prefix {
  Address address;
  uint8_t length = 32;  // of the address's own family: at most 32 or 128

  /// "192.0.2.1/24", "2001:db8::1/64"; a bare address is a whole one. Errors: nullopt.
  static std::optional<Prefix> parse(std::string_view text);

  [[nodiscard]] constexpr Address network() const { return with_host_bits(0x00); }
  [[nodiscard]] constexpr Address last() const { return with_host_bits(0xFF); }
  [[nodiscard]] constexpr bool contains(const Address& other) const {
    return other.is_v4() == address.is_v4() && Prefix{other, length}.network() == network();
  }
  [[nodiscard]] std::string to_string() const;
  friend constexpr auto operator<=>(const Prefix&, const Prefix&) = default;

 private:
  [[nodiscard]] constexpr Address with_host_bits(uint8_t fill) const {
    Ipv6 result = address.v6();
    const unsigned prefix_bits = length + 128U - address.bits();
    for (unsigned i = prefix_bits / 8; i < result.bytes.size(); ++i) {
      const unsigned kept_bits = i == prefix_bits / 8 ? prefix_bits % 8 : 0;
      const auto host_mask = static_cast<uint8_t>(0xFFU >> kept_bits);
      result.bytes[i] = static_cast<uint8_t>((result.bytes[i] & ~host_mask) | (fill & host_mask));
    }
    return result;
  }
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

/// For hash maps off the packet path.
struct AddressHash {
  size_t operator()(const Address& address) const {
    const auto& bytes = address.v6().bytes;
    return std::hash<std::string_view>()(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
};

/// An address and a port: a VIP:vport, RIP:rport, client or local endpoint.
struct Endpoint {
  Address address;
  Be16 port;

  /// "192.0.2.1:80", "[2001:db8::1]:80". Errors: nullopt.
  static std::optional<Endpoint> parse(std::string_view text);

  [[nodiscard]] std::string to_string() const;
  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

struct EndpointHash {
  size_t operator()(const Endpoint& endpoint) const {
    return AddressHash()(endpoint.address) * 31 + endpoint.port.raw;
  }
};

/// What a session can be of, by IANA number: the transport protocols a service can have, and ICMP
/// echo, whose identifier stands for a port.
enum class Protocol : uint8_t { kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpv6 = 58 };

/// "tcp", "udp". Errors: nullopt.
std::optional<Protocol> parse_protocol(std::string_view text);
std::string_view to_string(Protocol protocol);

/// A decimal port number, 0..65535. Errors: nullopt.
std::optional<uint16_t> parse_port(std::string_view text);

}  // namespace sluice::net

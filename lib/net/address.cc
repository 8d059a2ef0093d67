// SPDX-License-Identifier: BSD-3-Clause
// Text forms of addresses. Control thread and tests.
#include "lib/net/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdio>

namespace sluice::net {
namespace {

template <typename T>
std::optional<T> parse_decimal(std::string_view text, T max) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > max) {
    return std::nullopt;
  }
  return value;
}

bool parse_address(int family, std::string_view text, void* address) {
  // inet_pton() would not see what stands behind a zero byte.
  return text.find('\0') == std::string_view::npos &&
         inet_pton(family, std::string(text).c_str(), address) == 1;
}

}  // namespace

std::optional<Ipv4> Ipv4::parse(std::string_view text) {
  in_addr address{};
  if (!parse_address(AF_INET, text, &address)) {
    return std::nullopt;
  }
  return Ipv4{Be32{address.s_addr}};
}

std::string Ipv4::to_string() const {
  std::array<char, INET_ADDRSTRLEN> text{};
  inet_ntop(AF_INET, &value.raw, text.data(), text.size());
  return text.data();
}

std::optional<Ipv6> Ipv6::parse(std::string_view text) {
  Ipv6 address;
  if (!parse_address(AF_INET6, text, address.bytes.data())) {
    return std::nullopt;
  }
  return address;
}

std::string Ipv6::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

std::optional<Address> Address::parse(std::string_view text) {
  if (const auto v4 = Ipv4::parse(text)) {
    return *v4;
  }
  const auto v6 = Ipv6::parse(text);
  if (!v6 || v6->is_v4_mapped()) {
    return std::nullopt;
  }
  return *v6;
}

std::string Address::to_string() const { return is_v4() ? v4().to_string() : value_.to_string(); }

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) {
    return std::nullopt;
  }
  if (slash == std::string_view::npos) {
    return Prefix{*address, address->bits()};
  }
  const auto length = parse_decimal<uint8_t>(text.substr(slash + 1), address->bits());
  if (!length) {
    return std::nullopt;
  }
  return Prefix{*address, *length};
}

std::string Prefix::to_string() const { return address.to_string() + "/" + std::to_string(length); }

std::optional<Mac> Mac::parse(std::string_view text) {
  if (text.size() != 17) {
    return std::nullopt;
  }
  Mac mac;
  for (size_t i = 0; i < mac.bytes.size(); ++i) {
    const std::string_view octet = text.substr(i * 3, 2);
    const auto [end, error] = std::from_chars(octet.data(), octet.data() + 2, mac.bytes[i], 16);
    const bool separated = i == 5 || text[i * 3 + 2] == ':';
    if (error != std::errc{} || end != octet.data() + 2 || !separated) {
      return std::nullopt;
    }
  }
  return mac;
}

std::string Mac::to_string() const {
  std::array<char, 18> text{};
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1],
                bytes[2], bytes[3], bytes[4], bytes[5]);
  return text.data();
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view host = text.substr(0, colon);
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) {
    host = host.substr(1, host.size() - 2);
  }
  const auto address = Address::parse(host);
  const auto port = parse_port(text.substr(colon + 1));
  if (!address || address->is_v4() == is_bracketed || !port) {
    return std::nullopt;
  }
  return Endpoint{*address, Be16::from_host(*port)};
}

std::string Endpoint::to_string() const {
  const std::string host = address.to_string();
  return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port.host());
}

std::optional<Protocol> parse_protocol(std::string_view text) {
  if (text == "tcp") {
    return Protocol::kTcp;
  }
  if (text == "udp") {
    return Protocol::kUdp;
  }
  return std::nullopt;
}

std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return "tcp";
    case Protocol::kUdp:
      return "udp";
    case Protocol::kIcmp:
      return "icmp";
    case Protocol::kIcmpv6:
      return "icmpv6";
  }
  return "?";
}

std::optional<uint16_t> parse_port(std::string_view text) {
  return parse_decimal<uint16_t>(text, UINT16_MAX);
}

}  // namespace sluice::net

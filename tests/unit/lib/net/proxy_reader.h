// SPDX-License-Identifier: BSD-3-Clause
// Reads the PROXY protocol's header as a server does, written from its specification. Tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/net/address.h"

namespace sluice::test {

/// What a server knows after the header.
struct ProxyPeer {
  size_t header_bytes = 0;
  std::optional<net::Protocol> protocol =
      std::nullopt;  // none: unknown, the connection's own addresses count
  net::Endpoint client = {};
  net::Endpoint vip = {};
};

inline std::optional<ProxyPeer> read_proxy_line(std::string_view text) {
  const size_t end = text.substr(0, 107).find("\r\n");
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  std::vector<std::string_view> words;
  for (std::string_view rest = text.substr(0, end); !rest.empty();) {
    const size_t space = std::min(rest.find(' '), rest.size());
    words.push_back(rest.substr(0, space));
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  ProxyPeer peer{.header_bytes = end + 2};
  if (words.size() >= 2 && words[0] == "PROXY" && words[1] == "UNKNOWN") {
    return peer;
  }
  if (words.size() != 6 || words[0] != "PROXY" || (words[1] != "TCP4" && words[1] != "TCP6")) {
    return std::nullopt;
  }
  const auto client = net::Address::parse(words[2]), vip = net::Address::parse(words[3]);
  const auto from = net::parse_port(words[4]), to = net::parse_port(words[5]);
  if (!client || !vip || !from || !to || client->is_v4() != (words[1] == "TCP4") ||
      vip->is_v4() != client->is_v4()) {
    return std::nullopt;
  }
  peer.protocol = net::Protocol::kTcp;
  peer.client = {*client, net::Be16::from_host(*from)};
  peer.vip = {*vip, net::Be16::from_host(*to)};
  return peer;
}

inline net::Address read_address(const uint8_t* at, bool is_v4) {
  if (is_v4) {
    return net::Ipv4::from_host(uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 |
                                uint32_t{at[2]} << 8 | at[3]);
  }
  net::Ipv6 address;
  std::copy_n(at, 16, address.bytes.begin());
  return address;
}

inline std::optional<ProxyPeer> read_proxy_binary(std::span<const uint8_t> bytes) {
  const size_t rest = bytes.size() < 16 ? 0 : static_cast<size_t>(bytes[14] << 8 | bytes[15]);
  if (bytes.size() < 16 + rest || bytes[12] >> 4 != 2 || (bytes[12] & 0xF) > 1) {
    return std::nullopt;
  }
  ProxyPeer peer{.header_bytes = 16 + rest};
  const int family = bytes[13] >> 4, transport = bytes[13] & 0xF;
  const size_t width = family == 1 ? 4 : 16;
  if (bytes[12] == 0x20 || family == 0) {
    return peer;
  }
  if (family > 2 || transport < 1 || transport > 2 || rest < 2 * width + 4) {
    return std::nullopt;
  }
  const uint8_t* at = bytes.data() + 16;
  const auto port = [&](size_t offset) {
    return net::Be16::from_host(static_cast<uint16_t>(at[offset] << 8 | at[offset + 1]));
  };
  peer.protocol = transport == 1 ? net::Protocol::kTcp : net::Protocol::kUdp;
  peer.client = {read_address(at, family == 1), port(2 * width)};
  peer.vip = {read_address(at + width, family == 1), port(2 * width + 2)};
  return peer;
}

/// The header at the start of `bytes`. Errors: nullopt.
inline std::optional<ProxyPeer> read_proxy_header(std::span<const uint8_t> bytes) {
  constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
  const std::string text(bytes.begin(), bytes.end());
  return text.starts_with(kSignature) ? read_proxy_binary(bytes) : read_proxy_line(text);
}

}  // namespace sluice::test

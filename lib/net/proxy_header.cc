// SPDX-License-Identifier: BSD-3-Clause
// The PROXY protocol's header, versions 1 (text) and 2 (binary). Any thread; no allocation.
#include "lib/net/proxy_header.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>
#include <string_view>

namespace sluice::net {
namespace {

constexpr std::array<uint8_t, 12> kSignature = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
constexpr uint8_t kVersion2Proxy = 0x21;

/// Appends to a header, which has room for the longest one.
class Writer {
 public:
  explicit Writer(ProxyHeader& header) : header_(header) {}

  Writer& raw(const void* bytes, size_t count) {
    std::memcpy(header_.storage.data() + header_.size, bytes, count);
    header_.size = static_cast<uint8_t>(header_.size + count);
    return *this;
  }
  Writer& text(std::string_view text) { return raw(text.data(), text.size()); }
  Writer& byte(uint8_t value) { return raw(&value, 1); }
  Writer& be16(Be16 value) { return raw(&value.raw, sizeof(value.raw)); }

  Writer& address(const Address& address) {
    if (address.is_v4()) {
      const Ipv4 v4 = address.v4();
      return raw(&v4.value.raw, sizeof(v4.value.raw));
    }
    return raw(address.v6().bytes.data(), address.v6().bytes.size());
  }
  Writer& address_text(const Address& address) {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    const Ipv4 v4 = address.v4();
    const void* bytes = address.is_v4() ? static_cast<const void*>(&v4.value.raw)
                                        : static_cast<const void*>(address.v6().bytes.data());
    inet_ntop(address.is_v4() ? AF_INET : AF_INET6, bytes, buffer.data(), buffer.size());
    return text(buffer.data());
  }
  Writer& number(uint16_t value) {
    std::array<char, 5> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return text({digits.data(), static_cast<size_t>(end - digits.data())});
  }

 private:
  ProxyHeader& header_;
};

void write_v1(Writer writer, const Endpoint& client, const Endpoint& vip) {
  if (client.address.is_v4() != vip.address.is_v4()) {
    writer.text("PROXY UNKNOWN\r\n");
    return;
  }
  writer.text(client.address.is_v4() ? "PROXY TCP4 " : "PROXY TCP6 ")
      .address_text(client.address)
      .text(" ")
      .address_text(vip.address)
      .text(" ")
      .number(client.port.host())
      .text(" ")
      .number(vip.port.host())
      .text("\r\n");
}

void write_v2(Writer writer, Protocol protocol, const Endpoint& client, const Endpoint& vip) {
  writer.raw(kSignature.data(), kSignature.size()).byte(kVersion2Proxy);
  if (client.address.is_v4() != vip.address.is_v4()) {
    writer.byte(0).be16({});
    return;
  }
  const int family = client.address.is_v4() ? 0x10 : 0x20;
  const int transport = protocol == Protocol::kTcp ? 1 : 2;
  writer.byte(static_cast<uint8_t>(family | transport))
      .be16(Be16::from_host(client.address.is_v4() ? 12 : 36))
      .address(client.address)
      .address(vip.address)
      .be16(client.port)
      .be16(vip.port);
}

}  // namespace

ProxyHeader make_proxy_header(ProxyVersion version, Protocol protocol, const Endpoint& client,
                              const Endpoint& vip) {
  ProxyHeader header;
  if (version == ProxyVersion::kV1 && protocol == Protocol::kTcp) {
    write_v1(Writer(header), client, vip);
  } else if (version == ProxyVersion::kV2) {
    write_v2(Writer(header), protocol, client, vip);
  }
  return header;
}

}  // namespace sluice::net

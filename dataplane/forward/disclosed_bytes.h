// SPDX-License-Identifier: BSD-3-Clause
// How much longer packets get by what a server is told of its client. Worker thread.
#pragma once

#include <netinet/in.h>

#include "lib/net/client_address.h"
#include "lib/net/proxy_header.h"
#include "lib/table/session.h"

namespace sluice::dataplane {

/// The client of an extended FULL-NAT session, and the VIP it speaks to.
inline const net::Endpoint& client_of(const table::SessionExtension& extension) {
  return extension.flow(table::Direction::kToClient).destination;
}
inline const net::Endpoint& vip_of(const table::SessionExtension& extension) {
  return extension.flow(table::Direction::kToClient).source;
}

/// The PROXY header of a session; empty when it has none.
inline net::ProxyHeader proxy_header_of(const table::SessionExtension& extension) {
  using table::ClientAddress;
  const ClientAddress how = extension.disclosure.client_address;
  const auto version = how == ClientAddress::kProxyV1   ? net::ProxyVersion::kV1
                       : how == ClientAddress::kProxyV2 ? net::ProxyVersion::kV2
                                                        : net::ProxyVersion::kNone;
  const auto protocol =
      static_cast<net::Protocol>(extension.flow(table::Direction::kToServer).protocol);
  return net::make_proxy_header(version, protocol, client_of(extension), vip_of(extension));
}

/// Whether UOA goes with the next datagram of that direction.
inline bool wants_uoa(const table::SessionExtension& extension, table::Direction direction) {
  return direction == table::Direction::kToServer &&
         extension.disclosure.client_address == table::ClientAddress::kUoa &&
         extension.told_datagrams < net::kUoaDatagrams;
}

/// Bytes that every datagram of that direction grows by.
inline uint32_t datagram_header_bytes(const table::SessionExtension& extension,
                                      table::Direction direction) {
  const bool has_header = direction == table::Direction::kToServer &&
                          extension.disclosure.client_address == table::ClientAddress::kProxyV2 &&
                          extension.flow(direction).protocol == IPPROTO_UDP;
  return has_header ? proxy_header_of(extension).size : 0U;
}

/// Bytes that the next packets of that direction may grow by. Who is told an MTU is told so much
/// less.
inline uint32_t added_bytes(const table::SessionExtension& extension, table::Direction direction) {
  using table::ClientAddress;
  if (direction != table::Direction::kToServer) {
    return 0;
  }
  switch (extension.disclosure.client_address) {
    case ClientAddress::kNone:
      return 0;
    case ClientAddress::kToa:
      return net::toa_bytes(client_of(extension).address);
    case ClientAddress::kUoa:
      return wants_uoa(extension, direction) ? net::uoa_bytes(client_of(extension).address) : 0U;
    case ClientAddress::kProxyV1:
    case ClientAddress::kProxyV2:
      break;
  }
  return extension.flow(direction).protocol == IPPROTO_UDP
             ? datagram_header_bytes(extension, direction)
             : extension.shift.open_header_bytes();
}

}  // namespace sluice::dataplane

// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors of our own: when one may be sent, and the packet. Workers, rate limited by them.
#include "lib/net/icmp_build.h"

#include <rte_ip.h>

#include <algorithm>

#include "lib/net/translate.h"

namespace sluice::net {
namespace {

constexpr uint8_t kHopLimit = 64;
constexpr uint8_t kInternetworkControl = 6 << 5;  // the precedence bits

IcmpFields fields_v4(IcmpErrorKind kind, uint32_t mtu) {
  switch (kind) {
    case IcmpErrorKind::kTimeExceeded:
      return {ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0};
    case IcmpErrorKind::kPacketTooBig:
      return {ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, std::min<uint32_t>(mtu, UINT16_MAX)};
    case IcmpErrorKind::kPortUnreachable:
      return {ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0};
    case IcmpErrorKind::kHostUnreachable:
      return {ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0};
    case IcmpErrorKind::kAdminProhibited:
      return {ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, 0};
  }
  __builtin_unreachable();
}

IcmpFields fields_v6(IcmpErrorKind kind, uint32_t mtu) {
  switch (kind) {
    case IcmpErrorKind::kTimeExceeded:
      return {ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_TRANSIT, 0};
    case IcmpErrorKind::kPacketTooBig:
      return {ICMP6_PACKET_TOO_BIG, 0, mtu};
    case IcmpErrorKind::kPortUnreachable:
      return {ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, 0};
    case IcmpErrorKind::kHostUnreachable:
      return {ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, 0};
    case IcmpErrorKind::kAdminProhibited:
      return {ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN, 0};
  }
  __builtin_unreachable();
}

// Types newer than this code could be errors, so only known queries are answered.
bool is_icmp_query(bool is_v4, uint8_t type) {
  if (is_v4) {
    return type == ICMP_ECHOREPLY || type == ICMP_ECHO ||
           (type >= ICMP_TIMESTAMP && type <= ICMP_ADDRESSREPLY);
  }
  return (type & ICMP6_INFOMSG_MASK) != 0 && type != ND_REDIRECT;
}

}  // namespace

void write_icmp_fields(const IcmpFields& fields, std::span<uint8_t> icmp) {
  icmp[0] = fields.type;
  icmp[1] = fields.code;
  icmp[2] = icmp[3] = 0;
  const Be32 parameter = Be32::from_host(fields.parameter);
  std::memcpy(icmp.data() + offsetof(rte_icmp_hdr, icmp_ident), &parameter, sizeof(parameter));
}

void write_icmp_checksum(IpVersion version, const AddressPair& addresses, std::span<uint8_t> icmp) {
  auto& header = *reinterpret_cast<rte_icmp_hdr*>(icmp.data());
  header.icmp_cksum = 0;
  header.icmp_cksum = version == IpVersion::kV4 ? static_cast<uint16_t>(~sum_words(icmp))
                                                : full_l4_checksum(addresses, IPPROTO_ICMPV6, icmp);
}

bool may_send_error_about(std::span<const uint8_t> packet, const IpHeader& ip, IcmpErrorKind kind,
                          LinkDestination link) {
  if (!ip.addresses.source.is_unicast() || ip.is_later_fragment()) {
    return false;
  }
  const bool may_answer_group = !ip.is_v4() && kind == IcmpErrorKind::kPacketTooBig;
  const bool is_to_group =
      link == LinkDestination::kGroup || !ip.addresses.destination.is_unicast();
  if (is_to_group && !may_answer_group) {
    return false;
  }
  return !ip.is_icmp() ||
         (packet.size() > ip.header_bytes && is_icmp_query(ip.is_v4(), packet[ip.header_bytes]));
}

uint32_t build_icmp_error(const OwnIcmpError& error, std::span<const uint8_t> packet,
                          const IpHeader& ip, std::span<uint8_t, kMaxIcmpv6ErrorBytes> out) {
  const AddressPair addresses{error.source, ip.addresses.source};
  const uint32_t ip_bytes = ip.is_v4() ? sizeof(rte_ipv4_hdr) : sizeof(rte_ipv6_hdr);
  const uint32_t quote_at = ip_bytes + static_cast<uint32_t>(sizeof(rte_icmp_hdr));
  const uint32_t limit = ip.is_v4() ? kMaxIcmpv4ErrorBytes : kMaxIcmpv6ErrorBytes;
  const uint32_t there = std::min(static_cast<uint32_t>(packet.size()), ip.total_bytes);
  const uint32_t quote_bytes = std::min(there, limit - quote_at);
  const uint32_t total_bytes = quote_at + quote_bytes;
  const Flow flow{{addresses.source, {}},
                  {addresses.destination, {}},
                  ip.is_v4() ? uint8_t{IPPROTO_ICMP} : uint8_t{IPPROTO_ICMPV6}};
  ip.is_v4() ? write_ipv4_header(out.data(), flow, kInternetworkControl, kHopLimit,
                                 total_bytes - ip_bytes, 0, true)
             : write_ipv6_header(out.data(), flow, kInternetworkControl, kHopLimit,
                                 total_bytes - ip_bytes);
  const auto icmp = std::span(out).subspan(ip_bytes, total_bytes - ip_bytes);
  write_icmp_fields(
      ip.is_v4() ? fields_v4(error.kind, error.mtu) : fields_v6(error.kind, error.mtu), icmp);
  std::copy_n(packet.data(), quote_bytes, out.data() + quote_at);
  write_icmp_checksum(ip.version, addresses, icmp);
  return total_bytes;
}

}  // namespace sluice::net

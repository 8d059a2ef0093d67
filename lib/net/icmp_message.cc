// SPDX-License-Identifier: BSD-3-Clause
// What an ICMP or ICMPv6 message is, and the answer to an echo request. Workers, for rare packets.
#include "lib/net/icmp_message.h"

#include <rte_ip.h>

#include <algorithm>

namespace sluice::net {
namespace {

constexpr uint8_t kReplyHopLimit = 64;

IcmpVerdict classify_v4(uint8_t type) {
  switch (type) {
    case ICMP_ECHO:
      return IcmpVerdict::kEchoRequest;
    case ICMP_ECHOREPLY:
      return IcmpVerdict::kEchoReply;
    case ICMP_DEST_UNREACH:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETERPROB:
      return IcmpVerdict::kError;
    case ICMP_SOURCE_QUENCH:
      return IcmpVerdict::kObsoleteError;
    default:
      return IcmpVerdict::kOther;
  }
}

// Unknown errors are errors too (RFC 4443 2.4 a).
IcmpVerdict classify_v6(uint8_t type) {
  switch (type) {
    case ICMP6_ECHO_REQUEST:
      return IcmpVerdict::kEchoRequest;
    case ICMP6_ECHO_REPLY:
      return IcmpVerdict::kEchoReply;
    default:
      return (type & ICMP6_INFOMSG_MASK) == 0 ? IcmpVerdict::kError : IcmpVerdict::kOther;
  }
}

bool is_checksum_right(std::span<const uint8_t> bytes, const IpHeader& ip) {
  const uint16_t start =
      ip.is_v4() ? uint16_t{0} : sum_pseudo_header(ip.addresses, IPPROTO_ICMPV6, ip.l4_bytes());
  return sum_words(bytes, start) == 0xFFFF;
}

void turn_ipv4(uint8_t* header) {
  auto& ip = *reinterpret_cast<rte_ipv4_hdr*>(header);
  std::swap_ranges(header + offsetof(rte_ipv4_hdr, src_addr),
                   header + offsetof(rte_ipv4_hdr, dst_addr),
                   header + offsetof(rte_ipv4_hdr, dst_addr));
  // The TTL is the low byte of its word in memory.
  ip.hdr_checksum =
      ChecksumDelta().change16(ip.time_to_live, kReplyHopLimit).apply(ip.hdr_checksum);
  ip.time_to_live = kReplyHopLimit;
}

void turn_ipv6(uint8_t* header) {
  auto& ip = *reinterpret_cast<rte_ipv6_hdr*>(header);
  std::swap_ranges(ip.src_addr, ip.src_addr + sizeof(ip.src_addr), ip.dst_addr);
  ip.hop_limits = kReplyHopLimit;
}

}  // namespace

IcmpVerdict read_icmp(std::span<const uint8_t> packet, IcmpMessage& message) {
  const IpHeaderVerdict header = read_ip_header(packet, message.ip);
  const IpHeader& ip = message.ip;
  if (header != IpHeaderVerdict::kOk || !ip.is_icmp()) {
    return header == IpHeaderVerdict::kTruncated ? IcmpVerdict::kTruncated
                                                 : IcmpVerdict::kBadIpHeader;
  }
  if (ip.is_fragment()) {
    return IcmpVerdict::kFragment;
  }
  if (packet.size() < ip.total_bytes || ip.l4_bytes() < sizeof(rte_icmp_hdr)) {
    return IcmpVerdict::kTruncated;
  }
  const auto bytes = packet.subspan(message.offset(), message.bytes());
  message.type = bytes[0];
  message.code = bytes[1];
  std::memcpy(&message.parameter, bytes.data() + offsetof(rte_icmp_hdr, icmp_ident),
              sizeof(message.parameter));
  const IcmpVerdict verdict = ip.is_v4() ? classify_v4(message.type) : classify_v6(message.type);
  if (verdict == IcmpVerdict::kError && !is_checksum_right(bytes, ip)) {
    return IcmpVerdict::kBadChecksum;
  }
  return verdict;
}

bool answer_echo(std::span<uint8_t> packet, const IcmpMessage& message) {
  if (!message.ip.is_v4() && message.ip.header_bytes != sizeof(rte_ipv6_hdr)) {
    return false;
  }
  auto& icmp = *reinterpret_cast<rte_icmp_hdr*>(packet.data() + message.offset());
  const uint8_t reply = message.ip.is_v4() ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
  // Type is the low byte of its word in memory. The pseudo header's sum stays, addresses only swap.
  const uint16_t checksum = ChecksumDelta().change16(icmp.icmp_type, reply).apply(icmp.icmp_cksum);
  // An IPv4 reply can be zero all over; 0xFFFF is right for it and for every other sum.
  icmp.icmp_cksum = checksum == 0 ? uint16_t{0xFFFF} : checksum;
  icmp.icmp_type = reply;
  if (message.ip.is_v4()) {
    turn_ipv4(packet.data());
  } else {
    turn_ipv6(packet.data());
  }
  return true;
}

}  // namespace sluice::net

// SPDX-License-Identifier: BSD-3-Clause
// Writes Ethernet frames for tests: right in every field unless told otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/net/address.h"
#include "lib/table/tcp_state.h"

namespace sluice::test {

using Frame = std::vector<uint8_t>;

/// "192.0.2.10:80", "192.0.2.10", "02:00:00:00:00:01"; throws on a misspelt constant.
net::Endpoint endpoint(const std::string& text);
net::Ipv4 ipv4(const std::string& text);
net::Address address(const std::string& text);
net::Prefix prefix(const std::string& text);
net::Mac mac(const std::string& text);

/// A frame to be, IPv4 or IPv6 by its addresses: named fields, one call each, `build()` computes
/// lengths and checksums in full. Example: tcp("198.51.100.7:5000", "192.0.2.10:80").link(gateway,
/// wan).flags(kTcpSyn).build()
class FrameBuilder {
 public:
  FrameBuilder(net::Endpoint from, net::Endpoint to, uint8_t protocol)
      : from_(from),
        to_(to),
        protocol_(protocol),
        ether_type_(from.address.is_v4() ? 0x0800 : 0x86DD) {}

  FrameBuilder& link(const net::Mac& from, const net::Mac& to);
  FrameBuilder& ether_type(uint16_t value);
  FrameBuilder& ttl(uint8_t value);            // or hop limit
  FrameBuilder& traffic_class(uint8_t value);  // or type of service
  FrameBuilder& flags(uint8_t tcp_flags);
  FrameBuilder& sequence(uint32_t value);         // TCP
  FrameBuilder& acknowledgement(uint32_t value);  // TCP
  FrameBuilder& window(uint16_t value);           // TCP
  FrameBuilder& payload(Frame bytes);
  FrameBuilder& payload_bytes(size_t count);  // a pattern of that length
  FrameBuilder& ip_options(Frame bytes);      // IPv4, padded to a multiple of four
  /// An IPv6 extension header behind those before; its first byte is filled in.
  FrameBuilder& extension(uint8_t type, Frame bytes);
  FrameBuilder& tcp_options(Frame bytes);                           // padded to a multiple of four
  FrameBuilder& fragment(uint16_t offset_bytes, bool more_follow);  // IPv4
  FrameBuilder& may_be_fragmented();                                // IPv4: DF off
  FrameBuilder& identification(uint16_t value);

  // Lies, in host order; everything else is then computed around them.
  FrameBuilder& version(uint8_t value);
  FrameBuilder& header_words(uint8_t value);
  FrameBuilder& total_length(uint16_t value);
  FrameBuilder& ip_checksum(uint16_t value);
  FrameBuilder& l4_checksum(uint16_t value);
  FrameBuilder& udp_length(uint16_t value);
  FrameBuilder& tcp_data_offset(uint8_t words);

  FrameBuilder& no_udp_checksum() { return l4_checksum(0); }
  FrameBuilder& cut_to(size_t frame_bytes);  // the wire lost the rest
  FrameBuilder& pad_to(size_t frame_bytes);  // Ethernet padding behind the IP packet

  /// Chooses the first two payload bytes so that the computed checksum, before UDP's rule, is
  /// `target`. The payload must have at least two bytes.
  FrameBuilder& solve_payload_for_checksum(uint16_t target);
  [[nodiscard]] const Frame& payload() const { return payload_; }

  [[nodiscard]] Frame build() const;
  operator Frame() const { return build(); }  // NOLINT(google-explicit-constructor): reads as data

 private:
  [[nodiscard]] Frame l4_header() const;
  [[nodiscard]] Frame segment() const;
  [[nodiscard]] Frame ipv4_header(size_t l4_bytes) const;
  [[nodiscard]] Frame ipv6_header(size_t l4_bytes) const;
  [[nodiscard]] uint16_t computed_l4_checksum(const Frame& segment) const;

  net::Endpoint from_;
  net::Endpoint to_;
  uint8_t protocol_;
  uint16_t ether_type_;
  net::Mac link_from_;
  net::Mac link_to_;
  uint8_t ttl_ = 64;
  uint8_t traffic_class_ = 0;
  uint8_t tcp_flags_ = table::kTcpAck;
  uint32_t sequence_ = 0x01020304;
  uint32_t acknowledgement_ = 0x05060708;
  uint16_t window_ = 0x2000;
  uint16_t identification_ = 0x1234;
  uint16_t fragment_field_ = 0x4000;  // don't fragment
  Frame payload_;
  Frame ip_options_;
  std::vector<std::pair<uint8_t, Frame>> extensions_;
  Frame tcp_options_;
  std::optional<uint8_t> version_;
  std::optional<uint8_t> header_words_;
  std::optional<uint16_t> total_length_;
  std::optional<uint16_t> ip_checksum_;
  std::optional<uint16_t> l4_checksum_;
  std::optional<uint16_t> udp_length_;
  std::optional<uint8_t> tcp_data_offset_;
  std::optional<size_t> cut_to_;
  std::optional<size_t> pad_to_;
};

FrameBuilder tcp(net::Endpoint from, net::Endpoint to);
FrameBuilder udp(net::Endpoint from, net::Endpoint to);
/// Any other protocol: the payload starts right behind the IP header.
FrameBuilder ip_packet(const net::Address& from, const net::Address& to, uint8_t protocol);
FrameBuilder icmp_echo(const net::Address& from, const net::Address& to);
/// An ICMPv6 message with its checksum.
FrameBuilder icmpv6(const net::Address& from, const net::Address& to, Frame message);
/// An ICMP error about `offending`, whose IP packet it quotes as far as RFC 1812 and RFC 4443 say.
/// Type and code are those of the IP version, `parameter` is the second word (the MTU).
FrameBuilder icmp_error(const net::Address& from, const net::Address& to, uint8_t type,
                        uint8_t code, uint32_t parameter, const Frame& offending);
/// A broadcast "who has `target`, tell `sender`".
Frame arp_request(const net::Mac& sender_mac, const net::Address& sender,
                  const net::Address& target);

/// A whole frame in fragments of at most `step` payload bytes, as a sender makes them: IP options
/// are in each, IPv6 extension headers are of the datagram.
std::vector<Frame> fragments_of(const Frame& whole, size_t step, uint32_t identification);
/// The same cut at these places of the payload; the first is 0.
std::vector<Frame> fragments_at(const Frame& whole, const std::vector<size_t>& starts,
                                uint32_t identification);

/// Hex with offsets, for failure messages.
std::string to_hex(const Frame& frame);

}  // namespace sluice::test

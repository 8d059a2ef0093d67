// SPDX-License-Identifier: BSD-3-Clause
// Frames byte by byte, without the code under test. Tests.
#include "tests/support/frame.h"

#include <algorithm>
#include <cstdio>
#include <span>
#include <stdexcept>
#include <utility>

#include "tests/support/reference_checksum.h"

namespace sluice::test {
namespace {

constexpr uint8_t kTcp = 6, kUdp = 17, kIcmp = 1;

template <typename T>
T must_parse(const std::string& text) {
  const auto value = T::parse(text);
  if (!value) {
    throw std::invalid_argument("not an address: " + text);
  }
  return *value;
}

void append16(Frame& frame, uint16_t value) {
  frame.push_back(static_cast<uint8_t>(value >> 8));
  frame.push_back(static_cast<uint8_t>(value));
}

void append32(Frame& frame, uint32_t value) {
  append16(frame, static_cast<uint16_t>(value >> 16));
  append16(frame, static_cast<uint16_t>(value));
}

// Byte by byte: gcc 12 sees overflows that are not there in vector's range insert.
void append(Frame& frame, std::span<const uint8_t> more) {
  for (const uint8_t byte : more) {
    frame.push_back(byte);
  }
}

void append(Frame& frame, const net::Mac& mac) { append(frame, std::span(mac.bytes)); }

void store16(Frame& frame, size_t offset, uint16_t value) {
  frame.at(offset) = static_cast<uint8_t>(value >> 8);
  frame.at(offset + 1) = static_cast<uint8_t>(value);
}

Frame padded_to_words(Frame bytes) {
  bytes.resize((bytes.size() + 3) / 4 * 4);
  return bytes;
}

}  // namespace

net::Endpoint endpoint(const std::string& text) { return must_parse<net::Endpoint>(text); }
net::Ipv4 ipv4(const std::string& text) { return must_parse<net::Ipv4>(text); }
net::Mac mac(const std::string& text) { return must_parse<net::Mac>(text); }

FrameBuilder& FrameBuilder::link(const net::Mac& from, const net::Mac& to) {
  link_from_ = from;
  link_to_ = to;
  return *this;
}

FrameBuilder& FrameBuilder::fragment(uint16_t offset_bytes, bool more_follow) {
  fragment_field_ = static_cast<uint16_t>(offset_bytes / 8 | (more_follow ? 0x2000 : 0));
  return *this;
}

FrameBuilder& FrameBuilder::payload_bytes(size_t count) {
  payload_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    payload_[i] = static_cast<uint8_t>(i * 7 + 1);
  }
  return *this;
}

// clang-format off
FrameBuilder& FrameBuilder::ether_type(uint16_t value) { ether_type_ = value; return *this; }
FrameBuilder& FrameBuilder::ttl(uint8_t value) { ttl_ = value; return *this; }
FrameBuilder& FrameBuilder::flags(uint8_t tcp_flags) { tcp_flags_ = tcp_flags; return *this; }
FrameBuilder& FrameBuilder::payload(Frame bytes) { payload_ = std::move(bytes); return *this; }
FrameBuilder& FrameBuilder::ip_options(Frame bytes) { ip_options_ = padded_to_words(std::move(bytes)); return *this; }
FrameBuilder& FrameBuilder::tcp_options(Frame bytes) { tcp_options_ = padded_to_words(std::move(bytes)); return *this; }
FrameBuilder& FrameBuilder::identification(uint16_t value) { identification_ = value; return *this; }
FrameBuilder& FrameBuilder::version(uint8_t value) { version_ = value; return *this; }
FrameBuilder& FrameBuilder::header_words(uint8_t value) { header_words_ = value; return *this; }
FrameBuilder& FrameBuilder::total_length(uint16_t value) { total_length_ = value; return *this; }
FrameBuilder& FrameBuilder::ip_checksum(uint16_t value) { ip_checksum_ = value; return *this; }
FrameBuilder& FrameBuilder::l4_checksum(uint16_t value) { l4_checksum_ = value; return *this; }
FrameBuilder& FrameBuilder::udp_length(uint16_t value) { udp_length_ = value; return *this; }
FrameBuilder& FrameBuilder::tcp_data_offset(uint8_t words) { tcp_data_offset_ = words; return *this; }
FrameBuilder& FrameBuilder::cut_to(size_t frame_bytes) { cut_to_ = frame_bytes; return *this; }
FrameBuilder& FrameBuilder::pad_to(size_t frame_bytes) { pad_to_ = frame_bytes; return *this; }
// clang-format on

FrameBuilder& FrameBuilder::solve_payload_for_checksum(uint16_t target) {
  store16(payload_, 0, 0);
  // checksum = ~(rest + w), so w = ~target - rest in one's complement, and -x is ~x.
  const auto rest = static_cast<uint16_t>(~computed_l4_checksum(segment()));
  const uint32_t word = static_cast<uint16_t>(~target) + static_cast<uint16_t>(~rest) + 0U;
  store16(payload_, 0, static_cast<uint16_t>((word & 0xFFFF) + (word >> 16)));
  return *this;
}

Frame FrameBuilder::l4_header() const {
  Frame header;
  if (protocol_ == kTcp) {
    append16(header, from_.port.host());
    append16(header, to_.port.host());
    append32(header, 0x01020304);  // sequence
    append32(header, 0x05060708);  // acknowledgement
    const auto words = static_cast<uint8_t>(5 + tcp_options_.size() / 4);
    header.push_back(static_cast<uint8_t>(tcp_data_offset_.value_or(words) << 4));
    header.push_back(tcp_flags_);
    append16(header, 0x2000);  // window
    append16(header, 0);       // checksum
    append16(header, 0);       // urgent
    append(header, tcp_options_);
  } else if (protocol_ == kUdp) {
    append16(header, from_.port.host());
    append16(header, to_.port.host());
    append16(header, udp_length_.value_or(static_cast<uint16_t>(8 + payload_.size())));
    append16(header, 0);
  }
  return header;
}

Frame FrameBuilder::segment() const {
  Frame bytes = l4_header();
  append(bytes, payload_);
  return bytes;
}

uint16_t FrameBuilder::computed_l4_checksum(const Frame& segment) const {
  Frame addresses;
  append32(addresses, from_.address.host());
  append32(addresses, to_.address.host());
  return reference_l4_checksum(addresses, protocol_, segment);
}

Frame FrameBuilder::ip_header(size_t l4_bytes) const {
  Frame header;
  const auto words = static_cast<uint8_t>(5 + ip_options_.size() / 4);
  header.push_back(
      static_cast<uint8_t>(version_.value_or(4) << 4 | (header_words_.value_or(words) & 0xF)));
  header.push_back(0);
  append16(header, total_length_.value_or(static_cast<uint16_t>(words * 4U + l4_bytes)));
  append16(header, identification_);
  append16(header, fragment_field_);
  header.push_back(ttl_);
  header.push_back(protocol_);
  append16(header, 0);
  append32(header, from_.address.host());
  append32(header, to_.address.host());
  append(header, ip_options_);
  store16(header, 10, ip_checksum_.value_or(reference_checksum(header)));
  return header;
}

Frame FrameBuilder::build() const {
  Frame l4 = segment();
  if (protocol_ == kTcp) {
    store16(l4, 16, l4_checksum_.value_or(computed_l4_checksum(l4)));
  } else if (protocol_ == kUdp) {
    const uint16_t computed = computed_l4_checksum(l4);
    store16(l4, 6, l4_checksum_.value_or(computed == 0 ? 0xFFFF : computed));
  }
  Frame frame;
  append(frame, link_to_);
  append(frame, link_from_);
  append16(frame, ether_type_);
  append(frame, ip_header(l4.size()));
  append(frame, l4);
  frame.resize(std::max(frame.size(), pad_to_.value_or(0)));
  frame.resize(std::min(frame.size(), cut_to_.value_or(frame.size())));
  return frame;
}

FrameBuilder tcp(net::Endpoint from, net::Endpoint to) { return {from, to, kTcp}; }
FrameBuilder udp(net::Endpoint from, net::Endpoint to) { return {from, to, kUdp}; }

FrameBuilder ip_packet(net::Ipv4 from, net::Ipv4 to, uint8_t protocol) {
  return {{from, {}}, {to, {}}, protocol};
}

FrameBuilder icmp_echo(net::Ipv4 from, net::Ipv4 to) {
  Frame echo = {8, 0, 0, 0, 0, 1, 0, 1};
  store16(echo, 2, reference_checksum(echo));
  return ip_packet(from, to, kIcmp).payload(echo);
}

Frame arp_request(const net::Mac& sender_mac, net::Ipv4 sender, net::Ipv4 target) {
  Frame frame(6, 0xFF);
  append(frame, sender_mac);
  append16(frame, 0x0806);
  append(frame, Frame{0, 1, 8, 0, 6, 4, 0, 1});
  append(frame, sender_mac);
  append32(frame, sender.host());
  append(frame, Frame(6, 0));
  append32(frame, target.host());
  return frame;
}

std::string to_hex(const Frame& frame) {
  std::string text;
  for (size_t i = 0; i < frame.size(); ++i) {
    char buffer[32];
    if (i % 16 == 0) {
      std::snprintf(buffer, sizeof(buffer), "\n  %04zx:", i);
      text += buffer;
    }
    std::snprintf(buffer, sizeof(buffer), " %02x", frame[i]);
    text += buffer;
  }
  return text;
}

}  // namespace sluice::test

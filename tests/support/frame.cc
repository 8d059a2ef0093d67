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

constexpr uint8_t kTcp = 6, kUdp = 17, kIcmp = 1, kIcmpv6 = 58;

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

void append(Frame& frame, const net::Address& address) {
  if (address.is_v4()) {
    append32(frame, address.v4().host());
  } else {
    append(frame, std::span(address.v6().bytes));
  }
}

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
net::Address address(const std::string& text) { return must_parse<net::Address>(text); }
net::Prefix prefix(const std::string& text) { return must_parse<net::Prefix>(text); }
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

FrameBuilder& FrameBuilder::may_be_fragmented() {
  fragment_field_ = 0;
  return *this;
}

FrameBuilder& FrameBuilder::extension(uint8_t type, Frame bytes) {
  extensions_.emplace_back(type, std::move(bytes));
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
FrameBuilder& FrameBuilder::traffic_class(uint8_t value) { traffic_class_ = value; return *this; }
FrameBuilder& FrameBuilder::flags(uint8_t tcp_flags) { tcp_flags_ = tcp_flags; return *this; }
FrameBuilder& FrameBuilder::sequence(uint32_t value) { sequence_ = value; return *this; }
FrameBuilder& FrameBuilder::acknowledgement(uint32_t value) { acknowledgement_ = value; return *this; }
FrameBuilder& FrameBuilder::window(uint16_t value) { window_ = value; return *this; }
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
    append32(header, sequence_);
    append32(header, acknowledgement_);
    const auto words = static_cast<uint8_t>(5 + tcp_options_.size() / 4);
    header.push_back(static_cast<uint8_t>(tcp_data_offset_.value_or(words) << 4));
    header.push_back(tcp_flags_);
    append16(header, window_);
    append16(header, 0);  // checksum
    append16(header, 0);  // urgent
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
  append(addresses, from_.address);
  append(addresses, to_.address);
  return reference_l4_checksum(addresses, protocol_, segment);
}

Frame FrameBuilder::ipv6_header(size_t l4_bytes) const {
  Frame extensions;
  uint8_t next = protocol_;
  for (auto extension = extensions_.rbegin(); extension != extensions_.rend(); ++extension) {
    Frame header = extension->second;
    header.at(0) = std::exchange(next, extension->first);
    append(header, extensions);
    extensions = std::move(header);
  }
  Frame header;
  append32(header, static_cast<uint32_t>(version_.value_or(6)) << 28 |
                       static_cast<uint32_t>(traffic_class_) << 20);
  append16(header, total_length_.value_or(static_cast<uint16_t>(extensions.size() + l4_bytes)));
  header.push_back(next);
  header.push_back(ttl_);
  append(header, from_.address);
  append(header, to_.address);
  append(header, extensions);
  return header;
}

Frame FrameBuilder::ipv4_header(size_t l4_bytes) const {
  Frame header;
  const auto words = static_cast<uint8_t>(5 + ip_options_.size() / 4);
  header.push_back(
      static_cast<uint8_t>(version_.value_or(4) << 4 | (header_words_.value_or(words) & 0xF)));
  header.push_back(traffic_class_);
  append16(header, total_length_.value_or(static_cast<uint16_t>(words * 4U + l4_bytes)));
  append16(header, identification_);
  append16(header, fragment_field_);
  header.push_back(ttl_);
  header.push_back(protocol_);
  append16(header, 0);
  append(header, from_.address);
  append(header, to_.address);
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
  } else if (protocol_ == kIcmpv6 && l4.size() >= 4) {
    store16(l4, 2, l4_checksum_.value_or(computed_l4_checksum(l4)));
  }
  Frame frame;
  append(frame, link_to_);
  append(frame, link_from_);
  append16(frame, ether_type_);
  append(frame, from_.address.is_v4() ? ipv4_header(l4.size()) : ipv6_header(l4.size()));
  append(frame, l4);
  frame.resize(std::max(frame.size(), pad_to_.value_or(0)));
  frame.resize(std::min(frame.size(), cut_to_.value_or(frame.size())));
  return frame;
}

FrameBuilder tcp(net::Endpoint from, net::Endpoint to) { return {from, to, kTcp}; }
FrameBuilder udp(net::Endpoint from, net::Endpoint to) { return {from, to, kUdp}; }

FrameBuilder ip_packet(const net::Address& from, const net::Address& to, uint8_t protocol) {
  return {{from, {}}, {to, {}}, protocol};
}

FrameBuilder icmpv6(const net::Address& from, const net::Address& to, Frame message) {
  return ip_packet(from, to, kIcmpv6).payload(std::move(message));
}

FrameBuilder icmp_echo(const net::Address& from, const net::Address& to) {
  if (!from.is_v4()) {
    return icmpv6(from, to, {128, 0, 0, 0, 0, 1, 0, 1});
  }
  Frame echo = {8, 0, 0, 0, 0, 1, 0, 1};
  store16(echo, 2, reference_checksum(echo));
  return ip_packet(from, to, kIcmp).payload(echo);
}

FrameBuilder icmp_error(const net::Address& from, const net::Address& to, uint8_t type,
                        uint8_t code, uint32_t parameter, const Frame& offending) {
  constexpr size_t kIpAt = 14;
  Frame message = {type, code, 0, 0};
  append32(message, parameter);
  const size_t largest = from.is_v4() ? 576 - 20 - 8 : 1'280 - 40 - 8;
  const size_t quoted = std::min(offending.size() - kIpAt, largest);
  append(message, std::span(offending).subspan(kIpAt, quoted));
  if (!from.is_v4()) {
    return icmpv6(from, to, message);
  }
  store16(message, 2, reference_checksum(message));
  return ip_packet(from, to, kIcmp).payload(message);
}

Frame arp_request(const net::Mac& sender_mac, const net::Address& sender,
                  const net::Address& target) {
  Frame frame(6, 0xFF);
  append(frame, sender_mac);
  append16(frame, 0x0806);
  append(frame, Frame{0, 1, 8, 0, 6, 4, 0, 1});
  append(frame, sender_mac);
  append(frame, sender);
  append(frame, Frame(6, 0));
  append(frame, target);
  return frame;
}

namespace {

Frame fragment4(const Frame& whole, size_t header_bytes, std::span<const uint8_t> payload,
                uint16_t id, uint16_t field) {
  Frame frame(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(14 + header_bytes));
  store16(frame, 16, static_cast<uint16_t>(header_bytes + payload.size()));
  store16(frame, 18, id);
  store16(frame, 20, field);
  store16(frame, 24, 0);
  store16(frame, 24, reference_checksum(std::span(frame).subspan(14)));
  append(frame, payload);
  return frame;
}

Frame fragment6(const Frame& whole, std::span<const uint8_t> payload, uint32_t id, uint16_t field) {
  Frame frame(whole.begin(), whole.begin() + 14 + 40);
  store16(frame, 18, static_cast<uint16_t>(8 + payload.size()));
  frame.push_back(std::exchange(frame.at(20), uint8_t{44}));
  frame.push_back(0);
  append16(frame, field);
  append32(frame, id);
  append(frame, payload);
  return frame;
}

}  // namespace

std::vector<Frame> fragments_at(const Frame& whole, const std::vector<size_t>& starts,
                                uint32_t identification) {
  const bool is_v4 = whole.at(14) >> 4 == 4;
  const size_t header_bytes = is_v4 ? (whole[14] & 0xF) * 4U : 40;
  const auto payload = std::span(whole).subspan(14 + header_bytes);
  std::vector<Frame> fragments;
  for (size_t i = 0; i < starts.size(); ++i) {
    const bool is_last = i + 1 == starts.size();
    const size_t end = is_last ? payload.size() : starts[i + 1];
    const auto part = payload.subspan(starts[i], end - starts[i]);
    const auto id = static_cast<uint16_t>(identification);
    fragments.push_back(
        is_v4 ? fragment4(whole, header_bytes, part, id,
                          static_cast<uint16_t>(starts[i] / 8 | (is_last ? 0 : 0x2000)))
              : fragment6(whole, part, identification,
                          static_cast<uint16_t>(starts[i] | (is_last ? 0 : 1))));
  }
  return fragments;
}

std::vector<Frame> fragments_of(const Frame& whole, size_t step, uint32_t identification) {
  const size_t header_bytes = whole.at(14) >> 4 == 4 ? (whole[14] & 0xF) * 4U : 40;
  std::vector<size_t> starts;
  for (size_t at = 0; at < whole.size() - 14 - header_bytes; at += step) {
    starts.push_back(at);
  }
  return fragments_at(whole, starts, identification);
}

Frame tagged(const Frame& frame, uint16_t tag, uint16_t ether_type) {
  Frame result(frame.begin(), frame.begin() + 12);
  append16(result, ether_type);
  append16(result, tag);
  append(result, std::span(frame).subspan(12));
  return result;
}

Frame untagged(const Frame& frame, uint16_t vlan) {
  const Frame addresses(frame.begin(), frame.begin() + 12);
  Frame plain = addresses;
  append(plain, std::span(frame).subspan(16));
  return tagged(plain, vlan) == frame ? plain : Frame{};
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

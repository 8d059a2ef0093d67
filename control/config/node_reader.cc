// SPDX-License-Identifier: BSD-3-Clause
// Scalars of a YAML tree as numbers, words and addresses. Control thread.
#include "control/config/node_reader.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace sluice::config {
namespace {

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kScalar:
      return "a single value";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
  }
  return "?";
}

// A key from the file may hold anything; shown as it is only when it looks like a key.
std::string key_text(std::string_view name) {
  const bool is_plain = std::all_of(name.begin(), name.end(), [](unsigned char letter) {
    return std::isalnum(letter) || letter == '_' || letter == '-';
  });
  return is_plain && !name.empty() && name.size() <= 60 ? std::string(name) : in_quotes(name);
}

}  // namespace

std::string KeyPath::to_string() const {
  std::string text = parent != nullptr ? parent->to_string() : std::string();
  if (index) {
    return text + "[" + std::to_string(*index) + "]";
  }
  if (parent == nullptr) {
    return text;
  }
  return text.empty() ? key_text(name) : text + "." + key_text(name);
}

void Cursor::fail_at(Place place, const KeyPath& path, std::string message) const {
  if (has_enough_problems()) {
    return;
  }
  problems_.push_back({"", place.line, place.column, path.to_string(), std::move(message)});
}

std::optional<std::string_view> Cursor::scalar(std::string_view wanted) const {
  if (node_.kind == Node::Kind::kScalar) {
    return node_.text;
  }
  fail(std::string(kind_name(node_.kind)) + " where " + std::string(wanted) + " is expected");
  return std::nullopt;
}

bool Cursor::is_list() const {
  if (node_.kind == Node::Kind::kList || node_.kind == Node::Kind::kNull) {
    return true;
  }
  fail(std::string(kind_name(node_.kind)) +
       " where a list is expected; begin each entry with \"- \"");
  return false;
}

bool Cursor::is_map() const {
  if (node_.kind == Node::Kind::kMap || node_.kind == Node::Kind::kNull) {
    return true;
  }
  fail(std::string(kind_name(node_.kind)) + " where a map of \"key: value\" lines is expected");
  return false;
}

void Cursor::read(std::string& out) const {
  if (const auto text = scalar("a text")) {
    out = *text;
  }
}

void Cursor::read(net::Address& out) const {
  const auto text = scalar("an IP address");
  if (!text) {
    return;
  }
  if (const auto address = net::Address::parse(*text)) {
    out = *address;
  } else {
    fail(in_quotes(*text) + " is not an IP address; allowed: such as 192.0.2.10 or 2001:db8::10");
  }
}

void Cursor::read(net::Prefix& out) const {
  const auto text = scalar("an IP address with a prefix length");
  if (!text) {
    return;
  }
  const auto prefix = net::Prefix::parse(*text);
  if (prefix && text->find('/') != std::string_view::npos) {
    out = *prefix;
  } else {
    fail(in_quotes(*text) +
         " is not an IP address with a prefix length; allowed: such as 192.0.2.1/24 or "
         "2001:db8::1/64");
  }
}

void Cursor::read(bool& out) const {
  const auto text = scalar("true or false");
  if (!text) {
    return;
  }
  if (*text != "true" && *text != "false") {
    fail(in_quotes(*text) + " is neither; allowed: true, false");
    return;
  }
  out = *text == "true";
}

std::optional<uint64_t> Cursor::number(NumberRange range) const {
  const auto text = scalar("a number");
  if (!text) {
    return std::nullopt;
  }
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  const bool is_whole = end == text->data() + text->size() && !text->empty();
  if (error == std::errc::invalid_argument || !is_whole) {
    fail(in_quotes(*text) + " is not a whole number; allowed: " + range.to_string());
    return std::nullopt;
  }
  if (error != std::errc{} || !range.contains(value)) {
    fail(std::string(text->substr(0, 24)) + " is out of range; allowed: " + range.to_string());
    return std::nullopt;
  }
  return value;
}

void Cursor::read(uint32_t& out, NumberRange range) const {
  if (const auto value = number(range)) {
    out = static_cast<uint32_t>(*value);
  }
}

void Cursor::read(uint16_t& out, NumberRange range) const {
  if (const auto value = number(range)) {
    out = static_cast<uint16_t>(*value);
  }
}

void Cursor::read(net::Be16& out, NumberRange range) const {
  if (const auto value = number(range)) {
    out = net::Be16::from_host(static_cast<uint16_t>(*value));
  }
}

void Cursor::fail_word(std::string_view word, std::span<const std::string_view> known) const {
  fail(in_quotes(word) + " is not known" + suggestion(word, known));
}

}  // namespace sluice::config

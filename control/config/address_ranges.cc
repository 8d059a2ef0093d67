// SPDX-License-Identifier: BSD-3-Clause
// Reading and writing ranges of addresses. Control thread.
#include "control/config/address_ranges.h"

namespace sluice::config {

std::optional<AddressRange> parse_address_range(std::string_view text) {
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) {
    const auto prefix = net::Prefix::parse(text);
    return prefix && prefix->address == prefix->network() ? std::optional(AddressRange::of(*prefix))
                                                          : std::nullopt;
  }
  const auto first = net::Address::parse(text.substr(0, dash));
  const auto last = net::Address::parse(text.substr(dash + 1));
  if (!first || !last || first->is_v4() != last->is_v4() || *last < *first) {
    return std::nullopt;
  }
  return AddressRange{*first, *last};
}

std::string to_string(const AddressRange& range) {
  if (range.first == range.last) {
    return range.first.to_string();
  }
  for (uint8_t length = 0; length < range.first.bits(); ++length) {
    const net::Prefix prefix{range.first, length};
    if (AddressRange::of(prefix) == range) {
      return prefix.to_string();
    }
  }
  return range.first.to_string() + "-" + range.last.to_string();
}

}  // namespace sluice::config

// SPDX-License-Identifier: BSD-3-Clause
// Ranges of addresses as operators write them: a prefix, "first-last" or one address. Control
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/snapshot/snat_rules.h"

namespace sluice::config {

using snapshot::AddressRange;

/// "10.0.0.0/24", "10.0.0.1-10.0.0.9", "2001:db8::1". A prefix with bits set behind its length is
/// none.  Errors: nullopt.
[[nodiscard]] std::optional<AddressRange> parse_address_range(std::string_view text);

/// The shortest of the three forms; parse_address_range() gives the same range back.
[[nodiscard]] std::string to_string(const AddressRange& range);

}  // namespace sluice::config

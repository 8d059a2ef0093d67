// SPDX-License-Identifier: BSD-3-Clause
// Reads and writes kernel parameters below /proc/sys in the caller's network namespace. Control
// thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace sluice::control {

/// A kernel parameter of one interface and the value the director needs there.
struct InterfaceSysctl {
  const char* before_name;  // "net/ipv4/conf/"
  const char* after_name;   // "/arp_ignore"
  const char* value;
};

/// Errors: the parameter's name, the reason and the command that does it by hand.
Status write_sysctl(const std::string& path, const std::string& value);
/// Errors: no such parameter in this kernel.
Result<std::string> read_sysctl(const std::string& path);

/// Sets all of `sysctls` for interface `name`. A parameter this kernel lacks is skipped (an older
/// kernel, or one without IPv6); one that cannot be written adds a line to `warnings`.
void write_interface_sysctls(const std::string& name, std::span<const InterfaceSysctl> sysctls,
                             std::vector<std::string>& warnings);

}  // namespace sluice::control

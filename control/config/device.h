// SPDX-License-Identifier: BSD-3-Clause
// What the `device` of a port names: a PCI function or a virtual device of DPDK. Control thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::config {

/// A device as DPDK knows it.
struct Device {
  enum class Kind { kPci, kVirtual };
  Kind kind = Kind::kVirtual;
  std::string name;       // "0000:03:00.0" (domain always given) or "net_af_packet0"
  std::string arguments;  // what follows the first comma, "iface=eth1"; empty: none

  /// As the EAL takes it and as a configuration is kept: "0000:03:00.0,args".
  [[nodiscard]] std::string to_string() const;
  /// The driver of a virtual device: "net_af_packet". Empty for PCI.
  [[nodiscard]] std::string_view driver() const;
  /// The value of one argument, or nothing: argument("iface").
  [[nodiscard]] std::optional<std::string_view> argument(std::string_view key) const;
  /// The kernel's network device under a net_af_packet or net_af_xdp device; else empty.
  [[nodiscard]] std::string_view kernel_netdev() const;
};

/// "03:00.0", "0000:03:00.0,args" or "net_xxxN,args".  Errors: nullopt.
[[nodiscard]] std::optional<Device> parse_device(std::string_view text);

}  // namespace sluice::config

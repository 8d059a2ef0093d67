// SPDX-License-Identifier: BSD-3-Clause
// Taking device strings apart. Control thread.
#include "control/config/device.h"

#include <algorithm>
#include <cctype>

namespace sluice::config {
namespace {

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c); });
}

// bus:device.function, e.g. "03:00.0".
bool is_short_pci(std::string_view text) {
  return text.size() == 7 && is_hex(text.substr(0, 2)) && text[2] == ':' &&
         is_hex(text.substr(3, 2)) && text[5] == '.' && text[6] >= '0' && text[6] <= '7';
}

std::optional<std::string> full_pci_name(std::string_view text) {
  std::string name;
  if (is_short_pci(text)) {
    name = "0000:" + std::string(text);
  } else if (text.size() == 12 && is_hex(text.substr(0, 4)) && text[4] == ':' &&
             is_short_pci(text.substr(5))) {
    name = text;
  } else {
    return std::nullopt;
  }
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

bool is_virtual_name(std::string_view text) {
  return text.starts_with("net_") && text.size() > 4 && text.size() < 64 &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
}

}  // namespace

std::string Device::to_string() const { return arguments.empty() ? name : name + "," + arguments; }

std::string_view Device::driver() const {
  if (kind == Kind::kPci) {
    return {};
  }
  const size_t last = name.find_last_not_of("0123456789");
  return std::string_view(name).substr(0, last + 1);
}

std::optional<std::string_view> Device::argument(std::string_view key) const {
  std::string_view rest = arguments;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string_view pair = rest.substr(0, comma);
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == key) {
      return pair.substr(equals + 1);
    }
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return std::nullopt;
}

std::string_view Device::kernel_netdev() const {
  if (driver() != "net_af_packet" && driver() != "net_af_xdp") {
    return {};
  }
  return argument("iface").value_or(std::string_view{});
}

std::optional<Device> parse_device(std::string_view text) {
  const size_t comma = text.find(',');
  const std::string_view name = text.substr(0, comma);
  Device device;
  if (comma != std::string_view::npos) {
    device.arguments = text.substr(comma + 1);
  }
  if (const auto pci = full_pci_name(name)) {
    device.kind = Device::Kind::kPci;
    device.name = *pci;
    return device;
  }
  if (!is_virtual_name(name)) {
    return std::nullopt;
  }
  device.name = name;
  return device;
}

}  // namespace sluice::config

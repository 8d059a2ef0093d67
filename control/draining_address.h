// SPDX-License-Identifier: BSD-3-Clause
// A local address that was taken out of its pool while sessions use its ports. Control thread.
#pragma once

#include <string>

#include "lib/net/address.h"

namespace sluice::control {

/// Answers of its sessions still come in: it stays on its port's tap and in the workers' snapshot,
/// but lends no port any more.
struct DrainingAddress {
  std::string port;  // whose tap holds it
  net::Address address;
  friend bool operator==(const DrainingAddress&, const DrainingAddress&) = default;
};

}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Defaults that follow from the rest of a configuration: names, ports and pools left out.
// Control thread.
#pragma once

#include "control/config/model.h"

namespace sluice::config {

/// Fills in what a file or a socket edit may leave out: a service's name ("tcp-192.0.2.10-80"), the
/// port that holds a VIP or a pool (the one whose subnet contains it, else the first) and the pool
/// of a service (the only one). PCI names get their domain (0000:03:00.0), as DPDK calls them.
/// Everything else given stays as it is. Idempotent.
void fill_defaults(Model& model);

/// The name a service gets when it is given none.
[[nodiscard]] std::string default_service_name(const Service& service);

}  // namespace sluice::config

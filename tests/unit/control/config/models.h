// SPDX-License-Identifier: BSD-3-Clause
// Models to test with: a small one, a large one and, for properties, any one. Tests only.
#pragma once

#include <cstdint>
#include <string>

#include "control/config/model.h"

namespace sluice::config {

/// Two ports, one pool, services web and dns with two servers each; valid.
Model small_model();

/// VLAN `number` of `parent`, with no address.
Port vlan_port(const std::string& name, const std::string& parent, uint16_t number,
               uint16_t mtu = 1'500);

/// `services` services with `servers` servers each; valid.
Model large_model(uint32_t services, uint32_t servers);

/// A valid model drawn from `seed`: equal seeds, equal models.
Model random_model(uint64_t seed);

/// `model` with one to three random changes; still valid.
Model mutated(Model model, uint64_t seed);

}  // namespace sluice::config

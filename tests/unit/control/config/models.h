// SPDX-License-Identifier: BSD-3-Clause
// Models to test with: a small one, a large one and, for properties, any one. Tests only.
#pragma once

#include <cstdint>
#include <string>

#include "control/config/model.h"

namespace sluice::config {

net::Ipv4 ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d);
/// 2001:db8:NET::HOST
net::Ipv6 ip6(uint32_t net, uint32_t host);
net::Endpoint endpoint(const net::Address& address, uint16_t port);

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

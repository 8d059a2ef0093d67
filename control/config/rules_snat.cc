// SPDX-License-Identifier: BSD-3-Clause
// The rules for source NAT. Control thread.
#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "control/config/address_ranges.h"
#include "control/config/rules.h"

namespace sluice::config {
namespace {

bool has_version(const std::vector<net::Address>& addresses, bool is_v4) {
  return std::ranges::any_of(addresses, [&](const auto& a) { return a.is_v4() == is_v4; });
}

std::string version_word(bool is_v4) { return is_v4 ? "IPv4" : "IPv6"; }

void check_addresses(const SnatRule& rule, const std::string& key, Rules& rules) {
  if (rule.inside.empty()) {
    rules.fail(key + ".inside",
               "no inside hosts; allowed: at least one prefix or range, such as 10.0.0.0/24");
  }
  for (size_t i = 0; i < rule.to.size() && !rule.inside.empty(); ++i) {
    const bool is_v4 = rule.to[i].first.is_v4();
    if (std::ranges::none_of(rule.inside,
                             [&](const auto& range) { return range.first.is_v4() == is_v4; })) {
      rules.fail(item_key(key + ".to", i), to_string(rule.to[i]) + " is " + version_word(is_v4) +
                                               ", and no inside host is; source NAT keeps the IP "
                                               "version");
    }
  }
}

void check_ports(const SnatRule& rule, const std::string& key, Rules& rules) {
  if (rule.ports.first == 0 || rule.ports.last < rule.ports.first) {
    rules.fail(key + ".ports", std::to_string(rule.ports.first) + "-" +
                                   std::to_string(rule.ports.last) +
                                   " is not a range of ports; allowed: within 1-65535");
  } else if (rule.protocol == SnatProtocol::kIcmp && rule.ports != SnatRule{}.ports) {
    rules.fail(key + ".ports", "icmp has no ports; leave it out");
  }
}

void check_pool(const Model& model, const SnatRule& rule, const std::string& key,
                const Surroundings& known, Rules& rules) {
  const auto pool = known.pools.find(rule.local_pool);
  if (pool == known.pools.end()) {
    rules.fail(key, unknown_name("local_pool", rule.local_pool, known.pools));
    return;
  }
  const auto& addresses = model.local_pools[pool->second].addresses;
  for (const bool is_v4 : {true, false}) {
    const auto lacking = std::ranges::find_if(
        rule.inside, [&](const auto& range) { return range.first.is_v4() == is_v4; });
    if (!addresses.empty() && lacking != rule.inside.end() && !has_version(addresses, is_v4)) {
      rules.fail(key, "local_pool " + rule.local_pool + " has no " + version_word(is_v4) +
                          " address for the inside hosts " + to_string(*lacking) +
                          "; add one to the pool");
    }
  }
}

}  // namespace

void check_snat(const Model& model, Rules& rules, const Surroundings& known) {
  std::unordered_map<std::string_view, std::string_view> service_of_pool;
  for (const Service& service : model.services) {
    service_of_pool.try_emplace(service.local_pool, service.name);
  }
  std::unordered_set<std::string_view> names;
  for (size_t i = 0; i < model.snat.size() && !rules.has_enough_problems(); ++i) {
    const SnatRule& rule = model.snat[i];
    const std::string key = item_key("snat", i);
    rules.check_name(key + ".name", rule.name);
    if (!names.insert(rule.name).second) {
      rules.fail(key + ".name", "another rule is called " + rule.name + " already");
    }
    check_addresses(rule, key, rules);
    check_ports(rule, key, rules);
    check_pool(model, rule, key + ".local_pool", known, rules);
    if (const auto user = service_of_pool.find(rule.local_pool); user != service_of_pool.end()) {
      rules.fail(key + ".local_pool",
                 rule.local_pool + " is the pool of service " + std::string(user->second) +
                     ", too; an inside host keeps its public port toward everybody, a service "
                     "lends it again toward another server: give each a pool of its own");
    }
    for (const size_t state : kSnatTimeouts) {
      rules.check_range(key + ".timeouts." + std::string(kTimeoutKeys[state]),
                        rule.timeouts.seconds[state], kTimeoutSeconds);
    }
  }
}

}  // namespace sluice::config

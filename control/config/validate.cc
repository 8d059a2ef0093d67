// SPDX-License-Identifier: BSD-3-Clause
// The rules for the process as a whole; ports, pools and services have files of their own.
// Control thread.
#include "control/config/validate.h"

#include <algorithm>

#include "control/config/rules.h"
#include "control/config/spelling.h"

namespace sluice::config {
namespace {

// sockaddr_un.sun_path less its terminator.
constexpr size_t kLongestSocketPath = 107;
// Fewer ports per worker than this run out at once: a session lives for minutes.
constexpr uint32_t kFewestPortsPerWorker = 64;
constexpr size_t kLongestName = 64;

void check_control_socket(const Director::ControlSocket& socket, Rules& rules) {
  const std::string key = "director.control_socket";
  rules.check_printable(key + ".path", socket.path);
  rules.check_printable(key + ".group", socket.group);
  if (socket.path.empty() || socket.path.front() != '/' ||
      socket.path.size() > kLongestSocketPath) {
    rules.fail(key + ".path", in_quotes(socket.path) +
                                  " cannot be a socket; allowed: an absolute path of at most " +
                                  std::to_string(kLongestSocketPath) + " bytes");
  }
  if (socket.mode > kMaxSocketMode) {
    rules.fail(key + ".mode", "not a file mode; allowed: octal \"0000\"..\"0777\"");
  }
}

void check_local_ports(const Director& director, Rules& rules) {
  const snapshot::PortRange ports = director.local_ports;
  if (ports.first == 0 || ports.last < ports.first) {
    rules.fail("director.local_ports", std::to_string(ports.first) + "-" +
                                           std::to_string(ports.last) +
                                           " is not a range of ports; allowed: within 1-65535");
    return;
  }
  if (kWorkers.contains(director.workers) &&
      ports.size() / director.workers < kFewestPortsPerWorker) {
    rules.fail("director.local_ports",
               std::to_string(ports.size()) + " ports are too few for " +
                   std::to_string(director.workers) + " workers; allowed: at least " +
                   std::to_string(kFewestPortsPerWorker * director.workers) +
                   " ports, such as 1024-65535");
  }
}

void check_director(const Director& director, Rules& rules) {
  rules.check_range("director.workers", director.workers, kWorkers);
  check_control_socket(director.control_socket, rules);
  rules.check_range("director.poll.max_sleep_us", director.poll.max_sleep_us, kMaxSleepUs);
  rules.check_range("director.punt.control_pps", director.punt.control_pps, kPuntPps);
  rules.check_range("director.punt.icmp_pps", director.punt.icmp_pps, kPuntPps);
  rules.check_range("director.punt.other_pps", director.punt.other_pps, kPuntPps);
  check_local_ports(director, rules);
}

void check_dpdk(const Model& model, Rules& rules) {
  const Dpdk& dpdk = model.dpdk;
  rules.check_range("dpdk.memory_mb", dpdk.memory_mb, kMemoryMb);
  rules.check_range("dpdk.control_core", dpdk.control_core, kCore);
  for (size_t i = 0; i < dpdk.worker_cores.size(); ++i) {
    rules.check_range(item_key("dpdk.worker_cores", i), dpdk.worker_cores[i], kCore);
  }
  if (!dpdk.worker_cores.empty() && dpdk.worker_cores.size() != model.director.workers) {
    rules.fail("dpdk.worker_cores",
               std::to_string(dpdk.worker_cores.size()) + " cores for " +
                   std::to_string(model.director.workers) +
                   " workers (director.workers); allowed: one core per worker, a core may be "
                   "named twice, or an empty list to choose them automatically");
  }
  for (size_t i = 0; i < dpdk.extra_args.size(); ++i) {
    rules.check_printable(item_key("dpdk.extra_args", i), dpdk.extra_args[i]);
  }
}

void check_limits(const Model& model, Rules& rules) {
  const Limits& limits = model.limits;
  rules.check_range("limits.sessions_per_worker", limits.sessions_per_worker, kSessionsPerWorker);
  rules.check_range("limits.extended_sessions_per_worker", limits.extended_sessions_per_worker,
                    kSessionsPerWorker);
  rules.check_range("limits.services", limits.services, kServices);
  rules.check_range("limits.servers", limits.servers, kServers);
  rules.check_range("limits.local_addresses", limits.local_addresses, kLocalAddresses);
  rules.check_range("limits.neighbours", limits.neighbours, kNeighbours);
  rules.check_range("limits.snat_mappings_per_worker", limits.snat_mappings_per_worker,
                    kSnatMappingsPerWorker);
  rules.check_range("limits.packet_buffers", limits.packet_buffers, kPacketBuffers);

  const size_t services = model.services.size() + model.snat.size();
  size_t servers = model.snat.size();  // to the workers a rule is a service with a server
  for (const Service& service : model.services) {
    servers += service.servers.size();
  }
  size_t addresses = 0;
  for (const LocalPool& pool : model.local_pools) {
    addresses += pool.addresses.size();
  }
  rules.check_limit("services", services, "limits.services", limits.services);
  rules.check_limit("services", servers, "limits.servers", limits.servers);
  rules.check_limit("local_pools", addresses, "limits.local_addresses", limits.local_addresses);
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool is_name_letter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("._-").find(c) != std::string_view::npos;
}

}  // namespace

void Rules::fail(std::string key, std::string message) {
  if (!has_enough_problems()) {
    problems_.push_back({"", 0, 0, std::move(key), std::move(message)});
  }
}

void Rules::check_range(std::string key, uint64_t value, NumberRange range) {
  if (!range.contains(value)) {
    fail(std::move(key), std::to_string(value) + " is out of range; allowed: " + range.to_string());
  }
}

void Rules::check_printable(const std::string& key, std::string_view text) {
  if (!is_printable(text)) {
    fail(key, in_quotes(text) + " holds unusual bytes; allowed: printable ASCII");
  }
}

void Rules::check_name(const std::string& key, std::string_view name) {
  if (name.empty() || name.size() > kLongestName ||
      !std::all_of(name.begin(), name.end(), is_name_letter)) {
    fail(key, in_quotes(name) + " is not a name; allowed: 1.." + std::to_string(kLongestName) +
                  " letters, digits, \".\", \"_\", \"-\"");
  }
}

void Rules::check_limit(const std::string& key, size_t count, std::string_view limit_key,
                        uint32_t limit) {
  if (count > limit) {
    fail(key, std::to_string(count) + " " + std::string(limit_key.substr(limit_key.find('.') + 1)) +
                  " are configured, " + std::string(limit_key) + " allows " +
                  std::to_string(limit) + "; raise " + std::string(limit_key));
  }
}

std::string item_key(std::string_view list, size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

Problems validate(const Model& model) {
  Rules rules;
  Surroundings known;
  check_director(model.director, rules);
  check_dpdk(model, rules);
  check_limits(model, rules);
  check_ports(model, rules, known);
  check_local_pools(model, rules, known);
  check_services(model, rules, known);
  check_snat(model, rules, known);
  return rules.take();
}

}  // namespace sluice::config

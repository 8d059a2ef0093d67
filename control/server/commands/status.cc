// SPDX-License-Identifier: BSD-3-Clause
// `status`: how the director is, and what an operator should look at first. Control thread.
#include <algorithm>
#include <string>

#include "control/server/commands/commands.h"
#include "control/server/commands/params.h"

#ifndef SLUICE_VERSION
#error "the build file of control/server defines SLUICE_VERSION"
#endif

namespace sluice::control {
namespace {

using dataplane::CounterId;

// Early enough to act on at an ordinary evening's growth, late enough not to cry wolf.
constexpr uint64_t kSessionAlarmPercent = 80;

uint64_t total(const Director& director, CounterId id) {
  uint64_t sum = 0;
  for (uint32_t worker = 0; worker < director.worker_count(); ++worker) {
    sum += director.worker_counter(worker, id);
  }
  return sum;
}

// Polls that found packets, of all polls of the last minute.
uint64_t busy_percent(const Activity& activity, uint32_t worker) {
  const uint64_t polls = activity.recent(worker, CounterId::kPolls);
  const uint64_t idle = std::min(polls, activity.recent(worker, CounterId::kIdlePolls));
  return polls == 0 ? 0 : (polls - idle) * 100 / polls;
}

Json workers(const CommandContext& context) {
  const Director& director = context.director;
  Json list = Json::array();
  for (uint32_t worker = 0; worker < director.worker_count(); ++worker) {
    list.push_back({{"worker", worker},
                    {"busy_percent", busy_percent(context.activity, worker)},
                    {"polls", director.worker_counter(worker, CounterId::kPolls)},
                    {"idle_polls", director.worker_counter(worker, CounterId::kIdlePolls)},
                    {"rx_packets", director.worker_counter(worker, CounterId::kRxPackets)},
                    {"tx_packets", director.worker_counter(worker, CounterId::kTxPackets)},
                    {"sessions", director.worker_session_count(worker)},
                    {"session_capacity", director.running().limits.sessions_per_worker}});
  }
  return list;
}

Json ports(const Director& director) {
  Json list = Json::array();
  for (const Director::PortStatus& port : director.ports()) {
    Json entry = {{"name", port.name},
                  {"vlan", port.vlan == 0 ? Json(nullptr) : Json(port.vlan)},
                  {"mac", port.mac.to_string()},
                  {"link", port.is_link_up ? "up" : "down"}};
    if (port.vlan == 0) {
      entry.update({{"rx_packets", port.statistics.rx_packets},
                    {"tx_packets", port.statistics.tx_packets},
                    {"rx_missed", port.statistics.rx_missed},
                    {"rx_errors", port.statistics.rx_errors},
                    {"tx_errors", port.statistics.tx_errors}});
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json next_hops(const snapshot::NextHopTable& table) {
  uint32_t unresolved = 0;
  for (const auto& entry : table.entries()) {
    unresolved += entry.next_hop.is_resolved ? 0 : 1;
  }
  return {{"count", table.size()}, {"unresolved", unresolved}, {"capacity", table.capacity()}};
}

Json draining(const Director& director) {
  Json list = Json::array();
  for (const DrainingAddress& local : director.draining()) {
    list.push_back({{"address", local.address.to_string()}, {"port", local.port}});
  }
  return list;
}

Json punt(const Director& director) {
  return {{"arp", total(director, CounterId::kPuntArp)},
          {"control", total(director, CounterId::kPuntControl)},
          {"icmp", total(director, CounterId::kPuntIcmp)},
          {"vip", total(director, CounterId::kPuntVip)},
          {"other", total(director, CounterId::kPuntOther)},
          {"injected", total(director, CounterId::kInjected)},
          {"dropped_limited", total(director, CounterId::kDropPuntLimited)},
          {"dropped_full", total(director, CounterId::kDropPuntFull)}};
}

Json handoff(const Director& director) {
  return {{"sent", total(director, CounterId::kHandOffSent)},
          {"received", total(director, CounterId::kHandOffReceived)},
          {"dropped_full", total(director, CounterId::kDropHandOffFull)}};
}

void add_session_alarms(const Director& director, Json& alarms) {
  const uint64_t capacity = director.running().limits.sessions_per_worker;
  for (uint32_t worker = 0; worker < director.worker_count(); ++worker) {
    const uint64_t used = director.worker_session_count(worker);
    if (used * 100 > capacity * kSessionAlarmPercent) {
      alarms.push_back("worker " + std::to_string(worker) + ": " + std::to_string(used) + " of " +
                       std::to_string(capacity) +
                       " sessions used; raise limits.sessions_per_worker and restart");
    }
  }
}

void add_drop_alarms(const Activity& activity, Json& alarms) {
  for (size_t i = 0; i < dataplane::kCounterCount; ++i) {
    const dataplane::CounterInfo& info = dataplane::kCounterInfo[i];
    if (!info.name.starts_with("drop_")) {
      continue;
    }
    const uint64_t risen = activity.recent(static_cast<CounterId>(i));
    if (risen > 0) {
      alarms.push_back(std::string(info.name) + ": " + std::to_string(risen) +
                       " in the last minute: " + std::string(info.help));
    }
  }
}

void add_config_alarms(const Director& director, Json& alarms) {
  for (const Director::PortStatus& port : director.ports()) {
    if (port.vlan != 0) {
      continue;  // its device's alarms are told once
    }
    if (!port.is_link_up) {
      alarms.push_back("port " + port.name + ": link is down; check the cable or its peer");
    }
    if (port.statistics.rx_missed > 0) {
      alarms.push_back("port " + port.name + ": " + std::to_string(port.statistics.rx_missed) +
                       " packets missed since start; workers are too slow or too few");
    }
  }
  for (const config::Service& service : director.running().services) {
    const bool has_server = std::ranges::any_of(
        service.servers, [](const config::Server& server) { return server.weight > 0; });
    if (!has_server) {
      alarms.push_back("service " + service.name +
                       ": no server with weight > 0, its clients are turned away");
    }
  }
}

}  // namespace

Answer status(const CommandContext& context, const RequestJson& json) {
  Params params(json);
  if (auto wrong = params.finish()) {
    return tl::unexpected(*wrong);
  }
  const Director& director = context.director;
  uint64_t sessions = 0;
  for (uint32_t worker = 0; worker < director.worker_count(); ++worker) {
    sessions += director.worker_session_count(worker);
  }
  uint64_t servers = 0;
  for (const config::Service& service : director.running().services) {
    servers += service.servers.size();
  }
  Json alarms = Json::array();
  add_session_alarms(director, alarms);
  add_drop_alarms(context.activity, alarms);
  add_config_alarms(director, alarms);

  return Json{{"version", SLUICE_VERSION},
              {"uptime_seconds", director.uptime_seconds()},
              {"generation", director.generation()},
              {"config_path", director.config_path()},
              {"services", director.running().services.size()},
              {"servers", servers},
              {"sessions", sessions},
              {"session_capacity",
               uint64_t{director.running().limits.sessions_per_worker} * director.worker_count()},
              {"workers", workers(context)},
              {"ports", ports(director)},
              {"next_hops", next_hops(director.next_hops())},
              {"draining", draining(director)},
              {"punt", punt(director)},
              {"handoff", handoff(director)},
              {"alarms", std::move(alarms)}};
}

}  // namespace sluice::control

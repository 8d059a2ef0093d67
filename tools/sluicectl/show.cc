// SPDX-License-Identifier: BSD-3-Clause
// Tables for humans, in the manner of ipvsadm where it has one. Single-threaded.
#include "tools/sluicectl/show.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <ostream>
#include <string>
#include <vector>

#include "tools/sluicectl/table.h"

namespace sluice::ctl {
namespace {

std::string text(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) {
    return "-";
  }
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string upper(std::string word) {
  std::ranges::transform(word, word.begin(),
                         [](unsigned char letter) { return std::toupper(letter); });
  return word;
}

// "TCP  192.0.2.10:80" and "  -> 10.0.0.3:80", as ipvsadm prints them.
std::string service_cell(const Json& service) {
  return upper(text(service, "protocol")) + "  " + text(service, "vip");
}
std::string server_cell(const Json& server) { return "  -> " + text(server, "address"); }

constexpr std::array kStatColumns = {"sessions_created", "packets_in", "packets_out", "bytes_in",
                                     "bytes_out"};

std::vector<std::string> with_stats(std::string first, const Json& object) {
  std::vector<std::string> row = {std::move(first)};
  for (const char* column : kStatColumns) {
    row.push_back(text(object, column));
  }
  return row;
}

Table stats_table() {
  return Table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight,
                Align::kRight, Align::kLeft});
}

void show_service_stats(std::ostream& out, const Json& services) {
  Table table = stats_table();
  table.add({"Prot VIP:Port", "Conns", "InPkts", "OutPkts", "InBytes", "OutBytes", "Service"});
  table.add({"  -> RIP:Port"});
  for (const Json& service : services) {
    auto row = with_stats(service_cell(service), service);
    row.push_back(text(service, "name"));
    table.add(std::move(row));
    for (const Json& server : service["servers"]) {
      table.add(with_stats(server_cell(server), server));
    }
  }
  table.print(out);
}

void show_service_connections(std::ostream& out, const Json& services) {
  Table table(
      {Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kLeft});
  table.add({"Prot VIP:Port", "Scheduler", "", "", "", "Service"});
  table.add({"  -> RIP:Port", "Forward", "Weight", "ActiveConn", "InActConn"});
  for (const Json& service : services) {
    table.add(
        {service_cell(service), text(service, "scheduler"), "", "", "", text(service, "name")});
    for (const Json& server : service["servers"]) {
      table.add({server_cell(server), text(server, "mode"), text(server, "weight"),
                 text(server, "active"), text(server, "inactive")});
    }
  }
  table.print(out);
}

void show_workers(std::ostream& out, const Json& workers) {
  Table table(
      {Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kRight});
  table.add({"Worker", "Busy", "Sessions", "Capacity", "RxPackets", "TxPackets"});
  for (const Json& worker : workers) {
    table.add({text(worker, "worker"), text(worker, "busy_percent") + "%", text(worker, "sessions"),
               text(worker, "session_capacity"), text(worker, "rx_packets"),
               text(worker, "tx_packets")});
  }
  table.print(out);
}

void show_ports(std::ostream& out, const Json& ports) {
  Table table({Align::kLeft, Align::kRight, Align::kLeft, Align::kLeft, Align::kRight,
               Align::kRight, Align::kRight, Align::kRight, Align::kRight});
  table.add({"Port", "Vlan", "Link", "Mac", "RxPackets", "TxPackets", "RxMissed", "RxErrors",
             "TxErrors"});
  for (const Json& port : ports) {
    table.add({text(port, "name"), text(port, "vlan"), text(port, "link"), text(port, "mac"),
               text(port, "rx_packets"), text(port, "tx_packets"), text(port, "rx_missed"),
               text(port, "rx_errors"), text(port, "tx_errors")});
  }
  table.print(out);
}

}  // namespace

std::string duration(uint64_t seconds) {
  const auto two = [](uint64_t big, const char* big_unit, uint64_t small, const char* small_unit) {
    return std::to_string(big) + big_unit + std::to_string(small) + small_unit;
  };
  if (seconds >= 86'400) {
    return two(seconds / 86'400, " d ", seconds % 86'400 / 3'600, " h");
  }
  if (seconds >= 3'600) {
    return two(seconds / 3'600, " h ", seconds % 3'600 / 60, " min");
  }
  if (seconds >= 60) {
    return two(seconds / 60, " min ", seconds % 60, " s");
  }
  return std::to_string(seconds) + " s";
}

void show_status(const Invocation& invocation, const Json& result) {
  std::ostream& out = invocation.out;
  const auto used = result["sessions"].get<uint64_t>();
  const auto capacity = result["session_capacity"].get<uint64_t>();
  const Json& hops = result["next_hops"];
  const Json& punt = result["punt"];
  const Json& handoff = result["handoff"];
  out << "sluiced " << text(result, "version") << ", up "
      << duration(result["uptime_seconds"].get<uint64_t>()) << ", configuration generation "
      << text(result, "generation") << " of " << text(result, "config_path") << '\n'
      << "services " << text(result, "services") << ", real servers " << text(result, "servers")
      << ", sessions " << used << " of " << capacity << " ("
      << (capacity == 0 ? 0 : used * 100 / capacity) << "%)\n\n";
  show_workers(out, result["workers"]);
  out << '\n';
  show_ports(out, result["ports"]);
  out << "\nnext hops  " << text(hops, "count") << " of " << text(hops, "capacity") << ", "
      << text(hops, "unresolved") << " unresolved\n"
      << "punted     arp " << text(punt, "arp") << ", control " << text(punt, "control")
      << ", icmp " << text(punt, "icmp") << ", vip " << text(punt, "vip") << ", other "
      << text(punt, "other") << ", over the limit " << text(punt, "dropped_limited")
      << "; from the kernel " << text(punt, "injected") << '\n'
      << "handed off " << text(handoff, "sent") << " sent, " << text(handoff, "received")
      << " received, " << text(handoff, "dropped_full") << " dropped\n";
  for (const Json& local : result["draining"]) {
    out << "draining   local address " << text(local, "address") << " of port "
        << text(local, "port") << ": lends no more, sessions still use it\n";
  }
  if (result["alarms"].empty()) {
    out << "alarms     none\n";
  }
  for (const Json& alarm : result["alarms"]) {
    out << "ALARM      " << alarm.get<std::string>() << '\n';
  }
}

void show_services(const Invocation& invocation, const Json& result) {
  if (result["services"].empty()) {
    invocation.out << "no services; add one with: sluicectl service add web --vip "
                      "192.0.2.10:80\n";
  } else if (invocation.options.has("stats")) {
    show_service_stats(invocation.out, result["services"]);
  } else {
    show_service_connections(invocation.out, result["services"]);
  }
}

void show_service(const Invocation& invocation, const Json& result) {
  Table settings({Align::kLeft, Align::kLeft});
  for (const char* key :
       {"name", "protocol", "vip", "scheduler", "schedule_by", "no_server", "mode", "tunnel",
        "local_pool", "client_address", "sequence_numbers", "interface", "announce"}) {
    settings.add({key, text(result, key)});
  }
  std::string timeouts;
  for (const auto& [state, seconds] : result["timeouts"].items()) {
    timeouts += (timeouts.empty() ? "" : " ") + state + "=" + seconds.dump();
  }
  settings.add({"timeouts", timeouts});
  settings.print(invocation.out);
  invocation.out << '\n';
  show_service_connections(invocation.out, Json::array({result}));
  invocation.out << '\n';
  show_service_stats(invocation.out, Json::array({result}));
}

void show_servers(const Invocation& invocation, const Json& result) {
  if (invocation.options.has("stats")) {
    Table table = stats_table();
    table.add({"RIP:Port", "Conns", "InPkts", "OutPkts", "InBytes", "OutBytes", "Service"});
    for (const Json& server : result["servers"]) {
      auto row = with_stats(text(server, "address"), server);
      row.push_back(text(server, "service"));
      table.add(std::move(row));
    }
    return table.print(invocation.out);
  }
  Table table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kLeft});
  table.add({"RIP:Port", "Weight", "ActiveConn", "InActConn", "Service"});
  for (const Json& server : result["servers"]) {
    table.add({text(server, "address"), text(server, "weight"), text(server, "active"),
               text(server, "inactive"), text(server, "service")});
  }
  table.print(invocation.out);
}

void show_snat(const Invocation& invocation, const Json& result) {
  const auto joined = [](const Json& ranges) {
    std::string line;
    for (const Json& range : ranges) {
      if (!line.empty()) {
        line += ',';
      }
      line += range.get<std::string>();
    }
    return line.empty() ? std::string("anywhere") : line;
  };
  if (result["rules"].empty()) {
    invocation.out << "no source NAT rules; they stand under snat in the configuration file\n";
    return;
  }
  if (invocation.options.has("stats")) {
    Table table = stats_table();
    table.add({"Rule", "Conns", "InPkts", "OutPkts", "InBytes", "OutBytes", "Pool"});
    for (const Json& rule : result["rules"]) {
      auto row = with_stats(text(rule, "name"), rule);
      row.push_back(text(rule, "local_pool"));
      table.add(std::move(row));
    }
    return table.print(invocation.out);
  }
  Table table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kRight,
               Align::kRight, Align::kRight, Align::kLeft});
  table.add({"Rule", "Inside", "To", "Protocol", "Ports", "PortsInUse", "ActiveConn", "InActConn",
             "Pool"});
  for (const Json& rule : result["rules"]) {
    table.add({text(rule, "name"), joined(rule["inside"]), joined(rule["to"]),
               text(rule, "protocol"), text(rule, "ports"), text(rule, "ports_in_use"),
               text(rule, "active"), text(rule, "inactive"), text(rule, "local_pool")});
  }
  table.print(invocation.out);
}

void show_howto(std::ostream& out, const Json& result) {
  for (const Json& server : result["servers"]) {
    out << "# real server " << text(server, "address") << '\n';
    for (const Json& service : server["services"]) {
      out << "#   " << text(service, "service") << ", " << text(service, "protocol") << ' '
          << text(service, "vip") << ", " << text(service, "mode")
          << (service.contains("tunnel") ? " (" + text(service, "tunnel") + ")" : "") << '\n';
    }
    if (server["commands"].empty() && server["notes"].empty()) {
      out << "# nothing to do\n";
    }
    for (const Json& command : server["commands"]) {
      out << command.get<std::string>() << '\n';
    }
    for (const Json& note : server["notes"]) {
      out << "# note: " << note.get<std::string>() << '\n';
    }
    out << '\n';
  }
  if (result["servers"].empty()) {
    out << "# no real servers\n";
  }
}

void show_counters(const Invocation& invocation, const Json& result) {
  const bool is_all = invocation.options.has("all");
  Table table({Align::kLeft, Align::kRight, Align::kLeft, Align::kLeft});
  table.add({"Counter", "Total", "Unit", is_all ? "Meaning" : ""});
  for (const Json& counter : result["counters"]) {
    if (is_all || counter["total"] != 0) {
      table.add({text(counter, "name"), text(counter, "total"), text(counter, "unit"),
                 is_all ? text(counter, "help") : ""});
    }
  }
  table.print(invocation.out);
}

void show_neighbours(const Invocation& invocation, const Json& result) {
  Table table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft});
  table.add({"Address", "Port", "Mac", "State"});
  for (const Json& neighbour : result["neighbours"]) {
    table.add({text(neighbour, "address"), text(neighbour, "port"), text(neighbour, "mac"),
               text(neighbour, "state")});
  }
  table.print(invocation.out);
}

void show_changes(const Invocation& invocation, const Json& result) {
  for (const Json& change : result["changes"]) {
    invocation.out << text(change, "text") << '\n';
  }
  invocation.out << (result["changes"].empty() ? "nothing to change" : "applied") << ", generation "
                 << text(result, "generation") << '\n';
  if (result.contains("warning")) {
    invocation.err << "sluicectl: warning: " << text(result, "warning") << '\n';
  }
}

void show_difference(std::ostream& out, const Json& result) {
  for (const Json& change : result["changes"]) {
    out << text(change, "text") << '\n';
  }
  if (result["changes"].empty()) {
    out << "no change\n";
  } else if (result["needs_restart"].get<bool>()) {
    out << "a reload would be refused: some of this needs a restart of sluiced\n";
  }
}

SessionRows::Cells SessionRows::cells(const Json& session) {
  const auto seconds = session["expires_in_seconds"].get<uint64_t>();
  std::array<char, 32> expire{};
  std::snprintf(expire.data(), expire.size(), "%02u:%02u", static_cast<unsigned>(seconds / 60),
                static_cast<unsigned>(seconds % 60));
  return {upper(text(session, "protocol")), expire.data(),        text(session, "state"),
          text(session, "client"),          text(session, "vip"), text(session, "local"),
          text(session, "server")};
}

void SessionRows::widen(const Cells& cells) {
  for (size_t i = 0; i < widths_.size(); ++i) {
    widths_[i] = std::max(widths_[i], cells[i].size());
  }
}

void SessionRows::print(const Cells& cells) {
  widen(cells);
  std::string line;
  for (size_t i = 0; i < widths_.size(); ++i) {
    line += cells[i] + std::string(widths_[i] - cells[i].size() + 1, ' ');
  }
  out_ << line << cells.back() << '\n';
}

void SessionRows::header(const Json& first_page) {
  for (const Json& session : first_page) {
    widen(cells(session));
  }
  print({"Prot", "Expire", "State", "Client", "Virtual", "Local", "Server"});
}

void SessionRows::add(const Json& session) { print(cells(session)); }

}  // namespace sluice::ctl

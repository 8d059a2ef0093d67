// SPDX-License-Identifier: BSD-3-Clause
// The command line of sluice-replay. Main thread.
#include "bench/replay/options.h"

#include <boost/program_options.hpp>
#include <iostream>
#include <sstream>

#include "bench/support/bench_eal.h"

namespace sluice::bench {
namespace {

namespace po = boost::program_options;

constexpr const char* kIntroduction =
    R"(sluice-replay: what a packet costs the real worker, without a NIC

Opens sessions by feeding their first packets through the worker, writes packets of all sessions
to a pcap file in random order (client packets and the servers' answers), replays it for ever with
net_pcap (infinite_rx) and measures the CPU time of the worker's thread. net_pcap copies each
packet before delivery and drops what is sent; the cost of that alone is measured between the
rounds and printed as device_ns. A run in which any packet was not forwarded, or any session began
or ended, fails: its numbers would mean nothing.

Needs neither root, a NIC nor huge pages; uses 2 MiB pages when enough are free
(echo 1024 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages).
Prints one JSON object a measurement, one a line.

Options)";

constexpr const char* kExamples = R"(
Examples:
  sluice-replay                                   UDP at 1, 1 k, 64 k and 1 M sessions
  sluice-replay --protocol tcp --sessions 64k     one measurement
  sluice-replay --one-way --sessions 1k,1M        client packets only
  sluice-replay --new-sessions --sessions 1M      every packet opens a session

Exit status: 0 measured, 1 not measurable or packets were lost, 2 wrong usage.
)";

// "64k" and "1M" count in powers of two, as tables do: 65536 and 1048576.
uint32_t parse_count(const std::string& text) {
  size_t end = 0;
  uint64_t count = 0;
  try {
    count = std::stoull(text, &end);
  } catch (const std::exception&) {
    end = 0;
  }
  const std::string unit = text.substr(end);
  const int shift = unit.empty() ? 0 : unit == "k" ? 10 : unit == "M" ? 20 : -1;
  constexpr uint64_t kMaxSessions = 16U << 20;
  if (end == 0 || shift < 0 || count == 0 || count << shift > kMaxSessions) {
    throw po::error("--sessions: \"" + text +
                    "\" is no number of sessions; write 1..16M, for example 1,1k,64k,1M");
  }
  return static_cast<uint32_t>(count << shift);
}

std::vector<uint32_t> parse_counts(const std::string& list) {
  std::vector<uint32_t> counts;
  std::stringstream stream(list);
  for (std::string item; std::getline(stream, item, ',');) {
    counts.push_back(parse_count(item));
  }
  return counts;
}

po::options_description describe(ReplayOptions& options) {
  po::options_description described(kIntroduction);
  auto add = described.add_options();
  add("help,h", "print this text");
  add("sessions,s", po::value<std::string>()->default_value("1,1k,64k,1M"),
      "numbers of live sessions, one measurement each");
  add("protocol,p", po::value<std::string>()->default_value("udp"), "tcp or udp");
  add("one-way", "client packets only, no answers");
  add("new-sessions", "measure packets that each open a session");
  add("rounds,r", po::value(&options.rounds)->default_value(options.rounds),
      "rounds of a measurement; the median counts");
  add("round-ms", po::value(&options.round_ms)->default_value(options.round_ms),
      "CPU time of a round");
  add("cpu", po::value(&options.cpu)->default_value(last_allowed_cpu()), "CPU to run on");
  add("memory-mb", po::value(&options.memory_mb)->default_value(0),
      "DPDK memory; 0: what the largest measurement needs");
  add("small-pages", "use 4 KiB pages even when huge pages are free");
  add("pcap", po::value(&options.pcap_path),
      "write the packets to this file and keep it (one measurement only)");
  return described;
}

void fill(ReplayOptions& options, const po::variables_map& values) {
  options.sessions = parse_counts(values["sessions"].as<std::string>());
  const auto protocol = net::parse_protocol(values["protocol"].as<std::string>());
  if (!protocol || *protocol == net::Protocol::kSctp) {
    throw po::error("--protocol: tcp or udp");
  }
  options.protocol = *protocol;
  options.load = values.count("new-sessions") != 0 ? Load::kNewSessions : Load::kLiveSessions;
  const bool is_one_way = values.count("one-way") != 0 || options.load == Load::kNewSessions;
  options.directions = is_one_way ? Directions::kToServerOnly : Directions::kBoth;
  options.wants_small_pages = values.count("small-pages") != 0;
  if (options.sessions.empty() || options.rounds == 0 || options.round_ms == 0) {
    throw po::error("--sessions, --rounds and --round-ms must not be empty or 0");
  }
  if (!options.pcap_path.empty() && options.sessions.size() != 1) {
    throw po::error("--pcap keeps one file: give one number to --sessions");
  }
}

}  // namespace

CommandLine read_command_line(int argc, char** argv) {
  CommandLine line;
  const po::options_description described = describe(line.options);
  try {
    po::variables_map values;
    po::store(po::parse_command_line(argc, argv, described), values);
    if (values.count("help") != 0) {
      std::cout << described << kExamples;
      line.must_exit = true;
      return line;
    }
    po::notify(values);
    fill(line.options, values);
  } catch (const po::error& error) {
    std::cerr << "sluice-replay: " << error.what() << " (see --help)\n";
    line.must_exit = true;
    line.status = 2;
  }
  return line;
}

}  // namespace sluice::bench

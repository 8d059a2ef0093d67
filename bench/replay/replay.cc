// SPDX-License-Identifier: BSD-3-Clause
// One measurement: sessions opened, packets replayed, every packet accounted for. Main thread.
#include "bench/replay/replay.h"

#include <rte_ethdev.h>

#include <array>
#include <nlohmann/json.hpp>

#include "bench/replay/director.h"
#include "bench/replay/measure.h"
#include "bench/replay/pcap_file.h"
#include "dataplane/burst.h"

namespace sluice::bench {
namespace {

using dataplane::CounterId;

// With few sessions the file repeats them in a random order that no branch predictor learns.
constexpr uint32_t kMinReplayedPackets = 1'024;

uint32_t flows_of(const ReplayOptions& options, uint32_t sessions) {
  return options.directions == Directions::kBoth ? 2 * sessions : sessions;
}

/// Writes packets of all flows in random order: flow 2 i is client i's, 2 i + 1 its answers.
Status write_replay(const ReplayOptions& options, const Topology& topology,
                    const std::vector<net::FlowKey4>& answer_flows, const net::Mac& to) {
  auto file = PcapFile::create(options.pcap_path);
  if (!file) {
    return tl::unexpected(file.error());
  }
  const uint32_t flows = flows_of(options, topology.sessions());
  for (const uint32_t n : random_order(replayed_packets(options, topology.sessions()))) {
    const uint32_t flow = n % flows;
    const bool is_answer = options.directions == Directions::kBoth && flow % 2 == 1;
    const uint32_t session = options.directions == Directions::kBoth ? flow / 2 : flow;
    const net::FlowKey4 key =
        is_answer ? answer_flows[session] : client_flow(session, topology.vip(), options.protocol);
    const bool opens = options.load == Load::kNewSessions;
    file->write(make_frame(key, to, opens ? table::kTcpSyn : table::kTcpAck));
  }
  return file->close();
}

/// What the device and its buffers cost alone: receive and send back, as testpmd's io mode.
uint32_t receive_and_send(uint16_t dpdk_port) {
  std::array<rte_mbuf*, dataplane::kBurstSize> packets;
  const uint16_t received =
      rte_eth_rx_burst(dpdk_port, 0, packets.data(), static_cast<uint16_t>(packets.size()));
  const uint16_t sent = rte_eth_tx_burst(dpdk_port, 0, packets.data(), received);
  rte_pktmbuf_free_bulk(packets.data() + sent, received - sent);
  return received;
}

nlohmann::json to_json(const std::vector<Round>& rounds) {
  std::vector<double> cpu;
  std::vector<double> tsc;
  for (const Round& round : rounds) {
    cpu.push_back(round.ns_a_packet());
    tsc.push_back(round.tsc_ns_a_packet());
  }
  const Distribution by_cpu = distribution(cpu);
  const Distribution by_tsc = distribution(tsc);
  return {
      {"ns", by_cpu.median},     {"ns_lowest", by_cpu.lowest},     {"ns_highest", by_cpu.highest},
      {"tsc_ns", by_tsc.median}, {"tsc_ns_lowest", by_tsc.lowest}, {"mpps", 1e3 / by_cpu.median}};
}

nlohmann::json describe(const ReplayOptions& options, uint32_t sessions) {
  return {{"protocol", net::to_string(options.protocol)},
          {"sessions", sessions},
          {"load", options.load == Load::kNewSessions                ? "new sessions"
                   : options.directions == Directions::kToServerOnly ? "client packets only"
                                                                     : "both directions"},
          {"file_packets", replayed_packets(options, sessions)},
          {"frame_bytes", kFrameBytes},
          {"burst", dataplane::kBurstSize},
          {"rounds", options.rounds},
          {"memory_pages", options.pages_in_json},
          {"cpu", options.cpu}};
}

Result<nlohmann::json> measure_live(const ReplayOptions& options, uint32_t sessions,
                                    rte_mempool* packets) {
  Topology topology(options.protocol, sessions);
  ReplayPort port(packets);
  if (auto status = port.open_rings(); !status) {
    return tl::unexpected(status.error());
  }
  auto director = Director::create(topology, port.port());
  if (!director) {
    return tl::unexpected(director.error());
  }
  const auto answer_flows = director->open_sessions(port);
  if (!answer_flows) {
    return tl::unexpected(answer_flows.error());
  }
  if (auto status = director->check_answers(port, *answer_flows); !status) {
    return tl::unexpected(status.error());
  }
  if (auto status = write_replay(options, topology, *answer_flows, port.port().mac()); !status) {
    return tl::unexpected(status.error());
  }
  if (auto status = port.open_pcap(options.pcap_path); !status) {
    return tl::unexpected(status.error());
  }

  const uint64_t round_ns = options.round_ms * 1'000'000ULL;
  const uint64_t file_packets = replayed_packets(options, sessions);
  const auto worker_turn = [&] {
    director->poll();
    return dataplane::kBurstSize;  // an infinite device always fills the burst
  };
  const auto device_turn = [&] { return receive_and_send(port.port().dpdk_port()); };

  const CounterValues before = director->counters();
  run_round(round_ns, 2 * file_packets, worker_turn);
  std::vector<Round> worker_rounds;
  std::vector<Round> device_rounds;
  for (uint32_t round = 0; round < options.rounds; ++round) {
    device_rounds.push_back(run_round(round_ns / 4, 0, device_turn));
    const uint64_t received = director->counter(CounterId::kRxPackets);
    worker_rounds.push_back(run_round(round_ns, file_packets, worker_turn));
    if (director->counter(CounterId::kRxPackets) - received != worker_rounds.back().packets) {
      return fail("net_pcap did not fill every burst");
    }
  }
  if (auto status = check_all_forwarded(before, director->counters()); !status) {
    return tl::unexpected(status.error());
  }
  if (director->session_count() != sessions) {
    return fail(std::to_string(director->session_count()) + " sessions live at the end, not " +
                std::to_string(sessions));
  }
  nlohmann::json result = describe(options, sessions);
  result["packets"] = director->counter(CounterId::kRxPackets);
  result["worker"] = to_json(worker_rounds);
  result["device"] = to_json(device_rounds);
  return result;
}

/// One round: a fresh worker sees each client once.
Result<Round> open_all(const ReplayOptions& options, Topology& topology, rte_mempool* packets) {
  ReplayPort port(packets);  // starts at the file's first packet
  if (auto status = port.open_rings(); !status) {
    return tl::unexpected(status.error());
  }
  auto director = Director::create(topology, port.port());
  if (!director) {
    return tl::unexpected(director.error());
  }
  if (auto status = write_replay(options, topology, {}, port.port().mac()); !status) {
    return tl::unexpected(status.error());
  }
  if (auto status = port.open_pcap(options.pcap_path); !status) {
    return tl::unexpected(status.error());
  }
  Round round;
  const uint64_t start_tsc = rte_rdtsc();
  const uint64_t start_ns = thread_cpu_ns();
  while (director->counter(CounterId::kRxPackets) < topology.sessions()) {
    director->poll();
  }
  round.cpu_ns = thread_cpu_ns() - start_ns;
  round.tsc = rte_rdtsc() - start_tsc;
  round.packets = director->counter(CounterId::kTxPackets);
  const uint64_t created = director->counter(CounterId::kSessionsCreated);
  if (created != topology.sessions() || round.packets != created) {
    return fail("only " + std::to_string(created) + " of " + std::to_string(topology.sessions()) +
                " packets opened a session, and " + std::to_string(round.packets) +
                " were forwarded");
  }
  return round;
}

Result<nlohmann::json> measure_new(const ReplayOptions& options, uint32_t sessions,
                                   rte_mempool* packets) {
  if (sessions % kMinReplayedPackets != 0) {
    return fail("--new-sessions needs multiples of 1k sessions: each packet opens one");
  }
  Topology topology(options.protocol, sessions);
  std::vector<Round> rounds;
  for (uint32_t n = 0; n < options.rounds; ++n) {
    auto round = open_all(options, topology, packets);
    if (!round) {
      return tl::unexpected(round.error());
    }
    rounds.push_back(*round);
  }
  nlohmann::json result = describe(options, sessions);
  result["packets"] = uint64_t{sessions} * options.rounds;
  result["worker"] = to_json(rounds);
  return result;
}

}  // namespace

uint32_t replayed_packets(const ReplayOptions& options, uint32_t sessions) {
  const uint32_t flows = flows_of(options, sessions);
  const uint32_t repeats = flows < kMinReplayedPackets ? kMinReplayedPackets / flows : 1;
  return flows * repeats;
}

uint32_t needed_megabytes(const ReplayOptions& options, uint32_t sessions) {
  constexpr uint64_t kBytesAPacket = 512;   // mbuf, headroom, data, mempool and ring slots
  constexpr uint64_t kBytesASession = 400;  // record and both hash entries, at their worst rounding
  constexpr uint64_t kFixed = 256ULL << 20;
  const uint64_t bytes =
      kFixed + kBytesAPacket * replayed_packets(options, sessions) + kBytesASession * sessions;
  return static_cast<uint32_t>(bytes >> 20);
}

Result<nlohmann::json> measure(const ReplayOptions& options, uint32_t sessions,
                               rte_mempool* packets) {
  return options.load == Load::kNewSessions ? measure_new(options, sessions, packets)
                                            : measure_live(options, sessions, packets);
}

}  // namespace sluice::bench

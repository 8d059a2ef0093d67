// SPDX-License-Identifier: BSD-3-Clause
// A director of one real worker that the main thread drives by hand. Main thread.
#include "bench/replay/director.h"

#include <rte_cycles.h>

#include <algorithm>

namespace sluice::bench {
namespace {

using dataplane::CounterId;

uint64_t change(const CounterValues& before, const CounterValues& after, CounterId id) {
  const auto index = static_cast<size_t>(id);
  return after[index] - before[index];
}

/// The flow of the packet the worker sent last, its checksums verified.
Result<net::FlowKey4> take_flow(ReplayPort& port, const char* what) {
  rte_mbuf* packet = port.take_sent();
  if (packet == nullptr) {
    return fail(std::string(what) + " was not forwarded");
  }
  const std::span<const uint8_t> frame(rte_pktmbuf_mtod(packet, const uint8_t*), packet->pkt_len);
  const bool is_right = has_right_checksums(frame);
  const net::FlowKey4 flow = flow_of(frame);
  rte_pktmbuf_free(packet);
  if (!is_right) {
    return fail(std::string(what) + " was forwarded with a wrong checksum");
  }
  return flow;
}

}  // namespace

Result<Director> Director::create(Topology& topology, const dataplane::Port& port) {
  const dataplane::SupervisorConfig config{.workers = 1,
                                           .limits = topology.limits(),
                                           .poll = {},
                                           .punt = {},
                                           .local_ports = Topology::local_ports(),
                                           .hash_secret = Topology::hash_secret()};
  auto supervisor =
      dataplane::Supervisor::create(config, std::span(&port, 1), topology.next_hops());
  if (!supervisor) {
    return tl::unexpected(supervisor.error());
  }
  // The worker receives nothing before it has both.
  if (auto status = (*supervisor)->publish(topology.make_snapshot()); !status) {
    return tl::unexpected(status.error());
  }
  if (auto status = (*supervisor)->publish(topology.make_routes()); !status) {
    return tl::unexpected(status.error());
  }
  return Director(topology, std::move(*supervisor));
}

void Director::poll() { supervisor_->worker(0).poll(rte_rdtsc()); }

CounterValues Director::counters() const {
  CounterValues values;
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = counter(static_cast<CounterId>(i));
  }
  return values;
}

Result<std::vector<net::FlowKey4>> Director::open_sessions(ReplayPort& port) {
  constexpr uint32_t kBatch = 32;
  poll();  // installs the snapshot
  poll();  // installs the routes
  std::vector<net::FlowKey4> answer_flows;
  answer_flows.reserve(topology_->sessions());
  for (uint32_t first = 0; first < topology_->sessions(); first += kBatch) {
    const uint32_t end = std::min(first + kBatch, topology_->sessions());
    for (uint32_t i = first; i < end; ++i) {
      const auto key = client_flow(i, topology_->vip(), topology_->protocol());
      if (auto fed = port.feed(make_frame(key, port.port().mac(), table::kTcpSyn)); !fed) {
        return tl::unexpected(fed.error());
      }
    }
    poll();
    for (uint32_t i = first; i < end; ++i) {
      const auto to_server = take_flow(port, "the opening packet of a session");
      if (!to_server) {
        return tl::unexpected(to_server.error());
      }
      answer_flows.push_back(turned_around(*to_server));
    }
  }
  return answer_flows;
}

Status Director::check_answers(ReplayPort& port, const std::vector<net::FlowKey4>& answer_flows) {
  constexpr size_t kSample = 1'024;
  const size_t sample = std::min(kSample, answer_flows.size());
  for (uint32_t i = 0; i < sample; ++i) {
    const Frame answer =
        make_frame(answer_flows[i], port.port().mac(), table::kTcpSyn | table::kTcpAck);
    if (auto fed = port.feed(answer); !fed) {
      return fed;
    }
    poll();
    const auto to_client = take_flow(port, "a server's answer");
    if (!to_client) {
      return tl::unexpected(to_client.error());
    }
    if (*to_client != turned_around(client_flow(i, topology_->vip(), topology_->protocol()))) {
      return fail("a server's answer was sent to the wrong client");
    }
  }
  return {};
}

Status check_all_forwarded(const CounterValues& before, const CounterValues& after) {
  std::string wrong;
  for (size_t i = 0; i < before.size(); ++i) {
    constexpr std::array kMayMove = {CounterId::kRxPackets, CounterId::kRxBytes,
                                     CounterId::kTxPackets, CounterId::kTxBytes,
                                     CounterId::kPolls,     CounterId::kIdlePolls};
    const auto id = static_cast<CounterId>(i);
    const bool may_move = std::find(kMayMove.begin(), kMayMove.end(), id) != kMayMove.end();
    if (!may_move && before[i] != after[i]) {
      const auto& info = dataplane::kCounterInfo[i];
      wrong += "; " + std::string(info.name) + " rose by " + std::to_string(after[i] - before[i]) +
               " (" + std::string(info.help) + ")";
    }
  }
  const uint64_t received = change(before, after, CounterId::kRxPackets);
  const uint64_t sent = change(before, after, CounterId::kTxPackets);
  if (received == 0 || received != sent || !wrong.empty()) {
    return fail("not every replayed packet was forwarded: " + std::to_string(received) +
                " received, " + std::to_string(sent) + " sent" + wrong);
  }
  return {};
}

}  // namespace sluice::bench

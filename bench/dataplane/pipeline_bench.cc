// SPDX-License-Identifier: BSD-3-Clause
// One burst through the whole pipeline and through its stages, without a device's receive side:
// both directions of live sessions in random order, transmitted into net_null. Main thread.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>
#include <rte_dev.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "bench/support/eal_benchmark_main.h"
#include "bench/support/topology.h"
#include "bench/support/traffic.h"
#include "dataplane/eal.h"
#include "dataplane/pipeline.h"
#include "dataplane/port.h"

namespace sluice::bench {
namespace {

using dataplane::Burst;
using dataplane::Context;
using dataplane::CounterId;
using dataplane::kBurstSize;
using dataplane::PortView;

constexpr const char* kSink = "net_null0";

[[noreturn]] void give_up(const std::string& why) {
  rte_exit(1, "pipeline_bench: %s\n", why.c_str());
}

template <typename T>
T value_of(Result<T> result) {
  if (!result) {
    give_up(result.error().message);
  }
  return std::move(*result);
}

/// A net_null port, unplugged at the end.
class Sink {
 public:
  explicit Sink(rte_mempool* packets) {
    if (rte_eal_hotplug_add("vdev", kSink, "no-rx=1") != 0) {
      give_up("cannot add the device net_null");
    }
    port_.emplace(value_of(dataplane::Port::open(
        {.dpdk_port = value_of(dataplane::find_port(kSink)), .name = kSink}, packets)));
  }
  ~Sink() {
    port_.reset();
    rte_eal_hotplug_remove("vdev", kSink);
  }

  [[nodiscard]] const dataplane::Port& port() const { return *port_; }

 private:
  std::optional<dataplane::Port> port_;
};

// Of make_frame().
constexpr uint32_t kSequence = 0, kAcknowledgement = 0;

/// As after a handshake: TOA goes with every packet of the client, PROXY headers are acknowledged,
/// UOA is no more needed.
void set_amid_connection(table::SessionExtension& extension) {
  using table::ClientAddress;
  net::SequenceShift& shift = extension.shift;
  const ClientAddress how = extension.disclosure.client_address;
  shift.has_begun = true;
  shift.has_server_isn = how == ClientAddress::kToa;
  shift.server_first_byte = kAcknowledgement;
  shift.delta = extension.disclosure.renews_sequence_numbers ? 0x12345678 : 0;
  if (how == ClientAddress::kProxyV2) {
    shift.header = net::HeaderState::kAcked;
    shift.header_bytes = 28;
    shift.first_byte = kSequence - 1'000;
  }
  extension.told_datagrams = net::kUoaDatagrams;
}

/// A worker's context with sessions, and frames of both their directions in random order.
class Pipeline {
 public:
  Pipeline(net::Protocol protocol, uint32_t sessions, Forwarding forwarding = {})
      : topology_(protocol, sessions, forwarding),
        snapshot_(topology_.make_snapshot()),
        routes_(topology_.make_routes()),
        packets_(value_of(dataplane::make_packet_buffers(4'096, 1'500, 1))),
        sink_(packets_.get()),
        config_{.limits = topology_.limits(),
                .poll = {},
                .punt = {},
                .local_ports = Topology::local_ports(),
                .hash_secret = Topology::hash_secret()},
        context_(value_of(dataplane::WorkerMemory::create(config_)), config_,
                 topology_.next_hops()) {
    context_.snapshot = snapshot_.get();
    context_.routes = routes_.get();
    PortView view;
    view.dpdk_port = sink_.port().dpdk_port();
    view.mac = sink_.port().mac();
    context_.ports.push_back(view);
    make_frames();
  }

  Context& context() { return context_; }
  PortView& port() { return context_.ports[0]; }

  /// A burst of the next frames. Their bytes are in the cache then, as after a receive call.
  void receive(Burst& burst) {
    if (rte_pktmbuf_alloc_bulk(packets_.get(), burst.packets.data(), kBurstSize) != 0) {
      give_up("a packet was lost");
    }
    burst.count = kBurstSize;
    for (rte_mbuf* packet : burst.packets) {
      std::memcpy(rte_pktmbuf_append(packet, kFrameBytes), frames_[next_].data(), kFrameBytes);
      next_ = next_ + 1 < frames_.size() ? next_ + 1 : 0;
    }
  }

  /// Ends the run unless exactly the packets of `bursts` bursts were sent since the last call.
  void expect_all_sent(uint64_t bursts) {
    const uint64_t sent = context_.counters[CounterId::kTxPackets].get();
    if (sent - sent_before_ != bursts * kBurstSize ||
        context_.counters[CounterId::kSessionsCreated].get() != topology_.sessions()) {
      give_up("not every packet was forwarded in its session");
    }
    sent_before_ = sent;
  }

 private:
  void make_frames() {
    std::vector<net::Flow> flows;
    const net::Endpoint vip = topology_.vip();
    const auto* service = snapshot_->find_service(topology_.protocol(), vip);
    for (uint32_t i = 0; i < topology_.sessions(); ++i) {
      flows.push_back(vip.address.is_v4() ? net::Flow(client_flow(i, vip, topology_.protocol()))
                                          : client_flow6(i, vip, topology_.protocol()));
      const auto admission =
          service == nullptr ? dataplane::create_snat_session(
                                   context_, *snapshot_->find_snat_rule(flows.back()), flows.back())
                             : dataplane::create_session(context_, *service, flows.back(),
                                                         dataplane::Lifetime::kTimeout);
      if (admission.session == table::kNoSession) {
        give_up("a session was refused");
      }
      table::Session& session = context_.sessions[admission.session];
      session.state = topology_.protocol() == net::Protocol::kTcp
                          ? table::SessionState::kEstablished
                          : table::SessionState::kUdp;
      if (session.is_extended) {
        set_amid_connection(context_.sessions.extension(session));
      }
      if (table::answers_pass(session.mode)) {
        flows.push_back(context_.sessions.received(session, table::Direction::kToClient));
      }
    }
    const auto count = std::max<uint32_t>(1'024, static_cast<uint32_t>(flows.size()));
    for (const uint32_t n : random_order(count)) {
      const net::Flow& flow = flows[n % flows.size()];
      const net::Mac& mac = sink_.port().mac();
      frames_.push_back(flow.is_v4() ? make_frame(flow.key4(), mac, table::kTcpAck)
                                     : make_frame6(flow, mac));
    }
  }

  Topology topology_;
  std::unique_ptr<const snapshot::Snapshot> snapshot_;
  std::unique_ptr<const snapshot::RouteTable> routes_;
  MempoolPtr packets_;
  Sink sink_;
  dataplane::WorkerConfig config_;
  Context context_;
  std::vector<Frame> frames_;
  size_t next_ = 0;
  uint64_t sent_before_ = 0;
};

/// Adds up what bursts took. One that took so long was preempted and does not count.
class BurstTimer {
 public:
  void add(std::span<const uint64_t> stamps) {
    const uint64_t preempted_tsc = rte_get_tsc_hz() / 20'000;  // 50 us
    if (stamps.back() - stamps.front() > preempted_tsc) {
      return;
    }
    ++bursts_;
    for (size_t i = 0; i + 1 < stamps.size(); ++i) {
      spent_[i] += stamps[i + 1] - stamps[i];
    }
  }

  /// Seconds a packet between stamp `i` and the next.
  [[nodiscard]] double seconds(size_t i) const {
    return static_cast<double>(spent_[i]) / static_cast<double>(rte_get_tsc_hz()) /
           static_cast<double>(bursts_ * kBurstSize);
  }

 private:
  std::array<uint64_t, 8> spent_{};
  uint64_t bursts_ = 0;
};

double seconds_between(uint64_t first, uint64_t last) {
  return static_cast<double>(last - first) / static_cast<double>(rte_get_tsc_hz());
}

// Only the pipeline is timed, not the making of the burst.
void time_bursts(benchmark::State& state, Pipeline& pipeline) {
  BurstTimer timer;
  Burst burst;
  for (auto _ : state) {
    pipeline.receive(burst);
    std::array<uint64_t, 2> at;
    at[0] = rte_rdtsc_precise();
    run_pipeline(pipeline.context(), pipeline.port(), dataplane::Origin::kPort, burst);
    flush_all(pipeline.context());
    at[1] = rte_rdtsc_precise();
    timer.add(at);
    state.SetIterationTime(seconds_between(at.front(), at.back()));
  }
  pipeline.expect_all_sent(state.iterations());
  state.counters["s_per_packet"] = timer.seconds(0);
}

void whole_pipeline(benchmark::State& state, net::Protocol protocol) {
  Pipeline pipeline(protocol, static_cast<uint32_t>(state.range(0)));
  time_bursts(state, pipeline);
}

// The stages of run_pipeline() one by one. The fences between them cost a little.
void stages(benchmark::State& state, net::Protocol protocol) {
  Pipeline pipeline(protocol, static_cast<uint32_t>(state.range(0)));
  Context& context = pipeline.context();
  constexpr std::array kNames = {"parse_s", "lookup_s", "admit_s", "forward_s", "transmit_s"};
  BurstTimer timer;
  Burst burst;
  for (auto _ : state) {
    pipeline.receive(burst);
    std::array<uint64_t, kNames.size() + 1> at;
    at[0] = rte_rdtsc_precise();
    parse_stage(context, pipeline.port(), dataplane::Origin::kPort, burst);
    at[1] = rte_rdtsc_precise();
    lookup_stage(context, burst);
    at[2] = rte_rdtsc_precise();
    admit_stage(context, pipeline.port(), dataplane::Origin::kPort, burst);
    at[3] = rte_rdtsc_precise();
    forward_stage(context, pipeline.port(), burst);
    at[4] = rte_rdtsc_precise();
    flush_all(context);
    at[5] = rte_rdtsc_precise();
    timer.add(at);
    state.SetIterationTime(seconds_between(at.front(), at.back()));
  }
  pipeline.expect_all_sent(state.iterations());
  for (size_t i = 0; i < kNames.size(); ++i) {
    state.counters[kNames[i]] = timer.seconds(i);
  }
}

// Filling a million sessions takes a second, so the number of bursts is fixed: several passes over
// all of them.
int64_t bursts_for(int64_t sessions) {
  return std::max<int64_t>(200'000, 4 * 2 * sessions / kBurstSize);
}

// Datagrams of 64 bytes in every mode, between the IP versions it has.
void forwarding_mode(benchmark::State& state, Forwarding forwarding) {
  Pipeline pipeline(net::Protocol::kUdp, static_cast<uint32_t>(state.range(0)), forwarding);
  time_bursts(state, pipeline);
}

struct NamedForwarding {
  const char* name;
  Forwarding forwarding;
};

constexpr auto kForwardings = [] {
  using enum snapshot::ForwardingMode;
  return std::to_array<NamedForwarding>({{"full-nat/4to4", {kFullNat, true, true}},
                                         {"full-nat/6to6", {kFullNat, false, false}},
                                         {"full-nat/6to4", {kFullNat, false, true}},
                                         {"full-nat/4to6", {kFullNat, true, false}},
                                         {"nat/4to4", {kNat, true, true}},
                                         {"nat/6to6", {kNat, false, false}},
                                         {"snat/4to4", {kSnat, true, true}},
                                         {"snat/6to6", {kSnat, false, false}},
                                         {"dr/4", {kDirectRouting, true, true}},
                                         {"dr/6", {kDirectRouting, false, false}},
                                         {"ipip/4in4", {kTunnel, true, true}},
                                         {"ipip/6in4", {kTunnel, false, true}},
                                         {"ipip/4in6", {kTunnel, true, false}},
                                         {"ipip/6in6", {kTunnel, false, false}}});
}();

void register_modes() {
  for (const NamedForwarding& each : kForwardings) {
    for (const int64_t sessions : {1'024, 65'536}) {
      const std::string name = std::string("modes/") + each.name + "/sessions";
      benchmark::RegisterBenchmark(name.c_str(), forwarding_mode, each.forwarding)
          ->Arg(sessions)
          ->Iterations(bursts_for(sessions))
          ->UseManualTime();
    }
  }
}

// Packets of sessions whose server is told of its client.
void told(benchmark::State& state, net::Protocol protocol, table::Disclosure disclosure) {
  Pipeline pipeline(protocol, static_cast<uint32_t>(state.range(0)), {.disclosure = disclosure});
  time_bursts(state, pipeline);
}

struct NamedDisclosure {
  const char* name;
  net::Protocol protocol;
  table::Disclosure disclosure;
};

void register_told() {
  using net::Protocol, table::ClientAddress;
  for (const NamedDisclosure& each : std::to_array<NamedDisclosure>(
           {{"tcp/none", Protocol::kTcp, {}},
            {"tcp/new-isn", Protocol::kTcp, {ClientAddress::kNone, true}},
            {"tcp/toa", Protocol::kTcp, {ClientAddress::kToa, false}},
            {"tcp/proxy", Protocol::kTcp, {ClientAddress::kProxyV2, false}},
            {"udp/none", Protocol::kUdp, {}},
            {"udp/proxy", Protocol::kUdp, {ClientAddress::kProxyV2, false}},
            {"udp/uoa", Protocol::kUdp, {ClientAddress::kUoa, false}}})) {
    for (const int64_t sessions : {1'024, 65'536}) {
      const std::string name = std::string("told/") + each.name + "/sessions";
      benchmark::RegisterBenchmark(name.c_str(), told, each.protocol, each.disclosure)
          ->Arg(sessions)
          ->Iterations(bursts_for(sessions))
          ->UseManualTime();
    }
  }
}

void register_benchmarks() {
  for (const auto protocol : {net::Protocol::kUdp, net::Protocol::kTcp}) {
    for (const int64_t sessions : {1, 1'024, 65'536, 1'048'576}) {
      const std::string suffix = std::string("/").append(net::to_string(protocol)) + "/sessions";
      const auto add = [&](const char* name, void (*function)(benchmark::State&, net::Protocol)) {
        benchmark::RegisterBenchmark((name + suffix).c_str(), function, protocol)
            ->Arg(sessions)
            ->Iterations(bursts_for(sessions))
            ->UseManualTime();
      };
      add("pipeline", whole_pipeline);
      add("stages", stages);
    }
  }
  register_modes();
  register_told();
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run_with_eal(argc, argv, 768, sluice::bench::register_benchmarks);
}

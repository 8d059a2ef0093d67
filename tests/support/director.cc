// SPDX-License-Identifier: BSD-3-Clause
// Plugging ethdevs over rings into workers. Tests.
#include "tests/support/director.h"

#include <rte_bus_vdev.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "dataplane/eal.h"

namespace sluice::test {
namespace {

constexpr uint64_t kTscPerSecond = 1'000'000'000;
constexpr uint64_t kTscPerTick = kTscPerSecond / kTicksPerSecond;
constexpr uint32_t kRxRingSize = 1'024;
constexpr uint32_t kNeighbours = 64;
constexpr uint32_t kFrameOverhead = 26;  // Ethernet header, CRC, two tags

template <typename T>
T must(Result<T> result) {
  if (!result) {
    throw std::runtime_error(result.error().message);
  }
  return std::move(*result);
}

void must_be(bool condition, const char* what) {
  if (!condition) {
    throw std::runtime_error(what);
  }
}

std::string device_name(size_t port) { return "test_port_" + std::to_string(port); }

// Locally administered, another one for each port: 02:00:00:00:00:01 is port 0's.
rte_ether_addr mac_of_port(size_t port) {
  return {{0x02, 0, 0, 0, 0, static_cast<uint8_t>(port + 1)}};
}

Frame read_packet(const rte_mbuf* packet) {
  Frame frame;
  for (const rte_mbuf* segment = packet; segment != nullptr; segment = segment->next) {
    const auto* bytes = rte_pktmbuf_mtod(segment, const uint8_t*);
    frame.insert(frame.end(), bytes, bytes + segment->data_len);
  }
  must_be(frame.size() == packet->pkt_len, "segments do not add up to the packet's length");
  return frame;
}

std::vector<Frame> take_all(rte_ring* ring) {
  std::vector<Frame> frames;
  void* packet = nullptr;
  while (rte_ring_dequeue(ring, &packet) == 0) {
    frames.push_back(read_packet(static_cast<rte_mbuf*>(packet)));
    rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
  }
  return frames;
}

void append(std::vector<Frame>& frames, std::vector<Frame> more) {
  std::move(more.begin(), more.end(), std::back_inserter(frames));
}

RingPtr make_ring(const std::string& name, uint32_t size) {
  RingPtr ring(rte_ring_create(name.c_str(), size, SOCKET_ID_ANY, 0));
  must_be(ring != nullptr, "no memory for a test ring");
  return ring;
}

}  // namespace

Director::Director(const DirectorConfig& config)
    : config_(config),
      buffers_(must(dataplane::make_packet_buffers(config.packet_buffers,
                                                   config.mtu + kFrameOverhead, config.workers))),
      next_hops_(kNeighbours) {
  for (uint8_t port = 0; port < config.ports; ++port) {
    plug_in(port);
  }
  for (uint8_t port = 0; port < config.ports && config.tagging != Tagging::kNone; ++port) {
    config_.vlans.push_back({port, vlan_of(port), config.mtu});
  }
  for (const VlanPort& vlan : config_.vlans) {
    ports_.push_back(dataplane::Port::open_vlan(
        ports_[vlan.parent],
        {.name = "vlan_" + std::to_string(vlan.vlan), .vlan = vlan.vlan, .mtu = vlan.mtu}));
  }
  for (uint32_t id = 0; id < config.workers; ++id) {
    workers_.push_back(must(dataplane::Worker::create(
        dataplane::WorkerConfig{
            .id = id,
            .workers = config.workers,
            .limits = config.limits,
            .poll = {},
            .punt = config.punt,
            .local_ports = config.local_ports,
            .hash_secret = kHashSecret,
            .steering = config.steering,
            .tsc_per_second = kTscPerSecond,
            .start_tsc = now_tsc_,
        },
        ports_, next_hops_)));
  }
  for (const auto& worker : workers_) {
    worker->set_peers(workers_);
  }
  for (const Neighbour& neighbour : config.neighbours) {
    set_neighbour(neighbour);
  }
  install(config.services);
  install_routes(config.routes);
}

Director::~Director() {
  workers_.clear();
  ports_.clear();
  for (size_t port = 0; port < cables_.size(); ++port) {
    rte_vdev_uninit(("net_ring_" + device_name(port)).c_str());
  }
  drain();
}

void Director::plug_in(uint8_t port) {
  Cable& cable = cables_.emplace_back();
  std::vector<rte_ring*> to_director;
  std::vector<rte_ring*> from_director;
  for (uint32_t queue = 0; queue < config_.workers; ++queue) {
    const std::string suffix = std::to_string(port) + "_" + std::to_string(queue);
    cable.to_director.push_back(make_ring("to_" + suffix, kRxRingSize));
    cable.from_director.push_back(make_ring("from_" + suffix, config_.tx_ring_size));
    to_director.push_back(cable.to_director.back().get());
    from_director.push_back(cable.from_director.back().get());
  }
  const int dpdk_port =
      rte_eth_from_rings(device_name(port).c_str(), to_director.data(), config_.workers,
                         from_director.data(), config_.workers, 0);
  must_be(dpdk_port >= 0, "no ethdev over rings");
  // The driver has no call to set its all-zero address, but lets the first one be added.
  rte_ether_addr address = mac_of_port(port);
  must_be(rte_eth_dev_mac_addr_add(static_cast<uint16_t>(dpdk_port), &address, 0) == 0,
          "the ethdev over rings refuses a MAC address");
  ports_.push_back(must(dataplane::Port::open(
      {
          .dpdk_port = static_cast<uint16_t>(dpdk_port),
          .name = device_name(port),
          .queues = static_cast<uint16_t>(config_.workers),
          .mtu = config_.mtu,
      },
      buffers_.get())));
}

rte_mbuf* Director::make_packet(std::span<const uint8_t> bytes) {
  rte_mbuf* packet = rte_pktmbuf_alloc(buffers_.get());
  must_be(packet != nullptr, "out of packet buffers");
  char* room = rte_pktmbuf_append(packet, static_cast<uint16_t>(bytes.size()));
  must_be(room != nullptr, "frame too large for a packet buffer");
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<uint8_t*>(room));
  return packet;
}

void Director::enqueue(uint8_t port, uint16_t queue, rte_mbuf* packet) {
  packet->port = ports_[port].dpdk_port();
  must_be(rte_ring_enqueue(cables_[port].to_director[queue].get(), packet) == 0,
          "receive ring is full");
}

void Director::send(uint8_t port, const Frame& frame, uint16_t queue) {
  if (config_.tagging == Tagging::kByDevice) {
    return send_stripped(port, frame, vlan_of(port), queue);
  }
  const bool is_tagged = config_.tagging == Tagging::kInFrame && frame.size() >= 14;
  enqueue(port, queue, make_packet(is_tagged ? tagged(frame, vlan_of(port)) : frame));
}

void Director::send_stripped(uint8_t port, const Frame& frame, uint16_t tag, uint16_t queue) {
  rte_mbuf* packet = make_packet(frame);
  packet->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
  packet->vlan_tci = tag;
  enqueue(port, queue, packet);
}

void Director::send_in_segments(uint8_t port, const Frame& frame, size_t segment_bytes) {
  const std::span<const uint8_t> bytes(frame);
  rte_mbuf* packet = make_packet(bytes.first(std::min(segment_bytes, bytes.size())));
  for (size_t at = packet->data_len; at < bytes.size(); at += segment_bytes) {
    const size_t length = std::min(segment_bytes, bytes.size() - at);
    must_be(rte_pktmbuf_chain(packet, make_packet(bytes.subspan(at, length))) == 0,
            "too many segments");
  }
  enqueue(port, 0, packet);
}

void Director::inject(uint8_t port, const Frame& frame) {
  rte_mbuf* packet = make_packet(frame);
  packet->port = index_of(port);
  must_be(rte_ring_enqueue(workers_.front()->rings().inject.get(), packet) == 0,
          "inject ring is full");
}

void Director::poll(uint32_t rounds) {
  for (uint32_t round = 0; round < rounds; ++round) {
    for (const auto& worker : workers_) {
      worker->poll(now_tsc_);
    }
  }
}

uint32_t Director::poll_worker(uint32_t worker) { return workers_[worker]->poll(now_tsc_); }

void Director::advance_ticks(uint32_t ticks) {
  // Each poll ends a bounded number of sessions.
  const uint32_t polls = config_.limits.sessions / 16 + 1;
  for (uint32_t tick = 0; tick < ticks; ++tick) {
    now_tsc_ += kTscPerTick;
    poll(polls);
  }
}

void Director::advance_seconds(uint32_t seconds) { advance_ticks(seconds_to_ticks(seconds)); }

void Director::jump_seconds(uint32_t seconds) {
  now_tsc_ += seconds * kTscPerSecond;
  poll();
}

std::vector<Frame> Director::take_sent(uint8_t port) {
  std::vector<Frame> frames;
  for (const RingPtr& ring : cables_[port].from_director) {
    append(frames, take_all(ring.get()));
  }
  for (Frame& frame : frames) {
    frame = config_.tagging == Tagging::kNone ? frame : untagged(frame, vlan_of(port));
  }
  return frames;
}

std::vector<Frame> Director::take_punted_control() {
  std::vector<Frame> frames;
  for (const auto& worker : workers_) {
    append(frames, take_all(worker->rings().punt_control.get()));
  }
  return frames;
}

std::vector<Frame> Director::take_punted_other() {
  std::vector<Frame> frames;
  for (const auto& worker : workers_) {
    append(frames, take_all(worker->rings().punt_other.get()));
  }
  return frames;
}

std::vector<dataplane::Event> Director::take_events() {
  std::vector<dataplane::Event> events;
  dataplane::Event event;
  for (const auto& worker : workers_) {
    while (rte_ring_dequeue_elem(worker->rings().events.get(), &event, sizeof(event)) == 0) {
      event.port = static_cast<uint8_t>(event.port - index_of(0));
      events.push_back(event);
    }
  }
  return events;
}

void Director::publish(dataplane::Command& command, uint32_t worker) {
  const dataplane::WorkerRings& rings = workers_[worker]->rings();
  must_be(rte_ring_enqueue(rings.commands.get(), &command) == 0, "command ring is full");
  poll_worker(worker);
  void* answer = nullptr;
  must_be(rte_ring_dequeue(rings.completions.get(), &answer) == 0 && answer == &command,
          "the worker did not acknowledge a command within one poll");
}

void Director::install(const std::vector<snapshot::ServiceSpec>& services) {
  snapshot::SnapshotBuilder builder(snapshots_.size() + 1, config_.limits.servers,
                                    config_.local_ports, config_.workers);
  for (const snapshot::ServiceSpec& service : services) {
    builder.add(service);
  }
  for (const snapshot::SnatRuleSpec& rule : config_.snat_rules) {
    builder.add(rule);
  }
  for (uint8_t port = 0; port < config_.port_addresses.size(); ++port) {
    for (const net::Address& address : config_.port_addresses[port]) {
      builder.set_port_address(index_of(port), address);
    }
  }
  snapshots_.push_back(std::make_unique<const snapshot::Snapshot>(std::move(builder).build()));
  for (uint32_t worker = 0; worker < workers_.size(); ++worker) {
    dataplane::InstallSnapshot command(snapshots_.back().get());
    publish(command, worker);
  }
}

void Director::install_snat(const std::vector<snapshot::SnatRuleSpec>& rules) {
  config_.snat_rules = rules;
  install(config_.services);
}

void Director::install_routes(std::vector<snapshot::Route> routes) {
  for (snapshot::Route& route : routes) {
    route.port = route.port ? std::optional(index_of(*route.port)) : std::nullopt;
  }
  routes_.push_back(std::make_unique<const snapshot::RouteTable>(
      routes, next_hops_, static_cast<uint16_t>(routes_.size() + 1)));
  for (uint32_t worker = 0; worker < workers_.size(); ++worker) {
    dataplane::InstallRoutes command(routes_.back().get());
    publish(command, worker);
  }
}

void Director::set_neighbour(const Neighbour& neighbour) {
  const auto index = next_hops_.find_or_add(index_of(neighbour.port), neighbour.address);
  must_be(index != snapshot::kNoNextHop, "neighbour table is full");
  if (neighbour.mac) {
    next_hops_.set_resolved(index, *neighbour.mac);
  } else {
    next_hops_.set_unresolved(index);
  }
}

uint32_t Director::buffers_in_use() const { return rte_mempool_in_use_count(buffers_.get()); }

void Director::drain() {
  for (uint8_t port = 0; port < cables_.size(); ++port) {
    (void)take_sent(port);
    for (const RingPtr& ring : cables_[port].to_director) {
      (void)take_all(ring.get());
    }
  }
  (void)take_punted_control();
  (void)take_punted_other();
}

}  // namespace sluice::test

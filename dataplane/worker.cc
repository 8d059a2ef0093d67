// SPDX-License-Identifier: BSD-3-Clause
// The poll loop. Worker thread, but for creation and destruction.
#include "dataplane/worker.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <time.h>

#include <string>

#include "dataplane/listing.h"
#include "dataplane/pipeline.h"
#include "dataplane/stages/transmit.h"
#include "dataplane/vlan.h"

namespace sluice::dataplane {
namespace {

// Each turn may end so many sessions; at 100 000 turns a second that is 1.6 M sessions a second.
constexpr uint32_t kExpiryBudget = 16;

constexpr size_t kVlanIds = 4'096;

constexpr uint32_t kIdlePollsBeforeNap = 64;
constexpr uint32_t kFirstNapUs = 5;

void free_packets(rte_ring* ring) {
  void* packet = nullptr;
  while (rte_ring_dequeue(ring, &packet) == 0) {
    rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
  }
}

// Tells the ports that own a device which others are VLANs of it.
void find_vlans(std::vector<PortView>& ports) {
  for (PortView& device : ports) {
    for (const PortView& port : ports) {
      if (device.vlan != 0 || port.vlan == 0 || port.dpdk_port != device.dpdk_port) {
        continue;
      }
      if (device.port_of_vlan.empty()) {
        device.port_of_vlan.assign(kVlanIds, PortView::kNone);
        device.port_of_vlan.front() = device.index;
      }
      device.port_of_vlan[port.vlan] = port.index;
    }
  }
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::create(const WorkerConfig& config,
                                               std::span<const Port> ports,
                                               const snapshot::NextHopTable& next_hops) {
  auto memory = WorkerMemory::create(config);
  if (!memory) {
    return tl::unexpected(memory.error());
  }
  return std::unique_ptr<Worker>(new Worker(std::move(*memory), config, ports, next_hops));
}

Worker::Worker(WorkerMemory memory, const WorkerConfig& config, std::span<const Port> ports,
               const snapshot::NextHopTable& next_hops)
    : context_(std::move(memory), config, next_hops),
      clock_(config.tsc_per_second, config.start_tsc),
      policy_(config.poll) {
  for (const Port& port : ports) {
    PortView view;
    view.dpdk_port = port.dpdk_port();
    view.queue = static_cast<uint16_t>(config.id);
    view.index = static_cast<uint8_t>(context_.ports.size());
    view.mtu = port.mtu();
    view.vlan = port.vlan();
    view.mac = port.mac();
    context_.ports.push_back(std::move(view));
  }
  find_vlans(context_.ports);
  if (!ports.empty()) {
    context_.rss = ports.front().rss();  // steering by device: the others' are alike
  }
}

Worker::~Worker() {
  for (rte_ring* ring : {context_.rings.punt_control.get(), context_.rings.punt_other.get(),
                         context_.rings.inject.get(), context_.rings.hand_off.get()}) {
    free_packets(ring);
  }
  free_held_fragments();
}

void Worker::free_held_fragments() {
  context_.fragments.clear();
  table::ReleasedFragment released;
  while (context_.fragments.collect({&released, 1}) != 0) {
    rte_pktmbuf_free(released.packet);
  }
}

void Worker::set_peers(std::span<const std::unique_ptr<Worker>> workers) {
  context_.peers.clear();
  for (const auto& worker : workers) {
    context_.peers.push_back(worker->context_.rings.hand_off.get());
  }
}

bool Worker::lends_ports_of(snapshot::LocalAddressId address) const {
  const uint32_t first = address * snapshot::kPortPoolsPerAddress;
  for (uint32_t pool = first; pool < first + snapshot::kPortPoolsPerAddress; ++pool) {
    if (context_.local_ports.in_use(pool) != 0) {
      return true;
    }
  }
  return false;
}

uint64_t Worker::lent_ports(snapshot::LocalAddressId address) const {
  const uint32_t first = address * snapshot::kPortPoolsPerAddress;
  uint64_t sum = 0;
  for (uint32_t pool = first; pool < first + snapshot::kPortPoolsPerAddress; ++pool) {
    sum += context_.local_ports.in_use(pool);
  }
  return sum;
}

uint32_t Worker::poll(uint64_t now_tsc) {
  context_.now = clock_.advance(now_tsc);
  context_.now_tsc = now_tsc;
  uint32_t handled = poll_commands() + poll_listings();
  if (context_.snapshot != nullptr && context_.routes != nullptr) {
    handled += poll_ports() + poll_hand_off();
    handled += release_fragments(context_) + expire_sessions(context_, kExpiryBudget);
  }
  handled += poll_inject();
  flush_all(context_);
  session_count_.store(context_.sessions.size(), std::memory_order_relaxed);
  context_.count(CounterId::kPolls);
  if (handled == 0) {
    context_.count(CounterId::kIdlePolls);
  }
  return handled;
}

uint32_t Worker::poll_ports() {
  uint32_t handled = 0;
  for (PortView& port : context_.ports) {
    if (port.vlan != 0) {
      continue;  // its packets come with those of its device
    }
    burst_.count = rte_eth_rx_burst(port.dpdk_port, port.queue, burst_.packets.data(), kBurstSize);
    if (burst_.count != 0) {
      handled += burst_.count;
      if (port.port_of_vlan.empty()) {
        run_pipeline(context_, port, Origin::kPort, burst_);
      } else {
        run_by_vlan(port);
      }
    }
  }
  return handled;
}

// A burst has one port of arrival. Packets of one port stay in order; between ports there is none.
void Worker::run_by_vlan(const PortView& device) {
  std::array<rte_mbuf*, kBurstSize> packets;
  uint32_t left = sort_by_vlan(context_, device, burst_, packets);
  while (left != 0) {
    const PortView& port = context_.ports[packets.front()->port];
    left = take_burst(std::span(packets).first(left), burst_);
    run_pipeline(context_, port, Origin::kPort, burst_);
  }
}

uint32_t Worker::poll_hand_off() {
  std::array<rte_mbuf*, kBurstSize> packets;
  const uint32_t taken = rte_ring_sc_dequeue_burst(
      context_.rings.hand_off.get(), reinterpret_cast<void**>(packets.data()), kBurstSize, nullptr);
  context_.count(CounterId::kHandOffReceived, taken);
  // A burst has one port of arrival: cut what was taken into runs.
  for (uint32_t i = 0; i < taken;) {
    burst_.count = 0;
    const uint16_t port = packets[i]->port;
    while (i < taken && packets[i]->port == port) {
      burst_.packets[burst_.count++] = packets[i++];
    }
    run_pipeline(context_, context_.ports[port], Origin::kHandOff, burst_);
  }
  return taken;
}

uint32_t Worker::poll_inject() {
  std::array<rte_mbuf*, kBurstSize> packets;
  const uint32_t taken = rte_ring_sc_dequeue_burst(
      context_.rings.inject.get(), reinterpret_cast<void**>(packets.data()), kBurstSize, nullptr);
  for (uint32_t i = 0; i < taken; ++i) {
    transmit(context_, context_.ports[packets[i]->port], packets[i]);
  }
  context_.count(CounterId::kInjected, taken);
  return taken;
}

uint32_t Worker::poll_commands() {
  void* message = nullptr;
  if (rte_ring_sc_dequeue(context_.rings.commands.get(), &message) != 0) {
    return 0;
  }
  auto* command = static_cast<Command*>(message);
  switch (command->kind) {
    case Command::Kind::kInstallSnapshot:
      context_.snapshot = static_cast<InstallSnapshot*>(command)->snapshot;
      break;
    case Command::Kind::kInstallRoutes:
      context_.routes = static_cast<InstallRoutes*>(command)->routes;
      break;
    case Command::Kind::kListSessions:
      break;  // comes by the ring of listings
  }
  // The completion ring is as large as both rings to here: there is always room for the answer.
  rte_ring_sp_enqueue(context_.rings.completions.get(), command);
  return 1;
}

// Listings have a ring of their own, so that a reload need not wait for one to end.
uint32_t Worker::poll_listings() {
  void* message = nullptr;
  if (listing_ == nullptr && rte_ring_sc_dequeue(context_.rings.listings.get(), &message) == 0) {
    listing_ = static_cast<ListSessions*>(static_cast<Command*>(message));
  }
  if (listing_ == nullptr) {
    return 0;
  }
  if (continue_listing(context_, *listing_)) {
    rte_ring_sp_enqueue(context_.rings.completions.get(), static_cast<Command*>(listing_));
    listing_ = nullptr;
  }
  return 1;
}

void Worker::run() {
  uint32_t idle_polls = 0;
  while (!should_stop_.load(std::memory_order_relaxed)) {
    idle_polls = poll(rte_rdtsc()) == 0 ? idle_polls + 1 : 0;
    if (policy_.max_sleep_us != 0 && idle_polls > kIdlePollsBeforeNap) {
      nap(idle_polls);
    }
  }
}

// Naps grow from 5 us to the configured bound while nothing arrives: the first packet after a pause
// waits that long at most.
void Worker::nap(uint32_t& idle_polls) const {
  constexpr uint32_t kMaxDoublings = 16;
  const uint32_t doublings = std::min(idle_polls - kIdlePollsBeforeNap, kMaxDoublings);
  idle_polls = kIdlePollsBeforeNap + doublings;
  const uint32_t sleep_us = std::min(policy_.max_sleep_us, kFirstNapUs << doublings);
  const timespec duration{.tv_sec = 0, .tv_nsec = static_cast<long>(sleep_us) * 1'000};
  nanosleep(&duration, nullptr);
}

}  // namespace sluice::dataplane

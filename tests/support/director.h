// SPDX-License-Identifier: BSD-3-Clause
// The real workers between real ethdevs over rings, driven by hand with made-up time. Tests.
#pragma once

#include <rte_ring.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/mailbox.h"
#include "dataplane/port.h"
#include "dataplane/worker.h"
#include "lib/base/dpdk_ptr.h"
#include "lib/snapshot/next_hop_table.h"
#include "lib/snapshot/route_table.h"
#include "lib/snapshot/snapshot.h"
#include "lib/snapshot/snat_rules.h"
#include "tests/support/frame.h"

namespace sluice::test {

struct Neighbour {
  uint8_t port = 0;
  net::Address address;
  std::optional<net::Mac> mac;  // none: known but not resolved
};

/// The secret of its workers' hashes.
inline constexpr std::array<uint64_t, 4> kHashSecret = {0x243F6A8885A308D3, 0x13198A2E03707344,
                                                        0xA4093822299F31D0, 0x082EFA98EC4E6C89};

/// All that a director under test is made of.
struct DirectorConfig {
  uint32_t workers = 1;
  uint32_t ports = 2;
  uint16_t mtu = 1500;
  uint32_t tx_ring_size = 512;
  uint32_t packet_buffers = 2'047;
  dataplane::WorkerLimits limits{
      .sessions = 64,
      .extended_sessions = 32,
      .services = 16,
      .servers = 64,
      .local_addresses = 2,
      .snat_mappings = 0,
      .fragments = {.datagrams = 16, .held_packets = 8, .held_per_datagram = 4}};
  snapshot::PortRange local_ports{1024, 5023};
  dataplane::PuntLimits punt;
  dataplane::Steering steering = dataplane::Steering::kByDevice;
  std::vector<snapshot::ServiceSpec> services;
  std::vector<snapshot::SnatRuleSpec> snat_rules;
  std::vector<std::vector<net::Address>> port_addresses;  // by port
  std::vector<snapshot::Route> routes;
  std::vector<Neighbour> neighbours;
};

/// The data plane without threads and clocks.
///
/// A frame sent to (port, queue) lies in the ring behind that receive queue until poll() runs every
/// worker once; what they transmitted lies in the port's transmit rings until taken. Time stands
/// still but for advance(). The control thread's part (commands, events, punted packets) is played
/// by this class.
class Director {
 public:
  /// Throws when DPDK refuses something.
  explicit Director(const DirectorConfig& config);
  ~Director();

  /// Puts a frame in front of worker `queue`'s receive queue of `port`.
  void send(uint8_t port, const Frame& frame, uint16_t queue = 0);
  /// As send(), in buffers of at most `segment_bytes`.
  void send_in_segments(uint8_t port, const Frame& frame, size_t segment_bytes);
  /// Gives a frame to worker 0 as the kernel would.
  void inject(uint8_t port, const Frame& frame);

  /// Runs every worker `rounds` times at the present time.
  void poll(uint32_t rounds = 1);
  /// Runs one worker once.  Returns what there was to do.
  uint32_t poll_worker(uint32_t worker);
  /// Lets time pass; every worker polls at every tick, often enough to expire what is due.
  void advance_ticks(uint32_t ticks);
  void advance_seconds(uint32_t seconds);
  /// Lets time pass at once, as for a worker that was held up; one poll at the end.
  void jump_seconds(uint32_t seconds);

  /// What was transmitted on `port` since the last call, queue by queue.
  [[nodiscard]] std::vector<Frame> take_sent(uint8_t port);
  [[nodiscard]] std::vector<Frame> take_punted_control();
  [[nodiscard]] std::vector<Frame> take_punted_other();
  [[nodiscard]] std::vector<dataplane::Event> take_events();

  /// Compiles and installs services on all workers, as a reload does; the source NAT rules stay.
  void install(const std::vector<snapshot::ServiceSpec>& services);
  /// The same for source NAT rules, with the services of the configuration.
  void install_snat(const std::vector<snapshot::SnatRuleSpec>& rules);
  /// Compiles and installs routes under a new epoch.
  void install_routes(const std::vector<snapshot::Route>& routes);
  void set_neighbour(const Neighbour& neighbour);

  /// Sum over all workers, or one worker's.
  [[nodiscard]] uint64_t count(dataplane::CounterId id) const;
  [[nodiscard]] uint64_t count(dataplane::CounterId id, uint32_t worker) const;
  [[nodiscard]] dataplane::ServerTotals server(snapshot::ServerId id) const;
  [[nodiscard]] uint64_t session_count() const;
  /// Every session that `filter` matches, fetched in pages of `page`.
  [[nodiscard]] std::vector<dataplane::SessionInfo> list_sessions(
      const dataplane::SessionFilter& filter = {}, size_t page = 16);
  /// Sends one listing to one worker and polls until it is answered.  Returns the polls it took.
  uint32_t run_listing(uint32_t worker, dataplane::ListSessions& listing);

  /// Packet buffers that somebody holds; 0 once everything was taken.
  [[nodiscard]] uint32_t buffers_in_use() const;
  /// Takes and frees everything that lies in rings.
  void drain();

  /// Ends the workers: they give back what they hold.
  void drop_workers() { workers_.clear(); }

  [[nodiscard]] const net::Mac& port_mac(uint8_t port) const { return ports_[port].mac(); }
  [[nodiscard]] const dataplane::Worker& worker(uint32_t index) const { return *workers_[index]; }

 private:
  struct Cable {  // the rings behind one port, by queue
    std::vector<RingPtr> to_director;
    std::vector<RingPtr> from_director;
  };

  void plug_in(uint8_t port);
  void publish(dataplane::Command& command, uint32_t worker);
  [[nodiscard]] rte_mbuf* make_packet(std::span<const uint8_t> bytes);
  void enqueue(uint8_t port, uint16_t queue, rte_mbuf* packet);

  DirectorConfig config_;
  MempoolPtr buffers_;
  std::vector<Cable> cables_;
  std::vector<dataplane::Port> ports_;
  snapshot::NextHopTable next_hops_;
  std::vector<std::unique_ptr<const snapshot::Snapshot>> snapshots_;
  std::vector<std::unique_ptr<const snapshot::RouteTable>> routes_;
  std::vector<std::unique_ptr<dataplane::Worker>> workers_;
  uint64_t now_tsc_ = 0;
};

}  // namespace sluice::test

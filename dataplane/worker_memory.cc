// SPDX-License-Identifier: BSD-3-Clause
// Taking a worker's memory. Control thread.
#include "dataplane/worker_memory.h"

#include <string>
#include <utility>

#include "dataplane/mailbox.h"

namespace sluice::dataplane {
namespace {

// Room for what piles up while the control thread is busy elsewhere for some milliseconds.
constexpr uint32_t kCommandRingSize = 64;
constexpr uint32_t kEventRingSize = 1'024;
constexpr uint32_t kPuntRingSize = 1'024;
constexpr uint32_t kInjectRingSize = 1'024;
constexpr uint32_t kHandOffRingSize = 4'096;

Result<RingPtr> make_ring(const char* what, uint32_t worker, uint32_t size, uint32_t flags,
                          uint32_t element_bytes = sizeof(void*)) {
  const std::string name = std::string(what) + "_" + std::to_string(worker);
  RingPtr ring(rte_ring_create_elem(name.c_str(), element_bytes, size, SOCKET_ID_ANY, flags));
  if (!ring) {
    return fail("not enough DPDK memory for ring " + name);
  }
  return ring;
}

Status make_rings(WorkerRings& rings, uint32_t worker) {
  constexpr uint32_t kSpsc = RING_F_SP_ENQ | RING_F_SC_DEQ;
  struct Plan {
    RingPtr& ring;
    const char* name;
    uint32_t size;
    uint32_t flags;
    uint32_t element_bytes = sizeof(void*);
  };
  for (const Plan& plan : {
           Plan{rings.commands, "commands", kCommandRingSize, kSpsc},
           Plan{rings.listings, "listings", kCommandRingSize, kSpsc},
           Plan{rings.completions, "completions", 2 * kCommandRingSize, kSpsc},
           Plan{rings.events, "events", kEventRingSize, kSpsc, sizeof(Event)},
           Plan{rings.punt_control, "punt_control", kPuntRingSize, kSpsc},
           Plan{rings.punt_other, "punt_other", kPuntRingSize, kSpsc},
           Plan{rings.inject, "inject", kInjectRingSize, kSpsc},
           Plan{rings.hand_off, "hand_off", kHandOffRingSize, RING_F_SC_DEQ},
       }) {
    auto ring = make_ring(plan.name, worker, plan.size, plan.flags, plan.element_bytes);
    if (!ring) {
      return tl::unexpected(ring.error());
    }
    plan.ring = std::move(*ring);
  }
  return {};
}

}  // namespace

Result<WorkerMemory> WorkerMemory::create(const WorkerConfig& config) {
  const WorkerLimits& limits = config.limits;
  const auto share = snapshot::worker_share(config.local_ports, config.id, config.workers);
  const std::string name = "sessions_" + std::to_string(config.id);
  auto sessions =
      table::SessionTable::create(name.c_str(), {limits.sessions, limits.extended_sessions},
                                  net::FlowHasher(config.hash_secret), SOCKET_ID_ANY);
  if (!sessions) {
    return tl::unexpected(sessions.error());
  }
  auto wheel = table::ExpiryWheel::create(sessions->records(), 0, SOCKET_ID_ANY);
  if (!wheel) {
    return tl::unexpected(wheel.error());
  }
  auto local_ports =
      table::PortPool::create(limits.local_addresses * snapshot::kPortPoolsPerAddress, share.first,
                              share.last, SOCKET_ID_ANY);
  if (!local_ports) {
    return tl::unexpected(local_ports.error());
  }
  if (config.local_port_seed != 0) {
    local_ports->scatter(config.local_port_seed);
  }
  const std::string mappings_name = "mappings_" + std::to_string(config.id);
  auto mappings = table::MappingTable::create(mappings_name.c_str(), limits.snat_mappings,
                                              sessions->hasher(), SOCKET_ID_ANY);
  if (!mappings) {
    return tl::unexpected(mappings.error());
  }
  auto fragments = table::FragmentTable::create(limits.fragments, SOCKET_ID_ANY);
  if (!fragments) {
    return tl::unexpected(fragments.error());
  }
  const auto fragment_notes = FragmentNotes::create();
  if (!fragment_notes) {
    return tl::unexpected(fragment_notes.error());
  }
  auto services = DpdkArray<ServiceState>::create(limits.services, SOCKET_ID_ANY, "services");
  if (!services) {
    return tl::unexpected(services.error());
  }
  auto servers = DpdkArray<ServerCounters>::create(limits.servers, SOCKET_ID_ANY, "servers");
  if (!servers) {
    return tl::unexpected(servers.error());
  }
  WorkerRings rings;
  if (auto made = make_rings(rings, config.id); !made) {
    return tl::unexpected(made.error());
  }
  // Worker n begins each rotation n picks later, so that N new sessions do not all meet the first
  // server.
  for (uint32_t service = 0; service < limits.services; ++service) {
    (*services)[service].scheduler.head_start = config.id;
  }
  return WorkerMemory{std::move(*sessions), std::move(*wheel),     std::move(*local_ports),
                      std::move(*mappings), std::move(*fragments), *fragment_notes,
                      std::move(*services), std::move(*servers),   std::move(rings)};
}

}  // namespace sluice::dataplane

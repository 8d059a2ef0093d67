// SPDX-License-Identifier: BSD-3-Clause
// All the memory of one worker, taken before it starts. Created by the control thread.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/counters.h"
#include "dataplane/fragment_notes.h"
#include "dataplane/worker_config.h"
#include "lib/base/dpdk_ptr.h"
#include "lib/base/result.h"
#include "lib/sched/scheduler.h"
#include "lib/snapshot/snapshot.h"
#include "lib/table/expiry_wheel.h"
#include "lib/table/fragment_table.h"
#include "lib/table/mapping_table.h"
#include "lib/table/port_pool.h"
#include "lib/table/session_table.h"

namespace sluice::dataplane {

struct WorkerConfig {
  uint32_t id = 0;
  uint32_t workers = 1;
  WorkerLimits limits;
  PollPolicy poll;
  PuntLimits punt;
  snapshot::PortRange local_ports;        // of the whole director; the worker takes its share
  std::array<uint64_t, 4> hash_secret{};  // the same for all workers
  uint64_t local_port_seed = 0;           // where lending begins; 0: with the first port
  net::SipKey sequence_secret{};          // of initial sequence numbers (RFC 6528)
  Steering steering = Steering::kByDevice;
  uint64_t tsc_per_second = 0;
  uint64_t start_tsc = 0;
};

/// A service's memory in this worker, by ServiceId; survives reloads.
struct ServiceState {
  sched::State scheduler;
  uint32_t next_local_address = 0;
};

/// The rings that connect a worker to the control thread and to its peers.
struct WorkerRings {
  RingPtr commands;      // control -> worker: what to install
  RingPtr listings;      // control -> worker: sessions to list
  RingPtr completions;   // worker -> control: the same pointers
  RingPtr events;        // worker -> control: Event by value
  RingPtr punt_control;  // worker -> control: mbufs, taken first
  RingPtr punt_other;    // worker -> control: mbufs
  RingPtr inject;        // control -> worker: mbufs to send (worker 0 only)
  RingPtr hand_off;      // other workers -> this worker: mbufs
};

struct WorkerMemory {
  /// Errors: not enough DPDK memory, saying for what and how much.
  static Result<WorkerMemory> create(const WorkerConfig& config);

  table::SessionTable sessions;
  table::ExpiryWheel wheel;
  table::PortPool local_ports;
  table::MappingTable mappings;
  table::FragmentTable fragments;
  FragmentNotes fragment_notes;
  DpdkArray<ServiceState> services;   // by ServiceId
  DpdkArray<ServerCounters> servers;  // by ServerId; worker writes, control reads
  WorkerRings rings;
};

}  // namespace sluice::dataplane

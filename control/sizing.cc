// SPDX-License-Identifier: BSD-3-Clause
// Adding up what the data plane allocates at start. Control thread.
#include "control/sizing.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "control/config/device.h"
#include "dataplane/eal.h"
#include "lib/table/fragment_table.h"

namespace sluice::control {
namespace {

// As in dataplane/port.h and dataplane/worker_memory.cc; more is harmless, less starves receive.
constexpr uint64_t kDescriptorsPerQueuePair = 2 * 1'024;
constexpr uint64_t kPuntAndInjectPerWorker = 3 * 1'024;
constexpr uint64_t kHandOffPerWorker = 4'096;
constexpr uint64_t kCachePerLcore = 512;
constexpr uint64_t kControlThread = 1'024;
constexpr table::FragmentLimits kFragments;  // of each worker

constexpr uint64_t kSessionBytes = 64;
constexpr uint64_t kHashEntryBytes = 32 + 64 / 8 + 4;
constexpr uint64_t kExtensionBytes = 128;
constexpr uint64_t kHash6EntryBytes = 48 + 64 / 8 + 4;
constexpr uint64_t kMappingBytes = 64;
constexpr uint64_t kServerBytes = 64 + 16;  // counters, tunnel MTU
constexpr uint64_t kServiceBytes = 64;
constexpr uint64_t kFragmentTableBytes =
    uint64_t{kFragments.datagrams} * (256 + 4) + uint64_t{kFragments.held_packets} * 2 * 40;
constexpr uint64_t kWorkerRingsBytes = 128 << 10;
constexpr uint64_t kPoolsPerLocalAddress = 64;
constexpr uint64_t kPoolBytes = 8 << 10;    // all ports, over all workers
constexpr uint64_t kPoolHeaderBytes = 192;  // in each worker
constexpr uint64_t kPacketOverhead = 256;   // mbuf, mempool header, alignment
constexpr uint64_t kHeadroomBytes = 128;
constexpr uint32_t kFrameOverhead = 26;         // Ethernet header, CRC, two VLAN tags
constexpr uint32_t kRingHeaderBytes = 80;       // before a frame in a packet socket's ring
constexpr uint32_t kRingHeaderOfDriver = 32;    // of these, what the driver counts as header
constexpr uint32_t kLargestRingFrame = 32'768;  // what fits no packet buffer the driver refuses
constexpr uint64_t kSmallPageBytes = 4'096;
constexpr uint64_t kQueuePairBytes = 256 << 10;  // descriptors of both rings and their bookkeeping
constexpr uint64_t kBaseBytes = 16 << 20;
constexpr uint64_t kSmallestMemoryMb = 64;

uint64_t device_count(const config::Model& model) {
  return model.ports.size() -
         static_cast<uint64_t>(std::ranges::count_if(model.ports, &config::Port::is_vlan));
}

uint32_t ring_frame_bytes(const config::Port& port, const config::Device& device) {
  const auto argument = device.argument("framesz");
  uint32_t bytes = 0;
  if (argument) {
    std::from_chars(argument->data(), argument->data() + argument->size(), bytes);
  }
  return argument ? std::min(bytes, kLargestRingFrame) : packet_ring_frame_bytes(port.mtu);
}

// A mempool lets no packet buffer cross a page: on 4 KiB pages a 2.4 KiB buffer takes a page.
uint64_t packet_bytes(const config::Model& model) {
  uint64_t bytes =
      kHeadroomBytes + dataplane::packet_room_bytes(largest_frame_bytes(model)) + kPacketOverhead;
  if (!model.dpdk.huge_pages) {
    bytes = bytes > kSmallPageBytes
                ? (bytes + kSmallPageBytes - 1) / kSmallPageBytes * kSmallPageBytes
                : kSmallPageBytes / (kSmallPageBytes / bytes);
  }
  return bytes * packet_buffer_count(model);
}

uint64_t worker_bytes(const config::Model& model) {
  const config::Limits& limits = model.limits;
  return session_table_bytes(limits) + snat_mapping_bytes(limits) + limits.servers * kServerBytes +
         limits.services * kServiceBytes + kWorkerRingsBytes + kFragmentTableBytes +
         limits.local_addresses * kPoolsPerLocalAddress * kPoolHeaderBytes +
         device_count(model) * kQueuePairBytes;
}

// Of a hash for `records` records with two entries each.
uint64_t hash_entries(uint64_t records) { return std::bit_ceil(records * 2 * 5 / 4 + 1); }

}  // namespace

uint32_t packet_buffer_count(const config::Model& model) {
  if (model.limits.packet_buffers != 0) {
    return model.limits.packet_buffers;
  }
  const uint64_t workers = model.director.workers;
  const uint64_t per_worker = device_count(model) * kDescriptorsPerQueuePair +
                              kPuntAndInjectPerWorker + kFragments.held_packets + kCachePerLcore +
                              (workers > 1 ? kHandOffPerWorker : 0);
  return static_cast<uint32_t>(workers * per_worker + kControlThread);
}

uint32_t packet_ring_frame_bytes(uint16_t mtu) {
  constexpr uint32_t kSmallest = 2'048, kPage = 4'096;
  const uint32_t bytes = mtu + kFrameOverhead + kRingHeaderBytes;
  return bytes <= kSmallest ? kSmallest : (bytes + kPage - 1) / kPage * kPage;
}

uint32_t largest_frame_bytes(const config::Model& model) {
  uint32_t largest = 0;
  for (const config::Port& port : model.ports) {
    largest = std::max(largest, port.mtu + kFrameOverhead);
    const auto device = config::parse_device(port.device);
    if (device && device->driver() == "net_af_packet") {
      largest = std::max(largest, ring_frame_bytes(port, *device) - kRingHeaderOfDriver);
    }
  }
  return largest;
}

uint64_t session_table_bytes(const config::Limits& limits) {
  return limits.sessions_per_worker * kSessionBytes +
         hash_entries(limits.sessions_per_worker) * kHashEntryBytes +
         limits.extended_sessions_per_worker * kExtensionBytes +
         hash_entries(limits.extended_sessions_per_worker) * kHash6EntryBytes;
}

uint64_t snat_mapping_bytes(const config::Limits& limits) {
  return limits.snat_mappings_per_worker * kMappingBytes +
         hash_entries(limits.snat_mappings_per_worker) * kHash6EntryBytes;
}

uint32_t required_memory_mb(const config::Model& model) {
  if (model.dpdk.memory_mb != 0) {
    return model.dpdk.memory_mb;
  }
  const uint64_t bytes = kBaseBytes + packet_bytes(model) +
                         model.director.workers * worker_bytes(model) +
                         model.limits.local_addresses * kPoolsPerLocalAddress * kPoolBytes;
  const uint64_t megabytes = ((bytes + bytes / 4) >> 20) + 1;
  return static_cast<uint32_t>(std::max(megabytes, kSmallestMemoryMb));
}

}  // namespace sluice::control

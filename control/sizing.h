// SPDX-License-Identifier: BSD-3-Clause
// How much DPDK memory and how many packet buffers a configuration needs. Pure functions; control
// thread.
#pragma once

#include <cstdint>

#include "control/config/model.h"

namespace sluice::control {

/// limits.packet_buffers, or enough that full rings and queues of every worker leave packets to
/// receive: per port and worker the receive and transmit descriptors, per worker its punt, inject
/// and hand-off rings and the pool's cache, and the control thread's share.
[[nodiscard]] uint32_t packet_buffer_count(const config::Model& model);

/// The frame size of the ring that a packet socket shares with the kernel (`framesz`) when the
/// device does not name one: room for a frame of `mtu` with the kernel's header before it; above
/// the 2 KiB of net_af_packet whole pages, of which the ring's blocks are made.
[[nodiscard]] uint32_t packet_ring_frame_bytes(uint16_t mtu);

/// The largest frame that a device hands over: Ethernet header, CRC and two tags around the largest
/// MTU. net_af_packet asks for buffers as large as the frames of its ring.
[[nodiscard]] uint32_t largest_frame_bytes(const config::Model& model);

/// Bytes of one worker's session table, hashes included: 64 for a session, 128 more for an extended
/// one (IPv6, client_address, sequence_numbers), and for each of 2^k hash entries (two per session
/// at a load of 0.8 at most) a 32-byte key, 48 with IPv6, an eighth of a 64-byte bucket and a
/// free-ring slot of 4.
[[nodiscard]] uint64_t session_table_bytes(const config::Limits& limits);

/// Bytes of one worker's source NAT mappings: 64 each, and its hash entries as with IPv6.
[[nodiscard]] uint64_t snat_mapping_bytes(const config::Limits& limits);

/// dpdk.memory_mb, or what everything allocated at start takes: packet buffers; per worker
/// sessions, source NAT mappings, servers (64 B), services (64 B) and rings; 64 pools of 8 KiB for
/// each local address over all workers; queues; 16 MiB for the EAL and drivers; a quarter on top.
/// At least 64.  Unit: MiB.
[[nodiscard]] uint32_t required_memory_mb(const config::Model& model);

}  // namespace sluice::control

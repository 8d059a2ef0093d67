// SPDX-License-Identifier: BSD-3-Clause
// Flows and 64-byte frames for benchmarks. Main thread.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "lib/net/address.h"
#include "lib/net/flow_key.h"

namespace sluice::bench {

inline constexpr size_t kFrameBytes = 64;
using Frame = std::array<uint8_t, kFrameBytes>;

/// Seeds everything random here: two runs see the same packets.
inline constexpr uint64_t kSeed = 0x51C3;

/// The flow of client number `index`: distinct for every index, scattered over 10.0.0.0/8.
net::FlowKey4 client_flow(uint32_t index, const net::Endpoint& vip, net::Protocol protocol);

/// The flow of the answers to `key`.
net::FlowKey4 turned_around(const net::FlowKey4& key);

/// A correct frame of flow `key` to `destination`; `tcp_flags` is not used for UDP.
Frame make_frame(const net::FlowKey4& key, const net::Mac& destination, uint8_t tcp_flags);

/// As client_flow(), to an IPv6 VIP.
net::Flow client_flow6(uint32_t index, const net::Endpoint& vip, net::Protocol protocol);

/// 2001:db8:NETWORK::v4.
net::Address in_ipv6(uint16_t network, const net::Address& v4);
inline constexpr uint16_t kClientNetwork6 = 0xF, kServerNetwork6 = 0xA;

/// A correct IPv6 datagram of `flow` to `destination`.
Frame make_frame6(const net::Flow& flow, const net::Mac& destination);

/// Whether a frame's IP and TCP or UDP checksums are right, by DPDK's full sums.
bool has_right_checksums(std::span<const uint8_t> frame);

/// The flow of a frame made by make_frame() or forwarded from one.
net::FlowKey4 flow_of(std::span<const uint8_t> frame);

/// 0..count-1 in random order.
std::vector<uint32_t> random_order(uint32_t count);

}  // namespace sluice::bench

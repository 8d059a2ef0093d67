// SPDX-License-Identifier: BSD-3-Clause
// The packet tables, by topic. cases_test.cc plays them all. Tests.
#pragma once

#include <vector>

#include "tests/support/packet_case.h"

namespace sluice::test {

std::vector<PacketCase> full_nat_cases();
std::vector<PacketCase> mode_cases();
std::vector<PacketCase> ip_version_cases();
std::vector<PacketCase> icmp_cases();
std::vector<PacketCase> one_packet_cases();
std::vector<PacketCase> checksum_cases();
std::vector<PacketCase> bad_packet_cases();
std::vector<PacketCase> fragment_cases();
std::vector<PacketCase> refused_fragment_cases();
std::vector<PacketCase> refusal_cases();
std::vector<PacketCase> next_hop_cases();
std::vector<PacketCase> punt_cases();
std::vector<PacketCase> reload_cases();
std::vector<PacketCase> snat_cases();
std::vector<PacketCase> snat_icmp_cases();
std::vector<PacketCase> snat_refusal_cases();

/// A SYN from the client and what the first server must get: the session most cases start with.
Step open_tcp_session(const net::Endpoint& from = kClient, uint16_t local_port = 1024,
                      uint32_t server = 0);
/// The first datagram of kClient to the UDP service.
Step open_udp_session();

}  // namespace sluice::test

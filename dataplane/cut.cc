// SPDX-License-Identifier: BSD-3-Clause
// Cutting IPv4 packets by DPDK's fragmentation library. Worker threads.
// Its copying variant is the one that suits: pieces in one segment each, which every device sends.
// Its interface may change with DPDK (it is "experimental"), so it is used here alone.
#define ALLOW_EXPERIMENTAL_API
#include "dataplane/cut.h"

#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_ip_frag.h>

#include <cstring>

namespace sluice::dataplane {
namespace {

// Makes a frame of a piece, which starts with its IP header.
void complete(rte_mbuf* piece, const rte_ether_hdr& ethernet) {
  auto& ip = *rte_pktmbuf_mtod(piece, rte_ipv4_hdr*);
  ip.hdr_checksum = 0;
  ip.hdr_checksum = rte_ipv4_cksum(&ip);
  std::memcpy(rte_pktmbuf_prepend(piece, RTE_ETHER_HDR_LEN), &ethernet, RTE_ETHER_HDR_LEN);
}

}  // namespace

Pieces cut_ipv4(rte_mbuf* packet, uint16_t mtu, std::span<rte_mbuf*, kMaxPieces> pieces) {
  if (rte_pktmbuf_linearize(packet) != 0) {
    return {Cut::kImpossible, 0};
  }
  const rte_ether_hdr ethernet = *rte_pktmbuf_mtod(packet, const rte_ether_hdr*);
  rte_pktmbuf_adj(packet, RTE_ETHER_HDR_LEN);
  const int32_t count =
      rte_ipv4_fragment_copy_nonseg_packet(packet, pieces.data(), kMaxPieces, mtu, packet->pool);
  rte_pktmbuf_prepend(packet, RTE_ETHER_HDR_LEN);
  if (count < 0) {
    return {count == -ENOMEM ? Cut::kNoBuffers : Cut::kImpossible, 0};
  }
  for (int32_t i = 0; i < count; ++i) {
    complete(pieces[static_cast<size_t>(i)], ethernet);
  }
  return {Cut::kDone, static_cast<uint32_t>(count)};
}

}  // namespace sluice::dataplane

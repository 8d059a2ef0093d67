// SPDX-License-Identifier: BSD-3-Clause
// Frames between mbufs and taps. Control thread.
#include "control/kernel/tap_exchange.h"

#include <rte_mbuf.h>

#include <array>
#include <string>

namespace sluice::control {

TapExchange::TapExchange(const PacketExchange& exchange, KernelCounters& counters)
    : exchange_(exchange),
      counters_(counters),
      segment_bytes_(rte_pktmbuf_data_room_size(exchange.packet_buffers) - RTE_PKTMBUF_HEADROOM) {}

TapExchange::~TapExchange() {
  for (rte_mbuf* packet : spare_) {
    rte_pktmbuf_free(packet);
  }
}

Status TapExchange::add_tap(Tap& tap, const KernelPort& port) {
  const uint32_t max_frame_bytes = port.mtu + kFrameOverhead;
  if (max_frame_bytes >= segment_bytes_ * kMaxSegments) {
    return fail("port " + port.name + ": mtu " + std::to_string(port.mtu) + " needs more than " +
                std::to_string(kMaxSegments) + " packet buffers of " +
                std::to_string(segment_bytes_) + " bytes a frame; lower the mtu");
  }
  twins_.push_back({&tap, max_frame_bytes});
  return {};
}

uint32_t TapExchange::run() { return run_to_kernel() + run_from_kernel(); }

uint32_t TapExchange::run_to_kernel() {
  std::array<rte_mbuf*, 64> packets;
  uint32_t total = 0;
  uint32_t count = 0;
  do {
    count = exchange_.take_punted(packets);
    for (uint32_t i = 0; i < count; ++i) {
      write_to_tap(packets[i]);
      rte_pktmbuf_free(packets[i]);
    }
    total += count;
  } while (count == packets.size() && total < kMaxPerCall);
  return total;
}

void TapExchange::write_to_tap(rte_mbuf* packet) {
  std::array<iovec, kMaxSegments> parts;
  size_t part_count = 0;
  const rte_mbuf* segment = packet;
  for (; segment != nullptr && part_count < parts.size(); segment = segment->next) {
    parts[part_count++] = {rte_pktmbuf_mtod(segment, void*), segment->data_len};
  }
  const bool is_sent = segment == nullptr && packet->port < twins_.size() &&
                       twins_[packet->port].tap->write_frame({parts.data(), part_count});
  ++(is_sent ? counters_.to_kernel_pkts : counters_.to_kernel_refused_pkts);
}

uint32_t TapExchange::run_from_kernel() {
  uint32_t total = 0;
  size_t idle_in_a_row = 0;
  while (total < kMaxPerCall && idle_in_a_row < twins_.size()) {
    first_twin_ = (first_twin_ + 1) % twins_.size();
    if (read_from_tap(first_twin_)) {
      ++total;
      idle_in_a_row = 0;
    } else {
      ++idle_in_a_row;
    }
  }
  return total;
}

/// False: nothing to read, or no mbufs to read into (the frame then waits in the tap's queue, which
/// the kernel bounds).
bool TapExchange::read_from_tap(size_t port) {
  const Twin& twin = twins_[port];
  // One byte more than the longest frame allowed, so that a longer one shows.
  const uint32_t segments = twin.max_frame_bytes / segment_bytes_ + 1;
  if (!fill_spare(segments)) {
    ++counters_.from_kernel_no_buffer;
    return false;
  }
  std::array<iovec, kMaxSegments> parts;
  for (uint32_t i = 0; i < segments; ++i) {
    parts[i] = {rte_pktmbuf_mtod(spare_[spare_.size() - 1 - i], void*), segment_bytes_};
  }
  const uint32_t size = twin.tap->read_frame({parts.data(), segments});
  if (size == 0) {
    return false;
  }
  if (size > twin.max_frame_bytes) {
    ++counters_.from_kernel_oversized_pkts;
    return true;
  }
  rte_mbuf* packet = take_frame(size);
  packet->port = static_cast<uint16_t>(port);
  if (exchange_.inject(packet)) {
    ++counters_.from_kernel_pkts;
  } else {
    ++counters_.from_kernel_ring_full_pkts;
    rte_pktmbuf_free(packet);
  }
  return true;
}

bool TapExchange::fill_spare(uint32_t segments) {
  while (spare_.size() < segments) {
    rte_mbuf* packet = rte_pktmbuf_alloc(exchange_.packet_buffers);
    if (packet == nullptr) {
      return false;
    }
    spare_.push_back(packet);
  }
  return true;
}

/// The last spare mbufs, filled with `size` bytes, as one chain.
rte_mbuf* TapExchange::take_frame(uint32_t size) {
  rte_mbuf* head = nullptr;
  rte_mbuf* tail = nullptr;
  for (uint32_t left = size; left > 0;) {
    rte_mbuf* segment = spare_.back();
    spare_.pop_back();
    segment->data_len = static_cast<uint16_t>(std::min(left, segment_bytes_));
    left -= segment->data_len;
    if (head == nullptr) {
      head = segment;
      head->nb_segs = 0;
    } else {
      tail->next = segment;
    }
    ++head->nb_segs;
    tail = segment;
  }
  head->pkt_len = size;
  return head;
}

}  // namespace sluice::control

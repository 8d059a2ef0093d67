// SPDX-License-Identifier: BSD-3-Clause
// A fragment through the table beside DPDK's reassembly, and both beside the buffers alone. Main
// thread.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_ip_frag.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "bench/support/eal_benchmark_main.h"
#include "bench/support/topology.h"
#include "lib/table/fragment_table.h"

namespace sluice::bench {
namespace {

constexpr uint32_t kPayloadBytes = 1'480;
constexpr uint32_t kMtu = kPayloadBytes + sizeof(rte_ipv4_hdr);
constexpr uint32_t kBuffers = 16'383;
constexpr uint32_t kDatagrams = 16'384;

/// Datagrams of `fragments` fragments, `width` of them interleaved, as a wire would bring them.
class Wire {
 public:
  Wire(uint32_t width, uint32_t fragments, bool is_reversed)
      : width_(width), fragments_(fragments), order_(fragments), buffers_(width * fragments) {
    std::iota(order_.begin(), order_.end(), 0);
    if (is_reversed) {
      std::reverse(order_.begin(), order_.end());
    }
  }

  /// New buffers with the next datagrams, in the order they arrive.
  const std::vector<rte_mbuf*>& receive(rte_mempool* pool) {
    if (rte_pktmbuf_alloc_bulk(pool, buffers_.data(), static_cast<unsigned>(buffers_.size())) !=
        0) {
      rte_panic("buffers were lost\n");
    }
    size_t at = 0;
    for (const uint32_t fragment : order_) {
      for (uint32_t datagram = 0; datagram < width_; ++datagram) {
        write(buffers_[at++], static_cast<uint16_t>(identification_ + datagram), fragment);
      }
    }
    identification_ = static_cast<uint16_t>(identification_ + width_);
    return buffers_;
  }

 private:
  void write(rte_mbuf* buffer, uint16_t identification, uint32_t fragment) const {
    const bool is_last = fragment + 1 == fragments_;
    buffer->l2_len = sizeof(rte_ether_hdr);
    buffer->l3_len = sizeof(rte_ipv4_hdr);
    buffer->data_len = sizeof(rte_ether_hdr) + kMtu;
    buffer->pkt_len = buffer->data_len;
    rte_ipv4_hdr ip{};
    ip.version_ihl = 0x45;
    ip.total_length = net::Be16::from_host(kMtu).raw;
    ip.packet_id = identification;
    ip.fragment_offset =
        net::Be16::from_host(static_cast<uint16_t>(fragment * kPayloadBytes / 8 |
                                                   (is_last ? 0 : RTE_IPV4_HDR_MF_FLAG)))
            .raw;
    ip.time_to_live = 64;
    ip.next_proto_id = IPPROTO_UDP;
    ip.src_addr = net::Be32::from_host(0xC6336407).raw;
    ip.dst_addr = net::Be32::from_host(0xC000020A).raw;
    std::memcpy(rte_pktmbuf_mtod_offset(buffer, void*, sizeof(rte_ether_hdr)), &ip, sizeof(ip));
  }

  uint32_t width_;
  uint32_t fragments_;
  std::vector<uint32_t> order_;
  std::vector<rte_mbuf*> buffers_;
  uint16_t identification_ = 0;
};

// All of them together, so that each run has the same buffers in the same state.
struct Rig {
  explicit Rig(const benchmark::State& state)
      : wire(static_cast<uint32_t>(state.range(1)), static_cast<uint32_t>(state.range(0)),
             state.range(2) != 0),
        buffers(rte_pktmbuf_pool_create("bench_fragments", kBuffers, 256, 0,
                                        RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY)),
        indirect(rte_pktmbuf_pool_create("bench_indirect", kBuffers, 256, 0, 0, SOCKET_ID_ANY)) {
    if (!buffers || !indirect) {
      rte_panic("not enough memory for the buffers\n");
    }
  }

  Wire wire;
  MempoolPtr buffers;
  MempoolPtr indirect;
};

void report(benchmark::State& state) {
  const auto fragments = static_cast<double>(state.iterations()) *
                         static_cast<double>(state.range(0)) * static_cast<double>(state.range(1));
  state.counters["s_per_fragment"] =
      benchmark::Counter(fragments, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// What the others pay too: taking, writing and freeing the buffers.
void buffers_alone(benchmark::State& state) {
  Rig rig(state);
  for (auto _ : state) {
    for (rte_mbuf* packet : rig.wire.receive(rig.buffers.get())) {
      rte_pktmbuf_free(packet);
    }
  }
  report(state);
}

void fragment_table(benchmark::State& state) {
  Rig rig(state);
  auto table = table::FragmentTable::create(
      {.datagrams = kDatagrams, .held_packets = kDatagrams / 2}, SOCKET_ID_ANY);
  const net::FlowHasher hasher(Topology::hash_secret());
  if (!table) {
    return state.SkipWithError(table.error().message.c_str());
  }
  uint64_t forwarded = 0;
  std::array<table::ReleasedFragment, 32> released;
  for (auto _ : state) {
    for (rte_mbuf* packet : rig.wire.receive(rig.buffers.get())) {
      const std::span ip(rte_pktmbuf_mtod_offset(packet, const uint8_t*, sizeof(rte_ether_hdr)),
                         kMtu);
      net::Fragment fragment;
      if (net::read_fragment4(ip, kMtu, fragment) != net::FragmentVerdict::kFragment) {
        rte_panic("no fragment\n");
      }
      const auto outcome = table->on_fragment(fragment, fragment.key.hash(hasher), Tick{0}, packet);
      if (outcome.kind == table::FragmentOutcome::Kind::kHeld) {
        continue;
      }
      ++forwarded;
      rte_pktmbuf_free(packet);
      if (outcome.kind == table::FragmentOutcome::Kind::kFirst) {
        table->decide(outcome.datagram, {.is_forwarded = true}, Tick{0});
        for (uint32_t count = 1; count > 0;) {
          count = table->collect(released);
          for (uint32_t i = 0; i < count; ++i) {
            rte_pktmbuf_free(released[i].packet);
          }
          forwarded += count;
        }
      }
    }
  }
  report(state);
  if (forwarded != static_cast<uint64_t>(state.iterations() * state.range(0) * state.range(1))) {
    state.SkipWithError("not every fragment was forwarded");
  }
}

enum class After { kFree, kFragmentAgain };

// Puts a whole datagram back into fragments, which a next hop's MTU asks for. Returns how many.
uint32_t fragment_again(Rig& rig, rte_mbuf* whole) {
  std::array<rte_mbuf*, RTE_LIBRTE_IP_FRAG_MAX_FRAG> out;
  rte_pktmbuf_adj(whole, sizeof(rte_ether_hdr));
  const int32_t count = rte_ipv4_fragment_packet(whole, out.data(), out.size(), kMtu,
                                                 rig.buffers.get(), rig.indirect.get());
  for (int32_t i = 0; i < count; ++i) {
    rte_pktmbuf_free(out[static_cast<size_t>(i)]);
  }
  return count < 0 ? 0 : static_cast<uint32_t>(count);
}

void reassembly(benchmark::State& state, After after) {
  Rig rig(state);
  // Buckets of 16 as in DPDK's own example.
  rte_ip_frag_tbl* table = rte_ip_frag_table_create(kDatagrams / 16, 16, kDatagrams,
                                                    2 * rte_get_tsc_hz(), SOCKET_ID_ANY);
  if (table == nullptr) {
    return state.SkipWithError("no memory for rte_ip_frag");
  }
  const auto death_row = std::make_unique<rte_ip_frag_death_row>();
  uint64_t whole = 0, fragments = 0;
  for (auto _ : state) {
    const uint64_t now = rte_rdtsc();
    for (rte_mbuf* packet : rig.wire.receive(rig.buffers.get())) {
      auto* ip = rte_pktmbuf_mtod_offset(packet, rte_ipv4_hdr*, sizeof(rte_ether_hdr));
      rte_mbuf* reassembled =
          rte_ipv4_frag_reassemble_packet(table, death_row.get(), packet, now, ip);
      if (reassembled != nullptr) {
        ++whole;
        if (after == After::kFragmentAgain) {
          fragments += fragment_again(rig, reassembled);
        }
        rte_pktmbuf_free(reassembled);
      }
    }
    rte_ip_frag_free_death_row(death_row.get(), 3);
  }
  report(state);
  rte_ip_frag_table_destroy(table);
  const auto datagrams = static_cast<uint64_t>(state.iterations() * state.range(1));
  if (whole != datagrams) {
    state.SkipWithError("not every datagram was reassembled");
  } else if (after == After::kFragmentAgain &&
             fragments != datagrams * static_cast<uint64_t>(state.range(0))) {
    state.SkipWithError("not every datagram was fragmented again");
  }
}

// What finding datagrams would cost at least with DPDK's hash: one add, look-ups, one delete.
void rte_hash_alone(benchmark::State& state) {
  rte_hash_parameters parameters{};
  parameters.name = "bench_datagrams";
  parameters.entries = kDatagrams;
  parameters.key_len = sizeof(net::FragmentKey);
  parameters.socket_id = SOCKET_ID_ANY;
  const HashPtr hash(rte_hash_create(&parameters));
  const net::FlowHasher hasher(Topology::hash_secret());
  net::FragmentKey key{.protocol = IPPROTO_UDP};
  for (auto _ : state) {
    ++key.identification;
    const uint32_t signature = key.hash(hasher);
    rte_hash_lookup_with_hash(hash.get(), &key, signature);
    rte_hash_add_key_with_hash(hash.get(), &key, signature);
    for (int64_t i = 1; i < state.range(0); ++i) {
      benchmark::DoNotOptimize(rte_hash_lookup_with_hash(hash.get(), &key, signature));
    }
    rte_hash_del_key_with_hash(hash.get(), &key, signature);
  }
  report(state);
}

void register_benchmarks() {
  // {fragments a datagram, datagrams interleaved, reversed}
  const std::vector<std::vector<int64_t>> cases = {
      {2, 1, 0},  {2, 1, 1},     {8, 1, 0},     {8, 1, 1},     {44, 1, 0},
      {44, 1, 1}, {2, 1'024, 0}, {2, 1'024, 1}, {8, 1'024, 0}, {8, 1'024, 1}};
  for (const auto& arguments : cases) {
    benchmark::RegisterBenchmark("buffers_alone", buffers_alone)->Args(arguments);
    benchmark::RegisterBenchmark("fragment_table", fragment_table)->Args(arguments);
    if (arguments[0] > RTE_LIBRTE_IP_FRAG_MAX_FRAG) {
      continue;  // it drops such datagrams
    }
    benchmark::RegisterBenchmark("rte_ip_frag", reassembly, After::kFree)->Args(arguments);
    benchmark::RegisterBenchmark("rte_ip_frag_and_back", reassembly, After::kFragmentAgain)
        ->Args(arguments);
  }
  benchmark::RegisterBenchmark("rte_hash_alone", rte_hash_alone)->Args({2, 1, 0});
  benchmark::RegisterBenchmark("rte_hash_alone", rte_hash_alone)->Args({8, 1, 0});
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run_with_eal(argc, argv, 192, sluice::bench::register_benchmarks);
}

// SPDX-License-Identifier: BSD-3-Clause
// EAL arguments and sizes for typical configurations, and the EAL's own opinion of them.
#include "control/eal_args.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/control/config/models.h"

namespace sluice::control {
namespace {

using Words = std::vector<std::string>;

config::Model lab() {
  config::Model model = config::small_model();
  model.dpdk.huge_pages = false;
  model.limits = {.sessions_per_worker = 65'536,
                  .extended_sessions_per_worker = 16'384,
                  .services = 64,
                  .servers = 1'024,
                  .snat_mappings_per_worker = 4'096};
  model.ports[0].device = "net_af_packet0,iface=veth-wan";
  model.ports[1].device = "net_af_packet1,iface=veth-lan";
  return model;
}

const std::vector<uint32_t> kTwoCores = {0, 1};

TEST(EalArguments, RunTheLabWithoutHugePages) {
  const Words words = eal_arguments(lab(), kTwoCores);
  const Words expected = {"sluiced",
                          "--no-telemetry",
                          "--lcores=0@0,1@1",
                          "--main-lcore=0",
                          "--file-prefix=sluice-e8ddd4f05b7b5d1f",
                          "-m",
                          std::to_string(required_memory_mb(lab())),
                          "--no-huge",
                          "--no-shconf",
                          "--vdev=net_af_packet0,iface=veth-wan,qpairs=1",
                          "--vdev=net_af_packet1,iface=veth-lan,qpairs=1",
                          "--no-pci"};
  ASSERT_EQ(words.size(), expected.size());
  for (size_t i = 0; i < words.size(); ++i) {
    if (i != 4) {
      EXPECT_EQ(words[i], expected[i]);
    }
  }
  EXPECT_TRUE(words[4].starts_with("--file-prefix=sluice-"));
}

TEST(EalArguments, TakeNicsInHugePagesAndLeaveNothingBehind) {
  config::Model model = config::small_model();
  model.ports[0].device = "03:00.0";
  model.ports[1].device = "0000:03:00.1,devarg=1";
  model.dpdk.memory_mb = 2'048;
  model.dpdk.extra_args = {"--log-level=7"};
  const Words words = eal_arguments(model, kTwoCores);
  const Words tail(words.begin() + 5, words.end());
  EXPECT_EQ(tail, (Words{"-m", "2048", "--in-memory", "-a", "0000:03:00.0", "-a",
                         "0000:03:00.1,devarg=1", "--log-level=7"}));
}

TEST(EalArguments, LeaveStatedQueuePairsAlone) {
  config::Model model = lab();
  model.ports[0].device += ",qpairs=1";
  const Words words = eal_arguments(model, kTwoCores);
  EXPECT_NE(std::find(words.begin(), words.end(), "--vdev=net_af_packet0,iface=veth-wan,qpairs=1"),
            words.end());
}

TEST(EalArguments, GiveJumboFramesRoomInThePacketSocketsRing) {
  config::Model model = lab();
  model.ports[0].mtu = 9'000;
  model.ports[1].device += ",framesz=16384,blocksz=16384";
  model.ports[1].mtu = 9'000;
  model.ports.push_back(config::vlan_port("wan0.100", "wan0", 100, 9'000));
  const Words words = eal_arguments(model, kTwoCores);
  const Words devices(words.begin() + 9, words.end());
  EXPECT_EQ(devices,
            (Words{"--vdev=net_af_packet0,iface=veth-wan,framesz=12288,blocksz=12288,qpairs=1",
                   "--vdev=net_af_packet1,iface=veth-lan,framesz=16384,blocksz=16384,qpairs=1",
                   "--no-pci"}));
}

TEST(EalArguments, MapSeveralWorkersToOneCore) {
  config::Model model = lab();
  model.director.workers = 3;
  model.dpdk.worker_cores = {1, 1, 0};
  EXPECT_EQ(eal_arguments(model, kTwoCores)[2], "--lcores=0@0,1@1,2@1,3@0");
}

TEST(EalArguments, TellTwoDirectorsApart) {
  config::Model other = lab();
  other.director.control_socket.path = "/run/sluice/other.sock";
  EXPECT_NE(eal_arguments(lab(), kTwoCores)[4], eal_arguments(other, kTwoCores)[4]);
}

TEST(WorkerCores, FollowTheControlCoreAndStartAgain) {
  config::Model model = lab();
  const std::vector<uint32_t> usable = {0, 2, 3, 7};
  model.director.workers = 5;
  EXPECT_EQ(worker_cores(model, usable), (std::vector<uint32_t>{2, 3, 7, 2, 3}));
  model.dpdk.control_core = 2;
  model.director.workers = 1;
  EXPECT_EQ(worker_cores(model, usable), std::vector<uint32_t>{3});
}

TEST(WorkerCores, ShareTheOnlyCore) {
  config::Model model = lab();
  model.director.workers = 2;
  EXPECT_EQ(worker_cores(model, std::vector<uint32_t>{0}), (std::vector<uint32_t>{0, 0}));
}

TEST(Sizing, MakesPacketBuffersForTheLargestFrame) {
  config::Model model = config::small_model();
  EXPECT_EQ(largest_frame_bytes(model), 1'526U);
  model.ports[1].mtu = 9'000;
  EXPECT_EQ(largest_frame_bytes(model), 9'026U);
  EXPECT_EQ(packet_ring_frame_bytes(1'500), 2'048U);
  EXPECT_EQ(packet_ring_frame_bytes(1'943), 4'096U);
  model.ports[1].device = "net_af_packet1,iface=a";
  EXPECT_EQ(largest_frame_bytes(model), 12'288U - 32);
  model.ports[1].device = "net_af_packet1,iface=a,framesz=16384,blocksz=16384";
  EXPECT_EQ(largest_frame_bytes(model), 16'384U - 32);
}

TEST(Sizing, CountsAVlanAsNoDevice) {
  config::Model model = config::small_model();
  const uint32_t buffers = packet_buffer_count(model);
  model.ports.push_back(config::vlan_port("v", "wan0", 7));
  EXPECT_EQ(packet_buffer_count(model), buffers);
}

TEST(Sizing, CountsPacketBuffersForEveryQueueAndRing) {
  config::Model model = lab();
  EXPECT_EQ(packet_buffer_count(model), 2U * 2'048 + 4 * 1'024 + 512 + 1'024);
  model.director.workers = 3;
  EXPECT_EQ(packet_buffer_count(model), 3U * (2 * 2'048 + 4 * 1'024 + 512 + 4'096) + 1'024);
  model.limits.packet_buffers = 5'000;
  EXPECT_EQ(packet_buffer_count(model), 5'000U);
}

TEST(Sizing, CountsTwoHashEntriesForASession) {
  // 65 536 * 2 / 0.8 = 163 840 entries, rounded up to 262 144 of 44 bytes.
  const config::Limits limits{.sessions_per_worker = 65'536, .extended_sessions_per_worker = 8};
  // 8 * 2 / 0.8 = 20 entries more, rounded up to 32 of 60 bytes.
  EXPECT_EQ(session_table_bytes(limits), 65'536U * 64 + 262'144U * 44 + 8 * 128 + 32 * 60);
}

TEST(Sizing, CountsTwoHashEntriesForASourceNatMapping) {
  const config::Limits limits{.snat_mappings_per_worker = 65'536};
  EXPECT_EQ(snat_mapping_bytes(limits), 65'536U * 64 + 262'144U * 60);
}

TEST(Sizing, FitsTheLabIntoASmallMachine) {
  EXPECT_GE(required_memory_mb(lab()), 64U);
  EXPECT_LE(required_memory_mb(lab()), 128U);
}

TEST(Sizing, GrowsWithSessionsAndWorkers) {
  config::Model model = config::small_model();
  const uint32_t one = required_memory_mb(model);
  EXPECT_GT(one, 251U);  // a million sessions
  model.director.workers = 4;
  EXPECT_GT(required_memory_mb(model), 3 * one);
  model.dpdk.memory_mb = 777;
  EXPECT_EQ(required_memory_mb(model), 777U);
}

}  // namespace
}  // namespace sluice::control

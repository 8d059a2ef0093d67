// SPDX-License-Identifier: BSD-3-Clause
// What is refused before start, on machines made of facts.
#include "control/preflight.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "tests/unit/control/config/models.h"

namespace sluice::control {
namespace {

using Words = std::vector<std::string>;

config::Model lab() {
  config::Model model = config::small_model();
  model.dpdk.huge_pages = false;
  model.dpdk.memory_mb = 128;
  model.ports[0].device = "net_af_packet0,iface=veth-wan";
  model.ports[1].device = "net_af_packet1,iface=veth-lan";
  return model;
}

config::Model with_nics() {
  config::Model model = config::small_model();
  model.dpdk.memory_mb = 1'024;
  model.ports[0].device = "03:00.0";
  model.ports[1].device = "03:00.1";
  return model;
}

/// A machine on which both models above run.
SystemFacts good_machine() {
  SystemFacts facts;
  facts.effective_capabilities = ~0ULL;
  facts.present_cores = {0, 1, 2};
  facts.usable_cores = {0, 1};
  facts.netdevs = {"lo", "veth-wan", "veth-lan"};
  facts.pci_drivers = {{"0000:03:00.0", "vfio-pci"}, {"0000:03:00.1", "mlx5_core"}};
  facts.huge_pages = {{2'048, 512, 512}};
  facts.available_memory_mb = 1'000;
  facts.has_tun = true;
  return facts;
}

/// The problems of `model` after one edit of a machine on which it runs.
template <typename Edit>
Words problems_of(config::Model model, Edit edit) {
  SystemFacts facts = good_machine();
  edit(model, facts);
  return preflight(model, facts);
}

TEST(Preflight, LetsGoodMachinesPass) {
  EXPECT_EQ(preflight(lab(), good_machine()), Words{});
  EXPECT_EQ(preflight(with_nics(), good_machine()), Words{});
}

TEST(Preflight, WantsRights) {
  EXPECT_EQ(problems_of(with_nics(), [](auto&, auto& f) { f.effective_capabilities = 0; }),
            Words{"not permitted: CAP_NET_ADMIN, CAP_NET_RAW, CAP_IPC_LOCK missing; run as root "
                  "(sudo sluiced ...) or under systemd with AmbientCapabilities="});
  EXPECT_EQ(problems_of(lab(), [](auto&, auto& f) { f.effective_capabilities = 1 << 12; }),
            Words{"not permitted: CAP_NET_RAW missing; run as root (sudo sluiced ...) or under "
                  "systemd with AmbientCapabilities="});
}

TEST(Preflight, WantsTheNetdevsUnderPacketDevices) {
  EXPECT_EQ(problems_of(lab(), [](auto&, auto& f) { f.netdevs.erase("veth-lan"); }),
            Words{"port lan0: no network device veth-lan in this network namespace; list them "
                  "with: ip link, or create it: ip link add veth-lan type veth peer name "
                  "veth-lan-p"});
}

TEST(Preflight, WantsTapNamesToBeFree) {
  EXPECT_EQ(problems_of(lab(), [](auto&, auto& f) { f.netdevs.insert("wan0"); }),
            Words{"port wan0: a network device of this name exists already; see: ip link show "
                  "wan0; remove it (ip link delete wan0) or give the port another name"});
}

TEST(Preflight, WantsPciDevicesPresentAndBound) {
  EXPECT_EQ(problems_of(with_nics(), [](auto&, auto& f) { f.pci_drivers.erase("0000:03:00.0"); }),
            Words{"port wan0: no PCI device 0000:03:00.0; list them with: dpdk-devbind.py "
                  "--status-dev net"});
  EXPECT_EQ(
      problems_of(with_nics(), [](auto&, auto& f) { f.pci_drivers["0000:03:00.0"] = "ixgbe"; }),
      Words{"port wan0: PCI device 0000:03:00.0 is bound to ixgbe, DPDK cannot use it; run: "
            "modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci 0000:03:00.0 (to keep it over "
            "a reboot: driverctl set-override 0000:03:00.0 vfio-pci)"});
}

TEST(Preflight, CountsTheHugePagesToAdd) {
  EXPECT_EQ(problems_of(with_nics(),
                        [](auto&, auto& f) {
                          f.huge_pages = {{2'048, 300, 100}};
                        }),
            Words{"not enough huge pages: 1024 MiB needed, 200 MiB free; run: echo 712 > "
                  "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages (or set "
                  "dpdk.huge_pages: false for virtual devices)"});
  EXPECT_EQ(problems_of(with_nics(),
                        [](auto&, auto& f) {
                          f.huge_pages = {{1'048'576, 1, 1}, {2'048, 0, 0}};
                        }),
            Words{});
  EXPECT_EQ(problems_of(with_nics(), [](auto&, auto& f) { f.huge_pages = {}; }),
            Words{"not enough huge pages: 1024 MiB needed, 0 MiB free; this kernel offers no 2 MiB "
                  "pages: boot with hugepagesz=1G hugepages=1, or set dpdk.huge_pages: false"});
}

TEST(Preflight, WantsMemory) {
  EXPECT_EQ(problems_of(lab(), [](auto&, auto& f) { f.available_memory_mb = 100; }),
            Words{"not enough memory: 128 MiB needed, 100 MiB available; lower "
                  "limits.sessions_per_worker or director.workers"});
}

TEST(Preflight, WantsCoresThatExistAndMayBeUsed) {
  EXPECT_EQ(problems_of(lab(),
                        [](auto& m, auto&) {
                          m.director.workers = 2;
                          m.dpdk.worker_cores = {2, 9};
                        }),
            (Words{"dpdk.worker_cores: CPU 2 is outside this process's affinity mask (taskset, "
                   "CPUAffinity=, cpuset); choose from 0,1",
                   "dpdk.worker_cores: this machine has no CPU 9; choose from 0,1"}));
}

TEST(Preflight, RefusesBusyWorkersWithoutACoreEach) {
  EXPECT_EQ(problems_of(lab(), [](auto& m, auto&) { m.director.workers = 2; }),
            Words{"director.workers: 2 workers, but only 1 CPUs come after dpdk.control_core; "
                  "lower director.workers, name CPUs in dpdk.worker_cores (one may be named "
                  "twice) or set director.poll.mode: adaptive"});
  EXPECT_EQ(problems_of(lab(),
                        [](auto& m, auto&) {
                          m.director.workers = 2;
                          m.director.poll.mode = config::PollMode::kAdaptive;
                        }),
            Words{});
}

TEST(Preflight, RefusesASecondDirectorBeforeAnythingElse) {
  EXPECT_EQ(problems_of(lab(),
                        [](auto&, auto& f) {
                          f.control_socket_answers = true;
                          f.netdevs.insert("wan0");
                        }),
            Words{"another director answers on /run/sluice/control.sock; stop it, or set "
                  "director.control_socket.path to another path"});
}

TEST(Preflight, WantsTheInstructionSetAndTun) {
  EXPECT_EQ(problems_of(lab(),
                        [](auto&, auto& f) {
                          f.missing_cpu_features = {"avx2", "bmi2"};
                          f.has_tun = false;
                        }),
            (Words{"this CPU lacks avx2, bmi2, which sluiced was built for; build it for this "
                   "machine: meson configure -Dmarch=native",
                   "/dev/net/tun is missing, ports cannot have taps; run: modprobe tun"}));
}

TEST(SystemFacts, AreReadFromThisMachine) {
  const SystemFacts facts = read_system_facts(with_nics());
  EXPECT_FALSE(facts.usable_cores.empty());
  EXPECT_TRUE(facts.present_cores.contains(facts.usable_cores.front()));
  EXPECT_TRUE(facts.netdevs.contains("lo"));
  EXPECT_GT(facts.available_memory_mb, 0U);
  EXPECT_TRUE(facts.missing_cpu_features.empty());
}

TEST(SystemFacts, SeeWhetherTheControlSocketAnswers) {
  config::Model model = lab();
  char folder[] = "/tmp/sluice-preflight-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  model.director.control_socket.path = std::string(folder) + "/control.sock";
  EXPECT_FALSE(read_system_facts(model).control_socket_answers);

  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, model.director.control_socket.path.c_str(),
               sizeof(address.sun_path) - 1);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_FALSE(read_system_facts(model).control_socket_answers);  // a stale file
  ASSERT_EQ(listen(listener, 1), 0);
  EXPECT_TRUE(read_system_facts(model).control_socket_answers);

  close(listener);
  unlink(address.sun_path);
  rmdir(folder);
}

}  // namespace
}  // namespace sluice::control

// SPDX-License-Identifier: BSD-3-Clause
// Reads the facts for preflight() from the running machine. Control thread, before the EAL starts.
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "control/config/device.h"
#include "control/preflight.h"

namespace sluice::control {
namespace {

namespace fs = std::filesystem;

// "key:   value" in a /proc file; empty when there is no such key.
std::string proc_value(const char* path, std::string_view key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with(key)) {
      const size_t start = line.find_first_not_of(" \t", key.size());
      return start == std::string::npos ? std::string() : line.substr(start);
    }
  }
  return {};
}

uint64_t number(std::string_view text, int base = 10) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

uint64_t file_number(const fs::path& path) {
  std::ifstream file(path);
  std::string text;
  std::getline(file, text);
  return number(text);
}

std::set<uint32_t> read_present_cores() {
  std::set<uint32_t> cores;
  const auto count = static_cast<uint32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_CONF)));
  for (uint32_t core = 0; core < count; ++core) {
    cores.insert(core);
  }
  return cores;
}

// Asks the kernel and not /sys/class/net, which may show another namespace's devices.
std::set<std::string> read_netdevs() {
  std::set<std::string> names;
  struct if_nameindex* const list = if_nameindex();
  if (list == nullptr) {
    return names;
  }
  for (const struct if_nameindex* entry = list; entry->if_index != 0; ++entry) {
    names.emplace(entry->if_name);
  }
  if_freenameindex(list);
  return names;
}

std::map<std::string, std::string> read_pci_drivers(const config::Model& model) {
  std::map<std::string, std::string> drivers;
  for (const config::Port& port : model.ports) {
    const auto device = config::parse_device(port.device);
    std::error_code error;
    if (!device || device->kind != config::Device::Kind::kPci ||
        !fs::exists("/sys/bus/pci/devices/" + device->name, error)) {
      continue;
    }
    const fs::path link =
        fs::read_symlink("/sys/bus/pci/devices/" + device->name + "/driver", error);
    drivers[device->name] = error ? std::string() : link.filename().string();
  }
  return drivers;
}

std::vector<SystemFacts::HugePages> read_huge_pages() {
  static constexpr std::string_view kPrefix = "hugepages-";
  std::vector<SystemFacts::HugePages> sizes;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/sys/kernel/mm/hugepages", error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kPrefix)) {
      sizes.push_back({number(std::string_view(name).substr(kPrefix.size())),
                       file_number(entry.path() / "nr_hugepages"),
                       file_number(entry.path() / "free_hugepages")});
    }
  }
  return sizes;
}

bool answers(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return false;
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) {
    return false;
  }
  // EAGAIN: somebody listens and has no time. A stale socket file refuses.
  const bool is_answered =
      connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EAGAIN;
  close(descriptor);
  return is_answered;
}

// What this very file was compiled for, so that other values of the build option march hold too.
std::vector<std::string> missing_cpu_features() {
  std::vector<std::string> missing;
  __builtin_cpu_init();
  const auto need = [&missing](bool is_there, const char* name) {
    if (!is_there) {
      missing.emplace_back(name);
    }
  };
#ifdef __AVX2__
  need(__builtin_cpu_supports("avx2") != 0, "avx2");
#endif
#ifdef __BMI__
  need(__builtin_cpu_supports("bmi") != 0, "bmi");
#endif
#ifdef __BMI2__
  need(__builtin_cpu_supports("bmi2") != 0, "bmi2");
#endif
#ifdef __FMA__
  need(__builtin_cpu_supports("fma") != 0, "fma");
#endif
#ifdef __AVX512F__
  need(__builtin_cpu_supports("avx512f") != 0, "avx512f");
#endif
  return missing;
}

}  // namespace

std::vector<uint32_t> read_usable_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  std::vector<uint32_t> cores;
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0) {
    return cores;
  }
  for (uint32_t core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &mask)) {
      cores.push_back(core);
    }
  }
  return cores;
}

SystemFacts read_system_facts(const config::Model& model) {
  SystemFacts facts;
  facts.effective_capabilities = number(proc_value("/proc/self/status", "CapEff:"), 16);
  facts.missing_cpu_features = missing_cpu_features();
  facts.present_cores = read_present_cores();
  facts.usable_cores = read_usable_cores();
  facts.netdevs = read_netdevs();
  facts.pci_drivers = read_pci_drivers(model);
  facts.huge_pages = read_huge_pages();
  facts.available_memory_mb = number(proc_value("/proc/meminfo", "MemAvailable:")) >> 10;
  facts.has_tun = access("/dev/net/tun", F_OK) == 0;
  facts.control_socket_answers = answers(model.director.control_socket.path);
  return facts;
}

}  // namespace sluice::control

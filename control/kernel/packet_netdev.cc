// SPDX-License-Identifier: BSD-3-Clause
// Netdevs under net_af_packet: nftables, ethtool and packet-socket memberships. Control thread.
#include "control/kernel/packet_netdev.h"

#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "control/kernel/rtnetlink.h"
#include "control/kernel/sysctl.h"

namespace sluice::control {
namespace {

constexpr std::array<InterfaceSysctl, 1> kQuietIpv6 = {{
    {"net/ipv6/conf/", "/disable_ipv6", "1"},
}};

// Without nf_tables: no ARP answer at all, and packets dropped whose way back is not this netdev.
constexpr std::array<InterfaceSysctl, 2> kQuietIpv4 = {{
    {"net/ipv4/conf/", "/arp_ignore", "8"},
    {"net/ipv4/conf/", "/rp_filter", "1"},
}};

/// Runs nft commands. Errors: what nft says.
Status run_nft(const std::string& commands) {
  const std::unique_ptr<nft_ctx, void (*)(nft_ctx*)> context(nft_ctx_new(NFT_CTX_DEFAULT),
                                                             nft_ctx_free);
  if (!context || nft_ctx_buffer_error(context.get()) != 0 ||
      nft_ctx_buffer_output(context.get()) != 0) {
    return fail("cannot start libnftables");
  }
  if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) != 0) {
    const std::string text = nft_ctx_get_error_buffer(context.get());
    return fail(text.substr(0, text.find('\n')));
  }
  return {};
}

class EthtoolSocket {
 public:
  explicit EthtoolSocket(const std::string& name)
      : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    name.copy(request_.ifr_name, IFNAMSIZ - 1);
  }
  ~EthtoolSocket() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  EthtoolSocket(const EthtoolSocket&) = delete;
  EthtoolSocket& operator=(const EthtoolSocket&) = delete;

  /// The value of a setting; 0 when the device does not know it.
  uint32_t get(uint32_t command) {
    ethtool_value value{.cmd = command, .data = 0};
    return run(value) ? value.data : 0;
  }
  bool set(uint32_t command, uint32_t data) {
    ethtool_value value{.cmd = command, .data = data};
    return run(value);
  }

 private:
  bool run(ethtool_value& value) {
    request_.ifr_data = reinterpret_cast<char*>(&value);
    return ::ioctl(fd_, SIOCETHTOOL, &request_) == 0;
  }

  int fd_;
  ifreq request_{};
};

struct Offload {
  uint32_t get, set;
  const char* name;
};

// Segmentation before the checksums it rests on.
constexpr std::array<Offload, 6> kOffloads = {{
    {ETHTOOL_GGRO, ETHTOOL_SGRO, "gro"},
    {ETHTOOL_GGSO, ETHTOOL_SGSO, "gso"},
    {ETHTOOL_GTSO, ETHTOOL_STSO, "tso"},
    {ETHTOOL_GSG, ETHTOOL_SSG, "sg"},
    {ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM, "tx"},
    {ETHTOOL_GRXCSUM, ETHTOOL_SRXCSUM, "rx"},
}};
constexpr uint32_t kFlagOffloads = ETH_FLAG_LRO | ETH_FLAG_RXVLAN | ETH_FLAG_TXVLAN;

void switch_offloads_off(const std::string& name, std::vector<std::string>& warnings) {
  EthtoolSocket ethtool(name);
  std::string still_on;
  for (const Offload& offload : kOffloads) {
    if (ethtool.get(offload.get) != 0 && !ethtool.set(offload.set, 0)) {
      still_on += std::string(" ") + offload.name + " off";
    }
  }
  const uint32_t flags = ethtool.get(ETHTOOL_GFLAGS);
  if ((flags & kFlagOffloads) != 0 && !ethtool.set(ETHTOOL_SFLAGS, flags & ~kFlagOffloads)) {
    still_on += " lro off rxvlan off txvlan off";
  }
  if (!still_on.empty()) {
    warnings.push_back("device " + name +
                       ": offloads stay on and can spoil packets; try: ethtool -K " + name +
                       still_on);
  }
}

/// 0 when nobody knows.
int mtu_of(const std::string& name) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  const bool is_known = fd >= 0 && ::ioctl(fd, SIOCGIFMTU, &request) == 0;
  if (fd >= 0) {
    ::close(fd);
  }
  return is_known ? request.ifr_mtu : 0;
}

Status refuse_addresses(const std::string& name, int interface, NetlinkRequests& requests) {
  std::string found;
  NetlinkMessage message = dump_addresses_message();
  const int error = requests.dump(message, [&](const nlmsghdr& each) {
    const auto address = parse_address(each);
    // An IPv6 link-local address comes with the link and goes with the stack being shut out.
    if (address && address->interface == interface && !address->prefix.address.is_link_local()) {
      found = address->prefix.to_string();
    }
  });
  if (error != 0) {
    return fail("device " + name + ": cannot list its addresses: " + std::strerror(error));
  }
  if (!found.empty()) {
    return fail("device " + name + ": it has the address " + found +
                ", which would stop working: a director's device belongs to the director alone; "
                "move the address under ports, then: ip addr flush dev " +
                name);
  }
  return {};
}

}  // namespace

std::string PacketNetdev::table_name(const std::string& netdev) {
  std::string name = "sluice_" + netdev;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      c = '_';  // nft's identifiers have no - or @
    }
  }
  return name;
}

Result<PacketNetdev> PacketNetdev::open(const std::string& name, uint16_t mtu,
                                        NetlinkRequests& requests,
                                        std::vector<std::string>& warnings) {
  const auto interface = static_cast<int>(if_nametoindex(name.c_str()));
  if (interface == 0) {
    return fail("device " + name + ": no such interface; see: ip link");
  }
  if (const Status status = refuse_addresses(name, interface, requests); !status) {
    return tl::unexpected(status.error());
  }
  PacketNetdev netdev(name);
  netdev.keep_kernel_off(warnings);
  switch_offloads_off(name, warnings);
  if (const Status status = netdev.receive_everything(interface); !status) {
    return tl::unexpected(status.error());
  }
  const bool is_large_enough = mtu_of(name) >= mtu;
  NetlinkMessage up = link_up_message(interface, nullptr, is_large_enough ? 0 : mtu);
  if (const int error = requests.request(up); error != 0) {
    return fail("device " + name + ": cannot bring it up" +
                (is_large_enough ? "" : " with mtu " + std::to_string(mtu)) + ": " +
                std::strerror(error));
  }
  return netdev;
}

PacketNetdev::PacketNetdev(PacketNetdev&& other) noexcept
    : name_(std::exchange(other.name_, {})),
      reception_fd_(std::exchange(other.reception_fd_, -1)),
      has_table_(std::exchange(other.has_table_, false)) {}

PacketNetdev::~PacketNetdev() {
  if (has_table_) {
    // Gone already when the netdev is: nothing to do about an error.
    (void)run_nft("delete table netdev " + table_name(name_));
  }
  if (reception_fd_ >= 0) {
    ::close(reception_fd_);
  }
}

void PacketNetdev::keep_kernel_off(std::vector<std::string>& warnings) {
  write_interface_sysctls(name_, kQuietIpv6, warnings);
  const std::string table = table_name(name_);
  // One transaction: add makes sure that delete finds a table, so a stale one is replaced.
  const Status status = run_nft("add table netdev " + table + "\ndelete table netdev " + table +
                                "\nadd table netdev " + table + "\nadd chain netdev " + table +
                                " ingress { type filter hook ingress device \"" + name_ +
                                "\" priority -500; policy drop; }\n");
  has_table_ = status.has_value();
  if (!has_table_) {
    write_interface_sysctls(name_, kQuietIpv4, warnings);
    warnings.push_back("device " + name_ + ": the kernel's stack cannot be shut out by nftables (" +
                       status.error().message +
                       "); arp_ignore=8 and rp_filter=1 are set on it instead. Better: modprobe "
                       "nf_tables, and restart sluiced");
  }
}

// Memberships of a packet socket rather than interface flags: they end with the process.
Status PacketNetdev::receive_everything(int interface) {
  reception_fd_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  packet_mreq membership{};
  membership.mr_ifindex = interface;
  for (const unsigned short type : {PACKET_MR_PROMISC, PACKET_MR_ALLMULTI}) {
    membership.mr_type = type;
    if (::setsockopt(reception_fd_, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership,
                     sizeof(membership)) != 0) {
      return fail("device " + name_ + ": cannot make it promiscuous: " + std::strerror(errno));
    }
  }
  return {};
}

}  // namespace sluice::control

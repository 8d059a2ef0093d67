// SPDX-License-Identifier: BSD-3-Clause
// The words of the configuration file for each enumeration, and the ranges of its numbers.
// Control thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "control/config/model.h"

namespace sluice::config {

/// The words for one enumeration, in the order they are shown to operators.
template <typename T, size_t N>
using Words = std::array<std::pair<std::string_view, T>, N>;

inline constexpr Words<PollMode, 2> kPollModes = {
    {{"busy", PollMode::kBusy}, {"adaptive", PollMode::kAdaptive}}};
inline constexpr Words<ScheduleBy, 2> kScheduleBys = {
    {{"session", ScheduleBy::kSession}, {"packet", ScheduleBy::kPacket}}};
inline constexpr Words<NoServer, 2> kNoServers = {
    {{"reject", NoServer::kReject}, {"drop", NoServer::kDrop}}};
inline constexpr Words<snapshot::ClientAddress, 5> kClientAddresses = {
    {{"none", snapshot::ClientAddress::kNone},
     {"toa", snapshot::ClientAddress::kToa},
     {"proxy-v1", snapshot::ClientAddress::kProxyV1},
     {"proxy-v2", snapshot::ClientAddress::kProxyV2},
     {"uoa", snapshot::ClientAddress::kUoa}}};
inline constexpr Words<SequenceNumbers, 2> kSequenceNumbers = {
    {{"keep", SequenceNumbers::kKeep}, {"new", SequenceNumbers::kNew}}};
inline constexpr Words<Announce, 2> kAnnounces = {
    {{"kernel", Announce::kKernel}, {"external", Announce::kExternal}}};
inline constexpr Words<snapshot::ForwardingMode, 4> kForwardingModes = {
    {{"full-nat", snapshot::ForwardingMode::kFullNat},
     {"nat", snapshot::ForwardingMode::kNat},
     {"dr", snapshot::ForwardingMode::kDirectRouting},
     {"tunnel", snapshot::ForwardingMode::kTunnel}}};
inline constexpr Words<snapshot::TunnelType, 3> kTunnelTypes = {
    {{"ipip", snapshot::TunnelType::kIpip},
     {"gre", snapshot::TunnelType::kGre},
     {"gue", snapshot::TunnelType::kGue}}};
inline constexpr Words<SnatProtocol, 4> kSnatProtocols = {{{"any", SnatProtocol::kAny},
                                                           {"tcp", SnatProtocol::kTcp},
                                                           {"udp", SnatProtocol::kUdp},
                                                           {"icmp", SnatProtocol::kIcmp}}};
inline constexpr Words<snapshot::SnatFiltering, 2> kSnatFilterings = {
    {{"address-and-port", snapshot::SnatFiltering::kAddressAndPort},
     {"endpoint-independent", snapshot::SnatFiltering::kEndpointIndependent}}};
inline constexpr Words<net::Protocol, 3> kProtocols = {
    {{"tcp", net::Protocol::kTcp}, {"udp", net::Protocol::kUdp}, {"sctp", net::Protocol::kSctp}}};

// Of sessions, which source NAT has of ICMP echo, too.
inline constexpr Words<net::Protocol, 5> kSessionProtocols = {{{"tcp", net::Protocol::kTcp},
                                                               {"udp", net::Protocol::kUdp},
                                                               {"sctp", net::Protocol::kSctp},
                                                               {"icmp", net::Protocol::kIcmp},
                                                               {"icmpv6", net::Protocol::kIcmpv6}}};

/// The value that `word` stands for.  Errors: nullopt.
template <typename T, size_t N>
std::optional<T> value_of(const Words<T, N>& words, std::string_view word) {
  for (const auto& [text, value] : words) {
    if (text == word) {
      return value;
    }
  }
  return std::nullopt;
}

/// The word for `value`; "?" for a value without one.
template <typename T, size_t N>
std::string_view word_for(const Words<T, N>& words, T value) {
  for (const auto& [text, candidate] : words) {
    if (candidate == value) {
      return text;
    }
  }
  return "?";
}

/// The keys of the timeouts, in the order of table::Timeouts.
inline constexpr std::array<std::string_view, table::kTimeoutCount> kTimeoutKeys = {
    "none",  "established",     "syn_sent",   "syn_recv",    "fin_wait", "time_wait",
    "close", "close_wait",      "last_ack",   "listen",      "synack",   "udp",
    "icmp",  "sctp_unanswered", "sctp_setup", "sctp_closing"};

template <size_t... kIndexes>
constexpr auto to_array(std::index_sequence<kIndexes...> /*indexes*/) {
  return std::array{kIndexes...};
}

// Which of them services have, whose sessions are never ICMP's, and source NAT, never SCTP's.
using ServiceTimeouts = std::index_sequence<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15>;
using SnatTimeouts = std::make_index_sequence<13>;
inline constexpr auto kServiceTimeouts = to_array(ServiceTimeouts());
inline constexpr auto kSnatTimeouts = to_array(SnatTimeouts());
static_assert(kTimeoutKeys[12] == "icmp");

/// The keys of some timeouts.
template <size_t N>
constexpr std::array<std::string_view, N> timeout_keys(const std::array<size_t, N>& indexes) {
  std::array<std::string_view, N> keys;
  for (size_t i = 0; i < N; ++i) {
    keys[i] = kTimeoutKeys[indexes[i]];
  }
  return keys;
}

enum class Zero : uint8_t { kIsPlain, kIsAutomatic };

/// Numbers that a key may have, both ends included, and perhaps 0 for "work it out".
struct NumberRange {
  uint32_t min;
  uint32_t max;
  Zero zero = Zero::kIsPlain;
  [[nodiscard]] constexpr bool contains(uint64_t value) const {
    return (value >= min && value <= max) || (value == 0 && zero == Zero::kIsAutomatic);
  }
  /// "1..64", "64..1024 or 0 (automatic)"
  [[nodiscard]] std::string to_string() const;
};

inline constexpr NumberRange kWorkers{1, 64};
inline constexpr NumberRange kMaxSleepUs{1, 100'000};
inline constexpr NumberRange kPuntPps{1, 10'000'000};
inline constexpr NumberRange kTransportPort{1, 65'535};
inline constexpr NumberRange kMemoryMb{64, 1'048'576, Zero::kIsAutomatic};
inline constexpr NumberRange kCore{0, 1'023};
inline constexpr NumberRange kSessionsPerWorker{8, 268'435'456};  // rte_hash holds 8..2^30 entries
inline constexpr NumberRange kServices{1, 1'048'576};
inline constexpr NumberRange kServers{1, 4'194'304};
inline constexpr NumberRange kLocalAddresses{1, 1'024};
inline constexpr NumberRange kSnatMappingsPerWorker{8, 268'435'456};
inline constexpr NumberRange kNeighbours{1, 16'384};  // slots of the next-hop table
inline constexpr NumberRange kPacketBuffers{1'024, 16'777'216, Zero::kIsAutomatic};
inline constexpr NumberRange kMtu{576, 9'600};
inline constexpr NumberRange kVlan{1, 4'094};
inline constexpr NumberRange kWeight{0, 65'535};
inline constexpr NumberRange kTimeoutSeconds{1, table::kMaxTimeoutSeconds};
inline constexpr uint32_t kMaxSocketMode = 0777;
inline constexpr size_t kMaxPorts = 32;  // RTE_MAX_ETHPORTS

}  // namespace sluice::config

// SPDX-License-Identifier: BSD-3-Clause
// Plays fragments into a FragmentTable and keeps account of every packet and byte. Tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <stdexcept>
#include <vector>

#include "lib/table/fragment_table.h"

namespace sluice::test {

inline constexpr net::FragmentPorts kPorts{net::Be16::from_host(5'000), net::Be16::from_host(53)};

inline net::FragmentKey fragment_key(uint32_t id, bool is_v6 = false) {
  const auto v4 = [](uint32_t host) { return net::Address(net::Ipv4::from_host(host)).v6(); };
  return is_v6 ? net::FragmentKey{*net::Ipv6::parse("2001:db8::1"),
                                  *net::Ipv6::parse("2001:db8::2"), id, 44}
               : net::FragmentKey{v4(0xC6336407), v4(0xC000020A), id, 17};
}

/// Bytes begin..end of datagram `id`.
inline net::Fragment part(uint32_t id, uint32_t begin, uint32_t end, bool is_last = false) {
  return {.key = fragment_key(id),
          .ports = begin == 0 ? kPorts : net::FragmentPorts{},
          .offset_bytes = static_cast<uint16_t>(begin),
          .payload_bytes = static_cast<uint16_t>(end - begin),
          .protocol = 17,
          .is_last = is_last};
}

/// A datagram of `bytes` in fragments of `step` bytes.
inline std::vector<net::Fragment> fragments_of(uint32_t id, uint32_t bytes, uint32_t step,
                                               bool is_v6 = false) {
  std::vector<net::Fragment> parts;
  for (uint32_t at = 0; at < bytes; at += step) {
    parts.push_back(part(id, at, std::min(at + step, bytes), at + step >= bytes));
    parts.back().key = fragment_key(id, is_v6);
  }
  return parts;
}

/// What becomes of a first fragment.
enum class OnFirst : uint8_t { kDecide, kRefuse, kDecideLater };

/// A caller of the table that does everything right and trusts it in nothing: each packet must come
/// back exactly once, by the decision on its own datagram, and no datagram may get a byte twice.
/// Errors: throws what was broken.
class FragmentPlayer {
 public:
  using Kind = table::FragmentOutcome::Kind;

  explicit FragmentPlayer(const table::FragmentLimits& limits)
      : limits_(limits), table_(create(limits)) {}

  /// Sends one fragment and collects what it released. Returns what the table said of it.
  table::FragmentOutcome send(const net::Fragment& fragment, OnFirst on_first = OnFirst::kDecide) {
    const auto id = static_cast<uint32_t>(packets_.size());
    packets_.push_back({.fragment = fragment});
    const auto outcome = table_.on_fragment(fragment, fragment.key.hash(hasher_), now_, mbuf(id));
    switch (outcome.kind) {
      case Kind::kForward:
        expect(fragment.offset_bytes != 0, "a first fragment is the caller's to decide on");
        forwarded(id, outcome.decision, outcome.ports);
        break;
      case Kind::kFirst:
        expect(fragment.offset_bytes == 0, "a later fragment was taken for a first");
        first(id, outcome.datagram, on_first);
        break;
      case Kind::kHeld:
        packets_[id].is_held = true;
        break;
      case Kind::kDrop:
        expect(outcome.reason != table::FragmentDrop::kNone, "a drop has a reason");
        dropped(id, outcome.reason);
        break;
    }
    collect();
    return outcome;
  }

  /// Decides on the oldest first fragment that was put off, if any. Returns whether it was still
  /// known.
  bool decide_one() {
    if (undecided_.empty()) {
      return false;
    }
    const Undecided next = undecided_.front();
    undecided_.erase(undecided_.begin());
    const bool is_known = table_.decide(next.datagram, decision(next.session), now_);
    collect();
    return is_known;
  }

  void pass(uint32_t ticks, uint32_t budget = UINT32_MAX) {
    now_ += ticks;
    table_.expire(now_, budget);
    collect();
  }

  /// Lets all time limits pass: nothing may be left.
  void finish() {
    pass(table::FragmentTable::kLongestTicks + table::FragmentTable::kIdleTicks);
    expect(table_.size() == 0 && table_.held() == 0, "something is remembered for ever");
    for (const Packet& packet : packets_) {
      expect(!packet.is_held, "a packet was not given back");
    }
    undecided_.clear();
  }

  table::FragmentTable& table() { return table_; }
  [[nodiscard]] Tick now() const { return now_; }
  [[nodiscard]] uint32_t sent() const { return static_cast<uint32_t>(packets_.size()); }
  [[nodiscard]] uint32_t forwarded() const { return forwarded_; }
  [[nodiscard]] uint32_t drops(table::FragmentDrop reason) const {
    const auto found = drops_.find(reason);
    return found == drops_.end() ? 0 : found->second;
  }
  /// How many sessions there were, one for each first fragment that was decided on.
  [[nodiscard]] uint32_t sessions() const { return sessions_; }
  /// Payload bytes that went out for session number 1, 2, ...
  [[nodiscard]] uint32_t bytes_of(uint32_t session) const {
    const auto found = bytes_.find(session);
    return found == bytes_.end() ? 0 : static_cast<uint32_t>(found->second.size());
  }

 private:
  struct Packet {
    net::Fragment fragment;
    bool is_held = false;
    bool is_gone = false;
  };
  struct Undecided {
    table::DatagramHandle datagram;
    uint32_t session;
  };

  static void expect(bool condition, const char* what) {
    if (!condition) {
      throw std::logic_error(what);
    }
  }
  static table::FragmentTable create(const table::FragmentLimits& limits) {
    auto table = table::FragmentTable::create(limits, SOCKET_ID_ANY);
    if (!table) {
      throw std::runtime_error(table.error().message);
    }
    return std::move(*table);
  }

  // The table never looks into a packet, so any distinct pointers will do.
  static rte_mbuf* mbuf(uint32_t id) {
    return reinterpret_cast<rte_mbuf*>(uintptr_t{id} + 1);  // NOLINT(performance-no-int-to-ptr)
  }
  static uint32_t id_of(const rte_mbuf* packet) {
    return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(packet) - 1);
  }
  static table::FragmentDecision decision(uint32_t session) {
    return {.identification = session, .owner = 3, .protocol = 17, .is_forwarded = true};
  }

  void first(uint32_t id, table::DatagramHandle datagram, OnFirst on_first) {
    if (on_first == OnFirst::kRefuse) {
      table_.refuse(datagram, now_);
      dropped(id, table::FragmentDrop::kRefused);
      return;
    }
    const uint32_t session = ++sessions_;
    keys_[session] = packets_[id].fragment;
    forwarded(id, decision(session), packets_[id].fragment.ports);
    if (on_first == OnFirst::kDecideLater) {
      undecided_.push_back({datagram, session});
      return;
    }
    expect(table_.decide(datagram, decision(session), now_), "a new datagram is unknown");
    expect(!table_.decide(datagram, decision(session), now_), "a datagram is decided on once");
  }

  void collect() {
    table::ReleasedFragment released[3];
    uint32_t count = 0;
    do {
      count = table_.collect(released);
      for (const auto& fragment : std::span(released).first(count)) {
        const uint32_t id = id_of(fragment.packet);
        expect(id < packets_.size() && packets_[id].is_held, "this packet was never held");
        packets_[id].is_held = false;
        if (fragment.reason == table::FragmentDrop::kNone) {
          forwarded(id, fragment.decision, fragment.ports);
        } else {
          dropped(id, fragment.reason);
        }
      }
    } while (count == std::size(released));
    expect(table_.held() <= limits_.held_packets, "too much is held");
    expect(table_.size() <= limits_.datagrams, "too much is remembered");
  }

  void forwarded(uint32_t id, const table::FragmentDecision& decided, net::FragmentPorts ports) {
    gone(id);
    ++forwarded_;
    const net::Fragment& fragment = packets_[id].fragment;
    const net::Fragment& first = keys_.at(decided.identification);
    expect(decided == decision(decided.identification), "a decision was changed");
    expect(first.key == fragment.key && first.ports == ports, "another datagram's decision");
    for (uint32_t byte = fragment.offset_bytes; byte < fragment.end_bytes(); ++byte) {
      expect(bytes_[decided.identification].insert(byte).second, "a byte was forwarded twice");
    }
  }
  void dropped(uint32_t id, table::FragmentDrop reason) {
    gone(id);
    ++drops_[reason];
  }
  void gone(uint32_t id) {
    expect(!packets_[id].is_gone, "a packet came back twice");
    packets_[id].is_gone = true;
  }

  table::FragmentLimits limits_;
  table::FragmentTable table_;
  net::FlowHasher hasher_{
      {0x0123456789ABCDEF, 0xFEDCBA9876543210, 0x0F1E2D3C4B5A6978, 0x8796A5B4C3D2E1F0}};
  Tick now_ = UINT32_MAX - 20;  // ticks wrap during the test
  std::vector<Packet> packets_;
  std::vector<Undecided> undecided_;
  std::map<uint32_t, net::Fragment> keys_;        // of each session's first fragment
  std::map<uint32_t, std::set<uint32_t>> bytes_;  // forwarded, of each session
  std::map<table::FragmentDrop, uint32_t> drops_;
  uint32_t sessions_ = 0;
  uint32_t forwarded_ = 0;
};

}  // namespace sluice::test

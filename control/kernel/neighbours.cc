// SPDX-License-Identifier: BSD-3-Clause
// Neighbours: kernel entries to next hops, and probes back. Control thread.
#include "control/kernel/neighbours.h"

#include <linux/neighbour.h>

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::control {
namespace {

constexpr uint16_t kFixed = NUD_PERMANENT | NUD_NOARP;
constexpr uint16_t kUsable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | kFixed;
constexpr uint16_t kUnusable = NUD_FAILED | NUD_INCOMPLETE;
constexpr uint16_t kBeingAsked = NUD_PROBE | NUD_INCOMPLETE;

}  // namespace

Neighbours::Neighbours(snapshot::NextHopTable& table, Send send)
    : table_(table), send_(std::move(send)) {}

void Neighbours::add_port(int interface, uint8_t port) { port_of_[interface] = port; }

int Neighbours::interface_of(uint8_t port) const {
  for (const auto& [interface, known_port] : port_of_) {
    if (known_port == port) {
      return interface;
    }
  }
  return 0;
}

void Neighbours::on_event(const NeighbourEvent& event, Clock::time_point now) {
  const auto port = port_of_.find(event.interface);
  if (port == port_of_.end()) {
    return;
  }
  const Key key{port->second, event.address};
  if (event.is_removed) {
    forget(key, now);
    flush();
  } else {
    learn(key, event);
  }
}

void Neighbours::learn(const Key& key, const NeighbourEvent& event) {
  Known& known = known_[key];
  known.state = event.state;
  if ((event.state & kUsable) != 0 && event.mac) {
    known.mac = *event.mac;
    asked_at_.erase(key);
    publish(key, known.mac);
    return;
  }
  const snapshot::NextHopIndex index = table_.find(key.port, key.address);
  if ((event.state & kUnusable) != 0 && index != snapshot::kNoNextHop) {
    table_.set_unresolved(index);
  }
}

void Neighbours::publish(const Key& key, const net::Mac& mac) {
  const snapshot::NextHopIndex index = table_.find_or_add(key.port, key.address);
  if (index == snapshot::kNoNextHop) {
    ++table_full_;
    return;
  }
  const snapshot::NextHop now = table_.get(index);
  if (!now.is_resolved || now.mac != mac) {
    table_.set_resolved(index, mac);
  }
}

// The kernel drops entries it holds unused, or all of them when a link goes down. That says nothing
// about the neighbour, so the MAC stays in use until an answer, or none, comes.
void Neighbours::forget(const Key& key, Clock::time_point now) {
  known_.erase(key);
  const snapshot::NextHopIndex index = table_.find(key.port, key.address);
  if (index == snapshot::kNoNextHop) {
    return;
  }
  const snapshot::NextHop hop = table_.get(index);
  if (hop.is_resolved && may_ask(key, now)) {
    queue(NeighbourRequest::Kind::kRestore, key, hop.mac);
  }
}

void Neighbours::resync(std::span<const NeighbourEvent> events, Clock::time_point now) {
  std::set<Key> listed;
  for (const NeighbourEvent& event : events) {
    const auto port = port_of_.find(event.interface);
    if (port != port_of_.end()) {
      listed.insert({port->second, event.address});
      learn({port->second, event.address}, event);
    }
  }
  std::vector<Key> gone;
  for (const auto& [key, known] : known_) {
    if (!listed.contains(key)) {
      gone.push_back(key);
    }
  }
  for (const Key& key : gone) {
    forget(key, now);
  }
  flush();
}

bool Neighbours::may_ask(const Key& key, Clock::time_point now) {
  const auto asked = asked_at_.find(key);
  if ((asked != asked_at_.end() && now - asked->second.at < kMinAskInterval) || budget_ == 0) {
    ++not_asked_;
    return false;
  }
  asked_at_.insert_or_assign(key, Asked{now, kMinAskInterval});
  --budget_;
  return true;
}

void Neighbours::resolve(uint8_t port, const net::Address& address, Clock::time_point now) {
  const Key key{port, address};
  if (!address.is_unicast() || interface_of(port) == 0) {
    return;
  }
  const auto known = known_.find(key);
  const bool is_usable = known != known_.end() && (known->second.state & kUsable) != 0;
  if (is_usable) {
    publish(key, known->second.mac);  // it may have been forgotten since
  }
  if (is_usable && (known->second.state & (kFixed | kBeingAsked)) != 0) {
    return;  // an administrator's entry is true as it is; another is being confirmed
  }
  if (may_ask(key, now)) {
    queue(is_usable ? NeighbourRequest::Kind::kConfirm : NeighbourRequest::Kind::kResolve, key, {});
    flush();
  }
}

void Neighbours::start_round(Clock::time_point now) {
  round_start_ = now;
  round_done_ = 0;
  round_.clear();
  for (const snapshot::NextHopTable::Entry& entry : table_.entries()) {
    round_.push_back({entry.next_hop.port, entry.address});
  }
  std::erase_if(asked_at_, [&](const auto& asked) {
    return now - asked.second.at > kMinAskInterval &&
           table_.find(asked.first.port, asked.first.address) == snapshot::kNoNextHop;
  });
}

void Neighbours::refresh(Clock::time_point now) {
  budget_ = kMaxAsksPerTick;
  if (round_done_ == round_.size() && now - round_start_ >= kRound) {
    start_round(now);
  }
  // The share that the elapsed part of the round calls for: late ticks catch up, none bursts.
  const auto elapsed = std::min<Clock::duration>(now - round_start_ + kTick, kRound);
  const size_t due = round_.size() * static_cast<size_t>(elapsed.count()) /
                     static_cast<size_t>(Clock::duration(kRound).count());
  const size_t end = std::min(due, round_done_ + kMaxAsksPerTick);
  for (; round_done_ < end; ++round_done_) {
    refresh_one(round_[round_done_], now);
  }
  flush();
}

void Neighbours::refresh_one(const Key& key, Clock::time_point now) {
  const snapshot::NextHopIndex index = table_.find(key.port, key.address);
  if (index == snapshot::kNoNextHop) {
    return;  // forgotten within the round
  }
  const auto known = known_.find(key);
  const uint16_t state = known == known_.end() ? uint16_t{0} : known->second.state;
  const snapshot::NextHop hop = table_.get(index);
  if ((state & kUsable) != 0) {
    if (!hop.is_resolved) {
      publish(key, known->second.mac);
    }
    if ((state & (kFixed | kBeingAsked)) == 0) {
      queue(NeighbourRequest::Kind::kConfirm, key, {});
    }
  } else if (hop.is_resolved && known == known_.end()) {
    queue(NeighbourRequest::Kind::kRestore, key, hop.mac);
  } else if ((state & kBeingAsked) == 0) {
    ask_silent(key, now);
  }
}

// A next hop without an answer: a gateway or server that is not there yet. Asked on our own with
// doubling waits, so that the first packet finds it resolved and the dead cost nearly nothing.
void Neighbours::ask_silent(const Key& key, Clock::time_point now) {
  const auto [asked, is_new] = asked_at_.try_emplace(key, Asked{now, kMinAskInterval});
  if (!is_new) {
    if (now - asked->second.at < asked->second.wait) {
      return;
    }
    asked->second.at = now;
    asked->second.wait = std::min<Clock::duration>(asked->second.wait * 2, kMaxAskInterval);
  }
  queue(NeighbourRequest::Kind::kResolve, key, {});
}

void Neighbours::queue(NeighbourRequest::Kind kind, const Key& key, const net::Mac& mac) {
  const int interface = interface_of(key.port);
  if (interface != 0) {
    queued_.push_back({kind, interface, key.address, mac});
  }
}

void Neighbours::flush() {
  if (!queued_.empty()) {
    asked_ += queued_.size();
    send_(queued_);
    queued_.clear();
  }
}

}  // namespace sluice::control

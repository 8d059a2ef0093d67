// SPDX-License-Identifier: BSD-3-Clause
// TCP options: a walk no length can lead astray, and edits that keep the checksum. Worker thread.
#pragma once

#include <netinet/tcp.h>
#include <rte_tcp.h>

#include <cstdint>
#include <cstring>
#include <optional>

#include "lib/net/byte_order.h"
#include "lib/net/checksum.h"

namespace sluice::net {

// What netinet/tcp.h does not name.
inline constexpr uint8_t kTcpOptionMptcp = 30;           // RFC 8684
inline constexpr uint8_t kTcpOptionFastOpen = 34;        // RFC 7413
inline constexpr uint8_t kTcpOptionClientAddress = 254;  // TOA, both layouts
/// The older TOA modules read IPv6 clients from this kind (length 20 only).
inline constexpr uint8_t kTcpOptionOldClientAddress6 = 253;
inline constexpr uint8_t kClientAddress4Bytes = 8;
inline constexpr uint8_t kClientAddress6Bytes = 20;
inline constexpr uint32_t kMaxTcpHeaderBytes = 60;

/// Of the header at `tcp`, with options.
inline uint32_t tcp_header_bytes(const uint8_t* tcp) { return (tcp[12] >> 4) * 4U; }

/// One option: its bytes stand at `offset` from the start of the TCP header.
struct TcpOption {
  uint8_t kind;
  uint8_t offset;
  uint8_t bytes;  // with kind and length; at least 2, and all of them inside the header
};

/// Calls `visit(TcpOption)` for each option but NOPs, in order, and stops as receivers do: at the
/// end-of-list option or at the first option whose length is impossible (RFC 9293 3.2).
/// Precondition: the header's data offset is at least 5 and the whole header lies in one piece.
/// Cost: at most 40 steps. `visit` may overwrite the option it is shown.
template <typename Visit>
void for_each_tcp_option(const uint8_t* tcp, Visit visit) {
  const uint32_t end = tcp_header_bytes(tcp);
  for (uint32_t at = sizeof(rte_tcp_hdr); at < end && tcp[at] != TCPOPT_EOL;) {
    if (tcp[at] == TCPOPT_NOP) {
      ++at;
      continue;
    }
    const uint32_t bytes = at + 1 < end ? tcp[at + 1] : 0U;
    if (bytes < 2 || bytes > end - at) {
      return;
    }
    visit(TcpOption{tcp[at], static_cast<uint8_t>(at), static_cast<uint8_t>(bytes)});
    at += bytes;
  }
}

/// The last option of a kind and length, which is the one that receivers believe. Errors: nullopt.
inline std::optional<TcpOption> find_tcp_option(const uint8_t* tcp, uint8_t kind, uint8_t bytes) {
  std::optional<TcpOption> found;
  for_each_tcp_option(tcp, [&](const TcpOption& option) {
    if (option.kind == kind && option.bytes == bytes) {
      found = option;
    }
  });
  return found;
}

/// Edits of one TCP header; the checksum field follows with one store at commit().
/// Offsets count from the start of the TCP header and may be odd.  Source: RFC 1624.
class TcpEdit {
 public:
  explicit TcpEdit(uint8_t* tcp) : tcp_(tcp) {}

  [[nodiscard]] const uint8_t* header() const { return tcp_; }
  [[nodiscard]] uint8_t get8(uint32_t offset) const { return tcp_[offset]; }
  [[nodiscard]] uint16_t get16(uint32_t offset) const {
    Be16 value;
    std::memcpy(&value.raw, tcp_ + offset, sizeof(value.raw));
    return value.host();
  }
  [[nodiscard]] uint32_t get32(uint32_t offset) const {
    Be32 value;
    std::memcpy(&value.raw, tcp_ + offset, sizeof(value.raw));
    return value.host();
  }

  /// Values are in host order.
  void put8(uint32_t offset, uint8_t value) {
    const uint32_t shift = offset % 2 * 8;
    delta_.change16(static_cast<uint16_t>(tcp_[offset] << shift),
                    static_cast<uint16_t>(value << shift));
    tcp_[offset] = value;
  }
  void put16(uint32_t offset, uint16_t value) {
    uint16_t before;
    std::memcpy(&before, tcp_ + offset, sizeof(before));
    const uint16_t after = Be16::from_host(value).raw;
    std::memcpy(tcp_ + offset, &after, sizeof(after));
    change(offset, before, after);
  }
  void put32(uint32_t offset, uint32_t value) {
    uint32_t before;
    std::memcpy(&before, tcp_ + offset, sizeof(before));
    const uint32_t after = Be32::from_host(value).raw;
    std::memcpy(tcp_ + offset, &after, sizeof(after));
    change(offset, before, after);
  }
  /// The option becomes NOPs: nothing moves, no receiver sees it.
  void blank(const TcpOption& option) {
    for (uint32_t i = 0; i < option.bytes; ++i) {
      put8(option.offset + i, TCPOPT_NOP);
    }
  }
  /// Something the checksum covers changed elsewhere: words as in memory, or sums of them.
  void replace_covered(uint16_t before, uint16_t after) { delta_.change16(before, after); }

  /// Writes the checksum field. Once, after the last edit.
  void commit() {
    constexpr uint32_t kChecksumAt = 16;
    uint16_t checksum;
    std::memcpy(&checksum, tcp_ + kChecksumAt, sizeof(checksum));
    checksum = delta_.apply(checksum);
    std::memcpy(tcp_ + kChecksumAt, &checksum, sizeof(checksum));
  }

 private:
  // At an odd offset the bytes stand each in the other place of a word: RFC 1071 1(B).
  void change(uint32_t offset, uint32_t before, uint32_t after) {
    const uint16_t sum_before = fold(before), sum_after = fold(after);
    if (offset % 2 == 0) {
      delta_.change16(sum_before, sum_after);
    } else {
      delta_.change16(__builtin_bswap16(sum_before), __builtin_bswap16(sum_after));
    }
  }

  uint8_t* tcp_;
  ChecksumDelta delta_;
};

/// Whether a client's option would tell the server a client address: only we may.
constexpr bool claims_client_address(const TcpOption& option) {
  return option.kind == kTcpOptionClientAddress ||
         (option.kind == kTcpOptionOldClientAddress6 && option.bytes == kClientAddress6Bytes);
}

/// Blanks every option that claims a client address. Returns whether there was one.
inline bool strip_client_address(TcpEdit& edit) {
  bool stripped = false;
  for_each_tcp_option(edit.header(), [&](const TcpOption& option) {
    if (claims_client_address(option)) {
      edit.blank(option);
      stripped = true;
    }
  });
  return stripped;
}

/// Blanks every option of a kind. LVS does so with timestamps in SYNs; sequence_shift.h translates
/// them instead.
inline void blank_tcp_options(TcpEdit& edit, uint8_t kind) {
  for_each_tcp_option(edit.header(), [&](const TcpOption& option) {
    if (option.kind == kind) {
      edit.blank(option);
    }
  });
}

/// Lowers each announced MSS by `bytes`, so that later segments have room for what we add. One of
/// less than `bytes` + 64 stays: such segments have room in any MTU.
inline void lower_mss(TcpEdit& edit, uint16_t bytes) {
  constexpr uint32_t kLeastMss = 64;
  for_each_tcp_option(edit.header(), [&](const TcpOption& option) {
    if (option.kind == TCPOPT_MAXSEG && option.bytes == TCPOLEN_MAXSEG) {
      const uint16_t mss = edit.get16(option.offset + 2U);
      if (mss >= kLeastMss + bytes) {
        edit.put16(option.offset + 2U, static_cast<uint16_t>(mss - bytes));
      }
    }
  });
}

/// Lowers each announced MSS to at most `limit`: what a smaller MTU further on can carry.
inline void clamp_mss(TcpEdit& edit, uint16_t limit) {
  for_each_tcp_option(edit.header(), [&](const TcpOption& option) {
    if (option.kind == TCPOPT_MAXSEG && option.bytes == TCPOLEN_MAXSEG &&
        edit.get16(option.offset + 2U) > limit) {
      edit.put16(option.offset + 2U, limit);
    }
  });
}

}  // namespace sluice::net

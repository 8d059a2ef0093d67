// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: fragments of arbitrary bytes through the reader and the table. Tests.
//
// A script is a row of steps, each one control byte and what belongs to it:
//   0.......  a fragment: 3 bits of datagram, 2 of what its first is answered with, 1 last, 1 IPv6;
//             then its offset and its length in units of 8 bytes
//   10......  a packet of any bytes: the next byte is its length, the control byte's lower 6 bits
//             are how much of it lies in further segments
//   11......  time, or a late decision: 3 bits of ticks or of budget
#include <algorithm>
#include <memory>
#include <vector>

#include "tests/fuzz/target.h"
#include "tests/support/eal.h"
#include "tests/unit/lib/table/fragment_player.h"

namespace sluice::fuzz {
namespace {

using net::FragmentVerdict;

constexpr table::FragmentLimits kLimits{.datagrams = 12, .held_packets = 6, .held_per_datagram = 4};

void expect_usable(const net::Fragment& fragment, size_t contiguous, size_t total) {
  check(fragment.payload_bytes > 0 && fragment.payload_bytes <= total, "a payload out of nothing");
  check(fragment.offset_bytes + uint32_t{fragment.payload_bytes} <= 65'535, "a place behind all");
  check(fragment.is_last || fragment.payload_bytes % 8 == 0, "a fragment that nothing can follow");
  check(!fragment.is_first() || !fragment.is_last, "a whole packet taken for a fragment");
  const uint32_t l4_bytes = !fragment.is_first()      ? 0
                            : fragment.protocol == 6  ? 20
                            : fragment.protocol == 17 ? 8
                                                      : 0;
  check(fragment.l4_at + l4_bytes <= contiguous, "the L4 header lies outside the first segment");
}

class Script {
 public:
  explicit Script(std::span<const uint8_t> bytes) : rest_(bytes), player_(kLimits) {}

  void play() {
    while (!rest_.empty()) {
      const uint8_t control = take();
      if (control < 0x80) {
        send_made(control);
      } else if (control < 0xC0) {
        send_read(control & 0x3F);
      } else {
        pass(control);
      }
    }
    player_.finish();
  }

 private:
  uint8_t take() {
    if (rest_.empty()) {
      return 0;
    }
    const uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte;
  }

  void send_made(uint8_t control) {
    const bool is_last = (control & 0x20) != 0;
    const uint32_t begin = take() * 8U, units = 1 + take() % 16U;
    net::Fragment fragment = test::part(control & 7U, begin, begin + units * 8, is_last);
    fragment.key = test::fragment_key(control & 7U, (control & 0x40) != 0);
    if (begin != 0 || !is_last) {
      player_.send(fragment, static_cast<test::OnFirst>((control >> 3 & 3) % 3));
    }
  }

  void send_read(uint8_t elsewhere) {
    const size_t length = std::min<size_t>(take(), rest_.size());
    const size_t contiguous = length - std::min<size_t>(elsewhere, length);
    // Of its own size in the heap, so that a sanitizer sees every byte read behind it.
    const std::vector<uint8_t> packet(rest_.begin(),
                                      rest_.begin() + static_cast<ptrdiff_t>(contiguous));
    const bool is_v4 = length > 0 && rest_[0] >> 4 == 4;
    rest_ = rest_.subspan(length);
    net::Fragment fragment;
    const auto verdict = (is_v4 ? net::read_fragment4 : net::read_fragment6)(
        packet, static_cast<uint32_t>(length), fragment);
    if (verdict == FragmentVerdict::kFragment) {
      expect_usable(fragment, contiguous, length);
      player_.send(fragment);
    }
  }

  void pass(uint8_t control) {
    const uint32_t argument = control & 7U;
    switch (control >> 3 & 3) {
      case 0:
        player_.pass(argument);
        break;
      case 1:
        player_.pass(4, argument);
        break;
      case 2:
        player_.decide_one();
        break;
      default:
        player_.table().clear();
        player_.pass(0);
    }
  }

  std::span<const uint8_t> rest_;
  test::FragmentPlayer player_;
};

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** argv) {
  sluice::fuzz::check(sluice::test::start_eal((*argv)[0]), "the EAL does not start");
  return 0;
}

// A broken promise leaves the player as an exception, which ends the program.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  sluice::fuzz::Script({bytes, size}).play();
  return 0;
}

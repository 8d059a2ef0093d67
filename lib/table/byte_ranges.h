// SPDX-License-Identifier: BSD-3-Clause
// Which bytes of a datagram its fragments have brought so far. Worker thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace sluice::table {

/// Disjoint, sorted half-open ranges; those that touch are joined. Exact: a byte is known to be
/// there or not, whatever the order, as long as there are at most kCapacity gaps.
///
/// Fragments in order, or in reverse, are one range all the time. Any order of n fragments has at
/// most n / 2 ranges, so any order of up to 76 fragments fits: 64 KB over links of 900 bytes.
/// Example: 0..8, 16..24 -> two ranges; 8..16 -> one, 0..24.
class ByteRanges {
 public:
  static constexpr uint32_t kCapacity = 38;

  enum class Addition : uint8_t {
    kNew,
    kDuplicate,  // nothing new in it
    kOverlap,    // partly new
    kFull,       // one gap too many
  };

  void clear() { count_ = 0; }

  /// Adds begin..end, begin < end. Only kNew changes anything.  Cost: O(kCapacity), mostly O(1).
  Addition add(uint16_t begin, uint16_t end) {
    // The last range that begins at or before `begin`, if any, is just below `above`.
    uint32_t above = count_;
    while (above > 0 && ranges_[above - 1].begin > begin) {
      --above;
    }
    const bool has_above = above<count_, has_below = above> 0;
    if (has_below && end <= ranges_[above - 1].end) {
      return Addition::kDuplicate;
    }
    if ((has_below && begin < ranges_[above - 1].end) ||
        (has_above && end > ranges_[above].begin)) {
      return Addition::kOverlap;
    }
    const bool joins_below = has_below && begin == ranges_[above - 1].end;
    const bool joins_above = has_above && end == ranges_[above].begin;
    if (joins_below && joins_above) {
      ranges_[above - 1].end = ranges_[above].end;
      std::copy(ranges_.begin() + above + 1, ranges_.begin() + count_, ranges_.begin() + above);
      --count_;
    } else if (joins_below) {
      ranges_[above - 1].end = end;
    } else if (joins_above) {
      ranges_[above].begin = begin;
    } else if (count_ == kCapacity) {
      return Addition::kFull;
    } else {
      std::copy_backward(ranges_.begin() + above, ranges_.begin() + count_,
                         ranges_.begin() + count_ + 1);
      ranges_[above] = {begin, end};
      ++count_;
    }
    return Addition::kNew;
  }

  /// Whether all of 0..bytes is there and nothing else.
  [[nodiscard]] bool is_whole(uint16_t bytes) const {
    return count_ == 1 && ranges_[0].begin == 0 && ranges_[0].end == bytes;
  }

  /// The end of the last range, 0 when there is none.
  [[nodiscard]] uint16_t end() const { return count_ == 0 ? uint16_t{0} : ranges_[count_ - 1].end; }

 private:
  struct Range {
    uint16_t begin;
    uint16_t end;
  };

  uint16_t count_;
  std::array<Range, kCapacity> ranges_;
};

}  // namespace sluice::table

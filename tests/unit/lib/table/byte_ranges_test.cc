// SPDX-License-Identifier: BSD-3-Clause
// Every byte known exactly, against a set of bytes. Tests.
#include "lib/table/byte_ranges.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <bitset>
#include <utility>
#include <vector>

namespace sluice::table {
namespace {

using Addition = ByteRanges::Addition;

ByteRanges make_ranges(const std::vector<std::pair<uint16_t, uint16_t>>& parts) {
  ByteRanges ranges;
  ranges.clear();
  for (const auto& [begin, end] : parts) {
    EXPECT_EQ(ranges.add(begin, end), Addition::kNew) << begin;
  }
  return ranges;
}

TEST(ByteRanges, IsWholeOnlyWithoutGaps) {
  EXPECT_FALSE(make_ranges({}).is_whole(8));
  EXPECT_FALSE(make_ranges({{8, 16}}).is_whole(16));
  EXPECT_FALSE(make_ranges({{0, 8}, {16, 20}}).is_whole(20));
  EXPECT_TRUE(make_ranges({{0, 8}, {16, 20}, {8, 16}}).is_whole(20));
  EXPECT_TRUE(make_ranges({{0, 65'535}}).is_whole(65'535));
  EXPECT_EQ(make_ranges({{16, 20}, {0, 8}}).end(), 20);
}

TEST(ByteRanges, TellsDuplicatesFromOverlaps) {
  ByteRanges ranges = make_ranges({{16, 32}, {48, 64}});
  EXPECT_EQ(ranges.add(16, 32), Addition::kDuplicate);
  EXPECT_EQ(ranges.add(24, 32), Addition::kDuplicate);
  EXPECT_EQ(ranges.add(24, 40), Addition::kOverlap);
  EXPECT_EQ(ranges.add(8, 24), Addition::kOverlap);
  EXPECT_EQ(ranges.add(8, 72), Addition::kOverlap) << "around both";
  EXPECT_EQ(ranges.add(32, 56), Addition::kOverlap) << "touches one, overlaps the next";
  EXPECT_EQ(ranges.add(32, 48), Addition::kNew);
  EXPECT_EQ(ranges.add(24, 56), Addition::kDuplicate) << "of two fragments joined";
}

TEST(ByteRanges, RefusesOneGapTooMany) {
  ByteRanges ranges = make_ranges({});
  for (uint32_t i = 0; i < ByteRanges::kCapacity; ++i) {
    ASSERT_EQ(ranges.add(static_cast<uint16_t>(16 * i), static_cast<uint16_t>(16 * i + 8)),
              Addition::kNew);
  }
  EXPECT_EQ(ranges.add(60'000, 60'008), Addition::kFull);
  EXPECT_EQ(ranges.add(8, 16), Addition::kNew) << "closing a gap is always possible";
  EXPECT_EQ(ranges.add(60'000, 60'008), Addition::kNew);
}

TEST(ByteRanges, AgreeWithASetOfBytes) {
  rc::check("additions to ranges and to a bit set", [] {
    constexpr uint32_t kBytes = 128;  // enough for more gaps than fit
    ByteRanges ranges;
    ranges.clear();
    std::bitset<kBytes + 1> bytes;
    const auto parts = *rc::gen::container<std::vector<std::pair<uint16_t, uint16_t>>>(
        200, rc::gen::pair(rc::gen::inRange<uint16_t>(0, kBytes),
                           rc::gen::element<uint16_t>(1, 1, 1, 2, 5)));
    for (const auto& [begin, length] : parts) {
      const auto end = static_cast<uint16_t>(std::min<uint32_t>(begin + length, kBytes));
      uint32_t known = 0, gaps = 0;
      for (uint32_t i = begin; i < end; ++i) {
        known += bytes[i];
      }
      for (uint32_t i = 0; i < kBytes; ++i) {
        gaps += static_cast<uint32_t>(bytes[i] && !bytes[i + 1]);
      }
      const bool touches = bytes[end] || (begin > 0 && bytes[begin - 1]);
      const Addition expected = known == end - uint32_t{begin}              ? Addition::kDuplicate
                                : known > 0                                 ? Addition::kOverlap
                                : !touches && gaps == ByteRanges::kCapacity ? Addition::kFull
                                                                            : Addition::kNew;
      RC_ASSERT(ranges.add(begin, end) == expected);
      for (uint32_t i = begin; expected == Addition::kNew && i < end; ++i) {
        bytes[i] = true;
      }
      RC_ASSERT(ranges.is_whole(kBytes) == (bytes.count() == kBytes));
    }
  });
}

}  // namespace
}  // namespace sluice::table

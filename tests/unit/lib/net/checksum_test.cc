// SPDX-License-Identifier: BSD-3-Clause
// Checksums against RFC 1071 written out, and changes to them against summing anew. Tests.
#include "lib/net/checksum.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <vector>

#include "tests/support/reference_checksum.h"

namespace sluice::net {
namespace {

using Bytes = std::vector<uint8_t>;

uint16_t swap(uint16_t value) { return __builtin_bswap16(value); }

uint16_t word_at(const Bytes& bytes, size_t offset) {
  uint16_t word;
  std::memcpy(&word, bytes.data() + offset, sizeof(word));
  return word;
}

// Half of all words are 0x0000 or 0xFFFF, where the two zeros of one's complement live.
Bytes words_from(const std::vector<uint32_t>& seeds) {
  Bytes bytes;
  for (const uint32_t seed : seeds) {
    const uint16_t word = seed % 4 == 0   ? uint16_t{0}
                          : seed % 4 == 1 ? uint16_t{0xFFFF}
                                          : static_cast<uint16_t>(seed >> 2);
    bytes.push_back(static_cast<uint8_t>(word));
    bytes.push_back(static_cast<uint8_t>(word >> 8));
  }
  return bytes;
}

// The field as a sender computes it: over all words, itself counted as zero.
uint16_t full_checksum(const Bytes& bytes) { return static_cast<uint16_t>(~sum_words(bytes)); }

TEST(Checksum, OfTheExampleOfRfc1071) {
  const Bytes bytes = {0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7};
  EXPECT_EQ(swap(sum_words(bytes)), 0xDDF2);
}

TEST(Checksum, OfNothingIsZero) { EXPECT_EQ(sum_words({}), 0); }

TEST(Checksum, OfTheLargestPacketDoesNotOverflow) {
  const Bytes ones(65'535, 0xFF);
  EXPECT_EQ(swap(sum_words(ones)), test::reference_sum(ones));
  EXPECT_EQ(sum_words(ones, 0xFFFF), sum_words(ones));
}

TEST(ChecksumProperty, SumsAsTheRfcSays) {
  EXPECT_TRUE(rc::check(
      [](const Bytes& bytes) { RC_ASSERT(swap(sum_words(bytes)) == test::reference_sum(bytes)); }));
}

TEST(ChecksumProperty, AnIpHeaderSumsAsItsWords) {
  EXPECT_TRUE(rc::check([](const std::vector<uint32_t>& seeds, uint8_t options) {
    Bytes header = words_from(seeds);
    header.resize(20 + options % 11 * 4U, 0xFF);
    RC_ASSERT(sum_ip_header(header.data(), static_cast<uint32_t>(header.size())) ==
              sum_words(header));
  }));
}

TEST(ChecksumProperty, AnIpHeaderSumsTo0xFFFFExactlyWhenItsChecksumIsRight) {
  EXPECT_TRUE(rc::check([](const std::array<uint8_t, 20>& raw, uint16_t lie) {
    Bytes header(raw.begin(), raw.end());
    header[0] = 0x45;
    header[10] = header[11] = 0;
    const uint16_t right = full_checksum(header);
    std::memcpy(header.data() + 10, &right, sizeof(right));
    RC_ASSERT(sum_ip_header(header.data(), 20) == 0xFFFF);
    // 0x0000 and 0xFFFF are the same number in one's complement.
    RC_PRE((lie != right && !(lie == 0xFFFF && right == 0)));
    std::memcpy(header.data() + 10, &lie, sizeof(lie));
    RC_ASSERT(sum_ip_header(header.data(), 20) != 0xFFFF);
  }));
}

// RFC 1624: the changed checksum is the one that summing anew gives, bit for bit.
TEST(ChecksumDeltaProperty, GivesWhatSummingAnewGives) {
  EXPECT_TRUE(rc::check([](const std::vector<uint32_t>& seeds, const std::vector<uint32_t>& edits) {
    Bytes bytes = words_from(seeds);
    bytes.insert(bytes.end(), {0x45, 0x00});  // every header has a word that is not zero
    const uint16_t before = full_checksum(bytes);
    ChecksumDelta delta;
    for (const uint32_t edit : edits) {
      const size_t offset = edit % (bytes.size() / 2) * 2;
      if (offset == bytes.size() - 2) {
        continue;
      }
      const Bytes word = words_from({edit ^ edit >> 16});
      delta.change16(word_at(bytes, offset), word_at(word, 0));
      std::copy(word.begin(), word.end(), bytes.begin() + static_cast<ptrdiff_t>(offset));
    }
    RC_ASSERT(delta.apply(before) == full_checksum(bytes));
  }));
}

TEST(ChecksumDeltaProperty, TakesAddressesAsTwoWords) {
  EXPECT_TRUE(rc::check([](uint32_t before, uint32_t after, uint16_t checksum) {
    ChecksumDelta whole;
    whole.change32(before, after);
    ChecksumDelta halves;
    halves.change16(static_cast<uint16_t>(before >> 16), static_cast<uint16_t>(after >> 16))
        .change16(static_cast<uint16_t>(before), static_cast<uint16_t>(after));
    RC_ASSERT(whole.apply(checksum) == halves.apply(checksum));
  }));
}

TEST(ChecksumDelta, StepsEveryTtlOfEveryProtocol) {
  for (uint32_t protocol = 0; protocol < 256; ++protocol) {
    for (uint32_t ttl = 1; ttl < 256; ++ttl) {
      Bytes header = {0x45, 0, static_cast<uint8_t>(ttl), static_cast<uint8_t>(protocol)};
      const uint16_t before = full_checksum(header);
      --header[2];
      ASSERT_EQ(ChecksumDelta().decrement_ttl().apply(before), full_checksum(header))
          << "ttl " << ttl << ", protocol " << protocol;
    }
  }
}

TEST(ChecksumDelta, OfNoChangeChangesNothing) {
  for (uint32_t checksum = 0; checksum <= 0xFFFF; ++checksum) {
    const auto field = static_cast<uint16_t>(checksum);
    EXPECT_EQ(ChecksumDelta().apply(field), field);
    EXPECT_EQ(ChecksumDelta().apply_udp(field), field);
  }
}

TEST(ChecksumDelta, KeepsUdpWithoutChecksum) {
  EXPECT_EQ(ChecksumDelta().change16(1, 2).apply_udp(0), 0);
}

TEST(ChecksumDelta, NeverTurnsAUdpChecksumIntoNone) {
  for (uint32_t checksum = 1; checksum <= 0xFFFF; ++checksum) {
    const auto field = static_cast<uint16_t>(checksum);
    // The change that takes the sum to 0xFFFF, whose complement is 0.
    EXPECT_EQ(ChecksumDelta().change16(0, field).apply_udp(field), 0xFFFF);
  }
}

// 0xFFFF in a received field is the other zero; a sender may use it, and the result must be right.
TEST(ChecksumDeltaProperty, TakesBothZerosForTheSame) {
  EXPECT_TRUE(rc::check([](uint16_t before, uint16_t after) {
    RC_PRE(before != after);
    const ChecksumDelta delta = ChecksumDelta().change16(before, after);
    const uint16_t from_0000 = delta.apply(0x0000), from_ffff = delta.apply(0xFFFF);
    RC_ASSERT(from_0000 % 0xFFFF == from_ffff % 0xFFFF);
  }));
}

}  // namespace
}  // namespace sluice::net

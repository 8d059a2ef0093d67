// SPDX-License-Identifier: BSD-3-Clause
// The bytes of a pipeline script: read by the fuzz target, written by make_seeds. Tests.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sluice::fuzz {

/// One step. A frame is: control byte, length byte, bytes. Other steps are one byte: the two top
/// bits set, then two bits of kind and four or five of argument.
struct Step {
  enum class Kind : uint8_t { kFrame, kTime, kReload, kNeighbour };
  Kind kind = Kind::kFrame;
  uint32_t argument = 0;  // ticks, variant of the services, neighbour
  // Of a frame:
  uint8_t port = 0;           // bit 0
  uint8_t queue = 0;          // bit 1
  bool repairs = false;       // bit 2: the target's MAC and the IP checksum are made right
  bool polls = false;         // bit 3: the workers run before the next step
  bool is_segmented = false;  // bit 4: in buffers of half the frame
  std::span<const uint8_t> bytes = {};
};

inline constexpr uint8_t kNoFrame = 0xC0;
inline constexpr uint8_t kReloadStep = 0xE0;     // + 5 bits of variant
inline constexpr uint8_t kNeighbourStep = 0xD0;  // + 4 bits: 3 which, 1 forget
inline constexpr uint8_t kTimeStep = 0xC0;       // + 4 bits: 2^n ticks

/// Reads steps one after the other; a frame longer than what is left is what is left.
class ScriptReader {
 public:
  explicit ScriptReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  std::optional<Step> next() {
    if (rest_.empty()) {
      return std::nullopt;
    }
    const uint8_t control = take();
    return control >= kNoFrame ? other_step(control) : frame_step(control);
  }

 private:
  uint8_t take() {
    const uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte;
  }

  static Step other_step(uint8_t control) {
    if (control >= kReloadStep) {
      return {.kind = Step::Kind::kReload, .argument = control & 0x1FU};
    }
    if (control >= kNeighbourStep) {
      return {.kind = Step::Kind::kNeighbour, .argument = (control & 7U) | (control & 8U) << 1};
    }
    return {.kind = Step::Kind::kTime, .argument = 1U << (control & 0xFU) % 10};
  }

  Step frame_step(uint8_t control) {
    const size_t wanted = rest_.empty() ? 0 : take();
    const auto bytes = rest_.first(std::min(wanted, rest_.size()));
    rest_ = rest_.subspan(bytes.size());
    return {.port = static_cast<uint8_t>(control & 1),
            .queue = static_cast<uint8_t>(control >> 1 & 1),
            .repairs = (control & 4) != 0,
            .polls = (control & 8) != 0,
            .is_segmented = (control & 16) != 0,
            .bytes = bytes};
  }

  std::span<const uint8_t> rest_;
};

/// Appends a frame of at most 255 bytes that the target repairs and polls after.
inline void append_frame(std::vector<uint8_t>& script, uint8_t port, uint8_t queue,
                         const std::vector<uint8_t>& frame) {
  script.push_back(static_cast<uint8_t>(port | queue << 1 | 4 | 8));
  script.push_back(static_cast<uint8_t>(frame.size()));
  script.insert(script.end(), frame.begin(), frame.end());
}

}  // namespace sluice::fuzz

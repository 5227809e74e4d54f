// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/model.h"

namespace quantscope {

/// Sixteen hexadecimal digits over any number of parts: tells two things apart, is no protection against
/// somebody who wants them equal. 64-bit FNV-1a over 8 bytes at a time, then SplitMix64's finalizer.
class Fingerprint {
 public:
    void add(std::span<const std::byte> bytes);
    void add(std::string_view text);
    void add(uint64_t number) { mix(number); }
    [[nodiscard]] std::string text() const;

 private:
    void mix(uint64_t word);
    uint64_t m_state = 0xCBF29CE484222325ULL;
};

/// Of the model: its shape, and of every linear layer name, type, size and 64 stretches of 256 bytes spread
/// over the stored weight, so that a large file is not read as a whole.
Result<std::string> modelFingerprint(const Model& model);

/// Of the calibration text as the model reads it: token ids and window.
std::string textFingerprint(std::span<const int32_t> tokens, int64_t window);

}  // namespace quantscope

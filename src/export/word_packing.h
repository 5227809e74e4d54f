// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace quantscope {

/// Codes of 1..8 bits in little-endian 32-bit words, as GPTQ, AWQ and compressed-tensors store them. Codes
/// are unsigned (0 .. 2^bits - 1), row-major [rows x cols]. Packing is one bit string: element j takes bits
/// j bits .. j bits + bits - 1 counted from the lowest bit of word 0, and may cross into the next word (3
/// bits: 32 codes in 3 words, 10 + a split one + 10 + a split one + 10). Spare bits of the last word are 0.

/// Words for `count` codes.
constexpr int64_t wordsFor(int64_t count, int bits) {
    return (count * bits + 31) / 32;
}

/// Along the columns: [rows x wordsFor(cols)].
std::vector<uint32_t> packAlongColumns(std::span<const uint8_t> codes, int64_t rows, int64_t cols, int bits);
std::vector<uint8_t> unpackAlongColumns(std::span<const uint32_t> words, int64_t rows, int64_t cols,
                                        int bits);

/// Along the rows: [wordsFor(rows) x cols]; word w of a column holds rows 32 w / bits and on.
std::vector<uint32_t> packAlongRows(std::span<const uint8_t> codes, int64_t rows, int64_t cols, int bits);
std::vector<uint8_t> unpackAlongRows(std::span<const uint32_t> words, int64_t rows, int64_t cols, int bits);

/// The eight nibbles of a word: nibble i (from the lowest) holds column 8 c + order[i].
using NibbleOrder = std::array<uint8_t, 8>;
inline constexpr NibbleOrder kRunningOrder = {0, 1, 2, 3, 4, 5, 6, 7};
inline constexpr NibbleOrder kAwqOrder = {0, 2, 4, 6, 1, 3, 5, 7};

/// 4-bit codes along the columns in that order: [rows x cols / 8]; cols must be a multiple of 8.
std::vector<uint32_t> packNibbles(std::span<const uint8_t> codes, int64_t rows, int64_t cols,
                                  const NibbleOrder& order);
std::vector<uint8_t> unpackNibbles(std::span<const uint32_t> words, int64_t rows, int64_t cols,
                                   const NibbleOrder& order);

/// [rows x cols] to [cols x rows].
std::vector<uint8_t> transposed(std::span<const uint8_t> codes, int64_t rows, int64_t cols);

}  // namespace quantscope

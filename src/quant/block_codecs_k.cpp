// SPDX-License-Identifier: Apache-2.0
// The super-blocks of 256 elements ("K-quants").
#include <utility>

#include "quant/block_codecs.h"
#include "quant/block_layouts.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

/// Scale and minimum of run 0..7 of Q4_K and Q5_K. Runs 0..3: the low six bits of bytes k and k + 4. Runs
/// 4..7: the nibbles of byte k + 4 and, above them, the two bits that runs 0..3 leave free.
std::pair<int, int> scaleAndMinimum(const std::array<uint8_t, 12>& packed, size_t run) {
    if (run < 4) return {packed[run] & 0x3F, packed[run + 4] & 0x3F};
    const int scale = (packed[run + 4] & 0xF) | ((packed[run - 4] >> 6) << 4);
    const int minimum = (packed[run + 4] >> 4) | ((packed[run] >> 6) << 4);
    return {scale, minimum};
}

/// The 6-bit scale of run 0..15 of Q3_K, without its offset of 32.
int scaleOfQ3K(const std::array<uint8_t, 12>& packed, size_t run) {
    const int low = run < 8 ? packed[run] & 0xF : packed[run - 8] >> 4;
    const int high = (packed[8 + run % 4] >> (2 * (run / 4))) & 3;
    return low | (high << 4);
}

/// The two bits of element i of Q2_K and Q3_K.
int pairOf(const std::array<uint8_t, 64>& codes, size_t i) {
    return (codes[i / 128 * 32 + i % 32] >> (2 * (i % 128 / 32))) & 3;
}

/// Q4_K and Q5_K: r = d s q - dmin m, codes from codeOf(run, l).
template <class Block, class CodeOf>
void decodeWithMinima(const Block& block, const CodeOf& codeOf, float* out) {
    const float d = floatFromF16(block.d);
    const float dmin = floatFromF16(block.dmin);
    for (size_t run = 0; run < 8; ++run) {
        const auto [scale, minimum] = scaleAndMinimum(block.scales, run);
        const float step = d * static_cast<float>(scale);
        const float offset = dmin * static_cast<float>(minimum);
        for (size_t l = 0; l < 32; ++l)
            out[32 * run + l] = step * static_cast<float>(codeOf(run, l)) - offset;
    }
}

}  // namespace

void decodeBlock(const BlockQ2K& block, float* out) {
    const float d = floatFromF16(block.d);
    const float dmin = floatFromF16(block.dmin);
    for (size_t i = 0; i < 256; ++i) {
        const uint8_t scale = block.scales[i / 16];
        const float step = d * static_cast<float>(scale & 0xF);
        const float offset = dmin * static_cast<float>(scale >> 4);
        out[i] = step * static_cast<float>(pairOf(block.codes, i)) - offset;
    }
}

void decodeBlock(const BlockQ3K& block, float* out) {
    const float d = floatFromF16(block.d);
    for (size_t i = 0; i < 256; ++i) {
        const float step = d * static_cast<float>(scaleOfQ3K(block.scales, i / 16) - 32);
        const int high = (block.highBits[i % 32] >> (i / 32)) & 1;
        out[i] = step * static_cast<float>(pairOf(block.codes, i) - (high != 0 ? 0 : 4));
    }
}

void decodeBlock(const BlockQ4K& block, float* out) {
    decodeWithMinima(
        block,
        [&](size_t run, size_t l) {
            const int byte = block.codes[run / 2 * 32 + l];
            return run % 2 == 0 ? byte & 0xF : byte >> 4;
        },
        out);
}

void decodeBlock(const BlockQ5K& block, float* out) {
    decodeWithMinima(
        block,
        [&](size_t run, size_t l) {
            const int byte = block.codes[run / 2 * 32 + l];
            const int low = run % 2 == 0 ? byte & 0xF : byte >> 4;
            return low | (((block.highBits[l] >> run) & 1) << 4);
        },
        out);
}

void decodeBlock(const BlockQ6K& block, float* out) {
    const float d = floatFromF16(block.d);
    // Each half of 128 elements is four runs of 32: runs 0 and 2 share the low bytes' nibbles, so do 1 and 3.
    for (size_t run = 0; run < 8; ++run) {
        const size_t half = run / 4;
        const size_t quarter = run % 4;
        const uint8_t* nibbles = block.lowNibbles.data() + 64 * half + 32 * (quarter % 2);
        const uint8_t* pairs = block.highPairs.data() + 32 * half;
        for (size_t l = 0; l < 32; ++l) {
            const int low = quarter < 2 ? nibbles[l] & 0xF : nibbles[l] >> 4;
            const int high = (pairs[l] >> (2 * quarter)) & 3;
            const float step = d * static_cast<float>(block.scales[2 * run + l / 16]);
            out[32 * run + l] = step * static_cast<float>((low | (high << 4)) - 32);
        }
    }
}

}  // namespace quantscope

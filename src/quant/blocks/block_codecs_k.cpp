// SPDX-License-Identifier: Apache-2.0
// The super-blocks of 256 elements ("K-quants").
#include <utility>

#include "quant/blocks/block_codecs.h"
#include "quant/blocks/block_layouts.h"
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

/// The 16 pairs of bits of a run of Q2_K or Q3_K: `shift` and up in the bytes from the one returned.
const uint8_t* pairsOf(const std::array<uint8_t, 64>& codes, size_t run, int& shift) {
    shift = static_cast<int>(run % 8 / 2 * 2);
    return codes.data() + run / 8 * 32 + run % 2 * 16;
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
    for (size_t run = 0; run < 16; ++run) {
        const uint8_t scale = block.scales[run];
        const float step = d * static_cast<float>(scale & 0xF);
        const float offset = dmin * static_cast<float>(scale >> 4);
        int shift = 0;
        const uint8_t* pairs = pairsOf(block.codes, run, shift);
        for (size_t l = 0; l < 16; ++l)
            out[16 * run + l] = step * static_cast<float>((pairs[l] >> shift) & 3) - offset;
    }
}

void decodeBlock(const BlockQ3K& block, float* out) {
    const float d = floatFromF16(block.d);
    for (size_t run = 0; run < 16; ++run) {
        const float step = d * static_cast<float>(scaleOfQ3K(block.scales, run) - 32);
        int shift = 0;
        const uint8_t* pairs = pairsOf(block.codes, run, shift);
        const uint8_t* high = block.highBits.data() + run % 2 * 16;
        for (size_t l = 0; l < 16; ++l) {
            const int fourth = (high[l] >> (run / 2)) & 1;
            out[16 * run + l] = step * static_cast<float>(((pairs[l] >> shift) & 3) + 4 * fourth - 4);
        }
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

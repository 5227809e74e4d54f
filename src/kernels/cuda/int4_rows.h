// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/cuda/tile_plan.h"

/// W4A16 on a GPU: float activations times 4-bit weights, dequantized on the fly. Made for few rows
/// (decoding): a warp reads one output channel's codes from end to end, four rows of X share them. More rows
/// read the weight again, from the cache of the second level. Machine: as in int8_tile.h, and
/// reduce(registers, f, combine): every lane's f(R) becomes that of its warp.
namespace quantscope::cuda {

/// Eight codes a word, in order: code k of a row in bits 4 (k % 8) .. + 3 of word k / 8. Codes beyond the
/// last are 0 and do not count.
constexpr int kCodesOfWord = 8;

QUANTSCOPE_HOST_DEVICE constexpr uint32_t codeOfWord(uint32_t word, int index) {
    return (word >> (4 * index)) & 15U;
}

/// A code less its zero point, exact, without a conversion instruction: 2^23 + code is the float whose low
/// bits are the code.
QUANTSCOPE_HOST_DEVICE inline float codeLessZero(uint32_t code, float zeroAbove) {
    const uint32_t bits = 0x4B000000U | code;
    float above = 0;
    memcpy(&above, &bits, sizeof above);
    return above - zeroAbove;
}
constexpr float kTwoTo23 = 8388608.0F;

struct Int4Problem {
    const float* x = nullptr;         ///< [rows x depth], rows at multiples of 16 bytes
    int64_t xPitch = 0;               ///< floats from row to row
    const uint32_t* words = nullptr;  ///< [columns x wordPitch]
    int64_t wordPitch = 0;
    const float* scales = nullptr;   ///< [columns x groups]
    const uint8_t* zeros = nullptr;  ///< likewise; null: 8 everywhere
    const float* bias = nullptr;     ///< [columns], or null
    float* y = nullptr;
    int64_t yStride = 0;
    int rows = 0;
    int columns = 0;
    int depth = 0;
    int groups = 0;
    int groupSize = 0;    ///< a multiple of 4
    int groupShift = -1;  ///< log2(groupSize) where that is whole
};

/// A block: 8 warps of one column each, 4 rows.
struct Int4Tile {
    static constexpr int kThreads = 256;
    static constexpr int kColumns = kThreads / kWarpThreads;
    static constexpr int kRows = 4;
};

constexpr Grid int4Grid(int64_t rows, int64_t columns) {
    return {ceilDivide<int64_t>(columns, Int4Tile::kColumns), ceilDivide<int64_t>(rows, Int4Tile::kRows)};
}

/// -1 for what is no power of two.
constexpr int shiftOf(int64_t groupSize) {
    for (int shift = 2; shift < 31; ++shift) {
        if (groupSize == int64_t{1} << shift) return shift;
    }
    return -1;
}

struct Int4Registers {
    float sums[Int4Tile::kRows];
};

/// Neighbouring inputs, read at once.
struct alignas(16) Four {
    float v[4];
};

/// The column and the first row of a thread's warp. x walks over columns here: rows are few.
struct Int4Place {
    int column;
    int row;
};

template <class Machine>
QUANTSCOPE_KERNEL_BODY Int4Place int4Place(const Machine& machine, int thread) {
    return {machine.blockX() * Int4Tile::kColumns + thread / kWarpThreads,
            machine.blockY() * Int4Tile::kRows};
}

/// `count` (1 to 4) codes of one group times the same inputs of every row.
QUANTSCOPE_KERNEL_BODY void addQuad(const Int4Problem& p, const Int4Place& place, int k, uint32_t codes,
                                    int count, Int4Registers& r) {
    const int group = p.groupShift >= 0 ? k >> p.groupShift : k / p.groupSize;
    const int64_t parameter = int64_t{place.column} * p.groups + group;
    const float scale = p.scales[parameter];
    const float zeroAbove = kTwoTo23 + (p.zeros != nullptr ? static_cast<float>(p.zeros[parameter]) : 8.0F);
    float weights[4];
    QUANTSCOPE_UNROLL
    for (int i = 0; i < 4; ++i) weights[i] = codeLessZero(codeOfWord(codes, i), zeroAbove);
    QUANTSCOPE_UNROLL
    for (int row = 0; row < Int4Tile::kRows; ++row) {
        // Rows beyond the last repeat it and are not written.
        const int at = place.row + row < p.rows ? place.row + row : p.rows - 1;
        const float* x = p.x + int64_t{at} * p.xPitch + k;
        const Four four = count == 4 ? *reinterpret_cast<const Four*>(x)
                                     : Four{{x[0], count > 1 ? x[1] : 0, count > 2 ? x[2] : 0, 0}};
        float sum = 0;
        QUANTSCOPE_UNROLL
        for (int i = 0; i < 4; ++i) {
            if (i < count) sum = fmaf(four.v[i], weights[i], sum);
        }
        r.sums[row] = fmaf(scale, sum, r.sums[row]);
    }
}

/// A thread's share: every 32nd word of its warp's column.
template <class Machine>
QUANTSCOPE_KERNEL_BODY void addWords(const Machine& machine, const Int4Problem& p, int thread,
                                     Int4Registers& r) {
    QUANTSCOPE_UNROLL
    for (int row = 0; row < Int4Tile::kRows; ++row) r.sums[row] = 0;
    const Int4Place place = int4Place(machine, thread);
    if (place.column >= p.columns) return;
    const uint32_t* words = p.words + int64_t{place.column} * p.wordPitch;
    const int count = ceilDivide(p.depth, kCodesOfWord);
    for (int word = thread % kWarpThreads; word < count; word += kWarpThreads) {
        const uint32_t eight = words[word];
        const int k = word * kCodesOfWord;
        const int left = p.depth - k;
        if (left >= kCodesOfWord) {
            addQuad(p, place, k, eight, 4, r);
            addQuad(p, place, k + 4, eight >> 16, 4, r);
        } else {
            addQuad(p, place, k, eight, existing(left, 4), r);
            if (left > 4) addQuad(p, place, k + 4, eight >> 16, left - 4, r);
        }
    }
}

/// A block's part of the product.
template <class Machine>
QUANTSCOPE_KERNEL_BODY void int4Rows(Machine& machine, const Int4Problem& p) {
    typename Machine::template Registers<Int4Registers> registers(machine);
    machine.eachThread(registers, [&](int thread, Int4Registers& r) { addWords(machine, p, thread, r); });
    QUANTSCOPE_UNROLL
    for (int row = 0; row < Int4Tile::kRows; ++row) {
        machine.reduce(
            registers, [row](Int4Registers& r) -> float& { return r.sums[row]; },
            [](float a, float b) { return a + b; });
    }
    machine.eachThread(registers, [&](int thread, Int4Registers& r) {
        const Int4Place place = int4Place(machine, thread);
        if (thread % kWarpThreads != 0 || place.column >= p.columns) return;
        const float bias = p.bias != nullptr ? p.bias[place.column] : 0.0F;
        QUANTSCOPE_UNROLL
        for (int row = 0; row < Int4Tile::kRows; ++row) {
            if (place.row + row < p.rows) {
                p.y[int64_t{place.row + row} * p.yStride + place.column] = r.sums[row] + bias;
            }
        }
    });
}

}  // namespace quantscope::cuda

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/cuda/host_device.h"

/// Where everything of an int8 product lies on a GPU: blocks, warps, lanes, shared memory, edges. Nothing
/// here needs a GPU; tests/kernels/test_cuda_tiles.cpp runs all of it on the CPU.
namespace quantscope::cuda {

constexpr int kWarpThreads = 32;
/// What one copy (cp.async) or one row of a matrix load (ldmatrix) moves.
constexpr int kChunkBytes = 16;
/// Rows of 8-bit codes on a device start at multiples of this.
constexpr int64_t kPitchBytes = 16;

template <class T>
QUANTSCOPE_HOST_DEVICE constexpr T ceilDivide(T value, T divisor) {
    return (value + divisor - 1) / divisor;
}

/// From row to row of a matrix whose rows hold `bytes`.
QUANTSCOPE_HOST_DEVICE constexpr int64_t pitchOf(int64_t bytes) {
    return ceilDivide(bytes, kPitchBytes) * kPitchBytes;
}

/// How many of `wanted` elements exist when `remaining` are left (negative: none).
QUANTSCOPE_HOST_DEVICE constexpr int existing(int64_t remaining, int wanted) {
    return remaining <= 0 ? 0 : remaining < wanted ? static_cast<int>(remaining) : wanted;
}

/// A place in a matrix.
struct Place {
    int row = 0;
    int column = 0;
};

/// mma.sync.m16n8k32 with 8-bit factors (PTX ISA, "Matrix Fragments for mma.m16n8k32"): lane l holds, with
/// g = l / 4 and t = l % 4,
///   A (16 x 32, row by row):   register r: row g + 8 (r % 2),  k = 4t + 16 (r / 2) .. + 3
///   B (32 x 8, by columns):    register r: column g,           k = 4t + 16 r .. + 3
///   C (16 x 8):                register r: row g + 8 (r / 2),  column 2t + r % 2
constexpr int kMmaRows = 16;
constexpr int kMmaColumns = 8;
constexpr int kMmaDepth = 32;

QUANTSCOPE_HOST_DEVICE constexpr Place sumOfLane(int lane, int reg) {
    return {lane / 4 + 8 * (reg / 2), 2 * (lane % 4) + reg % 2};
}

/// ldmatrix.x4 reads four 8 x 16-byte matrices: lane l names row l % 8 of matrix l / 8, and receives bytes
/// 4 (l % 4) .. + 3 of row l / 4 of each: exactly the fragments above when the matrices are, in order,
/// A: (rows 0-7, k 0-15), (rows 8-15, k 0-15), (rows 0-7, k 16-31), (rows 8-15, k 16-31);
/// B: two neighbours of 8 columns, (columns 0-7, k 0-15), (columns 0-7, k 16-31), (columns 8-15, k 0-15), ...
/// Both are stored with k consecutive (W as [outputs x inputs]). `column` counts chunks of 16 bytes of k.
QUANTSCOPE_HOST_DEVICE constexpr Place rowOfLaneA(int lane) {
    return {lane % 16, lane / 16};
}
QUANTSCOPE_HOST_DEVICE constexpr Place rowOfLaneB(int lane) {
    return {lane % 8 + 8 * (lane / 16), lane / 8 % 2};
}

/// A tile of Y that one block computes, and how its warps share it. k advances by kDepth bytes a stage;
/// kStages - 1 stages are on their way from memory while one is multiplied.
template <int rows, int columns, int warpsDown, int warpsAcross, int blocksWanted>
struct TilePlan {
    static constexpr int kRows = rows;
    static constexpr int kColumns = columns;
    static constexpr int kDepth = 64;
    static constexpr int kStages = 3;
    static constexpr int kWarpsAcross = warpsAcross;
    static constexpr int kThreads = kWarpThreads * warpsDown * warpsAcross;
    static constexpr int kBlocksWanted = blocksWanted;  ///< on a multiprocessor: bounds the registers
    static constexpr int kWarpRows = rows / warpsDown;
    static constexpr int kWarpColumns = columns / warpsAcross;
    static constexpr int kMmaDown = kWarpRows / kMmaRows;
    static constexpr int kMmaAcross = kWarpColumns / kMmaColumns;
    static constexpr int kRowChunks = kDepth / kChunkBytes;
    /// Chunks of a stage: the rows of X, then those of W.
    static constexpr int kChunks = (rows + columns) * kRowChunks;
    static constexpr int kChunksOfThread = ceilDivide(kChunks, kThreads);
    static constexpr int kStageBytes = (rows + columns) * kDepth;
    static constexpr int kSharedBytes = kStages * kStageBytes;
    static_assert(kWarpRows % kMmaRows == 0 && kWarpColumns % (2 * kMmaColumns) == 0);
    static_assert(kThreads % kRowChunks == 0, "a thread's chunks have the same place in their rows");
    static_assert(kSharedBytes <= 48 * 1024, "more needs the consent of the driver");

    /// Where a chunk of a stage lies: rows of 64 bytes, whose chunks change places so that the eight rows of
    /// a matrix load fall into eight different quarters of the 32 banks (two rows share all banks; the
    /// chunk's number is exclusive-ored with that of the pair of rows). `row` counts X's rows, then W's.
    QUANTSCOPE_HOST_DEVICE static constexpr int sharedOffset(int stage, int row, int chunk) {
        return stage * kStageBytes + row * kDepth + ((chunk ^ (row / 2 % kRowChunks)) * kChunkBytes);
    }
    /// The stage's chunk that a thread copies as its i-th; beyond kChunks: none.
    QUANTSCOPE_HOST_DEVICE static constexpr Place chunkOfThread(int thread, int i) {
        const int chunk = thread + i * kThreads;
        return {chunk / kRowChunks, chunk % kRowChunks};
    }
    /// The corner of a warp's part of the tile.
    QUANTSCOPE_HOST_DEVICE static constexpr Place warpCorner(int thread) {
        const int warp = thread / kWarpThreads;
        return {warp / kWarpsAcross * kWarpRows, warp % kWarpsAcross * kWarpColumns};
    }
};

/// Many rows; some; decoding. Bounded by 128, 128 and 64 registers a thread on a multiprocessor with 65536.
using LargeTile = TilePlan<128, 128, 2, 4, 2>;
using MediumTile = TilePlan<64, 64, 2, 2, 4>;
using NarrowTile = TilePlan<16, 64, 1, 4, 8>;

/// The tile of the dp4a kernel, for devices without these tensor cores: 16 x 16 threads of 4 x 4 sums. Rows
/// of shared memory hold 16 words of four codes and one of padding: 16 neighbouring columns lie in 16 banks.
struct DotTile {
    static constexpr int kRows = 64;
    static constexpr int kColumns = 64;
    static constexpr int kThreads = 256;
    static constexpr int kSide = 16;
    static constexpr int kSums = 4;  ///< down and across, of a thread
    static constexpr int kWords = 16;
    static constexpr int kPitchWords = kWords + 1;
    static constexpr int kSharedBytes = (kRows + kColumns) * kPitchWords * 4;
    static constexpr int kWordsOfThread = (kRows + kColumns) * kWords / kThreads;

    /// X's rows, then W's.
    QUANTSCOPE_HOST_DEVICE static constexpr int sharedOffset(int row, int word) {
        return 4 * (row * kPitchWords + word);
    }
    QUANTSCOPE_HOST_DEVICE static constexpr Place wordOfThread(int thread, int i) {
        const int word = thread + i * kThreads;
        return {word / kWords, word % kWords};
    }
    /// The i, j-th sum of a thread.
    QUANTSCOPE_HOST_DEVICE static constexpr Place sumOfThread(int thread, int i, int j) {
        return {thread / kSide + kSide * i, thread % kSide + kSide * j};
    }
};

/// The first `count` of four codes, zeros after them.
QUANTSCOPE_HOST_DEVICE constexpr uint32_t firstCodes(uint32_t four, int count) {
    return count >= 4 ? four : count <= 0 ? 0 : four & ((1U << (8 * count)) - 1);
}

/// Blocks of a launch. x walks down the rows: neighbours read the same part of the weight.
struct Grid {
    int64_t x = 1;
    int64_t y = 1;
};
/// Most rows and columns of a product: the tile after the last one still counts in 32 bits, and no grid is
/// higher than the 65535 blocks that are allowed (columns in tiles of 64, rows of a 4-bit product in fours).
constexpr int64_t kMostRows = int64_t{1} << 30;
constexpr int64_t kMostColumns = int64_t{65535} * 64;
constexpr int64_t kMostInt4Rows = int64_t{65535} * 4;

template <class Tile>
constexpr Grid gridOf(int64_t rows, int64_t columns) {
    return {ceilDivide<int64_t>(rows, Tile::kRows), ceilDivide<int64_t>(columns, Tile::kColumns)};
}

enum class TileKind { Large, Medium, Narrow, Dot };

/// The largest tile that leaves no multiprocessor idle; few rows take the narrow one, whatever the columns:
/// a tile of 64 rows would multiply zeros.
constexpr TileKind chooseTile(int64_t rows, int64_t columns, int multiprocessors, bool tensorCores) {
    if (!tensorCores) return TileKind::Dot;
    if (rows <= NarrowTile::kRows) return TileKind::Narrow;
    const auto blocks = [](Grid grid) { return grid.x * grid.y; };
    if (rows > MediumTile::kRows && blocks(gridOf<LargeTile>(rows, columns)) >= multiprocessors) {
        return TileKind::Large;
    }
    return TileKind::Medium;
}

}  // namespace quantscope::cuda

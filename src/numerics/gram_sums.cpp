// SPDX-License-Identifier: Apache-2.0
#include "numerics/gram_sums.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/parallel_for.h"

namespace quantscope {
namespace {

constexpr int64_t kPanel = 48;   ///< columns of X beside each other: three vectors of 16, six of 8
constexpr int64_t kDepth = 512;  ///< rows of X summed in float
constexpr int64_t kSlice = 64;   ///< rows of two panels that fit the first cache
constexpr int64_t kTileRows = 8;
constexpr int64_t kManyPanels = 16;  ///< enough for squares of 4 x 4 blocks to keep all threads busy
constexpr int64_t kStrip = 64;       ///< columns whose moments stay in the first cache

/// The sums of one strip of columns, where the compiler knows that nothing else is written.
struct StripMoments {
    float minimum[kStrip];
    float maximum[kStrip];
    double sumAbs[kStrip];
    double sumSquares[kStrip];
};

struct MomentsLoop {
    [[gnu::always_inline]] static inline void run(MatrixView values, int64_t first, int64_t count,
                                                  StripMoments* own) {
        for (int64_t row = 0; row < values.rows; ++row) {
            const float* src = values.row(row) + first;
            for (int64_t c = 0; c < count; ++c) {
                const float x = src[c];
                const auto wide = static_cast<double>(x);
                own->minimum[c] = x < own->minimum[c] ? x : own->minimum[c];
                own->maximum[c] = x > own->maximum[c] ? x : own->maximum[c];
                own->sumAbs[c] += std::abs(wide);
                own->sumSquares[c] += wide * wide;
            }
        }
    }
};

/// c [Rows x Vectors vectors] += sum_p a[p][r] b[p][v], all of them in panels of kPanel columns. Loops over
/// sums are unrolled on request: GCC 12 would keep the sums in memory otherwise, at a quarter of the speed
/// with AVX2.
template <int Bytes, int Rows, int Vectors>
[[gnu::always_inline]] inline void gramTile(int64_t depth, const float* a, const float* b, float* c) {
    using V = typename VectorOf<float, Bytes>::Type;
    constexpr int kLanes = Bytes / 4;
    V sums[Rows][Vectors];
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) {
            V old;
            std::memcpy(&old, c + r * kPanel + int64_t{v} * kLanes, Bytes);
            sums[r][v] = old;
        }
    for (int64_t p = 0; p < depth; ++p) {
        V right[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) std::memcpy(&right[v], b + p * kPanel + int64_t{v} * kLanes, Bytes);
#pragma GCC unroll 8
        for (int r = 0; r < Rows; ++r) {
            const float left = a[p * kPanel + r];
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v) sums[r][v] += left * right[v];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v)
            std::memcpy(c + r * kPanel + int64_t{v} * kLanes, &sums[r][v], Bytes);
}

/// One block [kPanel x kPanel] of X^T X += the panels' product.
template <int Bytes>
[[gnu::always_inline]] inline void gramBlock(int64_t depth, const float* a, const float* b, float* c) {
    constexpr int kRows = Bytes == 64 ? kTileRows : 4;  // as many sums as there are registers for
    constexpr int kColumns = 3 * Bytes / 4;
    for (int64_t p = 0; p < depth; p += kSlice)
        for (int64_t j = 0; j < kPanel; j += kColumns)
            for (int64_t i = 0; i < kPanel; i += kRows)
                gramTile<Bytes, kRows, 3>(std::min(kSlice, depth - p), a + p * kPanel + i, b + p * kPanel + j,
                                          c + i * kPanel + j);
}
QUANTSCOPE_AVX2 void gramBlockAvx2(int64_t depth, const float* a, const float* b, float* c) {
    gramBlock<32>(depth, a, b, c);
}
QUANTSCOPE_AVX512 void gramBlockAvx512(int64_t depth, const float* a, const float* b, float* c) {
    gramBlock<64>(depth, a, b, c);
}

void multiplyBlock(int64_t depth, const float* a, const float* b, float* c, InstructionSet set) {
    switch (set) {
        case InstructionSet::Avx512:
            return gramBlockAvx512(depth, a, b, c);
        case InstructionSet::Avx2:
            return gramBlockAvx2(depth, a, b, c);
        case InstructionSet::Baseline:
            return gramBlock<16>(depth, a, b, c);
    }
}

/// X in panels [depth x kPanel] one after the other, zeros beyond the last column.
void packPanels(const MatrixView& x, std::vector<float>& panels) {
    const int64_t count = (x.cols + kPanel - 1) / kPanel;
    panels.resize(static_cast<size_t>(count * kPanel * x.rows));
    parallelFor(count, 1, [&](int64_t begin, int64_t end) {
        for (int64_t panel = begin; panel < end; ++panel) {
            const int64_t columns = std::min(kPanel, x.cols - panel * kPanel);
            for (int64_t row = 0; row < x.rows; ++row) {
                float* to = panels.data() + (panel * x.rows + row) * kPanel;
                std::copy_n(x.row(row) + panel * kPanel, columns, to);
                std::fill(to + columns, to + kPanel, 0.0F);
            }
        }
    });
}

void addBlock(const float* block, int64_t row, int64_t col, int64_t width, double* sums) {
    const int64_t columns = std::min(kPanel, width - col);
    for (int64_t i = 0; i < std::min(kPanel, width - row); ++i) {
        double* to = sums + (row + i) * width + col;
        for (int64_t j = 0; j < columns; ++j) to[j] += static_cast<double>(block[i * kPanel + j]);
    }
}

}  // namespace

void addColumnMoments(const MatrixView& values, int64_t begin, int64_t end, const ColumnMoments& to,
                      InstructionSet set) {
    for (int64_t first = begin; first < end; first += kStrip) {
        const int64_t count = std::min(kStrip, end - first);
        StripMoments own{};
        std::copy_n(to.minimum + first, count, own.minimum);
        std::copy_n(to.maximum + first, count, own.maximum);
        std::copy_n(to.sumAbs + first, count, own.sumAbs);
        std::copy_n(to.sumSquares + first, count, own.sumSquares);
        runWith<MomentsLoop>(set, values, first, count, &own);
        std::copy_n(own.minimum, count, to.minimum + first);
        std::copy_n(own.maximum, count, to.maximum + first);
        std::copy_n(own.sumAbs, count, to.sumAbs + first);
        std::copy_n(own.sumSquares, count, to.sumSquares + first);
    }
}

void addGram(const MatrixView& x, std::vector<float>& panels, double* sums, InstructionSet set) {
    const int64_t across = (x.cols + kPanel - 1) / kPanel;
    const int64_t side = across < kManyPanels ? 2 : 4;
    const int64_t squares = (across + side - 1) / side;
    for (int64_t start = 0; start < x.rows; start += kDepth) {
        const MatrixView part{x.row(start), std::min(kDepth, x.rows - start), x.cols, x.stride};
        packPanels(part, panels);
        const int64_t size = part.rows * kPanel;
        // Squares of blocks on and left of the diagonal: a square's panels stay in the second cache.
        parallelFor(squares * squares, 1, [&](int64_t begin, int64_t) {
            const int64_t down = begin / squares * side;
            const int64_t left = begin % squares * side;
            for (int64_t j = left; j < std::min(across, left + side); ++j)
                for (int64_t i = std::max(down, j); i < std::min(across, down + side); ++i) {
                    alignas(64) float block[kPanel * kPanel] = {};
                    multiplyBlock(part.rows, panels.data() + i * size, panels.data() + j * size, block, set);
                    addBlock(block, i * kPanel, j * kPanel, x.cols, sums);
                }
        });
    }
}

}  // namespace quantscope

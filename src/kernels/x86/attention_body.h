// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/forward_kernels.h"
#include "kernels/reference/tables.h"

// Attention over a vector type V; see elementwise_body.h for the rule that keeps instantiations local.

namespace quantscope::forward {

/// e^x, at most 2 units in the last place from exact for normal results. x = n ln 2 + r, |r| <= ln 2 / 2;
/// Taylor's polynomial of degree 7 leaves r^8 / 8! < 6e-9 relative, a tenth of the rounding of a float.
template <class V>
typename V::F exponential(typename V::F x) {
    using F = typename V::F;
    x = V::min(V::set(89.0F), V::max(V::set(-104.0F), x));  // NaN, the second operand, passes
    const F n = V::nearest(V::mul(x, V::set(1.44269504F)));
    // ln 2 in two parts; n times the first is exact.
    const F r = V::fma(n, V::set(-1.42860682e-6F), V::fma(n, V::set(-0x1.62e4p-1F), x));
    F p = V::fma(V::set(1.0F / 5040), r, V::set(1.0F / 720));
    p = V::fma(p, r, V::set(1.0F / 120));
    p = V::fma(p, r, V::set(1.0F / 24));
    p = V::fma(p, r, V::set(1.0F / 6));
    p = V::fma(p, r, V::set(0.5F));
    p = V::fma(p, r, V::set(1.0F));
    p = V::fma(p, r, V::set(1.0F));
    return V::scaleByPower(p, n);
}

/// c[R x C vectors] (+)= a[R x depth] b[depth x C vectors]; a(i, k) = a[i * aRow + k * aDepth]. The last
/// vector of b and c has `lastLanes` lanes.
template <class V, int R, int C, bool kPartial>
void tile(const float* a, int64_t aRow, int64_t aDepth, const float* b, int64_t bRow, float* c, int64_t cRow,
          int64_t depth, bool accumulate, int lastLanes) {
    using F = typename V::F;
    F sum[R][C];
    for (int i = 0; i < R; ++i) {
        for (int j = 0; j < C; ++j) {
            const float* p = c + i * cRow + j * V::kLanes;
            const bool part = kPartial && j == C - 1;
            sum[i][j] = !accumulate ? V::zero() : part ? V::loadPart(p, lastLanes) : V::load(p);
        }
    }
    for (int64_t k = 0; k < depth; ++k) {
        F column[C];
        for (int j = 0; j < C; ++j) {
            const float* p = b + k * bRow + j * V::kLanes;
            column[j] = kPartial && j == C - 1 ? V::loadPart(p, lastLanes) : V::load(p);
        }
        for (int i = 0; i < R; ++i) {
            const F x = V::set(a[i * aRow + k * aDepth]);
            for (int j = 0; j < C; ++j) sum[i][j] = V::fma(x, column[j], sum[i][j]);
        }
    }
    for (int i = 0; i < R; ++i) {
        for (int j = 0; j < C; ++j) {
            float* p = c + i * cRow + j * V::kLanes;
            kPartial&& j == C - 1 ? V::storePart(p, sum[i][j], lastLanes) : V::store(p, sum[i][j]);
        }
    }
}

struct Operands {
    const float* a;
    int64_t aRow, aDepth;
    const float* b;
    int64_t bRow;
    float* c;
    int64_t cRow;
    int64_t rows, depth;
    bool accumulate;
};

/// One column of tiles: full tiles of V::kTileRows rows, then the rest row by row.
template <class V, int C, bool kPartial>
void tileColumn(const Operands& o, int64_t column, int lastLanes) {
    int64_t i = 0;
    for (; i + V::kTileRows <= o.rows; i += V::kTileRows) {
        tile<V, V::kTileRows, C, kPartial>(o.a + i * o.aRow, o.aRow, o.aDepth, o.b + column, o.bRow,
                                           o.c + i * o.cRow + column, o.cRow, o.depth, o.accumulate,
                                           lastLanes);
    }
    for (; i < o.rows; ++i) {
        tile<V, 1, C, kPartial>(o.a + i * o.aRow, o.aRow, o.aDepth, o.b + column, o.bRow,
                                o.c + i * o.cRow + column, o.cRow, o.depth, o.accumulate, lastLanes);
    }
}

/// c (+)= a b for small operands that stay in the first-level cache.
template <class V>
void smallProduct(const Operands& o, int64_t columns) {
    constexpr int64_t kWide = V::kTileVectors * V::kLanes;
    int64_t j = 0;
    for (; j + kWide <= columns; j += kWide) tileColumn<V, V::kTileVectors, false>(o, j, V::kLanes);
    for (; j + V::kLanes <= columns; j += V::kLanes) tileColumn<V, 1, false>(o, j, V::kLanes);
    if (j < columns) tileColumn<V, 1, true>(o, j, static_cast<int>(columns - j));
}

constexpr int64_t kRows = 192;      ///< rows (heads x queries) worked on at once, at most
constexpr int64_t kKeys = 96;       ///< keys a block
constexpr int64_t kFloats = 24576;  ///< rows x headDim, at most

/// The state of some rows while blocks of keys pass by: softmax kept up to date with a running maximum, as in
/// FlashAttention (Dao et al. 2022). Scores lie transposed, a row to a lane: neither K nor V is copied, and
/// maxima and sums over keys need no horizontal step.
template <class V>
struct RowBlock {
    alignas(64) float query[kFloats];         // [headDim x stride], times scale
    alignas(64) float output[kFloats];        // [rows x headDim]
    alignas(64) float scores[kKeys * kRows];  // [keys x stride]
    alignas(64) float visible[kRows];
    alignas(64) float maximum[kRows];
    alignas(64) float sum[kRows];
    alignas(64) float correction[kRows];
    int64_t rows, stride;

    void start(const AttentionCall& call, int64_t head, int64_t heads, int64_t first, int64_t queries) {
        rows = heads * queries;
        stride = (rows + V::kLanes - 1) / V::kLanes * V::kLanes;
        for (int64_t row = 0; row < stride; ++row) {
            const int64_t i = first + row % queries;
            const bool real = row < rows;
            const float* src = call.query + i * call.queryStride + (head + row / queries) * call.headStride;
            for (int64_t d = 0; d < call.headDim; ++d) {
                query[d * stride + row] = real ? src[d] * call.scale : 0.0F;
            }
            const int64_t seen = call.firstPosition + i + 1;
            visible[row] = static_cast<float>(real && seen < call.keys ? seen : call.keys);
            maximum[row] = -__builtin_inff();
            sum[row] = 0;
        }
        for (int64_t i = 0; i < rows * call.headDim; ++i) output[i] = 0;
    }

    void absorb(const AttentionCall& call, int64_t firstKey, int64_t keys, bool masked) {
        smallProduct<V>({call.key + firstKey * call.keyStride, call.keyStride, 1, query, stride, scores,
                         stride, keys, call.headDim, false},
                        stride);
        for (int64_t lane = 0; lane < stride; lane += V::kLanes) exponentials(lane, firstKey, keys, masked);
        for (int64_t row = 0; row < rows; ++row) {
            if (correction[row] == 1) continue;
            float* o = output + row * call.headDim;
            for (int64_t d = 0; d < call.headDim; ++d) o[d] *= correction[row];
        }
        smallProduct<V>({scores, 1, stride, call.value + firstKey * call.valueStride, call.valueStride,
                         output, call.headDim, rows, keys, true},
                        call.headDim);
    }

    /// Scores of one vector of rows to exp(score - maximum).
    void exponentials(int64_t lane, int64_t firstKey, int64_t keys, bool masked) {
        using F = typename V::F;
        const F limit = V::load(visible + lane);
        const F old = V::load(maximum + lane);
        F best = old;
        for (int64_t k = 0; k < keys; ++k) {
            F s = V::load(scores + k * stride + lane);
            if (masked) {
                s = V::select(V::less(V::set(static_cast<float>(firstKey + k)), limit), s,
                              V::set(-__builtin_inff()));
                V::store(scores + k * stride + lane, s);
            }
            best = V::max(best, s);
        }
        F total = V::zero();
        for (int64_t k = 0; k < keys; ++k) {
            F e = exponential<V>(V::sub(V::load(scores + k * stride + lane), best));
            if (masked) {  // e^-104, the clamp's result, is not quite nothing
                e = V::keep(V::less(V::set(static_cast<float>(firstKey + k)), limit), e);
            }
            V::store(scores + k * stride + lane, e);
            total = V::add(total, e);
        }
        const F shrink = exponential<V>(V::sub(old, best));
        V::store(correction + lane, shrink);
        V::store(maximum + lane, best);
        V::store(sum + lane, V::fma(V::load(sum + lane), shrink, total));
    }

    void finish(const AttentionCall& call, int64_t head, int64_t first, int64_t queries) const {
        for (int64_t row = 0; row < rows; ++row) {
            float* dst = call.dst + (first + row % queries) * call.dstStride +
                         (head + row / queries) * call.dstHeadStride;
            const float inverse = 1 / sum[row];
            const float* o = output + row * call.headDim;
            for (int64_t d = 0; d < call.headDim; ++d) dst[d] = o[d] * inverse;
        }
    }
};

template <class V>
void attention(const AttentionCall& call) {
    int64_t capacity = call.headDim > 0 ? kFloats / call.headDim / V::kLanes * V::kLanes : 0;
    if (capacity == 0) return kReferenceForward.attention(call);
    if (capacity > kRows) capacity = kRows;
    RowBlock<V> block;
    const int64_t heads = call.heads < capacity ? call.heads : capacity;
    const int64_t queries = capacity / (heads > 0 ? heads : 1);
    for (int64_t head = 0; head < call.heads; head += heads) {
        const int64_t someHeads = call.heads - head < heads ? call.heads - head : heads;
        for (int64_t first = 0; first < call.queries; first += queries) {
            const int64_t some = call.queries - first < queries ? call.queries - first : queries;
            block.start(call, head, someHeads, first, some);
            const int64_t allSee = call.firstPosition + first + 1;  // keys that every row sees
            int64_t seen = call.firstPosition + first + some;
            if (seen > call.keys) seen = call.keys;
            for (int64_t key = 0; key < seen; key += kKeys) {
                const int64_t keys = seen - key < kKeys ? seen - key : kKeys;
                block.absorb(call, key, keys, key + keys > allSee);
            }
            block.finish(call, head, first, some);
        }
    }
}

}  // namespace quantscope::forward

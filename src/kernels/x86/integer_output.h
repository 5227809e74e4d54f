// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/integer_kernels.h"
#include "kernels/x86/unrolled.h"

namespace quantscope::integer {

/// What the finished sums of kVectors vectors of columns need, read once a tile. V offers vectors of kLanes
/// int32 (I) or float (F), and masks (M) for the last columns.
template <class V, int kVectors>
struct ColumnTerms {
    bool plain;  ///< int32 sums with the same row zero everywhere
    typename V::M mask[kVectors];
    typename V::I sums[kVectors];
    typename V::I offsets[kVectors];  ///< rowZero colSum_j, the same in every row
    typename V::I zeros[kVectors];
    typename V::F scales[kVectors];
    typename V::F bias[kVectors];

    ColumnTerms(const Int8Output& out, int64_t first, int64_t columns) {
        plain = out.floats == nullptr && out.rowZeros == nullptr && out.columnZeros == nullptr;
        const auto rowZero = V::set(out.rowZero);
        for (int v = 0; v < kVectors; ++v) {
            const int64_t at = first + v * V::kLanes;
            const int64_t left = columns - at;
            const int lanes = left >= V::kLanes ? V::kLanes : left > 0 ? static_cast<int>(left) : 0;
            mask[v] = V::lanesMask(lanes);
            sums[v] = V::load(out.columnSums + at, mask[v]);
            offsets[v] = V::mul(sums[v], rowZero);
            zeros[v] = out.columnZeros != nullptr ? V::load(out.columnZeros + at, mask[v]) : V::zero();
            if (out.floats == nullptr) continue;
            scales[v] = V::loadFloats(out.columnScales + at, mask[v]);
            bias[v] = out.bias != nullptr ? V::loadFloats(out.bias + at, mask[v]) : V::zeroFloats();
        }
    }
};

/// One row's sums where `plain` holds.
template <class V, int kVectors>
__attribute__((always_inline)) inline void writeSums(const Int8Output& out,
                                                     const ColumnTerms<V, kVectors>& terms, int64_t row,
                                                     int64_t first, typename V::I (&sums)[kVectors]) {
    unrolled<kVectors>([&](auto v) QUANTSCOPE_INLINE {
        V::store(out.sums + row * out.stride + first + v * V::kLanes, terms.mask[v],
                 V::sub(sums[v], terms.offsets[v]));
    });
}

/// One row's sums to where they go; see Int8Output.
template <class V, int kVectors>
__attribute__((always_inline)) inline void writeRow(const Int8Output& out,
                                                    const ColumnTerms<V, kVectors>& terms, int64_t row,
                                                    int64_t first, typename V::I (&sums)[kVectors]) {
    unrolled<kVectors>([&](auto v) QUANTSCOPE_INLINE {
        typename V::I offset = terms.offsets[v];
        if (out.rowZeros != nullptr) offset = V::mul(terms.sums[v], V::set(out.rowZeros[row]));
        if (out.columnZeros != nullptr) {
            offset = V::add(offset, V::mul(terms.zeros[v], V::set(out.rowTerms[row])));
        }
        const typename V::I sum = V::sub(sums[v], offset);
        const int64_t at = row * out.stride + first + v * V::kLanes;
        if (out.floats == nullptr) {
            V::store(out.sums + at, terms.mask[v], sum);
            return;
        }
        typename V::F y = V::mulFloats(V::toFloats(sum), terms.scales[v]);
        y = V::fma(y, V::setFloats(out.rowScales[row]), terms.bias[v]);
        if (out.accumulate) y = V::addFloats(V::loadFloats(out.floats + at, terms.mask[v]), y);
        V::storeFloats(out.floats + at, terms.mask[v], y);
    });
}

}  // namespace quantscope::integer

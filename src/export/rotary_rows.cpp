// SPDX-License-Identifier: Apache-2.0
#include "export/rotary_rows.h"

#include <algorithm>

namespace quantscope {
namespace {

/// Row r of the result is row from(r) of the source.
template <class From>
Tensor movedRows(const Tensor& values, const From& from) {
    const int64_t rows = values.shape().front();
    const int64_t cols = values.size() / rows;
    std::vector<float> moved(static_cast<size_t>(values.size()));
    for (int64_t r = 0; r < rows; ++r)
        std::copy_n(values.floats().data() + from(r) * cols, cols, moved.data() + r * cols);
    return Tensor::fromFloats(values.shape(), std::move(moved));
}

}  // namespace

Tensor toRotaryHalves(const Tensor& values, int64_t headDim) {
    const int64_t half = headDim / 2;
    return movedRows(values, [&](int64_t r) {
        const int64_t i = r % headDim;
        return r - i + 2 * (i % half) + i / half;
    });
}

Tensor toRotaryPairs(const Tensor& values, int64_t headDim) {
    const int64_t half = headDim / 2;
    return movedRows(values, [&](int64_t r) {
        const int64_t i = r % headDim;
        return r - i + i % 2 * half + i / 2;
    });
}

bool hasRotaryRows(LayerRole role) {
    return role == LayerRole::Query || role == LayerRole::Key;
}

}  // namespace quantscope
